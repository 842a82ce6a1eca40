# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what on a real system bus, with its policy in force."""

import pytest

from product import BACKUPS, BUS_NAME, BUS_PATH, DATABASE, MANAGER, UNIT, backup_names

ACCESS_DENIED_EXIT = 12


def test_an_ordinary_user_reads_the_status(service):
    service.run(["systemctl", "start", "oracxpred-backup.timer"])
    shown = service.run(["oracxpredctl", "status"], user="visitor").stdout
    assert "/var/lib/oracxpred/data/oracxpred.db" in shown


@pytest.mark.parametrize(
    "interface", ["Introspectable", "Peer", "Properties", "ObjectManager"], ids=lambda name: name.lower()
)
def test_standard_interfaces_are_reachable(service, interface):
    method = {
        "Introspectable": ["Introspect"],
        "Peer": ["Ping"],
        "Properties": ["GetAll", "s", MANAGER],
        "ObjectManager": ["GetManagedObjects"],
    }[interface]
    service.run(["busctl", "call", BUS_NAME, BUS_PATH, f"org.freedesktop.DBus.{interface}", *method], user="visitor")


def test_an_ordinary_user_can_not_back_up(service):
    tried = service.run(["oracxpredctl", "backup"], user="visitor", check=False)
    assert tried.returncode == ACCESS_DENIED_EXIT
    assert backup_names(service) == ["initial_backup"]


@pytest.mark.parametrize(
    "call",
    [
        ["Backup", "a{sv}", "0"],
        ["Verify", "sa{sv}", "", "0"],
        ["Cleanup", "a{sv}", "0"],
        ["Restore", "sa{sv}", "", "0"],
        ["UndoRestore", "a{sv}", "0"],
        ["ReportCorruption", "s", "malformed"],
        ["Reload"],
    ],
    ids=lambda call: call[0],
)
def test_an_ordinary_user_is_refused_by_name(service, call):
    tried = service.run(
        ["busctl", "call", BUS_NAME, BUS_PATH, MANAGER, *call], user="visitor", check=False
    )
    assert tried.returncode != 0
    assert "ccess denied" in tried.stderr or "may not" in tried.stderr


def test_an_ordinary_user_can_not_take_the_name(service):
    service.run(["systemctl", "stop", UNIT])
    tried = service.run(
        ["busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", "su", BUS_NAME, "0"],
        user="visitor",
        check=False,
    )
    assert tried.returncode != 0
    assert "Access denied" in tried.stderr


def test_an_ordinary_user_can_not_read_the_files(service):
    tried = service.run(["ls", BACKUPS], user="visitor", check=False)
    assert tried.returncode != 0 and "Permission denied" in tried.stderr


def test_the_application_reports_corruption(service):
    call = ["busctl", "call", BUS_NAME, BUS_PATH, MANAGER, "ReportCorruption", "s", "database disk image is malformed"]
    with service.signals(MANAGER, "JobRemoved") as next_job:
        service.run(call, user="application")
        assert next_job()[2:4] == ("check", "done")


INSERT = """\
import sys
from sqlalchemy import create_engine, text

engine = create_engine("sqlite:///" + sys.argv[1])
with engine.begin() as connection:
    connection.execute(text("INSERT INTO users (username, password) VALUES (:name, '-')"), {"name": sys.argv[2]})
    print(connection.execute(text("SELECT count(*) FROM users")).scalar(), flush=True)
"""


def insert(service, name):
    return service.run(["/usr/bin/python3", "-c", INSERT, DATABASE, name], user="application").stdout


def test_the_application_reads_and_writes_the_database(service):
    """Its user is a member of the group, and its processes share -wal and -shm with the daemon's."""
    assert insert(service, "ann") == "1\n"
    service.run(["oracxpredctl", "backup"])
    assert insert(service, "bob") == "2\n"


def test_what_the_application_creates_stays_readable_to_the_service(service):
    """The files beside the database belong to whoever opens it first, after the last one that closed it."""
    service.run(["systemctl", "stop", UNIT])
    assert insert(service, "ann") == "1\n"
    hold = INSERT + "with engine.connect() as held:\n    held.execute(text('SELECT 1 FROM users'))\n"
    hold += "    print('held', flush=True)\n    sys.stdin.read()\n"
    with service.running(["/usr/bin/python3", "-c", hold, DATABASE, "bob"], user="application") as application:
        assert [application.stdout.readline() for _ in range(2)] == ["2\n", "held\n"]
        shown = service.run(["stat", "--format=%U:%G %a", f"{DATABASE}-wal", f"{DATABASE}-shm"]).stdout
        assert shown == "application:oracxpred 660\n" * 2
        service.run(["systemctl", "start", UNIT])
        service.run(["oracxpredctl", "backup"])
        service.run(["oracxpredctl", "restore", "--yes"])
