# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the application's commits cost the service: the times that its loop wakes up."""

import sqlite3

import pytest

from application import Application
from broken_database import start

COMMITS = 200
# The pauses are a second long at least, so that a slower machine does not make more of them than there are seconds.
BOUND = 60


def wakeups(service):
    """Of the loop's thread, since the start."""
    with open(f"/proc/{service.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))



def commits_connected(path, mode):
    application = Application(path)
    assert application.query(f"PRAGMA journal_mode={mode}") == [(mode,)]
    application.query("PRAGMA wal_autocheckpoint=10")
    for _ in range(COMMITS):
        application.query("INSERT INTO users (username, password) VALUES (hex(randomblob(9)), 'x')")
    application.close()


def commits_apart(path, mode):
    for _ in range(COMMITS):
        with sqlite3.connect(path, timeout=30) as connection:
            connection.execute("INSERT INTO users (username, password) VALUES (hex(randomblob(9)), 'x')")
        connection.close()


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
@pytest.mark.parametrize("commits", [commits_connected, commits_apart])
def test_commits_do_not_wake_the_service_one_by_one(service, commits, mode):
    service.configure("JournalMode=keep\n")
    service.start()
    service.stop()
    application = Application(service.database)
    assert application.query(f"PRAGMA journal_mode={mode}") == [(mode,)]
    application.add_users(1)
    application.close()
    client = start(service)
    client.back_up()
    client.get("Health")
    before = wakeups(service)
    commits(service.database, mode)
    assert wakeups(service) - before < BOUND
