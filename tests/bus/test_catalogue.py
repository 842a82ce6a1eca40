# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of backups is what is on disk: older trees are adopted, files that come and go are seen, and what a killed
run left is cleared away, and nothing else."""

import json
import os
import shutil

import pytest

from application import make_database, read_all, store_gzip, store_plain
from contract import BACKUP


@pytest.fixture
def old_tree(service):
    """A database and its copies as scripts before this service left them."""
    make_database(service.database)
    os.makedirs(service.backups)
    store_plain(service.backups, "backup_20260101_120000.db", service.database)
    store_plain(service.backups, "backup_20260102_120000.db", service.database)
    with open(os.path.join(service.backups, "backup_20260102_120000.db.meta"), "w", encoding="utf-8") as file:
        json.dump({"timestamp": "2026-01-02 12:00:00", "tables": ["notes"], "by": "backup.py", "size": "4 KB"}, file)
    # Without its manifest, as it came back from elsewhere.
    store_gzip(service.backups, "backup_20260103_120000.db.gz", service.database)
    return service


def contents(directory):
    return {name: read_all(os.path.join(directory, name)) for name in os.listdir(directory)}


def test_old_backups_are_adopted(old_tree):
    client = old_tree.start()
    listed = {backup["name"]: backup for backup in client.backups()}
    older = {"backup_20260101_120000", "backup_20260102_120000", "backup_20260103_120000"}
    assert set(listed) == older | {"initial_backup"}
    for name in older:
        assert listed[name]["kind"] == "imported"
        assert listed[name]["verified"] == 0
    # 1 January 2026, 12:00 UTC
    assert listed["backup_20260101_120000"]["created"] == 1_767_268_800_000_000


def test_tree_with_an_initial_backup_gets_one_of_our_own(old_tree):
    """Nobody has proved the older one; and health is ok at once."""
    store_plain(old_tree.backups, "initial_backup.db", old_tree.database)
    client = old_tree.start()
    own = [backup for backup in client.backups() if backup["kind"] != "imported"]
    assert [backup["kind"] for backup in own] == ["automatic"]
    assert own[0]["verified"] > 0
    assert client.get("Health") == "ok"
    old_tree.stop()
    client = old_tree.start()
    assert [backup["name"] for backup in client.backups() if backup["kind"] != "imported"] == [own[0]["name"]]


def test_adoption_changes_no_file(old_tree):
    before = contents(old_tree.backups)
    old_tree.start()
    after = contents(old_tree.backups)
    assert {name: after.get(name) for name in before} == before


@pytest.mark.parametrize("name", ["backup_20260101_120000", "backup_20260102_120000", "backup_20260103_120000"])
def test_adopted_backup_can_be_verified(old_tree, name):
    client = old_tree.start()
    before = client.get("VerifiedBackups")
    assert client.run("Verify", name, {})[1:] == ("done", "", "")
    path = next(backup["path"] for backup in client.backups() if backup["name"] == name)
    assert client.get("VerifiedUSec", path, BACKUP) > 0
    assert client.get("VerifiedBackups") == before + 1
    old_tree.stop()
    client = old_tree.start()
    assert client.get("VerifiedUSec", path, BACKUP) > 0


def test_foreign_manifest_keeps_its_fields_when_verified(old_tree):
    client = old_tree.start()
    assert client.run("Verify", "backup_20260102_120000", {})[1] == "done"
    with open(os.path.join(old_tree.backups, "backup_20260102_120000.db.meta"), encoding="utf-8") as file:
        written = json.load(file)
    assert written["by"] == "backup.py" and written["tables"] == ["notes"] and written["size"] == "4 KB"


def test_adopted_file_that_is_no_database_fails_its_verification(old_tree):
    with open(os.path.join(old_tree.backups, "backup_20260104_120000.db"), "wb") as file:
        file.write(b"not a database at all" * 1000)
    client = old_tree.start()
    _, result, error, _ = client.run("Verify", "backup_20260104_120000", {})
    assert result == "failed"
    assert error.rpartition(".")[2] in ("Corrupt", "NotADatabase")


def test_database_of_the_application_is_left_as_it_is(old_tree):
    client = old_tree.start()
    tables = dict(client.manager("GetStatistics")["Tables"][1])
    assert tables == {"notes": 3}


def test_file_dropped_in_from_outside_appears(service, client):
    since = client.mark()
    store_plain(service.backups, ".coming", service.database)
    os.rename(os.path.join(service.backups, ".coming"), os.path.join(service.backups, "backup_20260101_120000.db"))
    job, name, path = client.wait_signal("BackupCreated", since=since)
    assert (job, name) == (0, "backup_20260101_120000")
    added = client.wait(lambda signal: signal.member == "InterfacesAdded" and signal.body[0] == path, since=since)
    assert added.body[1][BACKUP]["Kind"] == ("s", "imported")
    client.wait_property("Backups", 2)
    assert path in client.objects()


def test_file_written_in_place_appears_when_it_is_whole(service, client):
    since = client.mark()
    size = os.path.getsize(service.database)
    store_plain(service.backups, "backup_20260101_120000.db", service.database)
    _, _, path = client.wait_signal("BackupCreated", 0, "backup_20260101_120000", since=since)
    client.wait_property("StoredBytes", size, path, BACKUP)


def test_file_removed_from_outside_vanishes(service, client):
    name = client.back_up()
    path = client.backups()[0]["path"]
    since = client.mark()
    for file in service.stored():
        if file.startswith(name):
            os.unlink(os.path.join(service.backups, file))
    assert client.wait_signal("BackupRemoved", name, since=since)[1] == path
    client.wait(lambda signal: signal.member == "InterfacesRemoved" and signal.body[0] == path, since=since)
    client.wait_property("Backups", 1)
    assert client.names() == ["initial_backup"]


def test_backup_moved_in_with_its_manifest_is_not_adopted_but_known(make_service, service, client, tmp_path):
    name = client.back_up(label=("s", "from elsewhere"))
    other = make_service("second")
    service.stop()
    client = other.start()
    since = client.mark()
    # The manifest last, as a publication does it.
    for ending in (".db.gz", ".db.gz.meta"):
        shutil.copy(os.path.join(service.backups, name + ending), tmp_path)
        os.rename(tmp_path / (name + ending), os.path.join(other.backups, name + ending))
    _, _, path = client.wait_signal("BackupCreated", 0, name, since=since)
    client.wait_property("Label", "from elsewhere", path, BACKUP)
    assert client.get("Kind", path, BACKUP) == "manual"


@pytest.mark.parametrize("endings", [(".db.gz", ".db.gz.meta"), (".db.gz.meta", ".db.gz")])
def test_backup_that_is_linked_there_is_known(make_service, service, client, endings):
    """As `cp --link` and `rsync --link-dest` put it there: nothing is written, and nothing renamed."""
    name = client.back_up()
    other = make_service("second")
    service.stop()
    client = other.start()
    since = client.mark()
    for ending in endings:
        os.link(os.path.join(service.backups, name + ending), os.path.join(other.backups, name + ending))
    _, _, path = client.wait_signal("BackupCreated", 0, name, since=since)
    client.wait_property("Kind", "manual", path, BACKUP)
    assert client.get("Problem", path, BACKUP) == ""


def test_files_that_are_no_backups_are_not_listed(service, client):
    for name in ("notes.txt", "backup_20260101_120000.db.gz.part", "backup.db", "oracxpred.db"):
        with open(os.path.join(service.backups, name), "w", encoding="ascii") as file:
            file.write("mine")
    os.mkdir(os.path.join(service.backups, "backup_20260102_120000.db"))
    os.symlink("/etc/passwd", os.path.join(service.backups, "backup_20260103_120000.db"))
    os.mkfifo(os.path.join(service.backups, "backup_20260104_120000.db"))
    # The directory's events are read in order: when this one has come, the others have been read.
    store_plain(service.backups, "backup_20260105_120000.db", service.database)
    client.wait_signal("BackupCreated", 0, "backup_20260105_120000")
    expected = {"backup_20260105_120000", "initial_backup"}
    assert {backup["name"] for backup in client.backups() if not backup["problem"]} == expected
    service.stop()
    client = service.start()
    assert {backup["name"] for backup in client.backups() if not backup["problem"]} == expected


LEFTOVERS = [".backup_20260101_120000.db.gz.tmp", ".backup_20260101_120000.db.gz.meta.tmp", ".initial_backup.db.gz.tmp"]
FOREIGN = ["notes.txt", ".hidden", ".profile.tmp.old", "backup_20260101_120000.tar", "tmp", ".git.tmp.d"]


def test_leftovers_of_a_killed_run_are_removed_at_start_and_nothing_else(service):
    service.start()
    service.stop()
    for name in (*LEFTOVERS, *FOREIGN):
        with open(os.path.join(service.backups, name), "wb") as file:
            file.write(os.urandom(1000))
    before = contents(service.backups)
    service.start()
    after = contents(service.backups)
    assert not set(LEFTOVERS) & set(after)
    assert after == {name: content for name, content in before.items() if name not in LEFTOVERS}
    # finish() takes any hidden file for one of the service's own.
    for name in FOREIGN:
        os.unlink(os.path.join(service.backups, name))


def test_start_and_listing_hold_with_ten_thousand_backups(service):
    make_database(service.database)
    os.makedirs(service.backups)
    source = store_plain(service.backups, "backup_20200101_000000.db", service.database)
    for number in range(1, 10_000):
        day, second = divmod(number, 3600)
        name = f"backup_202001{day + 2:02}_{second // 3600:02}{second // 60 % 60:02}{second % 60:02}.db"
        os.link(source, os.path.join(service.backups, name))
    client = service.start()
    listed = client.names()
    assert len(listed) == 10_001
    assert listed[1:] == sorted(listed[1:], reverse=True)
    assert client.get("Backups") == 10_001
    assert len([path for path in client.objects() if "/backup/" in path]) == 10_001


def test_directory_that_is_removed_and_made_again_is_read_and_watched(service, client):
    client.back_up()
    shutil.rmtree(service.backups)
    os.mkdir(service.backups)
    client.wait_property("Backups", 0)
    store_plain(service.backups, "backup_20200101_000000.db", service.database)
    client.wait_property("Backups", 1)
    name = client.back_up()
    assert name + ".db.gz" in service.stored()
    assert "was moved or removed while the service runs" in service.log()


def test_directory_that_is_moved_away_and_back_is_watched_again(service, client):
    os.rename(service.backups, service.backups + ".away")
    os.mkdir(service.backups)
    client.wait_property("Backups", 0)
    os.rmdir(service.backups)
    os.rename(service.backups + ".away", service.backups)
    client.wait_property("Backups", 1)
