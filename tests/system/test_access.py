# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what on a real system bus, with its policy in force."""

import pytest

from product import BUS_NAME, BUS_PATH, backup_names

ACCESS_DENIED_EXIT = 12


def test_an_ordinary_user_reads_the_status(service):
    shown = service.run(["oracxpredctl", "status"], user="visitor").stdout
    assert "/var/lib/oracxpred/data/oracxpred.db" in shown


@pytest.mark.parametrize(
    "interface", ["Introspectable", "Peer", "Properties", "ObjectManager"], ids=lambda name: name.lower()
)
def test_standard_interfaces_are_reachable(service, interface):
    method = {
        "Introspectable": ["Introspect"],
        "Peer": ["Ping"],
        "Properties": ["GetAll", "s", f"{BUS_NAME}.Manager"],
        "ObjectManager": ["GetManagedObjects"],
    }[interface]
    service.run(["busctl", "call", BUS_NAME, BUS_PATH, f"org.freedesktop.DBus.{interface}", *method], user="visitor")


def test_an_ordinary_user_can_not_back_up(service):
    tried = service.run(["oracxpredctl", "backup"], user="visitor", check=False)
    assert tried.returncode == ACCESS_DENIED_EXIT
    assert backup_names(service) == ["initial_backup.db.gz"]


@pytest.mark.parametrize(
    "call", [["Backup", "a{sv}", "0"], ["Verify", "sa{sv}", "", "0"], ["Cleanup", "a{sv}", "0"], ["Reload"]], ids=lambda c: c[0]
)
def test_an_ordinary_user_is_refused_by_name(service, call):
    tried = service.run(
        ["busctl", "call", BUS_NAME, BUS_PATH, f"{BUS_NAME}.Manager", *call], user="visitor", check=False
    )
    assert tried.returncode != 0
    assert "ccess denied" in tried.stderr or "may not" in tried.stderr


def test_an_ordinary_user_can_not_take_the_name(service):
    service.run(["systemctl", "stop", "oracxpredd.service"])
    tried = service.run(
        ["busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", "su", BUS_NAME, "0"],
        user="visitor",
        check=False,
    )
    assert "not allowed to own" in tried.stderr


def test_an_ordinary_user_can_not_read_the_files(service):
    tried = service.run(["ls", "/var/lib/oracxpred/backups"], user="visitor", check=False)
    assert tried.returncode != 0 and "Permission denied" in tried.stderr


def test_the_application_reads_and_writes_the_database(service):
    """Its user is a member of the group, and its processes share -wal and -shm with the daemon's."""
    script = (
        "from sqlalchemy import create_engine, text\n"
        "engine = create_engine('sqlite:////var/lib/oracxpred/data/oracxpred.db')\n"
        "with engine.begin() as connection:\n"
        "    connection.execute(text(\"INSERT INTO users (username, password) VALUES ('ann', '-')\"))\n"
        "    print(connection.execute(text('SELECT count(*) FROM users')).scalar())\n"
    )
    assert service.run(["/usr/bin/python3", "-c", script], user="application").stdout == "1\n"
    service.run(["oracxpredctl", "backup"])
    assert service.run(["/usr/bin/python3", "-c", script.replace("'ann'", "'bob'")], user="application").stdout == "2\n"
