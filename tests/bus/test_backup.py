# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job: a backup through the bus, and what anybody can do with it afterwards without this project."""

import datetime
import hashlib
import os
import stat
import time

import pytest

from application import Application, check, dump, make_database, manifest, read_all, row_counts, store_plain, unpack
from client import BusError
from contract import BACKUP, ERROR, JOB, PREDICTIONS

# 24 January 2026, 01:46:21 UTC
MOMENT_USEC = 1769219181 * 1_000_000
LABEL_MAX_BYTES = 256


def sha256(path):
    return hashlib.sha256(read_all(path)).hexdigest()


def blocks_sha256(path):
    """As block-digest.h defines it."""
    with open(path, "rb") as file:
        blocks = iter(lambda: file.read(65536), b"")
        return hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).hexdigest()


def stored_file(service, client, name):
    path = next(backup["path"] for backup in client.backups() if backup["name"] == name)
    return os.path.join(service.backups, client.get("File", path, BACKUP))


def test_backup_opens_with_gunzip_and_sqlite_and_has_the_same_rows(service, client, application, tmp_path):
    application.add_users(500)
    # Before the service adds its row about the backup.
    expected = dump(service.database)
    stored = stored_file(service, client, client.back_up())
    assert stored.endswith(".db.gz")
    image = unpack(stored, tmp_path / "image.db")
    check(image)
    assert dump(image) == expected


def test_backup_needs_no_wal_beside_it(service, client, application, tmp_path):
    application.add_users(1)
    image = unpack(stored_file(service, client, client.back_up()), tmp_path / "image.db")
    with open(image, "rb") as file:
        header = file.read(20)
    # File format versions 1 and 1: a rollback journal, not a write-ahead log (SQLite's file format, section 1.3).
    assert header[18:20] == b"\x01\x01"


def test_signals_of_a_backup_come_in_order(client):
    start = client.mark()
    job_id, job = client.manager("Backup", {"label": ("s", "before the update")})
    assert client.ended(job_id) == ("done", "", "")

    def place(matches):
        return next(
            number for number, signal in enumerate(client.signals[start:]) if matches(signal)
        )

    new = place(lambda signal: signal.member == "JobNew" and signal.body == (job_id, job, "backup"))
    progress = place(
        lambda signal: signal.path == job and signal.member == "PropertiesChanged" and signal.body[0] == JOB
    )
    created = place(lambda signal: signal.member == "BackupCreated" and signal.body[0] == job_id)
    removed = place(lambda signal: signal.member == "JobRemoved" and signal.body[0] == job_id)
    assert new < progress < created < removed
    backup = client.signals[start:][created].body[2]
    added = place(lambda signal: signal.member == "InterfacesAdded" and signal.body[0] == backup)
    assert added < removed
    # The last word of a job is JobRemoved; the object is gone no later.
    assert not [signal for signal in client.signals[start:][removed + 1 :] if signal.path == job]


def test_properties_follow_a_backup_before_its_end_is_told(client):
    start = client.mark()
    name = client.back_up()
    end = client.wait_signal("JobRemoved", since=start)
    place = [signal.body for signal in client.signals].index(end)
    changed = {}
    for signal in client.signals[start:place]:
        if signal.member == "PropertiesChanged":
            changed.update({key: value for key, (_, value) in signal.body[1].items()})
    assert changed["LastBackup"] == name
    assert changed["Backups"] == 2
    assert changed["VerifiedBackups"] == 2
    assert client.get("LastBackup") == name
    assert client.get("LastBackupFault") == ""


def test_manifest_describes_the_files(service, client, application, tmp_path):
    application.add_users(7)
    name = client.back_up(label=("s", "seven users"))
    stored = stored_file(service, client, name)
    image = unpack(stored, tmp_path / "image.db")
    written = manifest(stored)
    assert written["name"] == name
    assert written["file"] == os.path.basename(stored)
    assert written["kind"] == "manual"
    assert written["label"] == "seven users"
    assert written["source"] == service.database
    assert written["stored_bytes"] == os.path.getsize(stored)
    assert written["stored_sha256"] == sha256(stored)
    assert written["database_bytes"] == os.path.getsize(image)
    assert written["database_blocks_sha256"] == blocks_sha256(image)
    assert written["pages"] * written["page_size_bytes"] == os.path.getsize(image)
    assert written["compression"] == "gzip"


