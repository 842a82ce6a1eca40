# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is saved of a damaged database, over databases of many shapes and damage of many kinds."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess

import pytest

from rescue_case import SHAPES, TOOL, Case, dump, is_sound, run


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
