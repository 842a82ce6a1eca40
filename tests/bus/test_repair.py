# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damage that has cost no row is mended in place, with the application connected; nothing is restored."""

import os
import sqlite3

import pytest

from application import Application, check, write_at
from broken_database import checkpoint, kept, start, users  # noqa: F401

PAGE = 4096


def leave_index_behind(path, change="INSERT INTO users (username, password) VALUES ('missed', 'x')"):
    """The index of users by name lacks what changes while it is away. Nobody else may have the file open."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE INDEX IF NOT EXISTS by_password ON users (password)")
    (row,) = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'by_password'").fetchall()
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("DELETE FROM sqlite_schema WHERE name = 'by_password'")
    connection.execute("PRAGMA writable_schema=RESET")
    connection.execute(change)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)
    connection.execute("PRAGMA writable_schema=RESET")
    connection.close()


def damage_freelist(path):
    """Its first page says that it lists more pages than fit."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE gone (filler)")
    connection.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) "
                       "INSERT INTO gone SELECT zeroblob(3000) FROM n")
    connection.execute("DROP TABLE gone")
    connection.close()
    checkpoint(path)
    with open(path, "rb") as file:
        trunk = int.from_bytes(file.read(36)[32:], "big")
    write_at(path, (trunk - 1) * PAGE + 4, b"\xff" * 4)


def verify(service):
    """Until nothing is left to do."""
    client = service.client
    since = client.mark()
    client.run("Verify", "", {})
    client.wait_property("NJobs", 0)
    return since


@pytest.mark.parametrize("damage", [leave_index_behind, damage_freelist], ids=lambda f: f.__name__)
def test_nothing_is_restored(kept, damage):
    damage(kept.database)
    before = users(kept.database)
    client = start(kept)
    client.wait_property("NJobs", 0)
    assert (client.get("Integrity"), client.get("Health")) == ("ok", "ok")
    assert client.reasons() == ["repaired"]
    assert client.get("LastRestore") == ""
    assert users(kept.database) == before and "later0" in before
    check(kept.database)
    (remedy,) = client.get("Remedies")
    assert remedy[2] == "repaired" and os.path.exists(os.path.join(remedy[5], "oracxpred.db"))
    assert "was repaired in place, and no row was lost" in kept.log()
    client.manager("Acknowledge", {})
    assert client.reasons() == []


def test_connected_application_goes_on(kept):
    client = start(kept)
    leave_index_behind(kept.database)
    application = Application(kept.database)
    assert application.query("SELECT count(*) FROM users") == [(4,)]
    since = verify(kept)
    job, objects, folder = client.wait_signal("DatabaseRepaired", since=since)
    assert objects == ["the index by_password of users"]
    assert os.path.isdir(folder)
    application.add_users(1, "after")
    assert application.usernames() == {"kept0", "kept1", "later0", "missed", "after0"}
    application.close()
    check(kept.database)


def test_automatism_that_is_off_repairs_nothing(kept):
    kept.configure("AutoRestore=no\n")
    leave_index_behind(kept.database)
    client = start(kept)
    client.wait_property("NJobs", 0)
    assert client.get("Integrity") == "repairable"
    assert client.get("Remedies") == []
    assert "`REINDEX` mends the indexes" in kept.log()


def test_same_damage_again_is_only_told(kept):
    leave_index_behind(kept.database)
    client = start(kept)
    client.wait_property("NJobs", 0)
    assert client.reasons() == ["repaired"]
    leave_index_behind(kept.database, "INSERT INTO users (username, password) VALUES ('again', 'y')")
    verify(kept)
    assert client.get("Integrity") == "repairable"
    assert set(client.reasons()) == {"repairable", "repaired"}
    assert client.get("LastRestore") == ""
    assert len(client.get("Remedies")) == 1
    assert "was repaired before and is damaged again" in kept.log()


def test_rows_that_stand_against_an_index_are_named(kept):
    connection = sqlite3.connect(kept.database, isolation_level=None)
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)")
    connection.execute("CREATE UNIQUE INDEX t_b ON t (b)")
    connection.execute("INSERT INTO t VALUES (1, 'x'), (2, 'y')")
    (row,) = connection.execute("SELECT * FROM sqlite_schema WHERE name = 't_b'").fetchall()
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("DELETE FROM sqlite_schema WHERE name = 't_b'")
    connection.execute("PRAGMA writable_schema=RESET")
    connection.execute("INSERT INTO t VALUES (3, 'x')")
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)
    connection.execute("PRAGMA writable_schema=RESET")
    connection.close()
    client = start(kept)
    client.wait_property("NJobs", 0)
    assert client.get("Integrity") == "repairable"
    assert client.get("LastRestore") == "" and client.get("Remedies") == []
    assert "1 and 3" in kept.log()
    assert os.listdir(os.path.join(kept.state, "quarantine")) == []


# An index is made anew in its place, and free pages by a copy, which is put in force as a restore is.
@pytest.mark.parametrize(
    "damage, point",
    [
        (leave_index_behind, "repair-committed"),
        (leave_index_behind, "repair-checked"),
        (leave_index_behind, "repair-told"),
        (damage_freelist, "restore-committed"),
        (damage_freelist, "repair-checked"),
        (damage_freelist, "repair-told"),
    ],
)
def test_repair_is_told_although_it_was_killed(kept, damage, point):
    damage(kept.database)
    before = users(kept.database)
    kept.launch(point=point)
    kept.killed_itself()
    client = start(kept)
    client.wait_property("NJobs", 0)
    assert (client.get("Integrity"), client.reasons()) == ("ok", ["repaired"])
    assert users(kept.database) == before
    assert len(client.get("Remedies")) == 1
