# SPDX-License-Identifier: LGPL-2.1-or-later
"""Retention and deletion on real files, with the time injected: what must stay stays."""

import json
import os
import shutil

import pytest

from application import make_database, store_plain
from client import BusError
from contract import BACKUP, ERROR

HOUR_USEC = 3_600_000_000
DAY_USEC = 24 * HOUR_USEC
# 24 January 2026, 01:46:21 UTC
MOMENT_USEC = 1769219181 * 1_000_000


def decisions(client, dry_run=False):
    """Name to (keep or drop, reason)."""
    options = {"dry-run": ("b", True)} if dry_run else {}
    return {name: (what, reason) for name, what, reason in client.manager("Cleanup", options)}


def verdicts(client, dry_run=False):
    return {name: what for name, (what, _) in decisions(client, dry_run).items()}


@pytest.fixture
def daily(service):
    """Ten backups, a day apart, the newest made now. Returns the client and their names, oldest first."""
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    names = []
    for day in range(10):
        service.set_clock(MOMENT_USEC + day * DAY_USEC)
        names.append(client.back_up())
    # Retention follows each backup as a job of its own.
    client.wait_property("NJobs", 0)
    return client, names


def move_clock(service, days):
    service.set_clock(MOMENT_USEC + 9 * DAY_USEC + days * DAY_USEC)


def test_backups_made_by_the_service_are_cleaned_up_after_seven_days(service, daily):
    """Each backup applies retention as the next job: after ten days the first are gone already."""
    client, names = daily
    since = client.mark()
    job_id, _ = client.manager("Backup", {})
    client.ended(job_id)
    verdicts(client)
    kept = client.names()
    assert "initial_backup" in kept
    assert names[0] not in kept
    assert set(names[3:]) <= set(kept)
    assert client.wait_signal("JobNew", since=since)


def test_clock_that_leaps_ahead_for_a_while_drops_nothing(service, daily):
    client, names = daily
    kept = set(client.names())
    right = MOMENT_USEC + 9 * DAY_USEC
    service.leap(right + 30 * 365 * DAY_USEC)
    made = client.back_up()
    client.wait_property("NJobs", 0)
    assert "the clock leapt ahead" in " ".join(reason for _, reason in decisions(client).values())
    assert set(client.names()) == kept | {made}
    service.stop()
    client = service.start(clock=True)
    decisions(client)
    assert set(client.names()) == kept | {made}
    service.leap(right + HOUR_USEC)
    decisions(client)
    assert set(client.names()) == kept | {made}
    # From then on the days count as ever.
    service.set_clock(right + 2 * DAY_USEC)
    assert names[3] in {name for name, (what, _) in decisions(client).items() if what == "drop"}


def test_dry_run_decides_but_removes_nothing(service, daily):
    client, _ = daily
    move_clock(service, days=5)
    before = service.stored()
    since = client.mark()
    planned = verdicts(client, dry_run=True)
    assert "drop" in planned.values()
    assert service.stored() == before
    assert not [signal for signal in client.signals[since:] if signal.member == "BackupRemoved"]
    assert set(planned) == set(client.names())


def test_cleanup_does_what_the_dry_run_said(service, daily):
    client, _ = daily
    move_clock(service, days=5)
    planned = decisions(client, dry_run=True)
    done = decisions(client)
    assert done == planned
    assert set(client.names()) == {name for name, (what, _) in planned.items() if what == "keep"}
    for name, (what, _) in planned.items():
        stored = [file for file in service.stored() if file.startswith(name + ".")]
        assert bool(stored) == (what == "keep"), name


def test_every_decision_has_a_reason(service, daily):
    client, _ = daily
    move_clock(service, days=5)
    planned = decisions(client, dry_run=True)
    assert all(reason for _, reason in planned.values())
    assert {what for what, _ in planned.values()} == {"keep", "drop"}
    assert len({reason for _, reason in planned.values()}) >= 3


def test_removed_backups_are_told_and_their_objects_gone(service, daily):
    client, _ = daily
    move_clock(service, days=5)
    since = client.mark()
    dropped = [name for name, what in verdicts(client).items() if what == "drop"]
    objects = client.objects()
    for name in dropped:
        _, path = client.wait_signal("BackupRemoved", name, since=since)
        client.wait(lambda signal, gone=path: signal.member == "InterfacesRemoved" and signal.body[0] == gone)
        assert path not in objects


def test_last_verified_ones_stay_however_old(service, daily):
    client, names = daily
    move_clock(service, days=1000)
    planned = verdicts(client)
    assert {name for name, what in planned.items() if what == "keep"} == {"initial_backup", *names[-3:]}


def test_number_of_the_last_verified_ones_is_configurable(service, daily):
    client, names = daily
    service.configure("RetentionMinimumVerified=1\n")
    client.manager("Reload")
    move_clock(service, days=1000)
    verdicts(client)
    assert set(client.names()) == {"initial_backup", names[-1]}


def test_span_is_configurable(service, daily):
    client, names = daily
    service.configure("Retention=36h\nRetentionMinimumVerified=1\n")
    client.manager("Reload")
    verdicts(client)
    assert set(client.names()) == {"initial_backup", names[-1], names[-2]}


def test_one_that_failed_its_verification_does_not_count_among_the_last(service, daily):
    client, names = daily
    path = client.backups()[0]["path"]
    os.truncate(os.path.join(service.backups, client.get("File", path, BACKUP)), 100)
    assert client.run("Verify", names[-1], {})[1] == "failed"
    move_clock(service, days=1000)
    verdicts(client)
    assert set(names[-4:-1]) <= set(client.names())


