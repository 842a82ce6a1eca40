# SPDX-License-Identifier: LGPL-2.1-or-later
"""What watches the service and calls for help: the metrics file, the pings, OnFailure=, and the timers in health."""

import os
import stat

import pytest

from product import BACKUPS, MANAGER, UNIT, add_unit, journal

EXPORTER = "/var/lib/prometheus/node-exporter"
FIGURES = f"{EXPORTER}/oracxpred.prom"
HEALTH_REASON = "668601c95fc6405d83a009164e940491"
HEALTH_REASON_OVER = "7b79c914f0664f98af199f3600cdb17f"
EXAMPLES = "/usr/share/doc/oracxpred/examples"
BACKUP_TIMER = "oracxpred-backup.timer"
BACKUP_UNIT = "oracxpred-backup.service"
PINGS = "/run/pings"
LISTENER = f"""\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/local/bin/ping_listener {PINGS}
"""


def read(service, path):
    with open(service.path(path), encoding="utf-8") as file:
        return file.read()


@pytest.fixture
def exporter(service):
    """A place as Debian's node_exporter has it."""
    service.run(["install", "-d", "-m", "0755", EXPORTER])
    yield service
    service.remove("/var/lib/prometheus")


def test_metrics_are_written_for_node_exporter(exporter):
    exporter.run(["systemctl", "start", "oracxpred-metrics.service"])
    assert "\noracxpred_up 1\n" in read(exporter, FIGURES)
    assert '\noracxpred_health{state="corrupt"} 0\n' in read(exporter, FIGURES)
    assert stat.S_IMODE(os.stat(exporter.path(FIGURES)).st_mode) == 0o644
    assert os.listdir(exporter.path(EXPORTER)) == ["oracxpred.prom"]
    # Each minute, and not a line of it in the journal.
    assert not journal(exporter, UNIT="oracxpred-metrics.service")


def test_metrics_tell_of_a_stopped_service_and_leave_it_stopped(exporter):
    exporter.run(["systemctl", "stop", UNIT])
    exporter.run(["systemctl", "start", "oracxpred-metrics.service"])
    assert "\noracxpred_up 0\n" in read(exporter, FIGURES)
    assert exporter.unit(UNIT, "ActiveState") == {"ActiveState": "inactive"}
    assert exporter.unit("oracxpred-metrics.service", "Result") == {"Result": "success"}


def test_metrics_without_node_exporter_are_no_failure(service):
    service.run(["systemctl", "start", "oracxpred-metrics.service"])
    assert service.unit("oracxpred-metrics.service", "ConditionResult") == {"ConditionResult": "no"}


def test_metrics_timer_is_off_until_somebody_wants_it(machine):
    assert machine.run(["systemctl", "is-enabled", "oracxpred-metrics.timer"], check=False).stdout == "disabled\n"


@pytest.fixture
def listener(service):
    add_unit(service, "ping-listener.service", LISTENER, program="ping_listener.py")
    service.run(["systemctl", "start", "ping-listener.service"])
    service.write(f"/etc/oracxpred/ping/{BACKUP_UNIT}", "http://127.0.0.1:8123/5ec3e7\n", mode=0o600)
    yield service
    service.run(["systemctl", "stop", "ping-listener.service"])
    service.remove(PINGS)
    service.remove("/etc/oracxpred/ping")


def back_up_and_await_ping(service, succeeds):
    """curl tries again when the listener is not there yet."""
    how = "success" if succeeds else "failure"
    with service.unit_job(f"oracxpred-ping@{how}:{BACKUP_UNIT}.service") as pinged:
        assert (service.run(["systemctl", "start", BACKUP_UNIT], check=False).returncode == 0) == succeeds
        assert pinged() == "done"


def test_url_is_pinged_on_success_and_on_failure_and_never_shown(listener):
    back_up_and_await_ping(listener, succeeds=True)
    assert read(listener, PINGS) == "/5ec3e7 hidden\n"
    listener.run(["chmod", "0500", BACKUPS])
    back_up_and_await_ping(listener, succeeds=False)
    assert read(listener, PINGS) == "/5ec3e7 hidden\n/5ec3e7/fail hidden\n"