def test_object_says_what_the_manifest_says(service, client, application):
    application.add_users(7)
    expected = row_counts(service.database)
    name = client.back_up(label=("s", "seven users"))
    path = client.backups()[0]["path"]
    shown = client.get_all(path, BACKUP)
    written = manifest(os.path.join(service.backups, shown["File"]))
    assert shown["Name"] == name
    assert shown["Kind"] == "manual"
    assert shown["Label"] == "seven users"
    assert shown["StoredBytes"] == written["stored_bytes"]
    assert shown["DatabaseBlocksSHA256"] == written["database_blocks_sha256"]
    assert shown["StoredSHA256"] == written["stored_sha256"]
    assert shown["Tables"] == expected
    assert ("users", 7) in shown["Tables"]
    assert shown["VerifiedUSec"] >= shown["CreatedUSec"] > 0
    assert shown["Problem"] == "" and shown["VerificationFault"] == ""
    assert not shown["Encrypted"]
    assert client.backups()[0]["stored_bytes"] == shown["StoredBytes"]


def test_row_counts_are_those_of_the_copy(service, gate, tmp_path):
    """The database moves on while the copy is made."""
    client = service.start(**gate.at("snapshot-copied:2"))
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    writer = Application(service.database)
    writer.add_users(9)
    writer.close()
    gate.release()
    assert client.ended(job_id)[0] == "done"
    shown = client.get_all(client.backups()[0]["path"], BACKUP)
    image = unpack(os.path.join(service.backups, shown["File"]), tmp_path / "image.db")
    assert shown["Tables"] == row_counts(image)
    assert ("users", 0) in shown["Tables"]


@pytest.mark.parametrize("options, kind", [({}, "manual"), ({"automatic": ("b", True)}, "automatic")])
def test_kind_says_who_asked(client, options, kind):
    client.back_up(**options)
    assert client.backups()[0]["kind"] == kind


def test_files_are_closed_to_others(service, client):
    stored = stored_file(service, client, client.back_up())
    for path in (stored, stored + ".meta"):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(service.backups).st_mode) & 0o007 == 0


def test_compression_none_gives_a_plain_database(service):
    service.configure("Compression=none\n")
    client = service.start()
    expected = dump(service.database)
    stored = stored_file(service, client, client.back_up())
    assert stored.endswith(".db")
    check(stored)
    assert dump(stored) == expected
    assert manifest(stored)["compression"] == "none"
    assert client.run("Verify", client.names()[0], {})[1] == "done"


def test_backups_are_listed_newest_first(service):
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    for hour in range(1, 4):
        service.set_clock(MOMENT_USEC + hour * 3_600_000_000)
        client.back_up()
    assert client.names() == [
        "backup_20260124_044621",
        "backup_20260124_034621",
        "backup_20260124_024621",
        "initial_backup",
    ]


def test_two_backups_in_one_second_have_different_names(service):
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    service.set_clock(MOMENT_USEC + 3_600_000_000)
    assert [client.back_up(), client.back_up()] == ["backup_20260124_024621", "backup_20260124_024622"]
    assert client.names() == ["backup_20260124_024622", "backup_20260124_024621", "initial_backup"]


def test_name_never_sorts_before_an_older_one_when_the_clock_jumps_back(service):
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    first = client.back_up()
    service.set_clock(MOMENT_USEC - 86_400_000_000)
    second = client.back_up()
    assert second > first
    assert client.names()[0] == second


def test_stray_file_of_the_future_dates_no_name(service):
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    store_plain(service.backups, "backup_29990101_000000.db", service.database)
    client.wait_signal("BackupCreated", 0, "backup_29990101_000000")
    assert client.back_up() == "backup_20260124_014621"
    assert client.back_up() == "backup_20260124_014622"
    service.stop()
    client = service.start(clock=True)
    service.set_clock(MOMENT_USEC + 60_000_000)
    assert client.back_up() == "backup_20260124_014721"
    ((level, finding),) = [row[1:3] for row in client.manager("Diagnose") if row[0] == "clock"]
    assert level == "warning" and "backup_29990101_000000.db" in finding


def test_names_of_many_in_one_second_wait_for_the_clock(service):
    client = service.start(ORACXPRED_TEST_NAME_LEAD=str(1_000_000))
    for _ in range(4):
        label = datetime.datetime.strptime(client.back_up() + "+0000", "backup_%Y%m%d_%H%M%S%z")
        assert label.timestamp() <= time.time() + 1


