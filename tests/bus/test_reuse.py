# SPDX-License-Identifier: LGPL-2.1-or-later
"""A later backup takes over what has not changed, and depends on nothing for it."""

import os
import sqlite3
import time

import pytest

from application import Application, flip_byte, unpack
from contract import BACKUP

HOUR_USEC = 3_600_000_000
BEGIN_USEC = int(time.time()) * 1_000_000 + HOUR_USEC


def back_up(client):
    """As the timer does it, without a row in system_logs about each, which would be a change."""
    return client.back_up(automatic=("b", True))


def users(path):
    """What the service itself writes beside (its log, statistics of the planner) is no business of these tests."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM users ORDER BY id").fetchall()
    connection.close()
    return rows


def stored_files(service, client):
    """Paths of the stored files, newest first."""
    return [
        os.path.join(service.backups, client.get("File", backup["path"], BACKUP)) for backup in client.backups()
    ]


@pytest.fixture
def filled(service, application):
    """A database of a few megabytes."""
    application.add_users(20000)
    return service.database


def test_second_backup_holds_the_changes(service, client, filled, application, tmp_path):
    back_up(client)
    application.add_users(7, prefix="later")
    back_up(client)
    image = unpack(stored_files(service, client)[0], tmp_path / "image.db")
    assert users(image) == users(service.database)


def test_removing_the_older_one_leaves_the_newer_one_whole(service, client, filled, tmp_path):
    older = back_up(client)
    newer = back_up(client)
    path = next(backup["path"] for backup in client.backups() if backup["name"] == older)
    job_id, _ = client.call(path, BACKUP, "Delete", {})
    assert client.ended(job_id)[0] == "done"
    assert client.run("Verify", newer, {})[1] == "done"


def test_rot_of_the_older_backup_is_found_and_not_taken_over(service, client, filled, tmp_path):
    """The new backup is whole, and the one that it had begun to copy is verified, and marked."""
    older = back_up(client)
    stored = stored_files(service, client)[0]
    flip_byte(stored, os.path.getsize(stored) // 2, bits=1)
    expected = users(service.database)
    start = client.mark()
    newer = back_up(client)
    client.wait(lambda signal: signal.member == "JobRemoved" and signal.body[2] == "verify", since=start)
    paths = {backup["name"]: backup["path"] for backup in client.backups()}
    assert client.get("VerificationFault", paths[older], BACKUP)
    assert client.run("Verify", newer, {})[1] == "done"
    image = unpack(stored_files(service, client)[0], tmp_path / "image.db")
    assert users(image) == expected


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_file_of_another_kind_is_not_built_upon(service, compression):
    """From one form to the other and back."""
    other = {"gzip": "none", "none": "gzip"}[compression]
    service.configure(f"Compression={compression}\n")
    client = service.start()
    back_up(client)
    service.configure(f"Compression={other}\n")
    client.manager("Reload")
    assert client.run("Verify", back_up(client), {})[1] == "done"
    service.configure(f"Compression={compression}\n")
    client.manager("Reload")
    assert client.run("Verify", back_up(client), {})[1] == "done"


def at(service, hours):
    """Sets the daemon's clock ahead of the one that files get their times from: nothing was written just now."""
    service.set_clock(BEGIN_USEC + hours * HOUR_USEC)


@pytest.fixture
def quiet(service):
    """A daemon whose clock the test sets, with a backup of a database that nobody has written to for an hour."""
    at(service, 0)
    client = service.start(clock=True)
    # The last connection that closes writes the -wal into the file. An application that stays keeps that from being
    # the one with which a test looks.
    application = sqlite3.connect(service.database)
    application.execute("SELECT count(*) FROM users").fetchone()
    # What the service itself does on the database after a start and after a backup lies before this in its lane: a
    # connection that comes or goes just then leaves it untold whether anything has changed.
    client.manager("GetStatistics")
    at(service, 1)
    back_up(client)
    client.manager("GetStatistics")
    at(service, 2)
    yield client
    application.close()


def inodes(service, client):
    return [os.stat(path).st_ino for path in stored_files(service, client)]


def test_unchanged_database_is_backed_up_without_being_read(service, quiet, tmp_path):
    expected = users(service.database)
    bytes_before = quiet.get("BackupBytes")
    name = back_up(quiet)
    newer, older = quiet.backups()[:2]
    assert newer["name"] == name and newer["created"] == BEGIN_USEC + 2 * HOUR_USEC
    copied_usec = quiet.get("CopiedUSec", newer["path"], BACKUP)
    assert copied_usec == quiet.get("CopiedUSec", older["path"], BACKUP) < newer["created"]
    # What was not done is not claimed, and what takes no room is not counted.
    assert newer["verified"] == older["verified"]
    assert quiet.get("BackupBytes") == bytes_before
    assert len(set(inodes(service, quiet)[:2])) == 1
    assert quiet.run("Verify", name, {})[1] == "done"
    assert users(unpack(stored_files(service, quiet)[0], tmp_path / "image.db")) == expected


def test_commit_after_the_last_backup_is_in_the_next(service, quiet, tmp_path):
    opened = Application(service.database)
    opened.add_users(3)
    back_up(quiet)
    assert len(set(inodes(service, quiet)[:2])) == 2
    assert users(unpack(stored_files(service, quiet)[0], tmp_path / "image.db")) == users(service.database)
    opened.close()


def test_removing_one_name_leaves_the_other(service, quiet):
    newer = back_up(quiet)
    older = quiet.backups()[1]
    assert quiet.run("Delete", {}, path=older["path"], interface=BACKUP)[1] == "done"
    assert quiet.run("Verify", newer, {})[1] == "done"
    back_up(quiet)
    newest = quiet.backups()[0]
    assert quiet.run("Delete", {}, path=newest["path"], interface=BACKUP)[1] == "done"
    assert quiet.run("Verify", newer, {})[1] == "done"


def test_bytes_are_copied_again_after_a_day(service, quiet):
    back_up(quiet)
    at(service, 26)
    back_up(quiet)
    first, second = quiet.backups()[:2]
    assert quiet.get("CopiedUSec", first["path"], BACKUP) == first["created"] == first["verified"]
    assert quiet.get("CopiedUSec", second["path"], BACKUP) < second["created"]


def test_full_check_is_not_replaced_by_a_quick_one(service, quiet):
    service.configure("IntegrityCheck=quick\n")
    quiet.manager("Reload")
    opened = Application(service.database)
    opened.add_users(1)
    opened.close()
    back_up(quiet)
    assert quiet.get("IntegrityCheck", quiet.backups()[0]["path"], BACKUP) == "quick"
    service.configure("IntegrityCheck=full\n")
    quiet.manager("Reload")
    back_up(quiet)
    newest = quiet.backups()[0]
    assert quiet.get("IntegrityCheck", newest["path"], BACKUP) == "full"
    assert quiet.get("CopiedUSec", newest["path"], BACKUP) == newest["created"]