def test_nothing_is_pinged_without_a_url(service):
    back_up_and_await_ping(service, succeeds=True)
    unit = f"oracxpred-ping@success:{BACKUP_UNIT}.service"
    assert service.unit(unit, "ConditionResult", "ActiveState") == {"ConditionResult": "no", "ActiveState": "inactive"}


def test_unit_without_a_url_of_its_own_pings_nothing(listener):
    listener.run(["systemctl", "start", f"oracxpred-ping@failure:{UNIT}.service"])
    assert not os.path.exists(listener.path(PINGS))


def test_example_mails_how_a_unit_failed(service):
    service.run(["install", "-D", "-m", "0755", f"{EXAMPLES}/on-failure", "/etc/oracxpred/on-failure"])
    add_unit(service, "oracxpred-failure@.service", read(service, f"{EXAMPLES}/oracxpred-failure@.service"))
    service.write("/usr/sbin/sendmail", '#!/bin/sh\necho "$@" >/run/mail\nexec cat >>/run/mail\n', mode=0o755)
    service.run(["chmod", "0500", BACKUPS])
    hook = f"oracxpred-failure@{BACKUP_UNIT}.service"
    drop_in = "[Unit]\nOnFailure=oracxpred-failure@%n.service\n"
    with service.drop_in(BACKUP_UNIT, drop_in), service.unit_job(hook) as told:
        assert service.run(["systemctl", "start", BACKUP_UNIT], check=False).returncode != 0
        assert told() == "done"
    mail = read(service, "/run/mail")
    assert mail.startswith("-t\nTo: root\nSubject: oracxpred-backup.service has failed on ")
    assert "Active: failed" in mail and "last-backup-failed: " in mail


def health(service):
    state = service.property("org.oracxpred.Persistence1", "/org/oracxpred/Persistence1", MANAGER, "Health")
    reasons = service.property("org.oracxpred.Persistence1", "/org/oracxpred/Persistence1", MANAGER, "HealthReasons")
    return state, [code for code, _ in reasons]


def test_health_knows_whether_the_timer_runs(service):
    service.run(["systemctl", "start", BACKUP_TIMER])
    assert health(service) == ("ok", [])
    service.run(["systemctl", "stop", BACKUP_TIMER])
    assert health(service) == ("degraded", ["timer-disabled"])
    service.run(["systemctl", "start", BACKUP_TIMER])
    assert health(service) == ("ok", [])
    for message_id in (HEALTH_REASON, HEALTH_REASON_OVER):
        *_, told = journal(service, MESSAGE_ID=message_id)
        assert told["ORACXPRED_REASON"] == "timer-disabled"


def test_health_knows_whether_the_timer_is_enabled(service):
    service.run(["systemctl", "start", BACKUP_TIMER])
    with service.signals("org.freedesktop.DBus.Properties", "PropertiesChanged") as next_change:
        service.run(["systemctl", "disable", BACKUP_TIMER])
        try:
            while "Health" not in (change := next_change())[1] or change[0] != MANAGER:
                pass
            assert health(service) == ("degraded", ["timer-disabled"])
        finally:
            service.run(["systemctl", "enable", BACKUP_TIMER])
    service.run(["systemctl", "stop", BACKUP_TIMER])


def test_doctor_has_looked_at_everything(service):
    service.run(["systemctl", "start", BACKUP_TIMER, "oracxpred-verify.timer"])
    rows = service.run(["oracxpredctl", "--json=short", "doctor"], check=False)
    shown = service.run(["oracxpredctl", "--no-pager", "doctor"], check=False)
    service.run(["systemctl", "stop", BACKUP_TIMER, "oracxpred-verify.timer"])
    assert "does not answer" not in rows.stdout
    for check in ("backup-timer", "verify-timer", "polkit", "clock", "units"):
        assert f'"Check":"{check}","Result":"ok"' in rows.stdout.replace(" ", "")
    # Debian's SQLite is the one warning, and nothing that can be changed here.
    assert (rows.returncode, shown.returncode) == (0, 0)
