# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restores on a whole system: under the sandbox, as a user without privilege, with an application of another user whose
unit is stopped and started by the real systemd, as far as the real polkit allows it."""

import json
import os

import pytest

from product import (
    BACKUPS,
    DATABASE,
    QUARANTINE,
    UNIT,
    add_unit,
    backup_names,
    configure,
    destroy_header,
    explained_journal,
    journal,
    sql,
)

DATABASE_RESTORED = "e0a272c9e9bd4d6291fec94f6d8f879a"
WEB = "oracxpred-web.service"
WEB_UNIT = """\
[Service]
Type=notify
User=application
ExecStart=/usr/local/bin/oracxpred_web
"""
RULES = "/etc/polkit-1/rules.d/50-oracxpred-application-units.rules"
PERMISSION_EXIT = 17
DATABASE_IN_USE_EXIT = 24


def quarantined(service):
    """What is in the quarantine, by name: the files of its only folder."""
    (folder,) = os.listdir(service.path(QUARANTINE))
    found = {}
    for name in os.listdir(service.path(f"{QUARANTINE}/{folder}")):
        with open(service.path(f"{QUARANTINE}/{folder}/{name}"), "rb") as file:
            found[name] = file.read()
    return found


def main_pid(service, unit):
    return service.unit(unit, "MainPID")["MainPID"]


def web_pid(service):
    """Of the application that runs; the test's point is often whether it is another one than before."""
    assert service.unit(WEB, "ActiveState") == {"ActiveState": "active"}
    return main_pid(service, WEB)


def users(service):
    return sql(service, "SELECT username FROM users ORDER BY id").split()


@pytest.fixture
def web(service):
    """The application runs and has written user0, of which there is a backup; and nothing is repaired by itself."""
    add_unit(service, WEB, WEB_UNIT, program="oracxpred_web.py")
    configure(service, f"AutoRestore=no\nApplicationUnits={WEB}\n")
    service.run(["systemctl", "start", WEB])
    service.run(["oracxpredctl", "backup"])
    yield service
    service.run(["systemctl", "stop", WEB])
    service.remove(RULES)


def allow(web):
    """What the manual says to do: the rule that the service prints is put into polkit's folder."""
    web.run(["sh", "-c", f"oracxpredctl units-rule > {RULES}"])
    # polkitd notices a new file by itself, some time later; a start reads them all.
    web.run(["systemctl", "restart", "polkit.service"])


@pytest.fixture
def allowed(web):
    allow(web)
    return web


def units_rows(service):
    rows = json.loads(service.run(["oracxpredctl", "--json=short", "doctor"], check=False).stdout)
    return [(row["Result"], row["Finding"]) for row in rows if row["Check"] == "units"]


def test_doctor_proves_what_polkit_lets_the_service_do(web):
    """Asking neither stops nor starts anything, and the rule that the service prints is what lacks."""
    before = web_pid(web)
    ((result, finding),) = units_rows(web)
    assert result == "fault" and f"may not stop and start {WEB}" in finding
    status = json.loads(web.run(["oracxpredctl", "--json=short", "status"], check=False).stdout)
    assert "units-refused" in [reason["Code"] for reason in status["HealthReasons"]]

    allow(web)
    ((result, _),) = units_rows(web)
    assert result == "ok"
    assert web_pid(web) == before


@pytest.mark.parametrize("database", ["header", "pages"])
def test_corrupt_database_is_repaired_by_a_start(service, database):
    sql(service, "INSERT INTO users (username, password) VALUES ('kept', '-')")
    service.run(["oracxpredctl", "backup"])
    newest = backup_names(service)[0]
    service.run(["systemctl", "stop", UNIT])
    corrupt = destroy_header(service)
    if database == "pages":
        # The header as it was, and nothing behind it.
        corrupt = b"SQLite format 3\0" + bytes.fromhex("1000010100402020") + corrupt[24:100] + b"\xff" * 4096
        with open(service.path(DATABASE), "wb") as file:
            file.write(corrupt)
    service.run(["systemctl", "start", UNIT])

    assert users(service) == ["kept"]
    assert quarantined(service)["oracxpred.db"] == corrupt
    (restored,) = journal(service, MESSAGE_ID=DATABASE_RESTORED)
    assert restored["ORACXPRED_BACKUP"] == newest
    shown = explained_journal(service)
    assert "Subject: The database is corrupt" in shown
    assert f"Subject: The database was restored from {newest}" in shown
    told = "SELECT count(*) FROM system_logs WHERE action_type = 'database_restored'"
    assert int(sql(service, told)) == 1
    service.run(["oracxpredctl", "acknowledge"])
    service.run(["systemctl", "start", "oracxpred-backup.timer"])
    status = service.run(["oracxpredctl", "--no-pager", "status"]).stdout
    assert "Health: ok" in status and f"Last restore: {newest}" in status and "automatic" in status


