# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon under systemd: how it starts, stops, starts again, and what it leaves."""

import contextlib

from product import BACKUPS, BUS_NAME, BUS_PATH, MANAGER, STATE, UNIT, backup_names, configure, fill, journal, sql

DAY_USEC = 24 * 3600 * 1_000_000


def test_boot_starts_it(machine):
    for unit in (UNIT, "oracxpred-backup.timer", "oracxpred-verify.timer"):
        assert machine.run(["systemctl", "is-enabled", unit]).stdout == "enabled\n"
    assert machine.boot_units[UNIT] == "active"
    assert machine.boot_units["oracxpred-backup.timer"] == "active"
    assert machine.boot_units["oracxpred-verify.timer"] == "active"


def test_is_ready_when_the_database_stands_and_is_backed_up(service):
    assert service.unit(UNIT, "ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
    assert int(sql(service, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'")) >= 18
    assert backup_names(service) == ["initial_backup"]


def test_status_shows_what_it_is_doing(service):
    status = service.unit(UNIT, "StatusText")["StatusText"]
    assert status
    assert f'Status: "{status}"' in service.run(["systemctl", "status", "--lines=0", UNIT]).stdout


def test_files_belong_to_the_service_and_its_group(service):
    """In a state directory that only the unit has made, under its sandbox and its umask."""
    shown = service.run(["find", STATE, "-printf", "%P %y %m %u:%g\n"]).stdout.splitlines()
    assert "data d 2770 oracxpred:oracxpred" in shown
    assert "backups d 700 oracxpred:oracxpred" in shown
    assert "quarantine d 750 oracxpred:oracxpred" in shown
    assert "data/oracxpred.db f 660 oracxpred:oracxpred" in shown
    assert "backups/initial_backup.db.gz f 600 oracxpred:oracxpred" in shown
    assert "backups/initial_backup.db.gz.meta f 600 oracxpred:oracxpred" in shown


def test_restart_loses_nothing(service):
    fill(service, rows=1000)
    service.run(["oracxpredctl", "backup"])
    before = backup_names(service)
    service.run(["systemctl", "restart", UNIT])
    assert backup_names(service) == before
    assert sql(service, "SELECT count(*) FROM predictions") == "1000"
    assert service.unit(UNIT, "NRestarts")["NRestarts"] == "0"


def test_reload_takes_the_new_configuration(service):
    configure(service, "Retention=9d\n")
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "RetentionUSec") == 9 * DAY_USEC
    assert service.unit(UNIT, "ActiveState", "Result") == {"ActiveState": "active", "Result": "success"}


def test_bus_activation_starts_it(service):
    service.run(["systemctl", "stop", UNIT])
    service.call(BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Peer", "Ping")
    # It answers before its start is over. Now the unit is on its way, without anybody having started it by hand.
    assert service.unit(UNIT, "ActiveState")["ActiveState"] in ("activating", "active")
    with service.unit_job(UNIT) as started:
        if service.unit(UNIT, "Job")["Job"]:
            assert started() == "done"
    assert service.unit(UNIT, "ActiveState") == {"ActiveState": "active"}


def test_disabled_it_is_off(service):
    """Neither a timer's unit nor a call of anybody brings it back."""
    service.run(["systemctl", "disable", "--now", UNIT])
    try:
        ping = [BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Peer", "Ping"]
        assert service.run(["busctl", "call", *ping], check=False).returncode != 0
        assert service.run(["oracxpredctl", "status"], check=False).returncode == 28
        service.run(["systemctl", "start", "oracxpred-backup.service"])
        service.run(["systemctl", "start", "oracxpred-verify.service"])
        assert service.unit("oracxpred-backup.service", "Result") == {"Result": "exec-condition"}
        assert service.unit(UNIT, "ActiveState") == {"ActiveState": "inactive"}
    finally:
        service.run(["systemctl", "enable", "--now", UNIT])
    service.run(["systemctl", "start", "oracxpred-backup.service"])
    assert service.unit("oracxpred-backup.service", "Result") == {"Result": "success"}


def test_reload_of_a_wrong_configuration_fails(service):
    service.write("/etc/oracxpred/oracxpred.conf", "[Persistence]\nRetention=never\n")
    assert service.run(["systemctl", "reload", UNIT], check=False).returncode != 0
    assert service.unit(UNIT, "ActiveState") == {"ActiveState": "active"}


def test_hanging_daemon_is_started_again_by_the_watchdog(service):
    with service.drop_in(UNIT, "[Service]\nWatchdogSec=3s\n"):
        service.run(["systemctl", "restart", UNIT])
        entered = int(service.unit(UNIT, "ActiveEnterTimestampMonotonic")["ActiveEnterTimestampMonotonic"])
        # A sign of life after READY=1, else the rest could be a daemon that never gives one.
        while int(service.unit(UNIT, "WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"]) <= entered:
            assert service.unit(UNIT, "NRestarts") == {"NRestarts": "0"}
        with new_owner(service) as owned_again:
            service.run(["systemctl", "kill", "--signal=STOP", UNIT])
            owned_again()
        assert service.unit(UNIT, "NRestarts") == {"NRestarts": "1"}
    assert any(entry["MESSAGE"].startswith(f"{UNIT}: Watchdog timeout") for entry in journal(service, UNIT=UNIT))
    assert backup_names(service) == ["initial_backup"]


def test_stop_in_the_middle_of_a_backup_needs_no_kill(service):
    fill(service, rows=1000, bytes_per_row=200_000)
    before = backup_names(service)
    # No machine stores the 100 MB before the stop.
    configure(service, "BandwidthLimit=1M\n")
    with service.signals(MANAGER, "JobNew") as next_job:
        service.run(["oracxpredctl", "backup", "--no-wait"])
        next_job()
        service.run(["systemctl", "stop", UNIT])
    # SIGKILL after the time-out would read Result=timeout; the daemon's own end, Result=success and status 0.
    assert service.unit(UNIT, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    left = service.run(["find", BACKUPS, "-type", "f", "-printf", "%P\n"]).stdout
    assert sorted(left.splitlines()) == ["initial_backup.db.gz", "initial_backup.db.gz.meta"]
    service.run(["systemctl", "start", UNIT])
    assert backup_names(service) == before


@contextlib.contextmanager
def new_owner(service):
    """Yields a function that waits until somebody takes the service's name."""
    with service.signals("org.freedesktop.DBus", "NameOwnerChanged", sender="org.freedesktop.DBus") as next_owner:

        def taken():
            name, owner = "", ""
            while name != BUS_NAME or not owner:
                name, _, owner = next_owner()

        yield taken


def test_killed_daemon_is_started_again(service):
    with new_owner(service) as taken:
        service.run(["systemctl", "kill", "--signal=KILL", UNIT])
        taken()
    service.run(["oracxpredctl", "backup"])
    assert service.unit(UNIT, "NRestarts")["NRestarts"] == "1"


def test_log_level_is_set_through_systemctl(service):
    service.run(["systemctl", "service-log-level", UNIT, "debug"])
    assert service.run(["systemctl", "service-log-level", UNIT]).stdout == "debug\n"
