# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups and verifications that systemd starts: by their timers, and by hand through the same units."""

from product import BACKUPS, MANAGER, add_unit, backup_names, journal

BACKUP_CREATED = "a49ed3bf4690487da8a7973f0ccd22f6"
EVERY_OTHER_SECOND = """\
[Timer]
OnCalendar=
OnCalendar=*:*:0/2
RandomizedDelaySec=0
AccuracySec=1us
"""
ON_FAILURE = """\
[Unit]
OnFailure=test-alarm.service
"""
ALARM = """\
[Service]
Type=oneshot
ExecStart=true
"""


def test_elapsed_timer_makes_a_backup(service):
    with service.drop_in("oracxpred-backup.timer", EVERY_OTHER_SECOND):
        with service.signals(MANAGER, "BackupCreated") as next_backup:
            service.run(["systemctl", "start", "oracxpred-backup.timer"])
            next_backup()
            service.run(["systemctl", "stop", "oracxpred-backup.timer"])
    newest = service.run_json(["oracxpredctl", "--json=short", "list"])[0]
    assert newest["Kind"] == "automatic"


def test_status_tells_the_next_elapse(service):
    service.run(["systemctl", "start", "oracxpred-backup.timer"])
    known = service.unit("oracxpred-backup.timer", "NextElapseUSecRealtime")["NextElapseUSecRealtime"]
    shown = service.run(["oracxpredctl", "--no-pager", "status"], user="visitor").stdout
    assert f"Next backup: {known}; in " in shown


def test_status_tells_of_a_stopped_timer(service):
    shown = service.run(["oracxpredctl", "--no-pager", "status"], check=False).stdout
    assert "Next backup: oracxpred-backup.timer is stopped; `systemctl start oracxpred-backup.timer` starts it" in shown


def test_backup_unit_makes_a_backup_as_the_services_user(service):
    service.run(["systemctl", "start", "oracxpred-backup.service"])
    assert service.unit("oracxpred-backup.service", "Result", "User") == {"Result": "success", "User": "oracxpred"}
    made = journal(service, MESSAGE_ID=BACKUP_CREATED)[-1]
    assert made["ORACXPRED_KIND"] == "automatic"
    assert made["ORACXPRED_BACKUP"] == backup_names(service)[0]
    assert made["ORACXPRED_CALLER_UID"] == service.run(["id", "-u", "oracxpred"]).stdout.strip()


def test_backup_unit_fails_when_the_backup_fails_and_somebody_can_hear_of_it(service):
    service.run(["chmod", "0500", BACKUPS])
    add_unit(service, "test-alarm.service", ALARM)
    with service.drop_in("oracxpred-backup.service", ON_FAILURE), service.unit_job("test-alarm.service") as alarm:
        assert service.run(["systemctl", "start", "oracxpred-backup.service"], check=False).returncode != 0
        assert alarm() == "done"
    assert service.unit("oracxpred-backup.service", "ActiveState", "Result") == {
        "ActiveState": "failed",
        "Result": "exit-code",
    }
    assert backup_names(service) == ["initial_backup"]


def test_verify_unit_passes_over_good_backups(service):
    service.run(["systemctl", "start", "oracxpred-verify.service"])
    assert service.unit("oracxpred-verify.service", "Result", "User") == {"Result": "success", "User": "oracxpred"}


def test_verify_unit_fails_on_a_damaged_backup(service):
    with open(service.path(f"{BACKUPS}/initial_backup.db.gz"), "r+b") as stored:
        stored.seek(100)
        stored.write(b"\0" * 16)
    assert service.run(["systemctl", "start", "oracxpred-verify.service"], check=False).returncode != 0
    assert service.unit("oracxpred-verify.service", "Result") == {"Result": "exit-code"}


def test_calendars_are_what_operators_were_told(machine):
    backup, verify = machine.boot_timers["oracxpred-backup.timer"], machine.boot_timers["oracxpred-verify.timer"]
    assert "OnCalendar=*-*-* 00/6:00:00 UTC" in backup["TimersCalendar"]
    assert backup["Persistent"] == "yes" and backup["RandomizedDelayUSec"] != "0"
    assert "OnCalendar=Sun *-*-* 03:00:00 UTC" in verify["TimersCalendar"]
