# SPDX-License-Identifier: LGPL-2.1-or-later
"""Success is never reported for work that was not done: a "verified" backup was read back in full."""

import json
import os

import pytest

from application import Application, flip_byte, manifest, read_all, truncate
from broken_database import damage_page
from client import BusError
from contract import BACKUP, ERROR

# Names that could reach outside of the backup directory, or that nothing can be called.
IMPOSSIBLE_NAMES = [
    "../data/oracxpred",
    "..",
    ".",
    "/etc/passwd",
    "backup/initial_backup",
    ".initial_backup.db.gz.tmp",
    "initial_backup\n",
    "initial_backup\x01",
    "x" * 128,
    "x" * 5000,
]


def newest(service, client):
    """(name, object path, stored file) of the newest backup."""
    backup = client.backups()[0]
    return backup["name"], backup["path"], os.path.join(service.backups, client.get("File", backup["path"], BACKUP))


def test_sound_backup_passes_and_the_time_is_recorded(service):
    service.set_clock(1_769_219_181_000_000)
    client = service.start(clock=True)
    client.back_up()
    name, path, stored = newest(service, client)
    service.set_clock(1_769_300_000_000_000)
    assert client.run("Verify", name, {})[1:] == ("done", "", "")
    assert client.get("VerifiedUSec", path, BACKUP) == 1_769_300_000_000_000
    assert manifest(stored)["verified_usec"] == 1_769_300_000_000_000


def test_method_of_the_object_does_the_same(service, client):
    _, path, _ = newest(service, client)
    assert client.run("Verify", {}, path=path, interface=BACKUP)[1] == "done"


def damage_truncate(stored):
    truncate(stored)


def damage_empty(stored):
    truncate(stored, keep=0)


