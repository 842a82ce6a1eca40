# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows that only the quarantine has: shown, merged when asked, and never at the cost of a row that is there."""

import contextlib
import os
import sqlite3

import pytest

import foreign
from application import write_at
from broken_database import checkpoint, start
from client import BusError
from command_line import Dialogue, ctl  # noqa: F401
from contract import BUS_PATH, ERROR, MANAGER

NAME = "20260124_014621"

# What the application has while its database goes into the quarantine, and what happens to the live one afterwards.
SCHEMA = """
CREATE TABLE numbered(id INTEGER PRIMARY KEY AUTOINCREMENT, v);
CREATE TABLE named(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE keyed(a TEXT, b, v, PRIMARY KEY(a, b));
CREATE TABLE loose(v);
CREATE TABLE "odd "" one"(id INTEGER PRIMARY KEY, u UNIQUE, twice AS (u * 2) STORED);
CREATE TABLE rowid(rowid, _rowid_, oid);
CREATE VIRTUAL TABLE texts USING fts5(body);
CREATE TABLE counter(id INTEGER PRIMARY KEY, n);
CREATE TABLE parent(id INTEGER PRIMARY KEY);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent REFERENCES parent(id));
CREATE TRIGGER counting AFTER INSERT ON numbered BEGIN UPDATE counter SET n = n + 1; END;
INSERT INTO counter VALUES(1, 0);
INSERT INTO numbered(v) VALUES('a'), ('b'), ('c');
INSERT INTO named VALUES('x', 1), ('y', 2), ('z', 3);
INSERT INTO keyed VALUES('p', 1, 'one'), ('p', NULL, 'none'), ('q', 2, 'two');
INSERT INTO loose VALUES('same'), ('same'), ('other');
INSERT INTO "odd "" one"(id, u) VALUES(1, 10), (2, 20), (3, 30);
INSERT INTO rowid VALUES(1, 2, 3);
INSERT INTO texts VALUES('kept there');
INSERT INTO parent VALUES(1);
INSERT INTO child VALUES(1, 1), (2, 1);
"""
SINCE = """
DELETE FROM numbered WHERE id = 2; UPDATE numbered SET v = 'mine' WHERE id = 3;
DELETE FROM named WHERE k = 'y';
DELETE FROM keyed WHERE a = 'q';
DELETE FROM loose WHERE rowid = 2; UPDATE loose SET v = 'mine' WHERE rowid = 3;
DELETE FROM "odd "" one" WHERE id IN (2, 3); INSERT INTO "odd "" one"(id, u) VALUES(9, 30);
DELETE FROM rowid; DELETE FROM texts;
DELETE FROM child WHERE id = 2;
UPDATE counter SET n = 7;
"""
# Table: (rows that only the quarantine has, of those refused, rows that are there otherwise).
MISSING = {
    "numbered": (1, 0, 1),
    "named": (1, 0, 0),
    "keyed": (1, 0, 0),
    "loose": (1, 0, 1),
    'odd " one': (1, 1, 0),
    "child": (1, 0, 0),
    "counter": (0, 0, 1),
}


