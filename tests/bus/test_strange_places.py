# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is no file in the place of one: the service neither waits for it nor reads it without end. It starts, says what is
in its way, and goes on with a backup and a restore where that is not the database's own."""

import os
import socket
import stat

import pytest

from client import BusError
from contract import ERROR


def make_socket(path):
    """By a short name: a socket's address has only so much room."""
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    os.close(directory)


def make_endless(path):
    with open(path, "wb") as file:
        file.truncate(1 << 40)


KINDS = {
    "fifo": os.mkfifo,
    "socket": make_socket,
    "device": lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5)),  # zero
    "link to a device": lambda path: os.symlink("/dev/zero", path),
    "link to itself": lambda path: os.symlink(path, path),
    "terabyte": make_endless,
}
DIRECTORY = {"directory": os.mkdir}
STATE = ["clock.json", "database.json", "last-check.json", "last-backup-fault.json", "remedies.json", "rescue.json"]


def lay(service, path, kind):
    """In the place of what a first run left there."""
    service.start()
    name = service.client.back_up()
    service.stop()
    if os.path.lexists(path):
        os.rename(path, path + ".was")
    (KINDS | DIRECTORY)[kind](path)
    return name


@pytest.mark.parametrize("kind", [*KINDS, *DIRECTORY])
def test_in_the_place_of_what_the_service_remembers(service, kind):
    for file in STATE[1:]:
        service_path = os.path.join(service.state, file)
        os.makedirs(service.state, exist_ok=True)
        if not os.path.lexists(service_path):
            (KINDS | DIRECTORY)[kind](service_path)
    name = lay(service, os.path.join(service.state, STATE[0]), kind)
    client = service.start()
    assert client.get("Health") == "ok"
    client.back_up()
    client.run("Restore", name, {})
    assert client.get("Health") == "ok"


@pytest.mark.parametrize("kind", [*KINDS, *DIRECTORY])
def test_in_the_place_of_a_manifest(service, kind):
    name = lay(service, os.path.join(service.backups, "backup_20260101_000000.meta"), kind)
    client = service.start()
    assert client.get("Health") == "ok"
    assert client.names()[0] == name
    client.run("Restore", name, {})


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", [kind for kind in [*KINDS, *DIRECTORY] if kind != "terabyte"])
def test_beside_the_database(service, ending, kind):
    path = service.database + ending
    name = lay(service, path, kind)
    client = service.start()
    before = os.lstat(path)
    for member, arguments in {"Backup": ({},), "Restore": (name, {}), "Verify": ("", {})}.items():
        try:
            result = client.run(member, *arguments)
        except BusError as error:
            result = (None, "failed", error.name, str(error))
        assert result[1] == "done" or path in result[3], (member, result)
    assert os.lstat(path).st_ino == before.st_ino and os.lstat(path).st_mode == before.st_mode
    assert client.names()[0] >= name


# What is passed in the place of a file, by what makes it: (descriptor, what keeps its other end open).
def passed_socket():
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs


def passed_memory():
    descriptor = os.memfd_create("sparse")
    os.write(descriptor, b"SQLite format 3\0")
    os.ftruncate(descriptor, 1 << 40)
    return descriptor, None


PASSED = {
    "pipe": os.pipe,
    "socket": passed_socket,
    "directory": lambda: (os.open("/", os.O_RDONLY), None),
    "device": lambda: (os.open("/dev/zero", os.O_RDONLY), None),
    "path": lambda: (os.open("/etc/hostname", os.O_PATH), None),
    "terabyte of memory": passed_memory,
    "its own memory": lambda: (os.open("/proc/self/mem", os.O_RDONLY), None),
}


@pytest.mark.parametrize("make", PASSED.values(), ids=PASSED)
def test_passed_in_the_place_of_a_file(client, make):
    before = client.names()
    for member, arguments in {
        "Restore": lambda file: ("", {"from": ("h", file)}),
        "PlanRestoreFile": lambda file: (file, {}),
        "Verify": lambda file: ("initial_backup", {"identity": ("h", file)}),
    }.items():
        descriptor, other_end = make()
        try:
            if member == "PlanRestoreFile":
                client.manager(member, *arguments(descriptor))
                result = "done"
            else:
                result = client.run(member, *arguments(descriptor))[1]
        except BusError as error:
            assert error.name.startswith(ERROR), error
            result = "refused"
        assert result != "done", member
        os.close(descriptor)
        if isinstance(other_end, int):
            os.close(other_end)
    assert client.names() == before and client.get("Health") == "ok"
