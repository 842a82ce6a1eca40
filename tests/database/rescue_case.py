# SPDX-License-Identifier: LGPL-2.1-or-later
"""A database of one of many shapes, its backup, and what a rescue makes of the two after pages of it were destroyed.
Each case has a backup of which some rows were changed, deleted and added since. Python's sqlite3 says what the rows
were."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

TOOL = os.environ["RESCUE_TOOL"]

FILL = "WITH RECURSIVE n(i) AS (SELECT {0} UNION ALL SELECT i+1 FROM n WHERE i<{1}) "

# Name to (pragmas, schema, statement that adds rows {0} to {1}).
SHAPES = {
    "rowid": ("", "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, n REAL)", "INSERT INTO t SELECT i, 'value '||i, i*0.5 FROM n"),
    "no-key": ("", "CREATE TABLE t(v TEXT, n)", "INSERT INTO t(rowid, v, n) SELECT i, 'value '||i, i FROM n"),
    "text-key": ("", "CREATE TABLE t(k TEXT PRIMARY KEY, v)", "INSERT INTO t SELECT 'k'||i, 'value '||i FROM n"),
    "indexed": (
        "",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, w); CREATE UNIQUE INDEX t_v ON t(v); CREATE INDEX t_w ON t(w)",
        "INSERT INTO t SELECT i, 'value '||i, i%7 FROM n",
    ),
    "autoincrement": (
        "",
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT)",
        "INSERT INTO t SELECT i, 'value '||i FROM n",
    ),
    "without-rowid": (
        "",
        "CREATE TABLE t(a, b TEXT COLLATE NOCASE, v, PRIMARY KEY(b, a DESC)) WITHOUT ROWID",
        "INSERT INTO t SELECT i, 'k'||(i%50), 'value '||i FROM n",
    ),
    "overflow": (
        "",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB, w TEXT)",
        "INSERT INTO t SELECT i, zeroblob((i*977)%9000), 'value '||i FROM n",
    ),
    "utf16": (
        "PRAGMA encoding='UTF-16le'",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t SELECT i, 'välue '||i||char(0,9731) FROM n",
    ),
    "utf16be-1024": (
        "PRAGMA encoding='UTF-16be'; PRAGMA page_size=1024",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t SELECT i, 'välue '||i FROM n",
    ),
    "generated": (
        "",
        "CREATE TABLE t(a AS (id*2), id INTEGER PRIMARY KEY, v TEXT, s TEXT AS (v||'!') STORED, w)",
        "INSERT INTO t(id, v, w) SELECT i, 'value '||i, i FROM n",
    ),
    "auto-vacuum": (
        "PRAGMA auto_vacuum=FULL",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t SELECT i, 'value '||i FROM n",
    ),
    "page-512": (
        "PRAGMA page_size=512",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t SELECT i, 'value '||i FROM n",
    ),
    "page-65536": (
        "PRAGMA page_size=65536",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
        "INSERT INTO t SELECT i, 'value '||i||printf('%0500d', i) FROM n",
    ),
    "strict": (
        "",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, n INT CHECK(n >= 0)) STRICT",
        "INSERT INTO t SELECT i, 'value '||i, i FROM n",
    ),
    "negative": ("", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "INSERT INTO t SELECT i*7-9000, 'value '||i FROM n"),
    "rowid-names": (
        "",
        "CREATE TABLE t(rowid, oid, v TEXT)",
        "INSERT INTO t(_rowid_, rowid, oid, v) SELECT i, -i, 'x', 'value '||i FROM n",
    ),
}


def dump(path, tables=("t",)):
    """Table to its rows with whatever is the key."""
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    found = {}
    for table in tables:
        for key in ("_rowid_,", "oid,", ""):
            with contextlib.suppress(sqlite3.OperationalError):
                found[table] = set(connection.execute(f'SELECT {key} * FROM "{table}"').fetchall())
                break
    connection.close()
    return found


def is_sound(path):
    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return found == [("ok",)]


def run(damaged, backup, target):
    """Table to (sound, rows, rescued, kept, lost, unknown)."""
    done = subprocess.run([TOOL, damaged, backup, target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = {}
    for line in done.stdout.splitlines():
        *numbers, name = line.split(" ", 6)
        report[name] = tuple(map(int, numbers))
    return report


class Case:
    """A backup, and the database as it went on."""

    def __init__(self, directory, shape, rows=3000):
        self.backup = str(directory / "backup.db")
        self.damaged = str(directory / "damaged.db")
        self.target = str(directory / "target.db")
        pragmas, schema, fill = SHAPES[shape]
        self.fill = fill
        connection = sqlite3.connect(self.backup, isolation_level=None)
        connection.executescript(pragmas)
        connection.executescript("PRAGMA journal_mode=DELETE; BEGIN;" + schema)
        connection.execute(FILL.format(1, rows) + fill)
        connection.execute("CREATE TABLE other(id INTEGER PRIMARY KEY, v)")
        connection.execute(FILL.format(1, 500) + "INSERT INTO other SELECT i, 'other '||i FROM n")
        connection.execute("COMMIT")
        connection.close()
        shutil.copy(self.backup, self.damaged)
        self.go_on(rows)
        self.before = dump(self.damaged)["t"]
        self.old = dump(self.backup)["t"]

    def go_on(self, rows):
        connection = sqlite3.connect(self.damaged, isolation_level=None)
        connection.execute("BEGIN")
        key = "v LIKE '%{}0'"
        connection.execute("DELETE FROM t WHERE " + key.format(3))
        connection.execute("UPDATE t SET v = v||' changed' WHERE " + key.format(5))
        connection.execute(FILL.format(rows + 1, rows + 400) + self.fill)
        connection.execute("INSERT INTO other VALUES(9999, 'new')")
        connection.execute("COMMIT")
        connection.close()

    def pages(self, name, kind=None):
        image = bytearray(open(self.damaged, "rb").read())
        image[18:20] = b"\1\1"
        connection = sqlite3.connect(":memory:")
        connection.deserialize(bytes(image))
        self.page_size = {1: 65536}.get(int.from_bytes(image[16:18], "big"), int.from_bytes(image[16:18], "big"))
        sql = "SELECT pageno FROM dbstat WHERE name = ?" + (f" AND pagetype = '{kind}'" if kind else "")
        pages = [page for (page,) in connection.execute(sql + " ORDER BY path", (name,))]
        connection.close()
        return pages

    def write(self, page, data, offset=0):
        with open(self.damaged, "r+b") as file:
            file.seek((page - 1) * self.page_size + offset)
            file.write(data)

    def rescue(self):
        report = run(self.damaged, self.backup, self.target)
        assert is_sound(self.target)
        after = dump(self.target)
        assert dump(self.target, ("other",))["other"] >= {(9999, 9999, b"new")}
        return report, after["t"]
