# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups and verifications that systemd starts: by their timers, and by hand through the same units."""

from product import BUS_NAME, backup_names

EVERY_OTHER_SECOND = """\
[Timer]
OnCalendar=
OnCalendar=*:*:0/2
RandomizedDelaySec=0
AccuracySec=1us
"""


def test_elapsed_timer_makes_a_backup(service):
    with service.drop_in("oracxpred-backup.timer", EVERY_OTHER_SECOND):
        with service.signals(f"{BUS_NAME}.Manager", "BackupCreated") as next_backup:
            service.run(["systemctl", "start", "oracxpred-backup.timer"])
            next_backup()
            service.run(["systemctl", "stop", "oracxpred-backup.timer"])
    newest = service.run_json(["oracxpredctl", "--json=short", "list"])[0]
    assert newest["kind"] == "automatic"


def test_status_knows_the_next_elapse(service):
    service.run(["systemctl", "start", "oracxpred-backup.timer"])
    shown = service.run(["oracxpredctl", "status"], check=False).stdout
    assert "ext backup" in shown


def test_backup_unit_makes_a_backup(service):
    service.run(["systemctl", "start", "oracxpred-backup.service"])
    assert service.unit("oracxpred-backup.service", "Result") == {"Result": "success"}
    assert len(backup_names(service)) == 2


def test_backup_unit_fails_when_the_backup_fails(service):
    service.run(["chmod", "0500", "/var/lib/oracxpred/backups"])
    assert service.run(["systemctl", "start", "oracxpred-backup.service"], check=False).returncode != 0
    assert service.unit("oracxpred-backup.service", "ActiveState", "Result") == {
        "ActiveState": "failed",
        "Result": "exit-code",
    }
    assert backup_names(service) == ["initial_backup.db.gz"]


def test_verify_unit_passes_over_good_backups(service):
    service.run(["systemctl", "start", "oracxpred-verify.service"])
    assert service.unit("oracxpred-verify.service", "Result") == {"Result": "success"}


def test_verify_unit_fails_on_a_damaged_backup(service):
    with open(service.path("/var/lib/oracxpred/backups/initial_backup.db.gz"), "r+b") as stored:
        stored.seek(100)
        stored.write(b"\0" * 16)
    assert service.run(["systemctl", "start", "oracxpred-verify.service"], check=False).returncode != 0
    assert service.unit("oracxpred-verify.service", "Result") == {"Result": "exit-code"}


def test_calendars_are_what_operators_were_told(machine):
    backup = machine.unit("oracxpred-backup.timer", "TimersCalendar", "Persistent", "RandomizedDelayUSec")
    assert "OnCalendar=*-*-* 00/6:00:00" in backup["TimersCalendar"]
    assert backup["Persistent"] == "yes" and backup["RandomizedDelayUSec"] != "0"
    verify = machine.unit("oracxpred-verify.timer", "TimersCalendar", "Persistent")
    assert "OnCalendar=Sun *-*-*" in verify["TimersCalendar"]
