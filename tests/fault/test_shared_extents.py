# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups on file systems whose files can share extents: they take little more room than one, and each still is whole
when the others are gone. Real file systems, made in a file for each test."""

import array
import errno
import fcntl
import hashlib
import mmap
import os
import struct
import subprocess
import time

import pytest

from application import Application, flip_byte, unpack
from contract import BACKUP, ERROR
from small_disk import make_room, on_own_file_system

MIB = 1024 * 1024
HOUR_USEC = 3_600_000_000
# Of the file system, and of a stored file on one that shares extents.
BLOCK_BYTES = 4096
# XFS takes no less than 300 MiB. Holes, most of it.
DISK_BYTES = 512 * MIB
DATABASE_BYTES = 16 * MIB
BACKUPS = 6

SHARING = {
    "xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"],
    "btrfs": ["mkfs.btrfs", "-q"],
}
NOT_SHARING = {
    "xfs-without": ["mkfs.xfs", "-q", "-m", "reflink=0"],
    "ext4": ["mkfs.ext4", "-q"],
}

# linux/fiemap.h
FS_IOC_FIEMAP = 0xC020660B
FIEMAP_FLAG_SYNC = 0x1
FIEMAP_EXTENT_LAST = 0x1
FIEMAP_EXTENT_SHARED = 0x2000
FIEMAP_HEADER = "=QQIIII"
FIEMAP_EXTENT = "=QQQ16xI12x"
EXTENTS_AT_ONCE = 64


def disk_image(service):
    return os.path.join(service.directory, "disk.img")


def on_disk(service, make_file_system):
    """Mounts a new file system where the service has its state."""
    image = disk_image(service)
    with open(image, "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run([*make_file_system, image], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield from on_own_file_system(service, "-o", "loop", image)


@pytest.fixture(params=sorted(SHARING))
def sharing(service, request):
    """One chain of backups that share is enough here, so that each shares with the one before it."""
    for mounted in on_disk(service, SHARING[request.param]):
        mounted.configure("LowDiskSpace=1M\nRetentionMinimumVerified=1\n")
        yield mounted


@pytest.fixture(params=sorted(SHARING))
def apart(service, request):
    """As it is set without saying anything."""
    yield from on_disk(service, SHARING[request.param])


@pytest.fixture(params=sorted(NOT_SHARING))
def not_sharing(service, request):
    yield from on_disk(service, NOT_SHARING[request.param])


def synced(service):
    subprocess.run(["sync", "--file-system", service.state], check=True)


def used_bytes(service):
    synced(service)
    room = os.statvfs(service.state)
    return (room.f_blocks - room.f_bfree) * room.f_frsize


def shared_bytes(path):
    """How much of the file lies in extents that are another one's, too, as the kernel says."""
    total, start = 0, 0
    with open(path, "rb") as file:
        while True:
            room = array.array("B", bytes(struct.calcsize(FIEMAP_HEADER) + EXTENTS_AT_ONCE * 56))
            struct.pack_into(FIEMAP_HEADER, room, 0, start, 2**63 - 1 - start, FIEMAP_FLAG_SYNC, 0, EXTENTS_AT_ONCE, 0)
            fcntl.ioctl(file.fileno(), FS_IOC_FIEMAP, room)
            count = struct.unpack_from(FIEMAP_HEADER, room)[3]
            for number in range(count):
                offset = struct.calcsize(FIEMAP_HEADER) + number * 56
                logical, _, length, flags = struct.unpack_from(FIEMAP_EXTENT, room, offset)
                total += length if flags & FIEMAP_EXTENT_SHARED else 0
                start = logical + length
                if flags & FIEMAP_EXTENT_LAST:
                    return total
            if count == 0:
                return total


def back_up(service, client):
    """Returns the path of the stored file."""
    name = client.back_up()
    path = next(backup["path"] for backup in client.backups() if backup["name"] == name)
    return os.path.join(service.backups, client.get("File", path, BACKUP))


