# SPDX-License-Identifier: LGPL-2.1-or-later
"""The application writes through it all: no backup is half of a transaction, no acknowledged commit is lost, nobody
reads "malformed", and nobody's write-ahead log is checkpointed behind their back."""

import os
import sqlite3
import subprocess
import sys

import pytest

from application import check, read_all, unpack
from contract import BACKUP

WRITER = os.path.join(os.path.dirname(__file__), "writer.py")


class Writer:
    """One process that commits as fast as it can, without end or so many times."""

    def __init__(self, database, *commits):
        self.process = subprocess.Popen(
            [sys.executable, "-B", WRITER, database, *map(str, commits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.acknowledged = 0

    def wait_commits(self, count):
        """Waits for that many more acknowledged commits."""
        for _ in range(count):
            line = self.process.stdout.readline().strip()
            assert line.isdigit(), line
            self.acknowledged = int(line)
        return self.acknowledged

    def finish(self):
        """Asks it to end; the number of the last acknowledged commit."""
        self.process.stdin.close()
        lines = self.process.stdout.read().splitlines()
        self.process.stdout.close()
        assert self.process.wait() == 0 and lines[-1] == "end", lines[-3:]
        return max([self.acknowledged, *map(int, lines[:-1])])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def writer(service, client):
    started = Writer(service.database)
    started.wait_commits(1)
    yield started
    if started.process.poll() is None:
        started.kill()


def read(path):
    """(sum of the ledger, number of moves, highest number)."""
    connection = sqlite3.connect(path)
    try:
        return (
            connection.execute("SELECT sum(amount) FROM ledger").fetchone()[0],
            *connection.execute("SELECT count(*), coalesce(max(number), 0) FROM moves").fetchone(),
        )
    finally:
        connection.close()


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_every_backup_beside_a_writer_is_one_moment(service, client, writer, tmp_path, compression):
    service.configure(f"Compression={compression}\n")
    client.manager("Reload")
    known_before = {}
    for _ in range(6):
        acknowledged = writer.wait_commits(20)
        known_before[client.back_up()] = acknowledged
    last = writer.finish()
    for backup in client.backups():
        if backup["name"] == "initial_backup":
            continue
        stored = os.path.join(service.backups, client.get("File", backup["path"], BACKUP))
        image = unpack(stored, tmp_path / "image.db")
        check(image)
        total, count, highest = read(image)
        assert total == 0
        assert count == highest
        assert known_before[backup["name"]] <= highest <= last
    check(service.database)
    assert read(service.database) == (0, last, last)


def test_all_jobs_at_once_lose_no_commit(service, client, writer):
    jobs = []
    for _ in range(4):
        jobs.append(client.manager("Backup", {})[0])
        jobs.append(client.manager("Verify", "", {})[0])
        client.manager("GetStatistics")
        client.manager("Cleanup", {})
        writer.wait_commits(10)
    assert {client.ended(job_id)[0] for job_id in jobs} == {"done"}
    service.stop()
    writer.wait_commits(10)
    last = writer.finish()
    check(service.database)
    assert read(service.database) == (0, last, last)


def test_start_and_stop_beside_a_writer_lose_no_commit(service, client, writer):
    for _ in range(3):
        service.stop()
        writer.wait_commits(10)
        assert service.start().get("Integrity") == "ok"
        writer.wait_commits(10)
    last = writer.finish()
    check(service.database)
    assert read(service.database) == (0, last, last)


def everything_that_reads(client):
    client.back_up()
    assert client.run("Verify", "", {})[1] == "done"
    client.manager("GetStatistics")
    client.manager("Diagnose")
    client.manager("Cleanup", {})


def test_log_of_a_connected_application_is_not_checkpointed(service, client, application):
    application.query("PRAGMA wal_autocheckpoint = 0")
    application.query("PRAGMA wal_checkpoint(TRUNCATE)")
    application.add_users(3000)
    before, log_before = read_all(service.database), read_all(service.database + "-wal")
    everything_that_reads(client)
    service.stop()
    client = service.start()
    everything_that_reads(client)
    assert read_all(service.database) == before
    # The service's own records are appended, as any commit is.
    assert read_all(service.database + "-wal").startswith(log_before)
    assert application.query("SELECT count(*) FROM users") == [(3000,)]


def test_log_of_a_killed_application_is_not_checkpointed_by_the_last_close(service, client):
    # Killed between two commits: what it left of half a commit would rightly be written over, a log that it had just
    # checkpointed whole be begun anew.
    writer = Writer(service.database, 20)
    writer.wait_commits(20)
    writer.kill()
    before, log_before = read_all(service.database), read_all(service.database + "-wal")
    everything_that_reads(client)
    service.stop()
    assert read_all(service.database) == before
    # The service's own records are appended, as any commit is.
    assert read_all(service.database + "-wal").startswith(log_before)
    total, count, highest = read(service.database)
    assert total == 0 and count == highest >= writer.acknowledged


def test_writer_in_a_long_transaction_stops_no_backup(service, client, application, tmp_path):
    application.query("BEGIN IMMEDIATE")
    application.query("INSERT INTO users (username, password) VALUES ('not committed', 'x')")
    client.back_up()
    stored = os.path.join(service.backups, client.get("File", client.backups()[0]["path"], BACKUP))
    image = unpack(stored, tmp_path / "image.db")
    connection = sqlite3.connect(image)
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
    connection.close()
    application.query("COMMIT")
    assert application.query("SELECT count(*) FROM users") == [(1,)]


def test_reader_in_a_long_transaction_stops_no_backup(client, application):
    application.query("BEGIN")
    application.query("SELECT count(*) FROM users")
    client.back_up()
    application.query("COMMIT")


def test_backups_work_in_rollback_mode_too(service, client, tmp_path):
    """The application decides; a database that it switched back is backed up as it is."""
    service.stop()
    connection = sqlite3.connect(service.database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=DELETE")
    reader = connection.execute("SELECT name FROM sqlite_schema")
    reader.fetchone()
    client = service.start()
    client.back_up()
    stored = os.path.join(service.backups, client.get("File", client.backups()[0]["path"], BACKUP))
    check(unpack(stored, tmp_path / "image.db"))
    connection.close()
