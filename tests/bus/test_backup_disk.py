# SPDX-License-Identifier: LGPL-2.1-or-later
"""The backups on a disk of their own: not mounted at the start, mounted late, lost while the service runs; and
BackupDirectory=."""

import os
import subprocess

import pytest

from application import make_database
from client import BusError
from contract import ERROR
from service import DISK_MARKER

REASON = "backup-disk-missing"


class Disk:
    """A file system that is mounted where the backups are, and taken away."""

    def __init__(self, service, directory):
        self.service = service
        self.directory = str(directory)
        os.makedirs(self.directory)
        os.makedirs(service.backups)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "test", self.directory], check=True)

    def mount(self):
        subprocess.run(["mount", "--bind", self.directory, self.service.backups], check=True)

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.service.backups], check=True)

    def files(self):
        return sorted(os.listdir(self.directory))


@pytest.fixture
def disk(service, tmp_path):
    service.configure("LowDiskSpace=1M\n")
    made = Disk(service, tmp_path / "disk")
    made.mount()
    yield made
    if service.process is not None:
        service.stop()
    if os.path.ismount(service.backups):
        made.unmount()
    subprocess.run(["umount", "--lazy", made.directory], check=True)


@pytest.fixture
def without(service, disk):
    """A client of the service, which once had the disk and was started without it."""
    service.start()
    service.stop()
    disk.unmount()
    return service.start()


def is_missing(client):
    return client.get("Health") == "degraded" and REASON in client.reasons()


def test_nothing_is_stored_below_the_mount_point(service, without):
    assert is_missing(without)
    assert without.get("Backups") == 0
    result, error, message = without.run("Backup", {})[1:]
    assert (result, error) == ("failed", ERROR + "CannotOpen"), message
    assert service.backups in message
    assert service.stored() == []


def test_nobody_is_told_that_there_are_no_backups(service, without):
    for call in (("ListBackups",), ("Verify", "initial_backup", {}), ("Restore", "", {})):
        with pytest.raises(BusError) as caught:
            without.manager(*call)
        assert caught.value.name == ERROR + "CannotOpen"
    assert "No backup was ever made" not in str(without.get("HealthReasons"))


def test_disk_that_comes_late_is_used_and_what_was_missed_is_made_up_for(service, disk, without):
    assert without.run("Backup", {})[1] == "failed"
    since = without.mark()
    disk.mount()
    without.wait_property("Health", "ok")
    _, name, _ = without.wait_signal("BackupCreated", since=since)
    assert name != "initial_backup"
    assert set(without.names()) == {"initial_backup", name}
    assert not [file for file in disk.files() if file.startswith(".") and file != DISK_MARKER]


def test_disk_that_is_lost_and_comes_back(service, disk):
    client = service.start()
    before = set(disk.files())
    disk.unmount()
    client.wait_property("Health", "degraded")
    assert is_missing(client)
    assert client.get("Backups") == 0
    assert client.run("Backup", {})[1] == "failed"
    assert service.stored() == []
    disk.mount()
    client.wait_property("Health", "ok")
    assert "initial_backup" in client.names()
    assert before <= set(disk.files())


def test_no_empty_database_takes_the_place_of_one_whose_backups_are_on_the_missing_disk(service, disk):
    service.start()
    service.stop()
    disk.unmount()
    for file in os.listdir(os.path.dirname(service.database)):
        os.unlink(os.path.join(os.path.dirname(service.database), file))
    client = service.start()
    assert {"database-missing", REASON} <= set(client.reasons())
    assert not os.path.exists(service.database)
    disk.mount()
    client.wait_property("Integrity", "ok")
    assert os.path.exists(service.database)


def test_told_so_the_service_does_without_the_disk(service, without):
    os.unlink(os.path.join(service.state, "backup-directory.json"))
    assert without.run("Backup", {})[1:] == ("done", "", "")
    assert without.get("Health") == "ok"
    assert [name for name in service.stored() if name.endswith(".db.gz")]


def test_another_disk_in_its_place_is_used(service, disk, without, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "test", service.backups], check=True)
    without.wait_property("Health", "ok")
    assert without.run("Backup", {})[1] == "done"
    assert [name for name in service.stored() if name.endswith(".db.gz")]


def test_backup_directory_is_anywhere(service, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    service.configure(f"BackupDirectory={elsewhere}\n")
    client = service.start()
    assert client.get("BackupDirectory") == str(elsewhere)
    client.back_up()
    assert len([name for name in os.listdir(elsewhere) if name.endswith(".db.gz")]) == 2
    assert not os.path.exists(service.backups)
    since = client.mark()
    os.rename(elsewhere, tmp_path / "away")
    os.rename(tmp_path / "away", elsewhere)
    make_database(str(elsewhere / "backup_20260101_120000.db"))
    client.wait_signal("BackupCreated", 0, "backup_20260101_120000", since=since)


def test_backup_directory_whose_parent_is_missing_keeps_nothing_down(service, tmp_path):
    service.configure(f"BackupDirectory={tmp_path}/missing/backups\n")
    client = service.start()
    assert is_missing(client)
    assert client.get("Integrity") == "ok"
    os.mkdir(tmp_path / "missing")
    os.mkdir(tmp_path / "missing/backups")
    assert client.run("Backup", {})[1:] == ("done", "", "")
    assert client.get("Health") == "ok"
