# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must not make the service restore over a sound database, or lose its locks on it."""

import contextlib
import os
import shutil
import sqlite3
import time

import pytest

from application import read_all, write_at
from broken_database import checkpoint, damage_page, destroy_header, kept, start, users  # noqa: F401
from client import BusError
from contract import ERROR, JOB


def told(client, member, since=0):
    client.mark()
    return [found.body for found in client.signals[max(since, client.epoch) :] if found.member == member]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("member", ["Export", "Import", "Restore"])
def test_descriptor_of_the_live_database_is_refused(service, client, application, member, ending):
    """Closing it would drop the locks of the service's own connections, and writing to it destroy the database."""
    client.manager("GetStatistics")  # the last that the start has to do on the database; a reader marks the -shm
    application.add_users(1, "one")
    path = service.database + ending
    before = read_all(path)
    fd = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(BusError) as caught:
            if member == "Restore":
                client.manager("Restore", "", {"from": ("h", fd)})
            else:
                client.manager(member, fd, {})
    finally:
        os.close(fd)
    assert caught.value.name == ERROR + "InvalidArgument"
    assert service.database in caught.value.message
    assert client.get("NJobs") == 0
    assert read_all(path) == before


def test_refused_descriptor_of_the_live_database_costs_no_lock(kept, gate):
    """It is closed only when no connection of the service is left that could lose its locks."""
    client = start(kept, **gate.at("snapshot-pinned"))
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    daemon = kept.process.pid

    def locks():
        """By descriptor: /proc/locks is read in pieces, and leaves some out while other processes lock and unlock."""
        found = []
        for fd in os.listdir(f"/proc/{daemon}/fdinfo"):
            with contextlib.suppress(FileNotFoundError):  # closed since
                with open(f"/proc/{daemon}/fdinfo/{fd}", encoding="ascii") as file:
                    found += [line.split(maxsplit=2)[2] for line in file if line.startswith("lock:")]
        return sorted(found)

    def n_refused():
        """Those that the test has passed can't be written to; a connection that lingers opens its own for writing."""
        n = 0
        for fd in os.listdir(f"/proc/{daemon}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed since
                if os.readlink(f"/proc/{daemon}/fd/{fd}").startswith(kept.database):
                    with open(f"/proc/{daemon}/fdinfo/{fd}", encoding="ascii") as file:
                        flags = dict(line.split(maxsplit=1) for line in file)["flags:"]
                    n += int(flags, 8) & os.O_ACCMODE == os.O_RDONLY
        return n

    before = locks()
    assert before
    for ending in ("", "-shm"):
        fd = os.open(kept.database + ending, os.O_RDONLY)
        for call in (
            ("Export", fd, {}),
            ("Import", fd, {}),
            ("Restore", "", {"from": ("h", fd)}),
            ("Restore", "", {"identity": ("h", fd)}),
            ("UndoRestore", {"passphrase": ("h", fd)}),
            ("Verify", "", {"identity": ("h", fd)}),
        ):
            with pytest.raises(BusError):
                client.manager(*call)
        os.close(fd)
    client.mark()
    assert locks() == before
    assert n_refused() >= 12
    gate.release()
    assert client.ended(job_id)[0] == "done"
    client.wait_property("NJobs", 0)
    # The job's row in the logs may be being written. Its connection would linger for twice as long as this waits, if
    # nobody waited for it.
    deadline = time.monotonic() + 30
    while n_refused() > 0:
        assert time.monotonic() < deadline
        client.mark()


def test_database_that_comes_back_before_the_restore_begins_is_kept(kept, gate):
    client = start(kept, **gate.at("snapshot-pinned"))
    checkpoint(kept.database)
    since = client.mark()
    client.manager("Backup", {})
    gate.wait_reached()
    os.rename(kept.database, kept.database + ".away")
    job = client.wait(lambda signal: signal.member == "JobNew" and signal.body[2] == "restore", since=since).body
    os.rename(kept.database + ".away", kept.database)
    gate.release()
    assert client.ended(job[0])[0] == "cancelled"
    # What came back is looked at, and kept when it is sound.
    check = client.wait(lambda signal: signal.member == "JobNew" and signal.body[2] == "check", since=since).body
    assert client.ended(check[0])[0] == "done"
    assert users(kept.database) == {"kept0", "kept1", "later0"}
    assert told(client, "DatabaseRestored", since) == []
    assert client.get("Integrity") == "ok"


def test_data_directory_that_is_closed_for_a_while_is_no_missing_database(kept):
    """What can't be looked at is not gone."""
    kept.give_to("daemon")
    for directory, _, names in os.walk(kept.state):
        for name in (".", *names):
            shutil.chown(os.path.join(directory, name), "daemon", "daemon")
    client = start(kept, user="daemon")
    data = os.path.dirname(kept.database)
    since = client.mark()
    with open(kept.database, "r+b"):
        os.chmod(data, 0)
    # The closing was an event, and the file can't be looked at.
    client.wait(lambda signal: "wrong-permissions" in str(signal.body), since=since)
    os.chmod(data, 0o2770)
    assert told(client, "CorruptionDetected", since) == []
    assert "restore" not in [body[2] for body in told(client, "JobNew", since)]
    assert users(kept.database) == {"kept0", "kept1", "later0"}


# Runs a command that gets EPERM from every fchown(), as the service's unit has it (SystemCallFilter=~@privileged).
WITHOUT_FCHOWN = """#!/usr/bin/python3
import ctypes, os, platform, struct, sys
number = {"x86_64": 93, "aarch64": 55}[platform.machine()]
program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)))
code = ctypes.create_string_buffer(program)
filter = struct.pack("HxxxxxxP", 4, ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, filter, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_group_that_the_directory_gives_needs_no_fchown(kept, tmp_path):
    """The database of an application's user, in the setgid directory that it shares with the service."""
    checkpoint(kept.database)
    data = os.path.dirname(kept.database)
    os.chown(data, 0, 23456)
    os.chmod(data, 0o2770)
    os.chown(kept.database, 12345, 23456)
    os.chmod(kept.database, 0o660)
    write_at(kept.database, 0, b"\0" * 100)
    wrapper = tmp_path / "without-fchown"
    wrapper.write_text(WITHOUT_FCHOWN)
    wrapper.chmod(0o755)
    command = kept.command
    kept.command = lambda *arguments: [str(wrapper), *command(*arguments)]
    client = kept.start()
    assert told(client, "DatabaseRestored")[0][2] == "replace"
    status = os.stat(kept.database)
    assert (status.st_gid, status.st_mode & 0o7777) == (23456, 0o660)
    assert users(kept.database) == {"kept0", "kept1", "later0"}


@pytest.fixture
def starting(kept, gate):
    """A connection to a service that is held in its start, while it makes the initial backup again."""
    for name in kept.stored():
        if name.startswith("initial_backup"):
            os.unlink(os.path.join(kept.backups, name))
    kept.launch(**gate.at("snapshot-pinned"))
    gate.wait_reached()
    return kept.client


def test_restore_that_is_cancelled_while_the_service_starts_does_not_start_it_twice(kept, gate, starting):
    client = starting
    client.mark()
    name = client.names()[0]
    job_id, _ = client.manager("Restore", name, {})
    client.manager("CancelJob", job_id)
    assert client.ended(job_id)[0] == "cancelled"
    assert client.get("NJobs") == 1
    gate.release()
    kept.wait_notification("READY=1")
    client.wait_property("NJobs", 0)
    assert [body[2] for body in told(client, "JobNew")].count("startup") == 1


def test_start_up_cannot_be_cancelled(kept, gate, starting):
    client = starting
    job = next(path for path in client.objects() if "/job/" in path)
    assert not client.get("Cancellable", job, JOB)
    for call in (lambda: client.call(job, JOB, "Cancel"), lambda: client.manager("CancelJob", client.get("Id", job, JOB))):
        with pytest.raises(BusError) as caught:
            call()
        assert caught.value.name == ERROR + "NotSupported"
    gate.release()
    kept.wait_notification("READY=1")


def test_restore_that_fails_its_last_check_counts_for_the_loop_guard(kept, gate):
    """Otherwise a disk that spoils what is written has the same backup restored again and again."""
    destroy_header(kept.database)
    kept.launch(**gate.at("replace-published"))
    gate.wait_reached()
    damage_page(kept.database)
    gate.release()
    kept.wait_notification("READY=1")
    client = kept.client
    client.wait_property("NJobs", 0)
    assert client.get("Health") == "corrupt"
    since = client.mark()
    assert client.run("Verify", "", {})[1] == "failed"
    client.mark()
    assert "auto-restore-stopped" in client.reasons()
    assert "restore" not in [body[2] for body in told(client, "JobNew", since)]


@pytest.mark.parametrize("place", ["file", "wal"])
def test_schema_of_a_newer_sqlite_is_left_as_it_is(kept, place):
    """The application's SQLite may know words that the service's does not; its rows are as sound as ever."""
    application = sqlite3.connect(kept.database)
    application.execute("CREATE VIEW later_view AS SELECT username FROM users")
    application.execute("PRAGMA writable_schema=ON")
    application.execute("UPDATE sqlite_schema SET sql = sql || ' WHATEVER COMES' WHERE name = 'later_view'")
    application.commit()
    if place == "file":
        application.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        write_at(kept.database, 96, (4000000).to_bytes(4, "big"))
    client = kept.start()
    assert client.get("Integrity") == "not-checkable"
    assert "not-checkable" in client.reasons()
    assert any("later_view" in text for _, text in client.get("HealthReasons"))
    assert client.run("Verify", "", {})[1] == "done"
    assert client.run("Backup", {})[1] == "done"
    assert client.get("LastRestore") == ""
    application.execute("DELETE FROM sqlite_schema WHERE name = 'later_view'")
    application.commit()
    application.close()
    assert "later0" in users(kept.database)
    assert client.run("Verify", "", {})[1] == "done"
    assert client.get("Health") == "ok"


@pytest.mark.parametrize("offset, value", [(18, b"\3\3"), (47, b"\5")], ids=["file format", "schema format"])
def test_file_of_a_newer_sqlite_is_left_as_it_is(kept, offset, value):
    """SQLite calls it no database, as it calls rubbish."""
    checkpoint(kept.database)
    write_at(kept.database, offset, value)
    before = read_all(kept.database)
    client = kept.start()
    client.wait_property("NJobs", 0)
    assert read_all(kept.database) == before
    assert client.get("Health") == "degraded"
    assert "not-checked" in client.reasons()
    with pytest.raises(BusError) as caught:
        client.manager("GetStatistics")
    assert caught.value.name == ERROR + "NotSupported"
    assert client.run("Verify", "", {})[2] == ERROR + "NotSupported"
    assert read_all(kept.database) == before
