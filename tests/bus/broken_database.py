# SPDX-License-Identifier: LGPL-2.1-or-later
"""A database that was backed up and changed since, the ways in which it breaks, and what its users are afterwards."""

import os
import sqlite3

import pytest

from application import Application, truncate, write_at


def checkpoint(path):
    """All of it, or what is damaged then would still be whole in the log."""
    connection = sqlite3.connect(path, timeout=30)
    assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    connection.close()


def damage_page(path):
    """Overwrites a page of a table behind SQLite's back; that of an index would take no row with it."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'predictions'").fetchone()
    connection.close()
    write_at(path, (page - 1) * 4096, b"\xff" * 4096)


# The ways of breaking it. Nobody may have it open.


def damage(path):
    checkpoint(path)
    damage_page(path)


def destroy_header(path):
    """What SQLite can't open any more."""
    checkpoint(path)
    write_at(path, 0, b"\0" * 100)


def remove(path):
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(path + ending):
            os.unlink(path + ending)


def empty(path):
    checkpoint(path)
    os.truncate(path, 0)


def shorten(path):
    checkpoint(path)
    truncate(path, keep=0.6)


def users(path):
    application = Application(path)
    try:
        return application.usernames()
    finally:
        application.close()


def add_users(path, count, prefix):
    application = Application(path)
    application.add_users(count, prefix)
    application.close()


def rescued(break_it):
    """The users after an automatic restore: the one that was added since the backup is lost with its file alone."""
    return {"kept0", "kept1"} if break_it in (remove, empty) else {"kept0", "kept1", "later0"}


def start(service, **hooks):
    """Started, and what a start has still to do on the database is over, the full check and the count of rows: they
    would find first what a test breaks, or meet it half broken."""
    client = service.start(**hooks)
    client.wait_property("NJobs", 0)
    client.manager("GetStatistics")
    return client


def wait_restored(client):
    """Nothing is left to do, and nothing is wrong but what an automatic restore tells."""
    client.wait_property("Integrity", "ok")
    client.wait_property("NJobs", 0)
    assert set(client.reasons()) <= {"restored-rows-lost", "repaired"}


@pytest.fixture
def kept(service):
    """A stopped service whose last backup holds the users kept0 and kept1; its database has one user more."""
    client = service.start()
    add_users(service.database, 2, "kept")
    client.back_up()
    add_users(service.database, 1, "later")
    service.stop()
    return service
