# SPDX-License-Identifier: LGPL-2.1-or-later
"""What SQLite alone, outside of this project, makes of a database file: the judge of every case. It looks at copies,
so that it neither repairs nor checkpoints what it judges."""

import collections
import contextlib
import os
import re
import shutil
import sqlite3
import tempfile

SUFFIXES = ("", "-wal", "-journal")

# SOUND: nothing was really lost, so nothing may be restored. UNWRITABLE: the same, but it says that only a newer SQLite
# may write to it; a file that can't be written is not corrupt. WHOLE: damaged, and every row is there: none may be lost.
# The others have to be restored.
SOUND, UNWRITABLE, WHOLE, DAMAGED, MISSING = "sound", "unwritable", "whole", "damaged", "missing"

Verdict = collections.namedtuple("Verdict", "state finding content")

# A row that breaks a rule of its table is intact as stored.
RULE = re.compile(r"NULL value in |non-unique entry in index |non-\S+ value in ")


@contextlib.contextmanager
def copied(path):
    """A copy of the files that make up a database, without the -shm: as after a crash of everybody."""
    directory = tempfile.mkdtemp(prefix="oracxpred-verdict.")
    try:
        target = os.path.join(directory, "copy.db")
        for suffix in SUFFIXES:
            if os.path.exists(path + suffix):
                shutil.copyfile(path + suffix, target + suffix)
        yield target
    finally:
        shutil.rmtree(directory)


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def rows_of(connection):
    """Table to its rows, each as SQLite stores it."""
    connection.text_factory = bytes
    tables = [
        name.decode()
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ).fetchall()
    ]
    return {
        name: sorted(connection.execute(f"SELECT * FROM {quote(name)} NOT INDEXED").fetchall(), key=repr) for name in tables
    }


def rows_left(path):
    """Table to its rows as far as all of them can be read without an index; None when one can't."""
    with copied(path) as copy, contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        try:
            return rows_of(connection)
        except sqlite3.Error:
            return None


def findings(connection):
    connection.execute("PRAGMA ignore_check_constraints=ON")
    lines = [line for (text,) in connection.execute("PRAGMA integrity_check") for line in text.split("\n")]
    return [line for line in lines if line != "ok" and not line.startswith("*** ") and not RULE.match(line)]


def refuses_writers(connection):
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute("BEGIN")
    try:
        connection.execute(f"PRAGMA user_version = {version}")
    except sqlite3.OperationalError as error:
        assert "readonly" in str(error)
        return True
    finally:
        connection.execute("ROLLBACK")
    return False


def judge(path):
    """The verdict on the database as it lies there."""
    if not os.path.exists(path):
        return Verdict(MISSING, "there is no file", None)
    with copied(path) as copy:
        connection = sqlite3.connect(copy, isolation_level=None)
        try:
            found = findings(connection)
            if found:
                return Verdict(DAMAGED, found[0], None)
            rows = rows_of(connection)
            if not rows:
                # SQLite takes a file of nothing for an empty database; a service that had another one knows better.
                return Verdict(MISSING, "there is no table", None)
            return Verdict(UNWRITABLE if refuses_writers(connection) else SOUND, "", rows)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            return Verdict(DAMAGED, str(error), None)
        finally:
            connection.close()


def content(path):
    """The rows of a database that has to be sound."""
    verdict = judge(path)
    assert verdict.state == SOUND, f"{path}: {verdict.finding}"
    return verdict.content


def quick_check_passes(path):
    with copied(path) as copy:
        connection = sqlite3.connect(copy)
        try:
            return connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        except sqlite3.DatabaseError:
            return False
        finally:
            connection.close()
