# SPDX-License-Identifier: LGPL-2.1-or-later
"""A new service has backed up an empty database: the first rows are backed up before the timer asks for it."""

import sqlite3
import time

import pytest

import foreign
from application import Application, unpack
from client import PATIENCE_SECONDS

SOON = {"ORACXPRED_TEST_FIRST_ROWS": "200000"}
NOW_USEC = 1_800_000_000_000_000


def automatic(client):
    return [backup["name"] for backup in client.backups() if backup["kind"] == "automatic"]


def counts(service):
    return service.trace().count("first-rows-counted")


def wait_count(service, client, n):
    """Until so many counts have led to what they lead to, and that is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while counts(service) < n:
        assert time.monotonic() < deadline, service.log()
        time.sleep(0.02)
    client.wait_property("NJobs", 0)


def wait_backup(client, since):
    name = client.wait_signal("BackupCreated", since=since)[1]
    client.wait_property("NJobs", 0)
    return name


@pytest.mark.parametrize("clock", [False, True])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_first_rows_are_backed_up_once(service, tmp_path, mode, clock):
    service.set_clock(NOW_USEC)
    service.configure(f"JournalMode={'keep' if mode == 'delete' else mode}\n")
    client = service.start(clock=clock, trace=True, **SOON)
    wait_count(service, client, 1)
    application = Application(service.database)
    application.query(f"PRAGMA journal_mode={mode}")
    assert automatic(client) == []
    since = client.mark()
    application.add_users(2, "first")
    name = wait_backup(client, since)
    stored = unpack(f"{service.backups}/{name}.db.gz", tmp_path / "stored.db")
    with sqlite3.connect(stored) as backup:
        assert backup.execute("SELECT count(*) FROM users").fetchone() == (2,)
    # From here on nothing is counted.
    counted = counts(service)
    application.add_users(2, "later")
    application.close()
    client.back_up()
    assert (len(automatic(client)), counts(service)) == (1, counted)


def test_rows_of_the_service_itself_are_nothing_to_back_up(service):
    client = service.start(trace=True, **SOON)
    wait_count(service, client, 1)
    # Somebody's call, of which there is a row in the log.
    client.run("Verify", "", {})
    wait_count(service, client, 2)
    assert dict(client.manager("GetStatistics")["Tables"][1])["system_logs"] > 0
    assert automatic(client) == []


def test_rows_that_came_while_the_service_was_down_are_backed_up(service):
    service.start()
    service.stop()
    application = Application(service.database)
    application.add_users(1)
    application.close()
    client = service.start(**SOON)
    wait_backup(client, 0)
    assert len(automatic(client)) == 1


def test_file_that_the_application_makes_later_is_backed_up(service):
    """With Schema=none the service makes none itself, and there is nothing to back up at its start."""
    service.configure("Schema=none\n")
    client = service.start(**SOON)
    assert client.backups() == []
    since = client.mark()
    foreign.make("gitea", service.database)
    wait_backup(client, since)
    assert len(automatic(client)) == 1
