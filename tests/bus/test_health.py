# SPDX-License-Identifier: LGPL-2.1-or-later
"""Health and doctor as far as they depend on others: systemd with its timers, the bus, the clock."""

import os
import shutil

import pytest

from application import write_at
from broken_database import checkpoint
from client import BusError
from contract import BUS_PATH, ERROR, MANAGER
from host import Host
from private_bus import SERVICE_USER

HOUR = 3_600_000_000
BACKUP_TIMER = "oracxpred-backup.timer"
VERIFY_TIMER = "oracxpred-verify.timer"
NOW_USEC = 1790000000 * 1000000
DAY_USEC = 86400 * 1000000


@pytest.fixture
def host(bus):
    with Host(bus.address) as made:
        made.say(BACKUP_TIMER)
        made.say(VERIFY_TIMER)
        yield made


def findings(client):
    """Check to (level, finding, way out), of the worst finding of each."""
    found = {}
    for check, level, finding, way_out in client.manager("Diagnose"):
        assert level in ("ok", "warning", "fault")
        # A warning may name nothing that anybody can change here.
        assert level == "warning" or bool(way_out) == (level != "ok"), (check, level, way_out)
        if check not in found or found[check][0] == "ok":
            found[check] = (level, finding, way_out)
    return found


def test_timer_that_is_on_is_no_reason(host, service):
    client = service.start()
    # Whoever asks the bus later than the service did is answered later, too.
    assert findings(client)["backup-timer"] == ("ok", "oracxpred-backup.timer is active and enabled", "")
    assert (client.get("Health"), client.reasons()) == ("ok", [])


@pytest.mark.parametrize(
    ("said", "word", "level"),
    [
        ({"active": "inactive"}, "stopped", "fault"),
        ({"file": "disabled"}, "not enabled", "warning"),
        (None, "There is no", "fault"),
    ],
)
def test_timer_that_is_off_degrades(host, service, said, word, level):
    if said:
        host.say(BACKUP_TIMER, **said)
    else:
        del host.units[BACKUP_TIMER]
    client = service.start()
    client.wait_property("Health", "degraded")
    ((code, text),) = client.get("HealthReasons")
    assert code == "timer-disabled" and word in text
    row = findings(client)["backup-timer"]
    assert row[0] == level and word in row[1]


def test_timer_without_a_next_elapse_is_told(host, service):
    """Its ActiveState stays active; see systemd.timer(5)."""
    host.say(BACKUP_TIMER, sub="elapsed")
    client = service.start()
    client.wait_property("Health", "degraded")
    assert client.reasons() == ["timer-elapsed"]
    row = findings(client)["backup-timer"]
    assert row[0] == "fault" and "no next elapse" in row[1]


def automatic(client):
    return [backup["name"] for backup in client.backups() if backup["kind"] == "automatic"]


def test_backup_that_the_timer_does_not_ask_for_is_made_once(host, service):
    now = 1_800_000_000_000_000
    service.set_clock(now)
    client = service.start(clock=True)
    assert findings(client)["backup-timer"][0] == "ok"
    service.set_clock(now + 7 * HOUR)
    assert (client.get("Health"), client.get("NJobs"), automatic(client)) == ("ok", 0, [])
    since = client.mark()
    service.set_clock(now + 8 * HOUR)
    assert client.get("Health") == "stale"
    client.wait_signal("BackupCreated", since=since)
    client.wait_property("Health", "ok")
    assert len(automatic(client)) == 1
    # And again when the next one is missing, too; but no second one for the same.
    since = client.mark()
    service.set_clock(now + 16 * HOUR)
    assert client.get("Health") == "stale"
    client.wait_signal("BackupCreated", since=since)
    client.wait_property("NJobs", 0)
    assert len(automatic(client)) == 2


def test_backup_is_not_made_where_the_timer_is_off(host, service):
    now = 1_800_000_000_000_000
    service.set_clock(now)
    host.say(BACKUP_TIMER, active="inactive")
    client = service.start(clock=True)
    client.wait_property("Health", "degraded")
    service.set_clock(now + 8 * HOUR)
    assert "stale" in client.reasons()
    assert (client.get("NJobs"), automatic(client)) == (0, [])


def test_timer_that_is_stopped_later_is_seen_without_asking(host, service):
    client = service.start()
    findings(client)
    asked = len(host.asked)
    host.change(BACKUP_TIMER, active="inactive")
    client.wait_property("Health", "degraded")
    host.change(BACKUP_TIMER)
    client.wait_property("Health", "ok")
    assert len(host.asked) == asked


def test_each_reason_is_logged_when_it_begins_and_when_it_is_over(host, service):
    service.configure("LowDiskSpace=1000T\n")
    service.start()
    host.change(BACKUP_TIMER, active="inactive")
    service.wait_logged("Health is degraded: oracxpred-backup.timer is stopped")
    host.change(BACKUP_TIMER)
    service.wait_logged("Health is degraded; this is over: timer-disabled")
    log = service.log()
    assert log.count("Health is degraded: oracxpred-backup.timer is stopped") == 1
    assert log.count("(LowDiskSpace=) is free") == 1


def test_timer_that_is_disabled_later_is_seen(host, service):
    client = service.start()
    findings(client)
    host.change_files(BACKUP_TIMER, file="disabled")
    client.wait_property("Health", "degraded")
    assert client.reasons() == ["timer-disabled"]


