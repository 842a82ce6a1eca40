# SPDX-License-Identifier: LGPL-2.1-or-later
"""The databases of other applications: everything works on them, and nothing of the service's own gets into them."""

import contextlib
import ctypes
import os
import select
import sqlite3

import pytest
from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection

import foreign
from client import BusError
from command_line import ctl  # noqa: F401
from contract import ACCOUNTS, AUDIT, BUS_NAME, BUS_PATH, ERROR, MANAGER, PREDICTIONS

# 2026-01-24 00:00 UTC.
START_USEC = 1769212800 * 1000000
HOUR_USEC = 3600 * 1000000

IN_CLOSE_WRITE, IN_CLOSE_NOWRITE = 0x8, 0x10
APPLICATION_PATIENCE_SECONDS = 5


@pytest.fixture(params=foreign.KINDS)
def kind(request):
    return request.param


def refused(client, interface, member, *arguments):
    with pytest.raises(BusError) as caught:
        client.call(BUS_PATH, interface, member, *arguments)
    assert caught.value.name == ERROR + "NotSupported"
    assert "Schema=oracxpred" in str(caught.value)


def test_a_day_of_service_leaves_nothing_behind(service, kind):
    foreign.make(kind, service.database)
    service.set_clock(START_USEC)
    client = service.start(clock=True)
    before = foreign.content(service.database)
    for hour in (6, 12, 18, 24):
        service.set_clock(START_USEC + hour * HOUR_USEC)
        client.back_up(automatic=("b", True))
    client.back_up(label=("s", "by hand"))
    assert client.run("Verify", "", {})[1] == "done"
    client.manager("GetStatistics")
    client.manager("Advise")
    client.manager("Cleanup", {})
    assert foreign.content(service.database) == before

    foreign.write(kind, service.database)
    assert foreign.content(service.database) != before
    assert client.run("Restore", "", {})[1] == "done"
    client.manager("GetStatistics")
    assert foreign.content(service.database) == before
    service.stop()
    service.start(clock=True)
    service.stop()
    assert foreign.content(service.database) == before


def test_export_and_import_bring_back_every_row(service, kind, tmp_path):
    foreign.make(kind, service.database)
    client = service.start()
    before = foreign.content(service.database)
    connection = open_dbus_connection(service.bus.address, enable_fds=True)

    def run(member, descriptor):
        address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=MANAGER)
        reply = connection.send_and_get_reply(new_method_call(address, member, "ha{sv}", (descriptor, {})))
        assert client.ended(reply.body[0]) == ("done", "", "")

    with open(tmp_path / "export.json", "w+b") as file:
        run("Export", file)
        names = client.names()
        foreign.write(kind, service.database)
        file.seek(0)
        run("Import", file)
    connection.close()
    [name] = set(client.names()) - set(names)
    assert client.run("Restore", name, {})[1] == "done"
    assert foreign.content(service.database) == before
    assert client.get("Integrity") == "ok"


def test_doctor_has_nothing_against_an_adopted_database(ctl, service, kind):
    foreign.make(kind, service.database)
    client = service.start()
    client.wait_property("Integrity", "ok")
    findings = {check: finding for check, level, finding, _ in client.manager("Diagnose") if level != "ok"}
    # There is no systemd on this bus.
    assert set(findings) <= {"sqlite", "backup-timer", "verify-timer"}, findings
    ctl.run("doctor", status=0)


def test_accounts_and_predictions_are_not_there_and_the_log_is_elsewhere(service):
    foreign.make("django", service.database)
    client = service.start()
    refused(client, ACCOUNTS, "Show", "a")
    refused(client, PREDICTIONS, "GetByMatch", 7, {})
    client.back_up(label=("s", "by hand"))
    assert client.call(BUS_PATH, AUDIT, "AppendSystem", "note", "kept", {}) > 0
    assert client.call(BUS_PATH, AUDIT, "AppendAccess", "seen", 1, {}) == 1
    assert client.run("Restore", "", {})[1] == "done"
    rows, _ = client.call(BUS_PATH, AUDIT, "ListSystem", {})
    assert {"persistence.backup", "note", "database_restored"} <= {row["type"][1] for row in rows}
    service.stop()
    own = os.path.join(service.state, "audit.db")
    assert os.stat(own).st_mode & 0o777 == 0o600
    with sqlite3.connect(own) as connection:
        assert connection.execute("SELECT count(*) FROM access_logs").fetchone() == (1,)


def test_a_damaged_log_of_its_own_says_nothing_of_the_database(service):
    foreign.make("gitea", service.database)
    os.makedirs(service.state, exist_ok=True)
    with open(os.path.join(service.state, "audit.db"), "wb") as file:
        file.write(b"no database at all" * 500)
    client = service.start()
    with pytest.raises(BusError) as caught:
        client.call(BUS_PATH, AUDIT, "AppendSystem", "note", "lost", {})
    assert caught.value.name == ERROR + "Failed"
    assert "audit.db" in str(caught.value)
    assert client.get("Integrity") == "ok"


def open_files(service, path):
    """How often the service has the file open."""
    links = f"/proc/{service.process.pid}/fd"
    found = 0
    for number in os.listdir(links):
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            found += os.readlink(os.path.join(links, number)) == path
    return found


def wait_closed(service, path):
    """Until the service has let go of the file, by the events of its closing."""
    libc = ctypes.CDLL(None, use_errno=True)
    events = libc.inotify_init1(os.O_CLOEXEC)
    assert events >= 0 and libc.inotify_add_watch(events, os.fsencode(path), IN_CLOSE_WRITE | IN_CLOSE_NOWRITE) >= 0
    try:
        while open_files(service, path):
            assert select.select([events], [], [], APPLICATION_PATIENCE_SECONDS)[0], "the service keeps it open"
            os.read(events, 4096)
    finally:
        os.close(events)


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal"])
def test_the_application_changes_its_journal_mode(service, mode):
    """Between two pieces of work the service has no connection open that would be in the way."""
    foreign.make("django", service.database)
    client = service.start()
    client.back_up()
    client.manager("GetStatistics")
    client.manager("Advise")
    # The connection of that call is open for a moment longer, and an application tries for five seconds.
    wait_closed(service, service.database)
    for wanted in ("wal", mode, "wal", "delete"):
        connection = sqlite3.connect(service.database, isolation_level=None, timeout=5)
        assert connection.execute(f"PRAGMA journal_mode={wanted}").fetchone()[0] == wanted
        connection.close()
    client.back_up()


def test_a_file_that_is_missing_is_left_to_its_application(service):
    service.configure("Schema=none\n")
    client = service.start()
    assert not os.path.exists(service.database)
    assert client.get("Health") != "ok"
    foreign.make("django", service.database)
    client.wait_property("Integrity", "ok")
    client.back_up()
    assert "shop_order" in dict(client.manager("GetStatistics")["Tables"][1])