def damage_middle(stored):
    flip_byte(stored, os.path.getsize(stored) // 2)


def damage_last_byte(stored):
    flip_byte(stored, os.path.getsize(stored) - 1)


def damage_first_byte(stored):
    flip_byte(stored, 0)


def damage_append(stored):
    with open(stored, "ab") as file:
        file.write(b"rubbish")


DAMAGES = [damage_truncate, damage_empty, damage_middle, damage_last_byte, damage_first_byte, damage_append]


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_backup_is_found_and_not_counted_any_more(service, damage, compression):
    service.configure(f"Compression={compression}\n")
    client = service.start()
    client.back_up()
    name, path, stored = newest(service, client)
    assert client.get("VerifiedBackups") == 2
    damage(stored)
    _, result, error, message = client.run("Verify", name, {})
    assert (result, error) == ("failed", ERROR + "Corrupt")
    assert os.path.basename(stored) in message or name in message
    assert client.get("VerifiedBackups") == 1
    shown = client.get_all(path, BACKUP)
    assert shown["VerificationFault"] or shown["Problem"]
    # It is evidence: a failed verification removes nothing.
    assert os.path.exists(stored) and os.path.exists(stored + ".meta")
    assert "degraded" == client.get("Health")


def test_verdict_outlives_a_restart(service, client):
    client.back_up()
    name, _, stored = newest(service, client)
    flip_byte(stored, os.path.getsize(stored) // 2)
    assert client.run("Verify", name, {})[1] == "failed"
    service.stop()
    client = service.start()
    assert client.get("VerifiedBackups") == 1
    assert client.get("VerificationFault", newest(service, client)[1], BACKUP)


def test_missing_stored_file_is_told(service, client):
    """Its manifest alone stays: the entry says so, or is gone, but never counts as a backup."""
    client.back_up()
    _, path, stored = newest(service, client)
    os.unlink(stored)
    client.wait_property("VerifiedBackups", 1)
    left = [backup for backup in client.backups() if backup["path"] == path]
    assert not left or left[0]["problem"]


def test_corrupt_manifest_is_told_and_the_file_is_kept(service, client):
    client.back_up()
    name, path, stored = newest(service, client)
    content = read_all(stored)
    with open(stored + ".meta", "w", encoding="utf-8") as file:
        file.write('{"name": 12')
    client.wait_property("VerifiedBackups", 1)
    listed = next(backup for backup in client.backups() if backup["name"] == name)
    assert listed["problem"]
    assert client.get("Problem", path, BACKUP) == listed["problem"]
    service.stop()
    client = service.start()
    assert next(backup for backup in client.backups() if backup["name"] == name)["problem"]
    assert read_all(stored) == content


def test_manifest_with_the_wrong_digest_fails_the_verification(service, client):
    client.back_up()
    name, _, stored = newest(service, client)
    written = manifest(stored)
    written["database_blocks_sha256"] = "0" * 64
    with open(stored + ".meta", "w", encoding="utf-8") as file:
        json.dump(written, file)
    _, result, error, _ = client.run("Verify", name, {})
    assert (result, error) == ("failed", ERROR + "Corrupt")


def test_fields_of_another_writer_survive_a_verification(service, client):
    client.back_up()
    name, _, stored = newest(service, client)
    written = manifest(stored)
    written["shelf"] = {"row": 3, "notes": ["kept", None]}
    with open(stored + ".meta", "w", encoding="utf-8") as file:
        json.dump(written, file)
    assert client.run("Verify", name, {})[1] == "done"
    assert manifest(stored)["shelf"] == written["shelf"]


def test_name_that_there_is_not_is_refused(client):
    with pytest.raises(BusError) as caught:
        client.manager("Verify", "backup_19990101_000000", {})
    assert caught.value.name == ERROR + "NotFound"
    assert "backup_19990101_000000" in caught.value.message


@pytest.mark.parametrize("name", IMPOSSIBLE_NAMES, ids=range(len(IMPOSSIBLE_NAMES)))
def test_impossible_name_is_refused(client, name):
    start = client.mark()
    with pytest.raises(BusError) as caught:
        client.manager("Verify", name, {})
    assert caught.value.name == ERROR + "InvalidArgument"
    # A caller's control characters must not reach a terminal or a log through the message.
    assert not [letter for letter in caught.value.message if ord(letter) < 32]
    assert not [signal for signal in client.signals[start:] if signal.member == "JobNew"]


def test_empty_name_checks_the_live_database(client):
    start = client.mark()
    job_id, result, _, _ = client.run("Verify", "", {})
    assert result == "done"
    assert client.wait_signal("JobNew", job_id, since=start)[2] == "check"
    assert client.get("Integrity") == "ok"


def test_check_of_a_corrupt_live_database_says_so(service):
    service.configure("AutoRestore=no\n")
    client = service.start()
    application = Application(service.database)
    application.add_users(2000)
    application.query("PRAGMA wal_checkpoint(TRUNCATE)")
    application.close()
    damage_page(service.database)
    before = client.names()
    start = client.mark()
    _, result, error, message = client.run("Verify", "", {})
    assert (result, error) == ("failed", ERROR + "Corrupt")
    assert service.database in message
    assert client.wait_signal("CorruptionDetected", since=start)[0]
    assert client.get("Integrity") == "corrupt"
    assert client.get("Health") == "corrupt"
    # Whoever else meets it is told, and nobody else.
    assert client.run("Verify", "", {})[1] == "failed"
    assert [signal.member for signal in client.signals[start:]].count("CorruptionDetected") == 1
    log = service.log()
    assert log.count(f"{service.database} is corrupt: ") == 2, "the finding, and that health is corrupt"
    assert "Checking the database failed" not in log

    # Never backed up over the good ones, and retention stands still.
    _, result, error, _ = client.run("Backup", {})
    assert (result, error) == ("failed", ERROR + "Corrupt")
    assert client.get("LastBackupFault")
    with pytest.raises(BusError) as caught:
        client.manager("Cleanup", {})
    assert caught.value.name == ERROR + "Corrupt"
    assert client.names() == before
