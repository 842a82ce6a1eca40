# SPDX-License-Identifier: LGPL-2.1-or-later
"""The application's units are stopped while the database is replaced as a file, and started again whatever happens. What
answers as systemd here is a stand-in on the private bus; tests/system has the real one."""

import sqlite3
import threading

import pytest
from jeepney import DBusAddress, HeaderFields, new_error, new_method_return, new_signal

from broken_database import destroy_header, users
from host import PATH, SYSTEMD
from stand_in import AnsweringStandIn


class Systemd(AnsweringStandIn):
    """Answers what a restore asks of systemd, and calls `on_stop` and `on_start` in between."""

    name = SYSTEMD

    def __init__(self, address):
        self.calls = []
        self.active = set()
        self.refuse = None
        self.permission = "org.freedesktop.DBus.Error.InvalidArgs"
        self.unknown = None
        self.fail = None
        self.on_stop = lambda: None
        self.on_start = lambda: None
        self.number = 0
        super().__init__(address)

    def answer(self, message):
        member = message.header.fields[HeaderFields.member]
        if member == "GetUnit" and self.unknown:
            self.connection.send(new_error(message, self.unknown, "s", ("no word on it",)))
        elif member == "GetUnit":
            self._reply(message, "o", (f"{PATH}/unit/{message.body[0].encode().hex()}",))
        elif member == "Get":
            unit = bytes.fromhex(message.header.fields[HeaderFields.path].rpartition("/")[2]).decode()
            self._reply(message, "v", (("s", "active" if unit in self.active else "inactive"),))
        elif member in ("StopUnit", "StartUnit"):
            self._job(message, member)
        else:
            self._reply(message, None, ())

    def _reply(self, message, signature, body):
        self.connection.send(new_method_return(message, signature, body))

    def _job(self, message, member):
        unit, mode = message.body
        if mode != "replace":
            # systemd authorizes such a call before it looks at the mode, which does not fit.
            error = new_error(message, self.permission, "s", ("Wrong mode",))
            self.connection.send(error)
            return
        self.calls.append((member, unit, mode))
        if self.refuse == member:
            error = new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "s", ("Permission denied",))
            self.connection.send(error)
            return
        self.number += 1
        job = f"{PATH}/job/{self.number}"
        self._reply(message, "o", (job,))
        if member == "StopUnit":
            self.on_stop()
            self.active.discard(unit)
        else:
            self.on_start()
            self.active.add(unit)
        emitter = DBusAddress(PATH, interface=SYSTEMD + ".Manager")
        result = "failed" if self.fail == member else "done"
        self.connection.send(new_signal(emitter, "JobRemoved", "uoss", (self.number, job, unit, result)))


@pytest.fixture
def systemd(bus):
    with Systemd(bus.address) as made:
        yield made


@pytest.fixture
def running(service, systemd):
    """A service with two units, one of which runs and has the database open, and a backup with one user."""
    service.configure("ApplicationUnits=web.service\nApplicationUnits=jobs.service\nAutoRestore=no\n")
    client = service.start()
    # Closed by the thread that answers as systemd.
    web = sqlite3.connect(service.database, check_same_thread=False)
    web.execute("INSERT INTO users (username, password) VALUES ('kept0', 'x')")
    web.commit()
    client.back_up()
    systemd.active = {"web.service"}
    systemd.on_stop = web.close
    yield client
    web.close()


def test_what_runs_is_stopped_and_started_again(service, systemd, running):
    seen = []
    systemd.on_start = lambda: seen.append(users(service.database))
    destroy_header(service.database)
    assert running.run("Restore", "", {})[1:] == ("done", "", "")
    assert systemd.calls == [("StopUnit", "web.service", "replace"), ("StartUnit", "web.service", "replace")]
    assert seen == [{"kept0"}]
    assert running.wait_signal("DatabaseRestored")[2] == "replace"


def test_units_are_left_alone_when_the_restore_is_in_place(service, systemd, running):
    assert running.run("Restore", "", {})[1] == "done"
    assert systemd.calls == []


