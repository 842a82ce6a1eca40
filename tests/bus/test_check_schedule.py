# SPDX-License-Identifier: LGPL-2.1-or-later
"""CheckInterval=: the database is read from its disk and checked in full, whether anybody asks or not."""

import json
import os
import shutil
import time

import pytest

from application import Application, write_at
from broken_database import checkpoint, damage, damage_page, kept, start, users, wait_restored  # noqa: F401
from test_health import findings

DAY_USEC = 86400 * 1000000
HOUR_USEC = DAY_USEC // 24
# Behind the backups that are made before the clock is set.
NOW_USEC = time.time_ns() // 1000 + DAY_USEC
STATE_FILE = "last-check.json"


@pytest.fixture
def idle(kept):
    """Started at NOW_USEC, checked within the first hour, and left alone since by everybody."""
    kept.configure("Cadence=30d\n")
    kept.set_clock(NOW_USEC)
    start(kept, clock=True)
    assert pass_time(kept, HOUR_USEC) == kept.clock
    return kept


def pass_time(service, usec):
    """When the database was checked last, once that time has passed. Who asks for Health has it looked at the clock,
    as the kernel's timer does, which knows nothing of this one."""
    service.set_clock(service.clock + usec)
    service.client.get("Health")
    service.client.wait_property("NJobs", 0)
    return service.client.get("DiskCheckedUSec")


def test_idle_database_is_checked_each_interval(idle):
    first = idle.clock
    assert pass_time(idle, DAY_USEC - 1) == first
    assert pass_time(idle, 1) == first + DAY_USEC == idle.clock
    assert idle.client.get("CheckIntervalUSec") == DAY_USEC
    assert idle.client.get("Integrity") == "ok"
    assert sorted(name for name in os.listdir(idle.backups) if "check" in name) == []


def test_restart_neither_forgets_nor_begins_anew(idle):
    first = idle.clock
    idle.stop()
    assert json.load(open(os.path.join(idle.state, STATE_FILE), encoding="ascii")) == {"checked_usec": first}
    idle.set_clock(first + DAY_USEC - 2 * HOUR_USEC)
    start(idle, clock=True)
    assert idle.client.get("DiskCheckedUSec") == first
    assert pass_time(idle, HOUR_USEC) == first
    assert pass_time(idle, HOUR_USEC) == first + DAY_USEC


def test_interval_is_what_it_is_set_to(kept):
    kept.configure("CheckInterval=2h\n")
    kept.set_clock(NOW_USEC)
    start(kept, clock=True)
    assert pass_time(kept, HOUR_USEC) == NOW_USEC + HOUR_USEC
    assert pass_time(kept, 2 * HOUR_USEC) == NOW_USEC + 3 * HOUR_USEC
    kept.configure("CheckInterval=infinity\n")
    kept.client.manager("Reload")
    assert pass_time(kept, 9 * DAY_USEC) == NOW_USEC + 3 * HOUR_USEC
    assert findings(kept.client)["disk-check"][0] == "ok"


def test_verify_counts(idle):
    idle.set_clock(idle.clock + HOUR_USEC)
    idle.client.run("Verify", "", {})
    assert idle.client.get("DiskCheckedUSec") == idle.clock
    verified = idle.clock
    assert pass_time(idle, DAY_USEC - 1) == verified


def test_backup_that_reads_from_the_disk_spares_the_check(idle):
    first = idle.clock
    idle.set_clock(first + DAY_USEC // 2 - 1)
    idle.client.back_up()
    assert idle.client.get("DiskCheckedUSec") == first
    # The database has changed, or the backup is another name for the last one.
    application = Application(idle.database)
    application.add_users(1, "more")
    idle.set_clock(first + DAY_USEC // 2)
    idle.client.back_up()
    assert idle.client.get("DiskCheckedUSec") == idle.clock
    application.add_users(1, "other")
    application.close()
    assert pass_time(idle, DAY_USEC - 1) == first + DAY_USEC // 2


def test_backup_of_what_has_not_changed_spares_nothing(idle):
    first = idle.clock
    idle.client.back_up()
    idle.set_clock(first + DAY_USEC // 2)
    idle.client.back_up()
    assert idle.client.get("DiskCheckedUSec") == first


def test_quick_backup_spares_nothing(idle):
    first = idle.clock
    idle.configure("IntegrityCheck=quick\n")
    idle.client.manager("Reload")
    application = Application(idle.database)
    application.add_users(1, "more")
    application.close()
    idle.set_clock(first + DAY_USEC // 2)
    idle.client.back_up()
    assert idle.client.get("DiskCheckedUSec") == first


def test_doctor_tells_when_it_is_overdue(idle):
    assert findings(idle.client)["disk-check"][0] == "ok"
    # Whatever the reason; here there is no place for the copy.
    shutil.rmtree(idle.backups)
    pass_time(idle, DAY_USEC * 2 + 1)
    level, finding, way_out = findings(idle.client)["disk-check"]
    assert level == "warning" and "verify" in way_out


def test_silent_damage_of_an_idle_database_is_noticed_within_the_interval(idle):
    """No process has it open, and no time stamp tells."""
    checkpoint(idle.database)
    pass_time(idle, HOUR_USEC)
    before = os.stat(idle.database)
    damage_page(idle.database)
    os.utime(idle.database, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "CRIT" not in idle.log()
    since = idle.client.mark()
    pass_time(idle, DAY_USEC - HOUR_USEC)
    idle.client.wait_signal("CorruptionDetected", since=since)
    wait_restored(idle.client)
    assert users(idle.database) == {"kept0", "kept1", "later0"}


def test_what_only_memory_still_has_is_backed_up_and_nothing_is_restored(kept, tmp_path):
    """The disk has lost a page that the kernel still has in memory, so that everybody reads it as it was."""
    disk = str(tmp_path / "disk")
    kept.set_clock(NOW_USEC)
    client = start(kept, clock=True, ORACXPRED_TEST_DISK=disk)
    checkpoint(kept.database)
    shutil.copy(kept.database, disk)
    damage_page(disk)
    names = client.names()
    assert pass_time(kept, HOUR_USEC) < NOW_USEC
    assert (client.get("Health"), client.reasons(), client.get("Integrity")) == ("degraded", ["read-error"], "ok")
    assert len(client.names()) == len(names) + 1
    assert client.get("LastRestore") == ""
    assert "memory still has it whole" in kept.log()
    assert users(kept.database) == {"kept0", "kept1", "later0"}
    # Told once for as long as it lasts, and tried again.
    pass_time(kept, 3 * HOUR_USEC)
    assert len(client.names()) == len(names) + 1
    os.unlink(disk)
    assert pass_time(kept, 3 * HOUR_USEC) == kept.clock
    assert client.reasons() == []


def test_read_error_is_no_corruption(kept, tmp_path):
    disk = str(tmp_path / "disk")
    os.mkdir(disk)
    kept.set_clock(NOW_USEC)
    client = start(kept, clock=True, ORACXPRED_TEST_DISK=disk)
    assert pass_time(kept, HOUR_USEC) < NOW_USEC
    assert client.reasons() == ["read-error"]
    assert client.get("Integrity") == "ok"
    assert client.get("LastRestore") == ""
    assert client.get("LastError") == "InputOutput"
    assert client.back_up() in client.names()
    os.rmdir(disk)
    client.run("Verify", "", {})
    assert client.reasons() == []
