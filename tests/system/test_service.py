# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon under systemd: how it starts, stops, starts again, and what it leaves."""

from product import BUS_NAME, BUS_PATH, DATABASE, backup_names, fill

UNIT = "oracxpredd.service"


def test_boot_starts_it(machine):
    for unit in (UNIT, "oracxpred-backup.timer", "oracxpred-verify.timer"):
        assert machine.run(["systemctl", "is-enabled", unit]).stdout == "enabled\n"
    assert machine.boot_units[UNIT] == "active"
    assert machine.boot_units["oracxpred-backup.timer"] == "active"
    assert machine.boot_units["oracxpred-verify.timer"] == "active"


def test_is_ready_when_the_database_stands_and_is_backed_up(service):
    assert service.unit(UNIT, "ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
    tables = service.run(["sqlite3", DATABASE, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"]).stdout
    assert int(tables) >= 18
    assert backup_names(service) == ["initial_backup.db.gz"]


def test_status_shows_what_it_is_doing(service):
    status = service.unit(UNIT, "StatusText")["StatusText"]
    assert status
    assert f'Status: "{status}"' in service.run(["systemctl", "status", "--lines=0", UNIT]).stdout


def test_files_belong_to_the_service_and_its_group(service):
    shown = service.run(["find", "/var/lib/oracxpred", "-printf", "%P %y %m %u:%g\n"]).stdout.splitlines()
    assert "data d 2770 oracxpred:oracxpred" in shown
    assert "backups d 750 oracxpred:oracxpred" in shown
    assert "data/oracxpred.db f 660 oracxpred:oracxpred" in shown
    assert "backups/initial_backup.db.gz f 640 oracxpred:oracxpred" in shown
    assert "backups/initial_backup.db.gz.meta f 640 oracxpred:oracxpred" in shown


def test_restart_loses_nothing(service):
    fill(service, rows=1000)
    service.run(["oracxpredctl", "backup"])
    before = backup_names(service)
    service.run(["systemctl", "restart", UNIT])
    assert backup_names(service) == before
    assert service.run(["sqlite3", DATABASE, "SELECT count(*) FROM predictions"]).stdout == "1000\n"
    assert service.unit(UNIT, "NRestarts")["NRestarts"] == "0"


def test_reload_is_answered(service):
    service.run(["systemctl", "reload", UNIT])
    assert service.unit(UNIT, "ActiveState", "Result") == {"ActiveState": "active", "Result": "success"}


def test_bus_activation_starts_it(service):
    service.run(["systemctl", "stop", UNIT])
    service.call(BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Peer", "Ping")
    assert service.unit(UNIT, "ActiveState") == {"ActiveState": "active"}


def test_stop_in_the_middle_of_a_backup_needs_no_kill(service):
    fill(service, rows=1000, bytes_per_row=200_000)
    before = backup_names(service)
    with service.signals(f"{BUS_NAME}.Manager", "JobNew") as next_job:
        service.run(["oracxpredctl", "backup", "--no-wait"])
        next_job()
        service.run(["systemctl", "stop", UNIT])
    # SIGKILL after the time-out would read Result=timeout; the daemon's own end, Result=success and status 0.
    assert service.unit(UNIT, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    left = service.run(["find", "/var/lib/oracxpred/backups", "-type", "f", "-printf", "%P\n"]).stdout
    assert sorted(left.splitlines()) == ["initial_backup.db.gz", "initial_backup.db.gz.meta"]
    service.run(["systemctl", "start", UNIT])
    assert backup_names(service) == before


def test_killed_daemon_is_started_again(service):
    with service.signals("org.freedesktop.DBus", "NameOwnerChanged", sender="org.freedesktop.DBus") as next_owner:
        service.run(["systemctl", "kill", "--signal=KILL", UNIT])
        name, owner = "", ""
        while name != BUS_NAME or not owner:
            name, _, owner = next_owner()
    service.run(["oracxpredctl", "backup"])
    assert service.unit(UNIT, "NRestarts")["NRestarts"] == "1"


def test_log_level_is_set_through_systemctl(service):
    service.run(["systemctl", "service-log-level", UNIT, "debug"])
    assert service.run(["systemctl", "service-log-level", UNIT]).stdout == "debug\n"
