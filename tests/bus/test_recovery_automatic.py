# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service does by itself about a database that broke or went away, and when it keeps its hands off."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest

from application import check, read_all, write_at
from broken_database import (  # noqa: F401
    add_users,
    checkpoint,
    damage,
    destroy_header,
    empty,
    kept,
    remove,
    rescued,
    shorten,
    start,
    users,
    wait_restored,
)
from client import BusError
from contract import BUS_NAME, BUS_PATH, ERROR, MANAGER
from service import Gate

MANUAL = os.path.join(os.path.dirname(__file__), "../../packaging/man/oracxpredd.8")
HOUR = 3600 * 1000000
MINUTE = HOUR // 60


@pytest.mark.parametrize("break_it", [damage, destroy_header, remove, empty, shorten], ids=lambda f: f.__name__)
def test_broken_database_is_restored_before_ready(kept, break_it):
    break_it(kept.database)
    client = kept.start()
    assert users(kept.database) == rescued(break_it)
    check(kept.database)
    wait_restored(client)
    assert client.get("Integrity") == "ok"
    assert client.get("LastRestoreAutomatic")
    member = [found for found in client.signals if found.member == "DatabaseRestored"]
    assert len(member) == 1 and member[0].body[3] is True
    assert "was restored automatically" in kept.log()


def test_corrupt_files_go_whole_into_the_quarantine(kept):
    damage(kept.database)
    corrupt = read_all(kept.database)
    kept.start()
    folder = kept.client.wait_signal("DatabaseRestored")[5]
    assert read_all(os.path.join(folder, "oracxpred.db")) == corrupt


@pytest.mark.parametrize("break_it", [damage, destroy_header, shorten], ids=lambda f: f.__name__)
def test_check_that_finds_corruption_leads_to_a_restore(kept, break_it):
    client = start(kept)
    since = client.mark()
    break_it(kept.database)
    client.run("Verify", "", {})
    client.wait_signal("DatabaseRestored", since=since)
    assert users(kept.database) == rescued(break_it)
    wait_restored(client)


def test_backup_of_a_corrupt_database_leads_to_a_check_and_a_restore(kept):
    client = start(kept)
    before = client.names()
    since = client.mark()
    damage(kept.database)
    _, result, error, _ = client.run("Backup", {})
    assert (result, error) == ("failed", ERROR + "Corrupt")
    client.wait_signal("DatabaseRestored", since=since)
    assert users(kept.database) == rescued(damage)
    assert client.names() == before
    client.wait_property("Integrity", "ok")


@pytest.mark.parametrize("break_it", [remove, empty], ids=lambda f: f.__name__)
def test_database_that_goes_away_comes_back_by_itself(kept, break_it):
    client = start(kept)
    since = client.mark()
    if break_it is empty:
        checkpoint(kept.database)
        with open(kept.database, "wb"):
            pass
    else:
        break_it(kept.database)
    client.wait_signal("DatabaseRestored", since=since)
    assert users(kept.database) == {"kept0", "kept1"}
    wait_restored(client)
    assert "not through this service" in kept.log()


def reasons_of_cleanup(client):
    return {reason for _, _, reason in client.manager("Cleanup", {"dry-run": ("b", True)})}


HELD = "nothing is removed until somebody has looked at the database; see `oracxpredctl status`"


def test_database_that_is_replaced_is_checked_and_kept(kept):
    client = start(kept)
    other = kept.database + ".other"
    checkpoint(kept.database)
    shutil.copy(kept.database, other)
    add_users(other, 1, "another")
    since = client.mark()
    os.rename(other, kept.database)
    job = client.wait_signal("JobNew", since=since)
    assert job[2] == "check"
    assert client.ended(job[0])[0] == "done"
    assert users(kept.database) == {"kept0", "kept1", "later0", "another0"}
    assert not [found for found in client.signals[since:] if found.member == "DatabaseRestored"]
    assert "is another file now" in kept.log()
    assert client.reasons() == ["database-replaced"]
    # Who had the old file open still writes there: what could bring it back has to stay.
    assert reasons_of_cleanup(client) == {HELD}
    client.run("Verify", "", {})
    assert client.reasons() == []
    assert reasons_of_cleanup(client) != {HELD}


def test_own_replacement_is_no_reason_to_react(kept):
    client = start(kept)
    destroy_header(kept.database)
    since = client.mark()
    client.run("Verify", "", {})
    client.wait_signal("DatabaseRestored", since=since)
    client.wait_property("NJobs", 0)
    assert client.wait_signal("DatabaseRestored", since=since)[2] == "replace"
    # An event that were taken for somebody else's would lead to a check a second later. That none comes is told by no
    # event, and a change that is looked at would replace the look in question.
    after = client.mark()
    client.back_up()
    time.sleep(1.5)
    assert client.get("NJobs") == 0
    assert not [found.body for found in client.signals[after:] if found.member == "JobNew" and found.body[2] != "backup"]
    assert "is another file now" not in kept.log()