def test_deleted_database_is_restored_under_the_running_service(service):
    sql(service, "INSERT INTO users (username, password) VALUES ('kept', '-')")
    service.run(["oracxpredctl", "backup"])
    with service.signals("org.oracxpred.Persistence1.Manager", "DatabaseRestored") as next_restore:
        service.run(["rm", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"])
        assert next_restore()[3] is True
    assert users(service) == ["kept"]


def test_restored_files_keep_owner_and_mode(allowed):
    destroy_header(allowed)
    allowed.run(["oracxpredctl", "restore", "--yes"])
    shown = allowed.run(["stat", "--format=%U:%G %a", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"]).stdout
    assert [line.split(":")[1] for line in shown.splitlines()] == ["oracxpred 660"] * 3


def test_connected_application_stays_connected_through_a_restore_in_place(web):
    before = web_pid(web)
    sql(web, "DELETE FROM users")
    web.run(["oracxpredctl", "restore", "--yes"])
    assert users(web) == ["user0"]
    assert web_pid(web) == before


def test_plan_names_the_application_of_another_user(web):
    shown = web.run(["oracxpredctl", "--no-pager", "restore", "--dry-run"]).stdout
    assert f"Open in: oracxpred_web (process {web_pid(web)})" in shown


def test_application_is_stopped_and_started_again_around_a_replacement(allowed):
    before = web_pid(allowed)
    corrupt = destroy_header(allowed)
    allowed.run(["oracxpredctl", "restore", "--yes"])
    assert web_pid(allowed) != before
    # It wrote the second one when it was started again, into the file that is now in force.
    assert users(allowed) == ["user0", "user1"]
    assert quarantined(allowed)["oracxpred.db"] == corrupt


def test_application_is_started_again_when_the_restore_fails_in_between(allowed):
    before = web_pid(allowed)
    # An application that copes with a database that it can't open: the failed restore leaves it as it was.
    unit = WEB_UNIT.replace("notify", "exec").replace("/usr/local/bin/oracxpred_web", "sleep infinity")
    add_unit(allowed, WEB, unit + f"ExecStopPost=+chmod 0500 {QUARANTINE}\nExecStartPre=+chmod 0750 {QUARANTINE}\n")
    corrupt = destroy_header(allowed)
    tried = allowed.run(["oracxpredctl", "restore", "--yes"], check=False)
    assert tried.returncode != 0 and "quarantine" in tried.stderr
    assert web_pid(allowed) != before
    with open(allowed.path(DATABASE), "rb") as file:
        assert file.read() == corrupt


def test_without_polkits_leave_nothing_is_stopped_nor_replaced(web):
    before = web_pid(web)
    corrupt = destroy_header(web)
    tried = web.run(["oracxpredctl", "restore", "--yes"], check=False)
    assert tried.returncode == PERMISSION_EXIT
    assert WEB in tried.stderr and "polkit rule" in tried.stderr
    assert web_pid(web) == before
    with open(web.path(DATABASE), "rb") as file:
        assert file.read() == corrupt


def test_the_rule_allows_the_named_unit_only(allowed):
    tries = (("stop", WEB, True), ("start", WEB, True), ("kill", WEB, False), ("stop", "dbus.socket", False))
    for verb, unit, done in tries:
        tried = allowed.run(["systemctl", "--no-ask-password", verb, unit], user="oracxpred", check=False)
        assert (tried.returncode == 0) == done, (verb, unit, tried.stderr)
    tried = allowed.run(["systemctl", "--no-ask-password", "stop", WEB], user="visitor", check=False)
    assert tried.returncode != 0


def test_replacement_without_units_is_refused_and_names_the_application(web):
    configure(web, "AutoRestore=no\n")
    before = web_pid(web)
    corrupt = destroy_header(web)
    tried = web.run(["oracxpredctl", "restore", "--yes"], check=False)
    assert tried.returncode == DATABASE_IN_USE_EXIT
    assert f"oracxpred_web (pid {before})" in tried.stderr
    assert web_pid(web) == before
    with open(web.path(DATABASE), "rb") as file:
        assert file.read() == corrupt


def test_existing_database_is_moved_in(service):
    """As an operator does it who comes from the application alone."""
    statements = "CREATE TABLE old (id INTEGER PRIMARY KEY, t TEXT); INSERT INTO old VALUES (1, 'x')"
    service.run(["sqlite3", "/root/old.db", statements])
    service.run(["oracxpredctl", "restore", "--yes", "--from=/root/old.db"])
    assert sql(service, "SELECT t FROM old") == "x"
    assert [name for name in os.listdir(service.path(BACKUPS)) if name.startswith("backup_")]
    service.remove("/root/old.db")