def test_first_backup_in_the_second_of_the_initial_one_is_the_newer(service):
    service.set_clock(MOMENT_USEC + 500_000)
    client = service.start(clock=True)
    name = client.back_up()
    assert client.names() == [name, "initial_backup"]
    assert client.get("LastBackup") == name
    service.stop()
    assert service.start(clock=True).names() == [name, "initial_backup"]


def test_name_of_a_deleted_backup_is_not_used_again(service):
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    first = client.back_up()
    assert client.run("Delete", {}, path=client.backups()[0]["path"], interface=BACKUP)[1] == "done"
    assert client.back_up() != first


@pytest.mark.parametrize(
    "label",
    ["", "x" * LABEL_MAX_BYTES, "é" * (LABEL_MAX_BYTES // 2), "quotes \" ' \\ and <tags>", "日本"],
    ids=["empty", "longest", "longest-in-bytes", "quotes", "beyond-latin"],
)
def test_label_comes_back_as_it_was_given(service, client, label):
    client.back_up(label=("s", label))
    assert client.backups()[0]["label"] == label
    assert manifest(os.path.join(service.backups, client.get("File", client.backups()[0]["path"], BACKUP))).get(
        "label", ""
    ) == label


@pytest.mark.parametrize(
    "label",
    ["x" * (LABEL_MAX_BYTES + 1), "é" * (LABEL_MAX_BYTES // 2) + "x", "two\nlines", "escape\x1b[2J", "del\x7f"],
    ids=["too-long", "too-long-in-bytes", "newline", "escape", "delete"],
)
def test_label_that_cannot_be_shown_is_refused(client, label):
    start = client.mark()
    with pytest.raises(BusError) as caught:
        client.manager("Backup", {"label": ("s", label)})
    assert caught.value.name == ERROR + "InvalidArgument"
    assert "label" in caught.value.message
    assert client.names() == ["initial_backup"]
    assert not [signal for signal in client.signals[start:] if signal.member == "JobNew"]


@pytest.mark.parametrize("member, leading", [("Backup", ()), ("Verify", ("initial_backup",)), ("Cleanup", ())])
def test_unknown_option_is_refused_by_name(client, member, leading):
    start = client.mark()
    with pytest.raises(BusError) as caught:
        client.manager(member, *leading, {"colour": ("s", "blue")})
    assert caught.value.name == ERROR + "InvalidArgument"
    assert "colour" in caught.value.message
    assert not [signal for signal in client.signals[start:] if signal.member == "JobNew"]


@pytest.mark.parametrize("member", ["Verify", "Delete"])
def test_unknown_option_of_an_object_is_refused_by_name(client, member):
    with pytest.raises(BusError) as caught:
        client.call(client.backups()[0]["path"], BACKUP, member, {"colour": ("s", "blue")})
    assert caught.value.name == ERROR + "InvalidArgument"
    assert "colour" in caught.value.message


@pytest.mark.parametrize("options", [{"label": ("u", 3)}, {"automatic": ("s", "yes")}], ids=["label", "automatic"])
def test_option_of_a_wrong_type_is_refused_by_name(client, options):
    with pytest.raises(BusError) as caught:
        client.manager("Backup", options)
    assert caught.value.name == ERROR + "InvalidArgument"
    assert next(iter(options)) in caught.value.message


def test_tables_that_are_not_in_the_schema_are_backed_up_too(service, tmp_path):
    make_database(service.database, rows=5)
    client = service.start()
    expected = dump(service.database)
    stored = stored_file(service, client, client.back_up())
    assert ("notes", 5) in client.get("Tables", client.backups()[0]["path"], BACKUP)
    assert dump(unpack(stored, tmp_path / "image.db")) == expected


def test_statistics_count_afresh(service, client, application):
    assert ("users", 0) in client.manager("GetStatistics")["Tables"][1]
    application.add_users(11)
    counted = {name: value for name, (_, value) in client.manager("GetStatistics").items()}
    assert ("users", 11) in counted["Tables"]
    assert counted["JournalMode"] == "wal"
    assert counted["Pages"] == application.query("PRAGMA page_count")[0][0]
    assert counted["PageSize"] == application.query("PRAGMA page_size")[0][0]
    assert counted["DatabaseBytes"] == os.path.getsize(service.database)
    assert counted["WALBytes"] == os.path.getsize(service.database + "-wal")
    shown = client.get_all() | client.get_all(interface=PREDICTIONS)
    moving = {"ResponseTimes", "DiskFreeBytes", "DiskDaysLeft"}
    for name in counted.keys() - moving:
        assert shown[name] == counted[name], name