def test_many_that_fall_due_at_once_are_named_in_health(service, daily):
    """Nothing tells how much time has passed since they were made: the state directory is an older one's, say."""
    client, _ = daily
    before = set(client.names())
    service.stop()
    os.unlink(os.path.join(service.state, "clock.json"))
    move_clock(service, days=60)
    client = service.start(clock=True)
    assert "backups-due-at-once" in client.reasons()
    decisions(client)
    assert before <= set(client.names())
    assert "backups-due-at-once" in client.reasons()


def test_clock_that_jumped_back_drops_nothing(service, daily):
    client, names = daily
    before = set(client.names())
    move_clock(service, days=-1000)
    planned = decisions(client)
    assert {what for what, _ in planned.values()} == {"keep"}
    assert set(client.names()) == before
    assert planned[names[-1]][1] != planned["initial_backup"][1]


def test_clock_that_jumped_far_ahead_leaves_the_minimum(service, daily):
    client, names = daily
    move_clock(service, days=100_000)
    verdicts(client)
    assert set(names[-3:]) <= set(client.names())


def test_files_that_are_not_ours_are_never_removed(service):
    make_database(service.database)
    os.makedirs(service.backups)
    store_plain(service.backups, "backup_20200101_000000.db", service.database)
    for name in ("notes.txt", "backup_20190101_000000.db.gz.bak", "oracxpred.db", "backup.db"):
        with open(os.path.join(service.backups, name), "w", encoding="ascii") as file:
            file.write("mine\n")
    foreign = service.stored() if os.path.isdir(service.backups) else []
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    service.set_clock(MOMENT_USEC + 3000 * DAY_USEC)
    planned = decisions(client)
    assert planned["backup_20200101_000000"][0] == "keep"
    assert set(foreign) <= set(service.stored())


def test_many_are_removed_in_batches_between_which_others_are_answered(service, gate):
    """The first hundred are told and gone from the list before the next hundred is."""
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    first = client.back_up()
    service.stop()
    copy_backup(service.backups, first, count=150)
    service.set_clock(MOMENT_USEC + 1000 * DAY_USEC)
    client = service.start(clock=True, **gate.at("remove-finished:120"))
    before = client.names()
    since = client.mark()
    # Asked for by hand, since the answer comes at the end.
    client.back_up()
    gate.wait_reached()
    assert len(client.names()) == len(before) + 1 - 100
    client.wait(lambda signal: len(removed(client, since)) == 100, since=since)
    gate.release()
    client.wait(lambda signal: signal.member == "JobRemoved" and signal.body[2] == "cleanup", since=since)
    assert "initial_backup" in client.names()
    gone = removed(client, since)
    assert len(gone) > 100 and len(gone) == len(set(gone))
    assert gone == sorted(gone)
    assert len(client.names()) == len(before) + 1 - len(gone)


def removed(client, since):
    return [signal.body[0] for signal in client.signals[since:] if signal.member == "BackupRemoved"]


def copy_backup(directory, name, count):
    """Backups of the same content under older names."""
    stored = os.path.join(directory, name + ".db.gz")
    with open(stored + ".meta", encoding="utf-8") as file:
        manifest = json.load(file)
    for number in range(count):
        label = f"backup_20250101_{number // 60:02}{number % 60:02}00"
        usec = 1735689600 * 1000000 + number * 60000000
        copy = dict(manifest, name=label, file=label + ".db.gz", created_usec=usec, copied_usec=usec)
        shutil.copyfile(stored, os.path.join(directory, copy["file"]))
        with open(os.path.join(directory, copy["file"] + ".meta"), "w", encoding="utf-8") as file:
            json.dump(copy, file)


def test_one_that_is_being_verified_stays(service, gate, daily):
    client, names = daily
    service.stop()
    client = service.start(clock=True, **gate.at("verify-unpacked"))
    job_id, _ = client.manager("Verify", names[4], {})
    gate.wait_reached()
    path = next(backup["path"] for backup in client.backups() if backup["name"] == names[4])
    assert client.get("InUse", path, BACKUP)
    move_clock(service, days=1000)
    assert verdicts(client, dry_run=True)[names[4]] == "keep"
    with pytest.raises(BusError) as caught:
        client.call(path, BACKUP, "Delete", {})
    assert caught.value.name == ERROR + "Busy"
    gate.release()
    assert client.ended(job_id)[0] == "done"
    client.wait_property("InUse", False, path, BACKUP)
    assert verdicts(client)[names[4]] == "drop"


def test_delete_removes_both_files_and_the_object(service, client):
    name = client.back_up()
    path = client.backups()[0]["path"]
    since = client.mark()
    job_id, result, _, _ = client.run("Delete", {}, path=path, interface=BACKUP)
    assert result == "done"
    assert client.wait_signal("JobNew", job_id, since=since)[2] == "delete"
    assert client.wait_signal("BackupRemoved", name, since=since)[1] == path
    assert not [file for file in service.stored() if name in file]
    assert client.names() == ["initial_backup"]
    with pytest.raises(BusError) as caught:
        client.get("Name", path, BACKUP)
    assert caught.value.name == "org.freedesktop.DBus.Error.UnknownObject"


def test_initial_backup_cannot_be_deleted(service, client):
    before = service.stored()
    with pytest.raises(BusError) as caught:
        client.call(client.backups()[0]["path"], BACKUP, "Delete", {})
    assert caught.value.name == ERROR + "InvalidArgument"
    assert "initial" in caught.value.message
    assert service.stored() == before
