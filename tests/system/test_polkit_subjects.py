# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile subjects before the real polkit: callers that are gone, whose pid is another's by then, or whose name has
changed hands while it decides. polkit is held by a rule of the administrator's while that happens."""

import contextlib
import os
import subprocess

import pytest

from machine import COMMAND_SECONDS
from product import BUS_NAME, BUS_PATH, MANAGER, backup_names

HELD, GATE = "/run/held", "/run/gate"
RULES = "/etc/polkit-1/rules.d/10-test.rules"
# Who asks for a backup waits at the gate; root's processes may have one, and the visitor's not.
RULE = f"""\
polkit.addRule(function (action, subject) {{
        if (action.id != "{BUS_NAME}.backup")
                return polkit.Result.NOT_HANDLED;
        polkit.spawn(["/bin/sh", "-c", "echo held > {HELD}; read line < {GATE}"]);
        return subject.user == "visitor" ? polkit.Result.NO : polkit.Result.YES;
}});
"""
# Asks for a backup and does with its connection what the case says, until its input ends.
SUBJECT = f"""\
import os, sys
from jeepney import DBusAddress, HeaderFields, new_method_call
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

connection = open_dbus_connection("SYSTEM")
ask = new_method_call(
    DBusAddress("{BUS_PATH}", bus_name="{BUS_NAME}", interface="{MANAGER}"), "Backup", "a{{sv}}", ({{}},))
connection.send(ask, serial=next(connection.outgoing_serial))
print(os.getpid(), flush=True)
if sys.argv[1] == "handed-on" and os.fork() > 0:
    # The child keeps the connection, which the bus knows by this process's pid.
    os._exit(0)
error = None
while error is None and sys.argv[1] != "goes":
    error = connection.receive().header.fields.get(HeaderFields.error_name)
    print(error, flush=True) if error else None
sys.stdin.read()
"""


@pytest.fixture
def held(service):
    """polkit, which tells when it decides and then waits; gives what lets it go on."""
    service.run(["sh", "-c", f"rm -f {HELD} {GATE}; mkfifo -m 666 {HELD} {GATE}"])
    service.write(RULES, RULE)
    service.run(["systemctl", "restart", "polkit.service"])
    yield service
    service.remove(RULES)
    service.run(["systemctl", "restart", "polkit.service"])


def wait_held(service):
    assert service.run(["cat", HELD]).stdout == "held\n"


def go_on(service):
    service.run(["sh", "-c", f"echo > {GATE}"])


def nothing_was_done(service):
    """Once polkit has answered a later question, and the service a later call."""
    service.run(["sh", "-c", f"pkcheck --action-id {BUS_NAME}.verify --process $$"], user="visitor", check=False)
    service.run(["oracxpredctl", "list"])
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "NJobs") == 0
    assert backup_names(service) == ["initial_backup"]


@contextlib.contextmanager
def reused(service, pid):
    """A process of root's that has the pid, once it is free. Others come and go, so that it may take some tries."""
    program = (
        "import os, select, sys, time\n"
        "try:\n"
        f"    select.select([os.pidfd_open({pid})], [], [], {COMMAND_SECONDS})\n"
        "except ProcessLookupError:\n"
        "    pass\n"
        # From here on it is its parent that is waited for, to take its status.
        f"deadline = time.monotonic() + {COMMAND_SECONDS}\n"
        "while time.monotonic() < deadline:\n"
        "    with open('/proc/sys/kernel/ns_last_pid', 'w') as file:\n"
        f"        file.write(str({pid} - 1))\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        sys.stdin.read() if os.getpid() == int(sys.argv[1]) else None\n"
        "        os._exit(0)\n"
        "    if child == int(sys.argv[1]):\n"
        "        break\n"
        "    os.waitpid(child, 0)\n"
        "print(child, flush=True)\n"
        "os.waitpid(child, 0) if child == int(sys.argv[1]) else None\n"
    )
    # In the container's PID name space, but with the host's /proc, which is not read-only.
    command = ["nsenter", f"--target={service.leader}", "--pid", "/usr/bin/python3", "-c", program, str(pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert int(process.stdout.readline()) == pid
        yield
        process.stdin.close()
        assert process.wait(COMMAND_SECONDS) == 0


def test_subject_that_is_gone_gets_nothing(held):
    with held.running(["/usr/bin/python3", "-c", SUBJECT, "goes"], user="visitor") as subject:
        pid = int(subject.stdout.readline())
        wait_held(held)
    with reused(held, pid):
        go_on(held)
        nothing_was_done(held)


def test_pid_that_is_a_process_of_roots_by_then_lets_nobody_in(held):
    """While another process has the connection, which the bus knows by that pid."""
    with held.running(["/usr/bin/python3", "-c", SUBJECT, "handed-on"], user="visitor") as subject:
        pid = int(subject.stdout.readline())
        wait_held(held)
        with reused(held, pid):
            go_on(held)
            assert subject.stdout.readline() == "org.freedesktop.DBus.Error.AccessDenied\n"
            nothing_was_done(held)


@pytest.fixture
def anybody_s_name(held):
    """A name on the bus that everybody may own."""
    path, name = "/etc/dbus-1/system.d/test.conf", "org.oracxpred.Test"
    policy = f'<policy context="default"><allow own="{name}"/></policy>'
    held.write(path, f"<busconfig>{policy}</busconfig>")
    held.run(["systemctl", "reload", "dbus.service"])
    yield name
    held.remove(path)
    held.run(["systemctl", "reload", "dbus.service"])


def test_name_that_changes_hands_lets_nobody_in(held, anybody_s_name):
    """The subject is the connection that asked, whatever names it has or had."""
    allow_replacement, replace = 1, 2
    take = f'connection.send_and_get_reply(message_bus.RequestName("{anybody_s_name}", %d))'
    named = SUBJECT.replace("ask = ", f"{take % allow_replacement}\nask = ")
    other = f"""\
import sys
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection
connection = open_dbus_connection("SYSTEM")
print({take % replace}.body, flush=True)
sys.stdin.read()
"""
    with held.running(["/usr/bin/python3", "-c", named, "stays"], user="visitor") as subject:
        assert subject.stdout.readline()
        wait_held(held)
        with held.running(["/usr/bin/python3", "-c", other]) as root:
            assert root.stdout.readline() == "(1,)\n"
            go_on(held)
            assert subject.stdout.readline() == "org.freedesktop.DBus.Error.AccessDenied\n"
            nothing_was_done(held)