def digest(stored, tmp_path):
    """Of the database in it, by gunzip."""
    with open(unpack(stored, tmp_path / "image.db"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def filled(service, **hooks):
    client = service.start(**hooks)
    application = Application(service.database)
    application.add_bulk(DATABASE_BYTES)
    return client, application


def change(application, number):
    """Here and there in the database, and at its end."""
    application.query(
        "UPDATE system_logs SET action_type = ? WHERE action_type LIKE 'bulk%' AND id % 50 = ?",
        f"bulk{number}",
        number,
    )
    application.add_bulk(MIB // 2)
    application.query("PRAGMA wal_checkpoint(TRUNCATE)")


def test_backups_take_little_more_room_than_one(sharing, tmp_path):
    client, application = filled(sharing)
    application.query("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = [back_up(sharing, client)]
    database_bytes = os.path.getsize(sharing.database)
    used_before_bytes = used_bytes(sharing)
    for number in range(1, BACKUPS):
        change(application, number)
        stored.append(back_up(sharing, client))
    application.close()
    sharing.stop()

    later_bytes = sum(os.path.getsize(path) for path in stored[1:])
    grown_bytes = used_bytes(sharing) - used_before_bytes
    database_grown_bytes = os.path.getsize(sharing.database) - database_bytes
    assert grown_bytes - database_grown_bytes < later_bytes / 3
    for path in stored:
        assert shared_bytes(path) > os.path.getsize(path) * 2 / 3, path
    assert sharing.temporary_files() == []

    # The oldest, the newest, the second oldest and so on: whatever is left is what it was.
    expected = {path: digest(path, tmp_path) for path in stored}
    assert len(set(expected.values())) == BACKUPS
    while len(stored) > 1:
        removed = stored.pop(0 if len(stored) % 2 == 0 else -1)
        os.unlink(removed)
        os.unlink(removed + ".meta")
        synced(sharing)
        for path in stored:
            assert digest(path, tmp_path) == expected[path]
    # With the initial backup, which has been there all along.
    assert shared_bytes(stored[0]) <= os.path.getsize(os.path.join(sharing.backups, "initial_backup.db.gz"))
    client = sharing.start()
    last = next(backup for backup in client.backups() if client.get("File", backup["path"], BACKUP) in stored[0])
    assert client.run("Verify", last["name"], {})[1] == "done"


def test_rot_of_a_shared_extent_is_found_and_not_shared(sharing):
    """What both files would have in common is read from the disk before the new one is published."""
    client, application = filled(sharing)
    older = back_up(sharing, client)
    flip_byte(older, os.path.getsize(older) // 2, bits=1)
    synced(sharing)
    change(application, 1)
    start = client.mark()
    newer = back_up(sharing, client)
    client.wait(lambda signal: signal.member == "JobRemoved" and signal.body[2] == "verify", since=start)
    assert shared_bytes(newer) == 0
    paths = {client.get("File", backup["path"], BACKUP): backup for backup in client.backups()}
    assert client.get("VerificationFault", paths[os.path.basename(older)]["path"], BACKUP)
    assert client.run("Verify", paths[os.path.basename(newer)]["name"], {})[1] == "done"
    application.close()


def rot_block(service, path, offset_bytes):
    """Below the file system, in all files that have the block. Nothing of them is cached afterwards."""
    offset_bytes -= offset_bytes % BLOCK_BYTES
    with open(path, "rb") as file:
        block = os.pread(file.fileno(), BLOCK_BYTES, offset_bytes)
    synced(service)
    with open(disk_image(service), "r+b") as disk, mmap.mmap(disk.fileno(), 0) as mapped:
        places = [place for place in range(0, len(mapped), BLOCK_BYTES) if mapped[place : place + BLOCK_BYTES] == block]
        assert len(places) == 1
        mapped[places[0] : places[0] + 16] = bytes(16)
    for name in service.stored():
        with open(os.path.join(service.backups, name), "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def spoil_sector(service, path, offset_bytes):
    """A file system that has checksums of its data (btrfs) then fails to read it."""
    rot_block(service, path, offset_bytes)
    with open(path, "rb") as file, pytest.raises(OSError) as caught:
        os.pread(file.fileno(), BLOCK_BYTES, offset_bytes - offset_bytes % BLOCK_BYTES)
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize("sharing", ["btrfs"], indirect=True)
def test_unreadable_shared_extent_stops_no_backup(sharing, tmp_path):
    """It is written anew, and what can't be read is no verified backup any more, on which the next would build."""
    client, application = filled(sharing)
    older = back_up(sharing, client)
    change(application, 1)
    spoil_sector(sharing, older, os.path.getsize(older) // 2)
    start = client.mark()
    newer = back_up(sharing, client)
    client.wait(lambda signal: signal.member == "JobRemoved" and signal.body[2] == "verify", since=start)
    assert shared_bytes(newer) == 0
    paths = {client.get("File", backup["path"], BACKUP): backup for backup in client.backups()}
    assert "can't be read" in client.get("VerificationFault", paths[os.path.basename(older)]["path"], BACKUP)
    assert client.run("Verify", paths[os.path.basename(newer)]["name"], {})[1] == "done"
    change(application, 2)
    newest = back_up(sharing, client)
    application.close()
    assert shared_bytes(newest) > os.path.getsize(newest) * 2 / 3
    assert digest(newest, tmp_path) != digest(newer, tmp_path)


def test_killed_while_it_shares_leaves_the_older_backups(sharing, gate, tmp_path):
    client, application = filled(sharing)
    older = back_up(sharing, client)
    expected = digest(older, tmp_path)
    change(application, 1)
    sharing.stop()
    client = sharing.start(**gate.at("create-stored"))
    client.manager("Backup", {})
    gate.wait_reached()
    sharing.kill()
    gate.release()
    client = sharing.start()
    assert sharing.temporary_files() == []
    assert digest(older, tmp_path) == expected
    newer = back_up(sharing, client)
    assert shared_bytes(newer) > os.path.getsize(newer) * 2 / 3
    application.close()


def take_all_room(service):
    """Free room as statvfs tells it is not what such a file system gives: it is taken until there is none."""
    size_bytes = DISK_BYTES
    with open(os.path.join(service.state, "filler"), "ab") as file:
        while size_bytes >= 4096:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size_bytes)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size_bytes //= 2


def test_disk_that_becomes_full_before_anything_is_shared(sharing, gate, tmp_path):
    client, application = filled(sharing)
    older = back_up(sharing, client)
    expected = digest(older, tmp_path)
    change(application, 1)
    application.add_bulk(DATABASE_BYTES)
    sharing.stop()
    client = sharing.start(**gate.at("create-checked"))
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    take_all_room(sharing)
    gate.release()
    result, error, message = client.ended(job_id)
    assert (result, error) == ("failed", ERROR + "NoSpace"), message
    assert digest(older, tmp_path) == expected
    assert sharing.temporary_files() == []
    make_room(sharing)
    application.close()
    sharing.stop()
    client = sharing.start()
    newer = back_up(sharing, client)
    assert shared_bytes(newer) > os.path.getsize(newer) / 3


def test_nothing_is_padded_where_nothing_can_be_shared(not_sharing, tmp_path):
    client, application = filled(not_sharing)
    stored = [back_up(not_sharing, client)]
    change(application, 1)
    stored.append(back_up(not_sharing, client))
    expected = digest(stored[1], tmp_path)
    application.close()
    not_sharing.stop()
    for path in stored:
        assert shared_bytes(path) == 0
        with open(path, "rb") as file:
            assert file.read(22)[10:12] == b"\x08\x00", "more than the size of the member is in its extra field"
    os.unlink(stored[0])
    assert digest(stored[1], tmp_path) == expected


def test_encrypted_backups_share_nothing_and_are_not_padded(sharing, tmp_path):
    """Each has a key of its own."""
    identity = str(tmp_path / "identity")
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", identity], check=True, capture_output=True, text=True)
    sharing.configure(f"LowDiskSpace=1M\nEncryptionRecipients={shown.stdout.strip()}\n")
    client, application = filled(sharing)
    back_up(sharing, client)
    stored = back_up(sharing, client)
    application.close()
    assert stored.endswith(".age")
    plain = subprocess.run(["age", "-d", "-i", identity, stored], check=True, capture_output=True).stdout
    assert plain[10:12] == b"\x08\x00"


def test_as_many_as_stay_share_nothing_with_each_other(apart):
    """One rotten block takes the backups of one chain at most, and others are left."""
    now_usec = int(time.time()) * 1_000_000
    apart.set_clock(now_usec)
    client, application = filled(apart, clock=True)
    shared = []
    # With the initial one there are three chains after two; the last one goes on for a day.
    for number, hours in enumerate((1, 2, 3, 9, 15, 30, 31)):
        change(application, number)
        apart.set_clock(now_usec + hours * HOUR_USEC)
        shared.append(shared_bytes(back_up(apart, client)) > 0)
    application.close()
    assert shared == [False, False, True, True, True, False, True]


def blocks(path):
    """The blocks of a file, each to its offset."""
    with open(path, "rb") as file:
        return {block: number * BLOCK_BYTES for number, block in enumerate(iter(lambda: file.read(BLOCK_BYTES), b""))}


def verified(client):
    """The names of the backups that a verification finds whole now."""
    names = [backup["name"] for backup in client.backups()]
    return {name for name in names if client.run("Verify", name, {})[1] == "done"}


def test_rotten_block_takes_one_chain(apart):
    client, application = filled(apart)
    stored = []
    for number in range(5):
        change(application, number)
        stored.append(back_up(apart, client))
    application.close()
    names = {backup["name"] for backup in client.backups()}
    # Written by the one that began the last chain: what was copied from older ones lies elsewhere, too.
    of_chain = blocks(stored[1]).keys() - blocks(stored[0]).keys()
    offset_bytes = next(offset for block, offset in blocks(stored[-1]).items() if block in of_chain)
    rot_block(apart, stored[-1], offset_bytes)
    left = verified(client)
    assert len(names - left) > 1, "the block was shared"
    # The chain that goes on is the third: of the initial one, and of the first one after it, nothing is lost.
    first = next(name for name in names if name in stored[0])
    assert {"initial_backup", first} <= left


def test_backup_shares_where_there_is_no_room_for_its_own_blocks(apart, gate):
    client, application = filled(apart)
    change(application, 0)
    older = back_up(apart, client)
    change(application, 1)
    apart.stop()
    client = apart.start(**gate.at("create-checked"))
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    take_all_room(apart)
    with open(os.path.join(apart.state, "filler"), "r+b") as file:
        file.truncate(os.path.getsize(file.name) - os.path.getsize(older) // 2)
    synced(apart)
    gate.release()
    assert client.ended(job_id)[0] == "done"
    newest = max((backup for backup in client.backups()), key=lambda backup: backup["created"])
    stored = os.path.join(apart.backups, client.get("File", newest["path"], BACKUP))
    assert shared_bytes(stored) > os.path.getsize(stored) / 3
    make_room(apart)
    application.close()