def test_automatism_can_be_turned_off(kept):
    kept.configure("AutoRestore=no\n")
    damage(kept.database)
    before = read_all(kept.database)
    client = kept.start()
    assert client.get("Health") == "corrupt"
    assert client.reasons() == ["corrupt"]
    assert not client.get("AutoRestore")
    assert read_all(kept.database) == before
    assert client.run("Restore", "", {})[1] == "done"
    assert client.get("Health") == "ok"
    assert users(kept.database) == {"kept0", "kept1"}


def test_backup_that_fails_its_proof_is_marked_and_the_next_older_one_taken(service):
    client = service.start()
    add_users(service.database, 1, "older")
    older = client.back_up()
    add_users(service.database, 1, "newer")
    newer = client.back_up()
    service.stop()
    stored = os.path.join(service.backups, newer + ".db.gz")
    write_at(stored, os.path.getsize(stored) // 2, b"rubbish")
    damage(service.database)
    client = service.start()
    assert client.wait_signal("DatabaseRestored")[1] == older
    assert users(service.database) == {"older0", "newer0"}
    assert "last-verification-failed" in client.reasons()
    client.wait_property("NJobs", 0)
    service.stop()
    client = service.start()
    assert "last-verification-failed" in client.reasons()


def save_as_the_manual_says(database, folder):
    """Runs the commands that oracxpredd(8) has for a database without a backup; returns how many tables came out."""
    with open(MANUAL) as file:
        printed = file.read().replace("\\(aq", "'").replace("\\-", "-")
    command = re.search(r"\$ (sqlite3 -safe copy\.db \.dump \|\n.*recovered\.db)\n", printed)[1]
    shutil.copyfile(database, folder / "copy.db")
    subprocess.run(["sh", "-c", command], cwd=folder, check=False, stderr=subprocess.DEVNULL)
    with contextlib.closing(sqlite3.connect(folder / "recovered.db")) as saved:
        return saved.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").fetchone()[0]


def test_without_a_healthy_backup_the_service_stays_up_and_says_what_to_do(service, tmp_path):
    client = service.start()
    service.stop()
    for name in service.stored():
        if name.endswith(".gz"):
            write_at(os.path.join(service.backups, name), 500, b"rubbish")
    damage(service.database)
    before = read_all(service.database)
    client = service.start()
    assert client.get("Health") == "corrupt"
    assert "no-healthy-backup" in client.reasons()
    sentence = dict(client.get("HealthReasons"))["no-healthy-backup"]
    assert ".dump" in sentence and "--from" in sentence
    ways_out = {check: way_out for check, _, _, way_out in client.manager("Diagnose")}
    assert ".dump" in ways_out["integrity"] and "--from" in ways_out["integrity"]
    assert save_as_the_manual_says(service.database, tmp_path) > 0
    assert ways_out["backups"].startswith("Restore the database first")
    assert read_all(service.database) == before
    with pytest.raises(BusError) as caught:
        client.manager("Restore", "", {})
    assert caught.value.name == ERROR + "NoHealthyBackup"


def test_second_corruption_within_an_hour_stops_the_automatism_until_an_operator_restores(kept):
    now = 1800000000 * 1000000
    kept.set_clock(now)
    damage(kept.database)
    client = kept.start(clock=True)
    assert client.wait_signal("DatabaseRestored")[3] is True
    kept.stop()

    kept.set_clock(now + HOUR - MINUTE)
    damage(kept.database)
    client = kept.start(clock=True)
    assert client.get("Health") == "corrupt"
    assert "auto-restore-stopped" in client.reasons()
    assert "no further one until an operator restores" in kept.log()
    kept.stop()

    # Not by time alone.
    kept.set_clock(now + 5 * HOUR)
    client = kept.start(clock=True)
    assert client.get("Health") == "corrupt"
    assert "auto-restore-stopped" in client.reasons()
    assert client.run("Restore", "", {})[1] == "done"
    assert "auto-restore-stopped" not in client.reasons()
    kept.stop()

    damage(kept.database)
    client = kept.start(clock=True)
    assert client.get("LastRestoreAutomatic")
    assert client.get("Integrity") == "ok"


def test_calls_are_answered_while_the_stop_is_written(kept, tmp_path):
    now = 1800000000 * 1000000
    kept.set_clock(now)
    damage(kept.database)
    kept.start(clock=True)
    kept.stop()
    gate = Gate(tmp_path / "gate")
    client = start(kept, clock=True, **gate.at("publish-synced:2"))
    damage(kept.database)
    # The first one is the check's, which notes that it has read the disk.
    client.manager("Verify", "", {})
    gate.wait_reached()
    client.wait_property("Health", "corrupt")
    assert "auto-restore-stopped" in client.reasons()
    # It is waited for.
    kept.process.terminate()
    client.wait_property("Health", "corrupt")
    gate.release()
    assert kept.wait() == 0
    assert "auto-restore-stopped.json" in os.listdir(kept.state)


def test_repair_by_hand_lets_the_automatism_work_again_once_it_is_verified(kept, tmp_path):
    sound = str(tmp_path / "sound.db")
    checkpoint(kept.database)
    shutil.copyfile(kept.database, sound)
    now = 1800000000 * 1000000
    kept.set_clock(now)
    damage(kept.database)
    kept.start(clock=True)
    kept.stop()
    damage(kept.database)
    kept.start(clock=True)
    kept.stop()

    shutil.copyfile(sound, kept.database)
    client = kept.start(clock=True)
    assert client.get("Integrity") == "ok"
    (sentence,) = (text for code, text in client.get("HealthReasons") if code == "auto-restore-stopped")
    assert "oracxpredctl verify" in sentence
    assert client.run("Verify", "", {})[1] == "done"
    assert "auto-restore-stopped" not in client.reasons()


def test_corruption_more_than_an_hour_later_is_another_incident(kept):
    now = 1800000000 * 1000000
    for moment in (now, now + HOUR + MINUTE):
        kept.set_clock(moment)
        damage(kept.database)
        client = kept.start(clock=True)
        assert client.get("Integrity") == "ok"
        assert client.get("LastRestoreUSec") == moment
        kept.stop()


def test_report_of_corruption_leads_to_a_check_and_only_to_that(service):
    now = 1800000000 * 1000000
    service.set_clock(now)
    client = service.start(clock=True)
    since = client.mark()
    client.manager("ReportCorruption", "database disk image is malformed")
    job = client.wait_signal("JobNew", since=since)
    assert job[2] == "check"
    assert client.ended(job[0])[0] == "done"
    assert client.get("Integrity") == "ok"
    service.set_clock(now + MINUTE - 1)
    with pytest.raises(BusError) as caught:
        client.manager("ReportCorruption", "again")
    assert caught.value.name == ERROR + "Busy"
    service.set_clock(now + MINUTE)
    client.manager("ReportCorruption", "again")
    # A clock that jumped back must not close the door for good.
    service.set_clock(now - HOUR)
    client.manager("ReportCorruption", "and again")


@pytest.mark.parametrize("what", ["", "x" * 1025, "two\nlines"])
def test_report_is_one_bounded_line(client, what):
    with pytest.raises(BusError) as caught:
        client.manager("ReportCorruption", what)
    assert caught.value.name == ERROR + "InvalidArgument"


def report_as(bus, *identity):
    return subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", *identity]
        + ["busctl", "--address=" + bus.address, "call", BUS_NAME, BUS_PATH, MANAGER, "ReportCorruption", "s", "met"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_members_of_the_service_s_group_may_report_and_others_not(bus, client):
    refused = report_as(bus, "--clear-groups")
    assert refused.returncode != 0 and "Access denied" in refused.stdout
    since = client.mark()
    allowed = report_as(bus, f"--groups={os.getegid()}")
    assert allowed.returncode == 0, allowed.stdout
    assert client.wait_signal("JobNew", since=since)[2] == "check"


GROUP_LATER = """\
import os, sys
from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection

address, group, name, path, interface = sys.argv[1:]
nobody = 65534
os.setgroups([])
os.setresgid(nobody, nobody, nobody)
os.setresuid(nobody, nobody, 0)
connection = open_dbus_connection(address)
os.setresuid(0, 0, 0)
os.setgroups([int(group)])
os.setresgid(int(group), int(group), int(group))
os.setresuid(nobody, nobody, nobody)
call = new_method_call(DBusAddress(path, name, interface), "ReportCorruption", "s", ("met",))
print(connection.send_and_get_reply(call).body)
"""


def test_group_counts_that_the_caller_had_when_it_connected(bus, client):
    """Its pid may be a process of the group's by now: what the kernel says of that is not asked for."""
    command = [sys.executable, "-c", GROUP_LATER, bus.address, str(os.getegid()), BUS_NAME, BUS_PATH, MANAGER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "only root and the service's own user may" in done.stdout, done.stderr
