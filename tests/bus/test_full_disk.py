# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that is full, or becomes full at any step: told by name, nothing half, nothing older lost, and a way out."""

import pytest

from application import check
from contract import BACKUP, ERROR
from small_disk import DISK_BYTES, MIB, contents, fails_for_space, fill, grow, make_room, small_disk  # noqa: F401


# From nothing at all, by way of a part of the copy, to a copy without room for its compressed form.
@pytest.mark.parametrize("leave_bytes", [0, 64 * 1024, 4 * MIB, 9 * MIB, 12 * MIB])
def test_backup_on_a_disk_without_room_fails_by_name_and_leaves_nothing(small_disk, leave_bytes):
    client = small_disk.start()
    grow(small_disk)
    client.back_up()
    before = contents(small_disk)
    fill(small_disk, leave_bytes)
    job_id, _ = client.manager("Backup", {})
    fails_for_space(client, small_disk, job_id)
    assert contents(small_disk) == before
    assert client.get("LastBackupFault")
    assert "degraded" == client.get("Health")
    assert client.get("VerifiedBackups") == 2
    make_room(small_disk)
    client.back_up()
    assert client.get("LastBackupFault") == ""
    check(small_disk.database)


# At create-stored the room of the raw copy is still to come back.
STEPS = "snapshot-pinned snapshot-half create-copied create-checked create-read-back".split()


@pytest.mark.parametrize("step", STEPS)
def test_disk_that_fills_up_at_a_step_leaves_nothing(small_disk, gate, step):
    client = small_disk.start(**gate.at(step + ":2"))
    grow(small_disk)
    before = contents(small_disk)
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    fill(small_disk)
    gate.release()
    fails_for_space(client, small_disk, job_id)
    assert contents(small_disk) == before
    make_room(small_disk)
    client.back_up()


def test_cleanup_works_on_a_full_disk(small_disk):
    small_disk.set_clock(1_769_219_181_000_000)
    client = small_disk.start(clock=True)
    for _ in range(5):
        client.back_up()
    fill(small_disk)
    small_disk.set_clock(1_869_219_181_000_000)
    dropped = [name for name, what, _ in client.manager("Cleanup", {}) if what == "drop"]
    assert len(dropped) == 2
    assert len(client.names()) == 4
    assert not [name for name in small_disk.stored() if any(gone in name for gone in dropped)]


def test_what_retention_drops_makes_room_for_a_backup(small_disk):
    small_disk.set_clock(1_769_219_181_000_000)
    client = small_disk.start(clock=True)
    grow(small_disk)
    names = [client.back_up() for _ in range(5)]
    fill(small_disk, 6 * MIB)
    # Nothing has expired: nothing goes for it.
    job_id, _ = client.manager("Backup", {})
    fails_for_space(client, small_disk, job_id)
    assert set(client.names()) == {*names, "initial_backup"}
    small_disk.set_clock(1_869_219_181_000_000)
    job_id, _ = client.manager("Backup", {})
    assert client.ended(job_id)[0] == "done"
    assert not set(names[:2]) & set(client.names())
    assert client.get("LastBackupFault") == ""
    assert "removing what retention drops" in small_disk.log()


def test_delete_works_on_a_full_disk(small_disk):
    client = small_disk.start()
    client.back_up()
    fill(small_disk)
    assert client.run("Delete", {}, path=client.backups()[0]["path"], interface=BACKUP)[1] == "done"
    assert client.names() == ["initial_backup"]


def test_verification_that_needs_room_is_no_verdict(small_disk):
    """A backup that could not be looked at is not a bad backup."""
    client = small_disk.start()
    grow(small_disk)
    client.back_up()
    fill(small_disk)
    _, result, error, _ = client.run("Verify", client.names()[0], {})
    assert result == "done" or error == ERROR + "NoSpace"
    assert client.get("VerificationFault", client.backups()[0]["path"], BACKUP) == ""
    assert client.get("VerifiedBackups") == 2


def test_start_on_a_full_disk_says_so(small_disk):
    fill(small_disk)
    status, output = small_disk.refuses()
    assert status > 0
    assert small_disk.state in output
    make_room(small_disk)
    client = small_disk.start()
    assert client.get("Health") == "ok"


def test_later_start_on_a_full_disk_keeps_serving(small_disk):
    """What is there can still be listed, verified and cleaned up."""
    client = small_disk.start()
    client.back_up()
    small_disk.stop()
    fill(small_disk)
    client = small_disk.start()
    assert len(client.names()) == 2
    assert client.get("Health") == "degraded"
    assert client.get("Integrity") == "ok"


def test_low_space_is_a_reason_of_its_own(small_disk):
    small_disk.configure(f"LowDiskSpace={DISK_BYTES}\n")
    client = small_disk.start()
    assert client.get("Health") == "degraded"
    assert any("space" in code for code in client.reasons())
    assert client.get("DiskTotalBytes") == DISK_BYTES
    assert client.get("DiskFreeBytes") < DISK_BYTES
