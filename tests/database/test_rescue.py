# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is saved of a damaged database, over databases of many shapes and damage of many kinds. Each case has a backup
of which some rows were changed, deleted and added since; then pages are destroyed. Python's sqlite3 says what the
rows were."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess

import pytest

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


@pytest.mark.parametrize("shape", SHAPES)
def test_sound_database_is_taken_whole(tmp_path, shape):
    case = Case(tmp_path, shape)
    report, after = case.rescue()
    assert after == case.before
    assert report["t"][0] == 1 and report["t"][3:] == (0, 0, 0)
    assert report["t"][2] == len(case.before - case.old)


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_other_pages_are_kept(tmp_path, shape):
    case = Case(tmp_path, shape)
    leaves = case.pages("t", "leaf")
    page = leaves[len(leaves) // 2]
    if case.page_size == 65536:
        page = leaves[0]
    case.write(page, random.Random(shape).randbytes(case.page_size))
    report, after = case.rescue()
    missing = case.before - after
    assert len(missing) <= case.page_size // 8
    # What is missing is there as the backup had it, or was changed or added since.
    assert after - case.before <= case.old
    assert len(after - case.before) <= case.page_size // 8
    assert report["t"][0] == 0
    print(len(case.before), len(missing), len(after - case.before), report)


@pytest.mark.parametrize("shape", SHAPES)
def test_header_of_a_leaf_costs_nothing(tmp_path, shape):
    """Its type, or how many cells it has: the cells tell."""
    for number, (offset, data) in enumerate(((0, b"\x4d"), (3, b"\0\1"), (3, b"\xff\xff"), (3, b"\0\0"))):
        (tmp_path / str(number)).mkdir()
        case = Case(tmp_path / str(number), shape)
        page = case.pages("t", "leaf")[1]
        case.write(page, data, offset)
        report, after = case.rescue()
        assert after == case.before, f"{offset} {data} {report}"


def pointers(case, page):
    """(offset in the page of the first cell pointer, the pointers)."""
    with open(case.damaged, "rb") as file:
        file.seek((page - 1) * case.page_size)
        image = file.read(case.page_size)
    count = int.from_bytes(image[3:5], "big")
    return 8, [int.from_bytes(image[8 + 2 * i : 10 + 2 * i], "big") for i in range(count)]


@pytest.mark.parametrize("shape", SHAPES)
def test_start_of_the_cells_costs_nothing(tmp_path, shape):
    """Also where it is such that exactly some of the cells fit behind it."""
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        case = Case(tmp_path / str(number), shape)
        page = case.pages("t", "leaf")[1]
        starts = sorted(pointers(case, page)[1])
        case.write(page, (0, 1, starts[len(starts) // 2], starts[-1])[number].to_bytes(2, "big"), 5)
        report, after = case.rescue()
        assert after == case.before, f"{number} {report}"


@pytest.mark.parametrize("shape", SHAPES)
def test_pointer_to_another_row_costs_one_row_at_most(tmp_path, shape):
    """Of the same size, so that the sum of all cells is as it was."""
    for distance in (1, 3, -3):
        (tmp_path / str(distance)).mkdir()
        case = Case(tmp_path / str(distance), shape)
        page = case.pages("t", "leaf")[1]
        at, cells = pointers(case, page)
        index = len(cells) // 2
        case.write(page, cells[(index + distance) % len(cells)].to_bytes(2, "big"), at + 2 * index)
        report, after = case.rescue()
        assert len(case.before - after) <= 1, f"{distance} {report}"
        assert after - case.before <= case.old


@pytest.mark.parametrize("shape", SHAPES)
def test_leaves_below_a_lost_page_are_found(tmp_path, shape):
    case = Case(tmp_path, shape, rows=9000)
    inner = case.pages("t", "internal")
    case.write(inner[0], random.Random(shape).randbytes(case.page_size))
    report, after = case.rescue()
    print(len(case.before), len(case.before - after), len(after - case.before), report)
    if shape == "without-rowid":
        return
    assert case.before <= after


def execute(path, script):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(script)
    connection.close()


def test_index_tells_what_a_lost_page_had(tmp_path):
    """No row that was deleted comes back, and the loss is counted exactly."""
    case = Case(tmp_path, "indexed")
    leaves = case.pages("t", "leaf")
    for page in (leaves[2], leaves[-1]):
        case.write(page, bytes(case.page_size))
    report, after = case.rescue()
    ids = {row[0] for row in case.before}
    assert {row[0] for row in after} <= ids
    missing = len(ids) - len(after)
    assert missing > 0
    assert report["t"][4:] == (missing, 0)


def test_every_page_of_a_table_is_lost(tmp_path):
    """What is there is the backup's, and the numbers that were given away tell how many rows are missing."""
    case = Case(tmp_path, "autoincrement")
    for page in case.pages("t"):
        case.write(page, random.Random(page).randbytes(case.page_size))
    report, after = case.rescue()
    assert after == case.old
    assert report["t"] == (0, 3000, 0, 3000, 0, 400)
    connection = sqlite3.connect(case.target)
    assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name='t'").fetchone() == (3400,)
    connection.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_header_of_the_file_costs_nothing(tmp_path, shape):
    case = Case(tmp_path, shape)
    case.pages("t")
    case.write(1, b"\xff" * 100)
    report, after = case.rescue()
    assert after == case.before


@pytest.mark.parametrize("shape", ("rowid", "no-key", "indexed", "utf16", "page-512"))
def test_first_page_is_lost(tmp_path, shape):
    """The backup says where the tables are."""
    case = Case(tmp_path, shape)
    case.pages("t")
    case.write(1, random.Random(shape).randbytes(case.page_size))
    report, after = case.rescue()
    assert after == case.before


def test_commits_in_the_log_are_rescued(tmp_path):
    case = Case(tmp_path, "rowid")
    leaf = case.pages("t", "leaf")[3]
    connection = sqlite3.connect(case.damaged, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("INSERT INTO t VALUES(77777, 'in the log', 1)")
    shutil.copy(case.damaged, case.damaged + ".copy")
    shutil.copy(case.damaged + "-wal", case.damaged + ".copy-wal")
    connection.close()
    for suffix in ("", "-wal"):
        os.replace(case.damaged + ".copy" + suffix, case.damaged + suffix)
    case.write(leaf, bytes(case.page_size))
    case.write(1, b"\xff" * 100)
    _, after = case.rescue()
    assert (77777, 77777, b"in the log", 1.0) in after
    assert not os.path.exists(case.damaged + "-wal")


def test_schema_goes_on_as_it_was(tmp_path):
    case = Case(tmp_path, "rowid")
    execute(
        case.damaged,
        "ALTER TABLE t ADD COLUMN added TEXT DEFAULT 'none'; UPDATE t SET added='set' WHERE id > 3000;"
        "DROP TABLE other; CREATE TABLE other(id INTEGER PRIMARY KEY, v, w); INSERT INTO other VALUES(9999, 'new', 1);"
        "CREATE TABLE new(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO new VALUES(1, 2);"
        "CREATE INDEX new_b ON new(b); CREATE VIEW seen AS SELECT * FROM new;"
        "CREATE TRIGGER watch AFTER DELETE ON t BEGIN INSERT INTO new VALUES('trigger', 1); END; PRAGMA user_version=7",
    )
    execute(case.backup, "CREATE TABLE gone(x); INSERT INTO gone VALUES(1); CREATE VIEW old AS SELECT 1")
    case.write(case.pages("t", "leaf")[4], bytes(case.page_size))
    report = run(case.damaged, case.backup, case.target)
    assert is_sound(case.target)
    connection = sqlite3.connect(case.target)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")}
    assert names == {"t", "other", "new", "new_b", "seen", "watch"}
    assert connection.execute("SELECT * FROM new").fetchall() == [(1, 2)]
    assert connection.execute("SELECT * FROM other").fetchall() == [(9999, "new", 1)]
    assert set(connection.execute("SELECT added, id > 3000 FROM t")) == {("none", 0), ("set", 1)}
    assert connection.execute("PRAGMA user_version").fetchone() == (7,)
    connection.close()
    assert report["t"][3] > 0


@pytest.mark.parametrize("content", ("", ", content='t', content_rowid='id'", ", content=''"))
@pytest.mark.parametrize("part", ("data", "content", "idx", "docsize", "t"))
def test_full_text_index_fits_its_rows(tmp_path, content, part):
    case = Case(tmp_path, "rowid")
    for path, new in ((case.backup, "v"), (case.damaged, "v||' fresh'")):
        execute(
            path,
            f"CREATE VIRTUAL TABLE f USING fts5(v{content}); INSERT INTO f(rowid, v) SELECT id, {new} FROM t;"
            "INSERT INTO f(f) VALUES('optimize')",
        )
    execute(case.damaged, "UPDATE t SET v=v||' fresh'")
    pages = case.pages("t" if part == "t" else "f_" + part)
    if not pages:
        return
    case.write(pages[-1], random.Random(part).randbytes(case.page_size))
    report = run(case.damaged, case.backup, case.target)
    assert is_sound(case.target)
    connection = sqlite3.connect(case.target)
    connection.execute("INSERT INTO f(f) VALUES('integrity-check')")
    found = connection.execute("SELECT count(*) FROM f WHERE f MATCH 'fresh'").fetchone()[0]
    connection.close()
    if content == ", content=''" and part not in ("t", "content"):
        assert found == 0
    else:
        assert found >= 2500, report


def overflow_ends(case):
    """The pages at which a chain ends, and those with another one behind."""
    with open(case.damaged, "rb") as file:
        image = file.read()
    following = {page: int.from_bytes(image[(page - 1) * case.page_size :][:4], "big") for page in case.pages("t", "overflow")}
    return [page for page in following if not following[page]], [page for page in following if following[page]]


def test_broken_overflow_costs_its_row(tmp_path):
    case = Case(tmp_path, "overflow")
    _, begins = overflow_ends(case)
    case.write(begins[len(begins) // 2], b"\xff\xff\xff\xff")
    report, after = case.rescue()
    assert len(case.before - after) + report["t"][3] == 1
    assert sum(report["t"][3:]) == 1


@pytest.mark.parametrize("where", ["leaf", "other chain", "beyond", "itself"])
def test_overflow_that_goes_on_too_far_costs_nothing(tmp_path, where):
    """All of the row is there, whatever follows; and what follows is not doubted for it."""
    case = Case(tmp_path, "overflow")
    ends, begins = overflow_ends(case)
    page = ends[-1]
    target = {"leaf": case.pages("t", "leaf")[3], "other chain": begins[0], "beyond": 0xFFFFFF, "itself": page}[where]
    case.write(page, target.to_bytes(4, "big"))
    report, after = case.rescue()
    assert after == case.before, report
    assert report["t"][3:] == (0, 0, 0)


def test_overflow_that_goes_on_in_another_one_costs_its_own_row_alone(tmp_path):
    case = Case(tmp_path, "overflow")
    _, begins = overflow_ends(case)
    case.write(begins[0], begins[-1].to_bytes(4, "big"))
    report, after = case.rescue()
    assert len(case.before - after) <= 1, report


def damage_at_random(case, seed):
    """What was done."""
    random_ = random.Random(seed)
    image = open(case.damaged, "rb").read()
    n_pages = len(image) // case.page_size
    page = random_.randrange(1, n_pages + 1)
    kind = random_.randrange(4)
    if kind == 0:
        case.write(page, random_.randbytes(case.page_size))
    elif kind == 1:
        case.write(page, bytes(case.page_size))
    elif kind == 2:
        case.write(page, random_.randbytes(8), (100 if page == 1 else 0))
    else:
        case.write(page, random_.randbytes(2), random_.randrange(8, 60))
    return f"kind {kind} on page {page} of {n_pages}"


ROUNDS = int(os.environ.get("RESCUE_ROUNDS", "12"))


@pytest.mark.parametrize("shape", SHAPES)
def test_no_row_of_another_page_is_lost(tmp_path, shape):
    """Whatever page is damaged and how: the result is sound, and as many rows are lost as a page holds at most."""
    case = Case(tmp_path, shape)
    case.pages("t")
    saved = case.damaged + ".saved"
    shutil.copy(case.damaged, saved)
    lost = invented = 0
    for seed in range(ROUNDS):
        shutil.copy(saved, case.damaged)
        what = damage_at_random(case, f"{shape}:{seed}")
        if os.path.exists(case.target):
            os.unlink(case.target)
        report = run(case.damaged, case.backup, case.target)
        assert is_sound(case.target), f"{seed}: {what}"
        after = dump(case.target)["t"]
        missing, strange = case.before - after, after - case.before - case.old
        print(seed, what, len(missing), len(after - case.before), report["t"])
        limit = case.page_size // 8
        assert len(missing) <= limit, f"{seed}: {what}: {report}"
        assert len(strange) <= limit, f"{seed}: {what}: {report}"
        lost += len(missing)
        invented += len(strange)
    print(shape, "lost", lost, "strange", invented)


# What whoever may write the database may have written where the SQL of the table t was.
HOSTILE = {
    "attach": "ATTACH '{victim}' AS victim",
    "second-statement": "CREATE TABLE t(a); ATTACH '{victim}' AS victim; DROP TABLE victim.precious",
    "commit-first": "COMMIT; ATTACH '{victim}' AS victim; DROP TABLE victim.precious; BEGIN",
    "vacuum": "VACUUM INTO '{new}'",
    "pragma": "PRAGMA main.journal_mode=WAL",
    "detach": "DETACH backup",
    "delete": "DELETE FROM other",
    "other-name": "CREATE TABLE precious(a)",
    "if-not-exists": "CREATE TABLE IF NOT EXISTS other(a)",
    "temporary": "CREATE TEMP TABLE t(a)",
    "in-the-backup": "CREATE TABLE backup.t(a)",
    "explained": "EXPLAIN CREATE TABLE t(a)",
    "nothing": "",
    "comment": "-- CREATE TABLE t(a)",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_sql_of_the_schema_is_not_run(tmp_path, kind):
    """Nothing is touched by it, and a rescue that can't make the table comes to an end."""
    victim, new = str(tmp_path / "victim.db"), str(tmp_path / "new.db")
    with contextlib.closing(sqlite3.connect(victim)) as connection:
        connection.executescript("CREATE TABLE precious(a); INSERT INTO precious VALUES(1)")
    case = Case(tmp_path, "rowid", rows=10)
    with contextlib.closing(sqlite3.connect(case.damaged)) as connection:
        connection.executescript("PRAGMA journal_mode=DELETE; PRAGMA writable_schema=ON")
        sql = HOSTILE[kind].format(victim=victim, new=new)
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 't'", (sql,))
        connection.commit()
    with open(victim, "rb") as file:
        before = file.read()
    command = [TOOL, case.damaged, case.backup, case.target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "is not run" in done.stderr
    with open(victim, "rb") as file:
        assert file.read() == before
    assert not os.path.exists(new)
