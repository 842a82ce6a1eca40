# SPDX-License-Identifier: LGPL-2.1-or-later
"""An application on SQLAlchemy that keeps its connections open through everything: it never reads nonsense, no commit
that it was told about is lost to a backup, and a restore loses none without keeping it in what it saved."""

import os
import sqlite3
import time

import pytest

from application import unpack
from bookkeeper import PATIENCE_SECONDS, Bookkeeper, numbers
from contract import BACKUP
from ledger import make_books
from restore_scenes import counted

JOURNAL_MODES = ["wal", "delete"]


@pytest.fixture(params=JOURNAL_MODES)
def journal_mode(request, service, client):
    counted(client)
    make_books(service.database)
    connection = sqlite3.connect(service.database, timeout=30)
    assert connection.execute(f"PRAGMA journal_mode={request.param}").fetchone() == (request.param,)
    connection.close()
    return request.param


@pytest.fixture
def bookkeepers(service, journal_mode, tmp_path):
    """Two processes of the application."""
    # In rollback mode each reader keeps each writer waiting; some rest lets everybody have a turn.
    rate = 0 if journal_mode == "wal" else 40
    started = [Bookkeeper(service.database, tmp_path / f"journal-{name}", name, rate) for name in ("one", "two")]
    for bookkeeper in started:
        bookkeeper.wait(commits=20, reads=1)
    yield started
    for bookkeeper in started:
        if bookkeeper.process.poll() is None:
            bookkeeper.kill()


def acknowledged(bookkeepers):
    return {commit.number for bookkeeper in bookkeepers for commit in bookkeeper.commits()}


def tried(bookkeepers):
    return {number for bookkeeper in bookkeepers for number in bookkeeper.tried()}


def finish(bookkeepers):
    for bookkeeper in bookkeepers:
        bookkeeper.finish()
        assert bookkeeper.errors() == []
        assert bookkeeper.reads()


def in_backup(service, name, tmp_path):
    """The moves in a backup, unpacked without this project."""
    path = next(backup["path"] for backup in service.client.backups() if backup["name"] == name)
    stored = os.path.join(service.backups, service.client.get("File", path, BACKUP))
    return numbers(unpack(stored, tmp_path / "image.db"))


def test_backups_lose_no_acknowledged_commit(service, client, bookkeepers, tmp_path):
    told = {}
    for _ in range(5):
        for bookkeeper in bookkeepers:
            bookkeeper.wait(commits=20, reads=1)
        before = acknowledged(bookkeepers)
        name = client.back_up()
        told[name] = before, tried(bookkeepers)
    finish(bookkeepers)
    for name, (before, after) in told.items():
        held = in_backup(service, name, tmp_path)
        assert before <= held, f"{name} misses commits that were acknowledged before it"
        assert held <= after, f"{name} has commits that were not there yet"
    held = numbers(service.database)
    assert acknowledged(bookkeepers) <= held <= tried(bookkeepers)


def restore(client, name):
    """(name of the backup of what was there, when it was asked for, when it was done)."""
    since = client.mark()
    begun = time.monotonic()
    assert client.run("Restore", name, {})[1:] == ("done", "", "")
    ended = time.monotonic()
    _, source, method, automatic, saved_as, quarantine = client.wait_signal("DatabaseRestored", since=since)
    assert (source, method, automatic, quarantine) == (name, "in-place", False, "")
    assert saved_as
    return saved_as, begun, ended


def test_restores_keep_every_acknowledged_commit_and_mix_nothing(
    service, client, journal_mode, bookkeepers, tmp_path
):
    rounds = []
    for _ in range(3):
        for bookkeeper in bookkeepers:
            bookkeeper.wait(commits=20, reads=1)
        name = client.back_up()
        for bookkeeper in bookkeepers:
            bookkeeper.wait(commits=20, reads=1)
        rounds.append((name, *restore(client, name)))
        assert client.get("Health") in ("ok", "stale")
    for bookkeeper in bookkeepers:
        bookkeeper.wait(commits=20, reads=1)
    connection = sqlite3.connect(service.database, timeout=PATIENCE_SECONDS)
    assert connection.execute("PRAGMA journal_mode").fetchone() == (journal_mode,)
    connection.close()
    finish(bookkeepers)

    # Between two restores the database is the restored backup and the commits since.
    restored = set()
    segments = []
    for name, saved_as, _, _ in rounds:
        held = in_backup(service, saved_as, tmp_path)
        assert restored <= held, f"{saved_as} misses what the restore before it brought back"
        segments.append(held - restored)
        restored = in_backup(service, name, tmp_path)
    held = numbers(service.database)
    assert restored <= held
    segments.append(held - restored)

    everything = set().union(*segments)
    assert sum(map(len, segments)) == len(everything), "a commit came back from the dead"
    assert acknowledged(bookkeepers) <= everything <= tried(bookkeepers)
    # And each is where its time puts it.
    for bookkeeper in bookkeepers:
        for commit in bookkeeper.commits():
            segment = next(index for index, found in enumerate(segments) if commit.number in found)
            earliest = sum(commit.begun > ended for *_, ended in rounds)
            latest = sum(commit.ended > begun for *_, begun, _ in rounds)
            assert earliest <= segment <= latest, commit


def test_undo_brings_back_what_was_there(service, client, journal_mode, bookkeepers, tmp_path):
    name = client.back_up()
    for bookkeeper in bookkeepers:
        bookkeeper.wait(commits=20)
    saved_as, *_ = restore(client, name)
    assert client.run("UndoRestore", {})[1:] == ("done", "", "")
    for bookkeeper in bookkeepers:
        bookkeeper.wait(commits=10, reads=1)
    finish(bookkeepers)
    assert in_backup(service, saved_as, tmp_path) <= numbers(service.database)
