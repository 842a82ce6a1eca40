# SPDX-License-Identifier: LGPL-2.1-or-later
"""The application's side of the database: its own connection to the live file, and what people do with a backup using
nothing of this project: gunzip and sqlite3."""

import contextlib
import gzip
import json
import os
import sqlite3
import subprocess


class Application:
    """A connection as SQLAlchemy opens one, in this process, to the live file."""

    def __init__(self, path):
        self.path = path
        self.connection = sqlite3.connect(path, timeout=30, isolation_level=None)

    def close(self):
        self.connection.close()

    def query(self, sql, *values):
        return self.connection.execute(sql, values).fetchall()

    def usernames(self):
        return {name for (name,) in self.query("SELECT username FROM users")}

    def add_users(self, count, prefix="user"):
        """Users whose rows a backup must hold."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            "INSERT INTO users (username, password) VALUES (?, 'x')",
            [(f"{prefix}{number}",) for number in range(count)],
        )
        self.connection.execute("COMMIT")

    def add_bulk(self, size_bytes):
        """Rows that no compression makes small, so that a backup has something to do."""
        row_bytes = 64 * 1024
        self.connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO system_logs (action_type, message) SELECT 'bulk', hex(randomblob(?)) FROM n",
            (max(size_bytes // row_bytes, 1), row_bytes // 2),
        )


def make_database(path, rows=3):
    """A database that an application made before this service came: a table of its own and one of the known ones."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO notes (text) VALUES (?)", [(f"note {number}",) for number in range(rows)])
    connection.commit()
    connection.close()


def unpack(stored, target):
    """What the manual page tells people to do. Returns the path of the database."""
    if stored.endswith(".gz"):
        subprocess.run(["gunzip", "-t", stored], check=True)
        with open(target, "wb") as file:
            subprocess.run(["gunzip", "-c", stored], stdout=file, check=True)
    else:
        with open(stored, "rb") as source, open(target, "wb") as file:
            file.write(source.read())
    return str(target)


def read_all(path):
    with open(path, "rb") as file:
        return file.read()


def read_only(path):
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


def check(path):
    """Whether the database passes SQLite's full check, read with nothing of this project."""
    with read_only(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def dump(path):
    """Everything in a database as text."""
    with read_only(path) as connection:
        return list(connection.iterdump())


def row_counts(path):
    with read_only(path) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
        ).fetchall()
        return [
            (name, connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name, in tables
        ]


def manifest(stored):
    with open(stored + ".meta", encoding="utf-8") as file:
        return json.load(file)


def truncate(path, keep=0.5):
    """Cuts a file short, as a full disk or a broken copy does."""
    os.truncate(path, int(os.path.getsize(path) * keep))


def write_at(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def flip_byte(path, offset, bits=0xFF):
    write_at(path, offset, bytes([read_all(path)[offset] ^ bits]))


def store_plain(directory, name, database):
    """Puts a plain copy of a database into the backup directory under a name, as a script would."""
    path = os.path.join(directory, name)
    with open(database, "rb") as source, open(path, "wb") as file:
        file.write(source.read())
    return path


def store_gzip(directory, name, database):
    path = os.path.join(directory, name)
    with open(database, "rb") as source, gzip.open(path, "wb") as file:
        file.write(source.read())
    return path