def test_unit_that_may_not_be_stopped_stops_the_restore(service, systemd, running):
    destroy_header(service.database)
    systemd.refuse = "StopUnit"
    _, result, error, message = running.run("Restore", "", {})
    assert (result, error.rpartition(".")[2]) == ("failed", "Permission")
    assert "polkit" in message and "web.service" in message and "started again" not in message
    assert [call[0] for call in systemd.calls] == ["StopUnit"]
    with open(service.database, "rb") as file:
        assert file.read(100) == b"\0" * 100


def test_unit_that_can_not_be_asked_about_stops_the_restore(service, systemd, running):
    destroy_header(service.database)
    systemd.unknown = "org.freedesktop.DBus.Error.LimitsExceeded"
    _, result, _, message = running.run("Restore", "", {"force": ("b", True)})
    assert result == "failed"
    assert "whether web.service runs" in message and "no word on it" in message
    assert systemd.calls == []
    systemd.on_stop()
    systemd.unknown = "org.freedesktop.systemd1.NoSuchUnit"
    assert running.run("Restore", "", {})[1] == "done"
    assert systemd.calls == []


def test_unit_that_does_not_stop_is_started_again(service, systemd, running):
    destroy_header(service.database)
    systemd.fail = "StopUnit"
    _, result, _, message = running.run("Restore", "", {})
    assert result == "failed"
    assert "web.service" in message
    assert [call[0] for call in systemd.calls] == ["StopUnit", "StartUnit"]


def test_unit_that_does_not_start_is_told_and_the_restore_stands(service, systemd, running):
    destroy_header(service.database)
    systemd.fail = "StartUnit"
    assert running.run("Restore", "", {})[1] == "done"
    assert "could not be started again" in service.log()
    assert users(service.database) == {"kept0"}


def test_cancelling_while_a_unit_stops_starts_it_again(service, systemd, running):
    destroy_header(service.database)
    stopping, go_on = threading.Event(), threading.Event()

    def hang():
        stopping.set()
        go_on.wait()

    systemd.on_stop = hang
    job_id, _ = running.manager("Restore", "", {})
    stopping.wait()
    running.manager("CancelJob", job_id)
    go_on.set()
    assert running.ended(job_id)[0] == "cancelled"
    running.get("NJobs")
    assert systemd.calls[-1] == ("StartUnit", "web.service", "replace")


def test_before_ready_nobody_waits_for_a_unit_that_waits_for_ready(service, systemd, running):
    """A unit that is ordered after the service is started only when that is up."""
    service.stop()
    service.configure("ApplicationUnits=web.service\n")
    destroy_header(service.database)
    ready = threading.Event()
    systemd.on_start = ready.wait
    service.start()
    ready.set()
    assert users(service.database) == {"kept0"}
    assert [call[0] for call in systemd.calls] == ["StopUnit", "StartUnit"]


def start_after_a_killed_restore(service, systemd, point):
    running = service.start(point=point)
    destroy_header(service.database)
    running.manager("Restore", "", {})
    service.killed_itself()
    assert [call[0] for call in systemd.calls] == ["StopUnit"]
    service.start()


def test_units_of_an_interrupted_restore_are_started_by_the_next_start(service, systemd, running):
    service.stop()
    start_after_a_killed_restore(service, systemd, "replace-published")
    # The order of a list is the order of starting, from its end: those that others need come first in it.
    assert systemd.calls[1:] == [("StartUnit", "jobs.service", "replace"), ("StartUnit", "web.service", "replace")]
    assert users(service.database) == {"kept0"}
    service.stop()
    service.start()
    assert len(systemd.calls) == 3


def test_units_of_an_interrupted_restore_are_started_after_the_one_that_the_start_makes(service, systemd, running):
    """Killed before anything was exchanged: the next start finds the corrupt database, and the units already stopped."""
    service.stop()
    service.configure("ApplicationUnits=web.service\n")
    start_after_a_killed_restore(service, systemd, "replace-stopped")
    assert systemd.calls[1:] == [("StartUnit", "web.service", "replace")]
    assert users(service.database) == {"kept0"}
