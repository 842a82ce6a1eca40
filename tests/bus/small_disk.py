# SPDX-License-Identifier: LGPL-2.1-or-later
"""A state directory on a small file system of its own, whose room a test takes away and gives back."""

import errno
import os
import subprocess

import pytest

from application import Application, read_all
from contract import ERROR

MIB = 1024 * 1024
DISK_BYTES = 48 * MIB
DATABASE_BYTES = 8 * MIB


def on_own_file_system(service, *mount):
    """The service, with its state directory on what `mount` mounts there; gone when the generator ends."""
    os.makedirs(service.state)
    subprocess.run(["mount", *mount, service.state], check=True)
    service.configure("LowDiskSpace=1M\n")
    yield service
    try:
        if service.process is not None:
            service.stop()
    finally:
        subprocess.run(["umount", "--lazy", service.state], check=True)


@pytest.fixture
def small_disk(service):
    """A service whose state directory is a file system of its own, small, with a database that a backup feels."""
    yield from on_own_file_system(service, "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0755", "oracxpred-test")


def grow(service):
    application = Application(service.database)
    application.add_bulk(DATABASE_BYTES)
    application.query("PRAGMA wal_checkpoint(TRUNCATE)")
    application.close()


def fill(service, leave_bytes=0):
    """Takes all the room but `leave_bytes` away, also when the service writes a record meanwhile."""
    with open(os.path.join(service.state, "filler"), "ab") as file:
        while (room_bytes := free_bytes(service) - leave_bytes) > 0:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, room_bytes)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def free_bytes(service):
    room = os.statvfs(service.state)
    return room.f_bavail * room.f_frsize


def make_room(service):
    os.unlink(os.path.join(service.state, "filler"))


def contents(service):
    return {name: read_all(os.path.join(service.backups, name)) for name in service.stored()}


def fails_for_space(client, service, job_id):
    result, error, message = client.ended(job_id)
    assert (result, error) == ("failed", ERROR + "NoSpace"), message
    assert service.backups in message or service.state in message
