# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service has done to the database by itself is told, in numbers, until a person has seen it."""

import json
import sqlite3

import pytest

from application import Application, write_at
from command_line import ctl  # noqa: F401
from broken_database import checkpoint, kept, remove, start, users  # noqa: F401

ROWS_LOST = "restored-rows-lost"


def told(client):
    return dict(client.get("HealthReasons")).get(ROWS_LOST)


def losses(client):
    """Of the newest remedy: table to how many rows, and how well that is known."""
    return {table: (lost, certainty) for table, lost, _, certainty in client.get("Remedies")[-1][7]}


def grow(service, count):
    """Rows in a table of their own, with an index that tells how many there are."""
    application = Application(service.database)
    application.query("CREATE TABLE IF NOT EXISTS small(n)")
    application.query("CREATE INDEX IF NOT EXISTS small_n ON small(n)")
    application.query(
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ?) INSERT INTO small SELECT n FROM r",
        count,
    )
    application.close()


def destroy(service):
    """Every page of that table, but not its index."""
    checkpoint(service.database)
    connection = sqlite3.connect(service.database)
    pages = connection.execute("SELECT pageno FROM dbstat WHERE name = 'small'").fetchall()
    connection.close()
    for (page,) in pages:
        write_at(service.database, (page - 1) * 4096, b"\xff" * 4096)


def lose_rows(service):
    """By an automatic restore: 7 rows of one table, which can't be rescued, but counted."""
    service.configure("AutoRestoreMaxLoss=100%\n")
    client = start(service)
    grow(service, 3)
    client.run("Backup", {})
    grow(service, 7)
    since = client.mark()
    destroy(service)
    client.run("Verify", "", {})
    client.wait_signal("DatabaseRestored", since=since)
    client.wait_property("NJobs", 0)
    return client


def test_lost_rows_are_told_until_acknowledged(kept, ctl):
    client = lose_rows(kept)
    assert client.get("Health") == "degraded"
    assert losses(client)["small"] == (7, "counted")
    text = told(client)
    (remedy,) = client.get("Remedies")
    assert "small 7" in text and "`oracxpredctl acknowledge`" in text
    assert remedy[2] == "restored" and remedy[3] == client.get("LastRestore")
    assert remedy[5] in text and "the automatic restore lost" in kept.log().lower()
    assert "small 7" in ctl.run("status", status=3).stdout

    client.run("Backup", {})
    assert told(client) == text
    kept.stop()
    client = start(kept)
    assert told(client) == text

    (shown,) = json.loads(ctl.run("--json=short", "acknowledge").stdout)
    assert shown["Id"] == remedy[0]
    assert {"Table": "small", "Lost": 7, "Rescued": 0, "Certainty": "counted"} in shown["Tables"]
    assert told(client) is None and client.get("Remedies") == []
    kept.stop()
    assert told(start(kept)) is None
    assert "nothing to acknowledge" in ctl.run("acknowledge").stdout


def test_only_what_was_shown_is_acknowledged(kept):
    client = lose_rows(kept)
    (remedy,) = client.get("Remedies")
    client.manager("Acknowledge", {"until": ("t", remedy[0] - 1)})
    assert client.get("Remedies") == [remedy]
    client.manager("Acknowledge", {"until": ("t", remedy[0])})
    assert client.get("Remedies") == []


def test_loss_of_a_database_that_is_gone_is_by_the_last_count(kept):
    client = start(kept)
    grow(kept, 5)
    client.manager("GetStatistics")
    since = client.mark()
    remove(kept.database)
    client.wait_signal("DatabaseRestored", since=since)
    client.wait_property("NJobs", 0)
    assert losses(client)["small"] == (5, "at-least")
    assert "small at least 5" in told(client)


def test_restore_that_somebody_asked_for_is_no_remedy(kept):
    client = start(kept)
    grow(kept, 5)
    client.run("Restore", "", {})
    assert client.get("Remedies") == []
    assert client.get("Health") == "ok"


@pytest.mark.parametrize("point", ["restore-committed", "restore-checked", "restore-record-final", "restore-told"])
def test_loss_is_told_although_the_restore_was_killed(kept, point):
    start(kept)
    grow(kept, 4)
    kept.stop()
    kept.configure("AutoRestoreMaxLoss=100%\n")
    destroy(kept)
    kept.launch(point=point)
    kept.killed_itself()
    client = start(kept)
    assert users(kept.database) == {"kept0", "kept1", "later0"}
    assert len(client.get("Remedies")) == 1
    assert losses(client)["small"] == (4, "counted")
    assert told(client)
