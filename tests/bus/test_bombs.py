# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small files that unpack to any size: refused by the name of the setting, with nothing of them on the disk."""

import gzip
import json
import os
import subprocess

import pytest

from command_line import ctl  # noqa: F401
from small_disk import DISK_BYTES, MIB, contents, small_disk  # noqa: F401

NO_SPACE = 15
CORRUPT = 20


def bomb(path, n_bytes):
    """A .gz of so many bytes that begins as a database does."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"SQLite format 3\0" + bytes(MIB - 16))
        for _ in range(n_bytes // MIB - 1):
            file.write(bytes(MIB))
    return str(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bomb.db.gz"


def test_setting_bounds_what_a_file_unpacks_to(ctl, service, path):
    service.configure("RestoreMaxSize=8M\n")
    client = service.start()
    before = contents(service)
    done = ctl.run("restore", "--yes", "--from=" + bomb(path, 64 * MIB), status=NO_SPACE)
    assert "RestoreMaxSize=" in done.stderr and "8.0 MiB" in done.stderr
    assert contents(service) == before
    assert client.get("Health") == "ok"


def test_without_a_setting_the_disk_is_the_bound(ctl, small_disk, path):
    small_disk.start()
    before = contents(small_disk)
    done = ctl.run("restore", "--yes", "--from=" + bomb(path, 16 * DISK_BYTES), status=NO_SPACE)
    assert "RestoreMaxSize=" in done.stderr
    assert contents(small_disk) == before


def test_reserve_of_the_disk_is_not_for_what_comes_from_elsewhere(ctl, small_disk, path):
    """But for a backup of our own it is: its size is known, and it may be the way out."""
    small_disk.configure(f"LowDiskSpace={DISK_BYTES}\n")
    client = small_disk.start()
    name = client.back_up()
    before = contents(small_disk)
    done = ctl.run("restore", "--yes", "--from=" + bomb(path, 2 * MIB), status=NO_SPACE)
    assert "RestoreMaxSize=" in done.stderr
    assert contents(small_disk) == before
    ctl.run("restore", "--yes", name)
    ctl.run("verify", name)


@pytest.fixture
def key(tmp_path):
    """(file of the identity, its recipient)"""
    path = str(tmp_path / "key.txt")
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, encoding="ascii")
    return path, shown.stdout.strip()


@pytest.mark.parametrize("arguments", [(), ("--armor",)])
@pytest.mark.parametrize("compressed", [True, False])
def test_encrypted_file_is_bounded_too(ctl, service, path, key, arguments, compressed):
    service.configure("RestoreMaxSize=8M\n")
    client = service.start()
    before = contents(service)
    bomb(path, 64 * MIB)
    if not compressed:
        subprocess.run(["gzip", "-d", str(path)], check=True)
    identity, recipient = key
    source = str(path) if compressed else str(path)[:-3]
    encrypted = source + ".age"
    subprocess.run(["age", *arguments, "-r", recipient, "-o", encrypted, source], check=True)
    done = ctl.run("restore", "--yes", "--from=" + encrypted, "--identity=" + identity, status=NO_SPACE)
    assert "RestoreMaxSize=" in done.stderr
    assert contents(service) == before
    assert client.get("Health") == "ok"


def test_stored_file_without_a_manifest_is_bounded_too(ctl, service, path):
    service.configure("RestoreMaxSize=8M\n")
    client = service.start()
    since = client.mark()
    bomb(os.path.join(service.backups, ".coming"), 64 * MIB)
    os.rename(os.path.join(service.backups, ".coming"), os.path.join(service.backups, "backup_20260101_000000.db.gz"))
    client.wait_signal("BackupCreated", 0, "backup_20260101_000000", since=since)
    before = contents(service)
    assert "RestoreMaxSize=" in ctl.run("verify", "backup_20260101_000000", status=NO_SPACE).stderr
    assert contents(service) == before


def test_document_that_grows_is_bounded_too(ctl, service, tmp_path):
    """Each row of two bytes gets a mebibyte from its generated column."""
    service.configure("RestoreMaxSize=8M\n")
    client = service.start()
    before = contents(service)
    sql = "CREATE TABLE t (a, b AS (zeroblob(1048576)) STORED)"
    document = {
        "format": "oracxpred-export",
        "version": 1,
        "redacted": False,
        "encoding": "UTF-8",
        "user_version": 0,
        "application_id": 0,
        "schema": [{"type": "table", "name": "t", "table": "t", "sql": sql}],
        "tables": {"t": {"columns": ["a"], "rows": [[1]] * 64}},
    }
    path = tmp_path / "bomb.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert "RestoreMaxSize=" in ctl.run("import", str(path), status=NO_SPACE).stderr
    assert contents(service) == before
    assert client.get("Health") == "ok"


def test_bomb_in_the_place_of_a_backup_is_found_and_not_unpacked(ctl, service, application):
    """A copy that came back from elsewhere, under the manifest that stayed here."""
    name = service.client.back_up()
    (stored,) = [file for file in service.stored() if file.startswith(name) and file.endswith(".gz")]
    bomb(os.path.join(service.backups, stored), 64 * MIB)
    before = contents(service)
    assert "more than its manifest says" in ctl.run("verify", name, status=CORRUPT).stderr
    assert "more than its manifest says" in ctl.run("restore", "--yes", name, status=CORRUPT).stderr
    assert contents(service).keys() == before.keys()
    assert service.client.get("Integrity") == "ok"