def test_systemd_that_comes_later_is_asked(service, bus):
    client = service.start()
    assert client.reasons() == []
    with Host(bus.address) as host:
        host.say(BACKUP_TIMER, active="failed")
        client.wait_property("Health", "degraded")
        assert ("Subscribe", "/org/freedesktop/systemd1") in host.asked


def test_without_systemd_nobody_is_blamed(client):
    assert client.get("Health") == "ok"
    row = findings(client)["backup-timer"]
    assert row[0] == "warning" and "does not answer" in row[1]


def test_units_of_the_application_are_looked_for(host, service):
    host.say("oracxpred-web.service", active="inactive", file="disabled")
    service.configure("ApplicationUnits=oracxpred-web.service\n")
    client = service.start()
    assert findings(client)["units"] == (
        "ok",
        "systemd knows each of the 1 in ApplicationUnits=, and lets this service stop and start them",
        "",
    )
    service.configure("ApplicationUnits=oracxpred-web.service mistyped.service\n")
    client.manager("Reload")
    level, finding, _ = findings(client)["units"]
    assert level == "fault" and "mistyped.service" in finding


def test_every_check_is_there_and_says_something(host, service):
    client = service.start()
    found = findings(client)
    assert set(found) == {
        "sqlite",
        "file-system",
        "links",
        "permissions",
        "disk-space",
        "integrity",
        "disk-check",
        "quarantine",
        "backups",
        "backup-files",
        "configuration",
        "key",
        "schema",
        "clock",
        "backup-timer",
        "verify-timer",
        "units",
        "polkit",
    }
    assert {check for check, row in found.items() if row[0] != "ok"} <= {"sqlite"}
    assert all(len(finding) > 3 for _, finding, _ in found.values())


def test_second_name_of_the_database_is_a_fault(client, service, tmp_path):
    os.link(service.database, tmp_path / "second")
    found = findings(client)
    assert found["links"][0] == "fault" and "hard link" in found["links"][1]
    # The file system itself is none the worse for it.
    assert found["file-system"][0] == "ok"
    assert client.reasons() == ["unsafe-file-system"]


def test_database_of_root_is_named_and_taken_once_it_is_mended(service):
    """The service is up meanwhile, since it is where a person reads what to do."""
    service.give_to(SERVICE_USER)
    service.start(user=SERVICE_USER)
    service.stop()
    os.chown(service.database, 0, 0)
    os.chmod(service.database, 0o644)
    client = service.start(user=SERVICE_USER)
    assert "wrong-permissions" in client.reasons()
    assert "belongs to root" in str(client.get("HealthReasons"))
    since = client.mark()
    shutil.chown(service.database, SERVICE_USER, SERVICE_USER)
    client.wait(lambda signal: "Integrity" in str(signal.body) and "'ok'" in str(signal.body), since=since)
    assert (client.get("Health"), client.get("Integrity")) == ("ok", "ok")
    client.back_up()


def test_rights_are_looked_at_whenever_health_is_asked_for(service):
    """Nothing tells the service that somebody has changed them, or has mended them by its words."""
    service.give_to(SERVICE_USER)
    client = service.start(user=SERVICE_USER)
    os.chown(service.database, 0, 0)
    os.chmod(service.database, 0o600)
    assert (client.get("Health"), client.reasons()) == ("degraded", ["wrong-permissions"])
    shutil.chown(service.database, SERVICE_USER, SERVICE_USER)
    assert (client.get("Health"), client.reasons()) == ("ok", [])


def test_failed_backup_is_known_after_a_restart_until_one_succeeds(service):
    service.give_to(SERVICE_USER)
    client = service.start(user=SERVICE_USER)
    os.chmod(service.backups, 0o500)
    assert client.run("Backup", {})[1] == "failed"
    fault = client.get("LastBackupFault")
    os.chmod(service.backups, 0o750)
    service.stop()
    client = service.start(user=SERVICE_USER)
    assert (client.get("LastBackupFault"), client.reasons()) == (fault, ["last-backup-failed"])
    client.back_up()
    assert client.reasons() == []
    service.stop()
    assert service.start(user=SERVICE_USER).reasons() == []


def test_database_that_a_newer_sqlite_has_written_is_named_before_a_backup_fails(service):
    service.start()
    service.stop()
    checkpoint(service.database)
    write_at(service.database, 18, b"\3")
    client = service.start()
    assert "newer-write-version" in client.reasons()
    assert client.get("LastRestore") == ""
    service.stop()
    write_at(service.database, 18, b"\2")
    client = service.start()
    assert client.reasons() == []


def test_clock_that_was_set_back_is_told(service):
    service.set_clock(NOW_USEC)
    client = service.start(clock=True)
    service.set_clock(NOW_USEC - DAY_USEC)
    assert "clock-not-sane" in client.reasons()
    assert findings(client)["clock"][0] == "fault"
    service.set_clock(NOW_USEC + 1)
    assert client.reasons() == []
    assert findings(client)["clock"][0] == "ok"


def test_silent_systemd_holds_up_nothing_else(host, service, bus):
    """Diagnose waits for what it asked; more than a few such calls are refused, all others are answered."""
    host.silent = True
    client = service.start()
    waiting = [client.send(BUS_PATH, MANAGER, "Diagnose") for _ in range(8)]
    with pytest.raises(BusError) as caught:
        client.manager("Diagnose")
    assert caught.value.name == ERROR + "Busy"
    client.back_up()
    # A service that stops refuses them rather than leave them without an answer.
    service.process.terminate()
    for serial in waiting:
        with pytest.raises(BusError) as caught:
            client.result(serial)
        assert caught.value.name == ERROR + "Busy"
    assert service.wait() == 0