def run(path, statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(statements)


def ask(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def put_aside(service, name=NAME):
    """A copy of the database as it is."""
    folder = os.path.join(service.state, "quarantine", name)
    os.makedirs(folder)
    copy = os.path.join(folder, os.path.basename(service.database))
    with contextlib.closing(sqlite3.connect(service.database)) as source:
        with contextlib.closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
    return copy


@pytest.fixture
def client(service):
    """Of a service whose database lost and changed rows after a copy of it went into the quarantine."""
    os.makedirs(os.path.dirname(service.database), exist_ok=True)
    run(service.database, "PRAGMA journal_mode=WAL;" + SCHEMA)
    started = start(service)
    put_aside(service)
    run(service.database, SINCE)
    return started


def told(answer):
    return {table: (rows, refused, differing) for table, rows, refused, differing in answer[1]}


def dump(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_plan_changes_nothing(client, service, ctl):
    before, names = dump(service.database), client.names()
    answer = client.manager("Salvage", "", {})
    assert (answer[0], answer[2]) == (NAME, "")
    assert told(answer) == MISSING
    shown = ctl.run("salvage").stdout
    assert "numbered" in shown and "--yes" in shown
    assert ctl.json("salvage", "--dry-run", NAME)["Quarantine"] == NAME
    assert dump(service.database) == before and client.names() == names
    assert os.listdir(os.path.join(service.state, "quarantine")) == [NAME]


def test_merge_brings_back_what_is_missing_and_leaves_what_is_there(client, service, ctl):
    connection = sqlite3.connect(service.database, isolation_level=None)
    assert connection.execute("SELECT count(*) FROM numbered").fetchone() == (2,)
    answer = ctl.json("salvage", "--yes", NAME)
    assert answer["PreRestore"] in client.names()
    assert connection.execute("SELECT * FROM numbered").fetchall() == [(1, "a"), (2, "b"), (3, "mine")]
    connection.close()
    path = service.database
    assert ask(path, "SELECT * FROM named") == [("x", 1), ("y", 2), ("z", 3)]
    assert sorted(ask(path, "SELECT v FROM keyed")) == [("none",), ("one",), ("two",)]
    assert ask(path, "SELECT v FROM loose ORDER BY rowid") == [("same",), ("same",), ("mine",)]
    assert ask(path, 'SELECT * FROM "odd "" one"') == [(1, 10, 20), (2, 20, 40), (9, 30, 60)]
    assert ask(path, "SELECT n FROM counter") == [(7,)]
    assert ask(path, "SELECT * FROM child") == [(1, 1), (2, 1)]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    assert ask(path, "SELECT count(*) FROM texts") == [(0,)]
    assert "were merged into" in service.log()

    again = client.manager("Salvage", NAME, {"merge": ("b", True)})
    assert again[2] == "" and all(rows == 0 for rows, _, _ in told(again).values())
    assert client.run("Restore", answer["PreRestore"], {})[1] == "done"
    assert ask(path, "SELECT * FROM numbered") == [(1, "a"), (3, "mine")]


def test_a_person_at_a_terminal_is_asked(client, service, ctl):
    before = dump(service.database)
    dialogue = Dialogue(ctl, "--no-pager", "salvage")
    dialogue.answer("Merge these 6 rows", "no\n")
    assert dialogue.end()[0] != 0
    assert dump(service.database) == before


@pytest.mark.parametrize("name", ["20260124_014622", "..", "../backups", "20260124_014621/"])
def test_what_is_not_there_is_not_found(client, name):
    with pytest.raises(BusError) as caught:
        client.manager("Salvage", name, {})
    assert caught.value.name == ERROR + "NotFound"


def test_commits_while_the_plan_is_made_stay(service, gate):
    os.makedirs(os.path.dirname(service.database), exist_ok=True)
    run(service.database, "PRAGMA journal_mode=WAL;" + SCHEMA)
    put_aside(service)
    run(service.database, SINCE)
    client = start(service, **gate.at("salvage-rehearsed"))
    call = client.send(BUS_PATH, MANAGER, "Salvage", NAME, {"merge": ("b", True)})
    gate.wait_reached()
    run(service.database, "INSERT INTO numbered(id, v) VALUES(2, 'newest'), (50, 'new')")
    gate.release()
    answer = client.result(call)
    assert told(answer)["numbered"] == (0, 0, 2)
    assert ask(service.database, "SELECT * FROM numbered") == [(1, "a"), (2, "newest"), (3, "mine"), (50, "new")]


@pytest.mark.parametrize("point", ["salvage-rehearsed", "salvage-merged"])
def test_killed_it_is_old_or_new(service, point):
    os.makedirs(os.path.dirname(service.database), exist_ok=True)
    run(service.database, "PRAGMA journal_mode=WAL;" + SCHEMA)
    copy = put_aside(service)
    run(service.database, SINCE)
    before = ask(service.database, "SELECT * FROM numbered")
    client = start(service, point=point)
    with pytest.raises(Exception):  # noqa: B017 the service goes away
        client.manager("Salvage", NAME, {"merge": ("b", True)})
    service.killed_itself()
    after = ask(service.database, "SELECT * FROM numbered")
    assert after == (before if point == "salvage-rehearsed" else [(1, "a"), (2, "b"), (3, "mine")])
    start(service)
    assert os.listdir(os.path.join(service.state, "quarantine")) == [NAME] and os.path.exists(copy)


def test_rows_that_an_older_backup_lacks_come_out_of_a_damaged_one(service, ctl):
    """Somebody has put the backup itself in force; the damaged file has newer rows."""
    foreign.make("django", service.database)
    client = start(service)
    client.back_up()
    backup = client.get("LastBackup")
    run(
        service.database,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<500)"
        " INSERT INTO shop_order(details, user_id, total) SELECT json_object('n', i), 1, i FROM n",
    )
    checkpoint(service.database)
    copy = put_aside(service)
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        (page,) = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'shop_order' AND pagetype = 'leaf' ORDER BY pageno DESC LIMIT 1"
        ).fetchone()
        (last,) = connection.execute("SELECT max(id) FROM shop_order").fetchone()
    write_at(copy, (page - 1) * 4096, b"\xff" * 4096)
    assert client.run("Restore", backup, {})[1] == "done"
    (rows,) = ask(service.database, "SELECT count(*) FROM shop_order")
    assert rows == (1500,)
    answer = ctl.json("salvage", "--yes", NAME)
    (merged,) = [row["Rows"] for row in answer["Tables"] if row["Table"] == "shop_order"]
    assert 0 < merged < last - 1500
    assert ask(service.database, "SELECT count(*) FROM shop_order") == [(1500 + merged,)]
    assert ask(service.database, "PRAGMA integrity_check") == [("ok",)]
