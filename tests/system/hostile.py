# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a hostile process does to the bus, run in the machine as an ordinary user: hostile.py CASE. It never waits for
an answer that it does not need, prints how many messages it got rid of, and stays until its standard input ends, so
that what it left unread stays unread."""

import os
import socket
import sys

from jeepney import DBusAddress, MessageFlag, new_method_call
from jeepney.bus_messages import MatchRule, message_bus
from jeepney.io.blocking import open_dbus_connection

NAME = "org.oracxpred.Persistence1"
PATH = "/org/oracxpred/Persistence1"
MANAGER = f"{NAME}.Manager"
INTERACTIVE = MessageFlag(0x4)
CONNECTIONS = 20


def call(interface, member, signature=None, body=(), path=PATH, interactive=False):
    message = new_method_call(DBusAddress(path, bus_name=NAME, interface=interface), member, signature, body)
    if interactive:
        message.header.flags |= INTERACTIVE
    return message


def connections(count=CONNECTIONS):
    return [open_dbus_connection("SYSTEM", enable_fds=True) for _ in range(count)]


def flood(opened, messages):
    """Sends in turn over all connections. A bus that has had enough closes one: that is an answer, too."""
    sent = 0
    for number, message in enumerate(messages):
        connection = opened[number % len(opened)]
        try:
            connection.send(message, serial=next(connection.outgoing_serial))
            sent += 1
        except (BrokenPipeError, ConnectionResetError):
            opened[number % len(opened)] = open_dbus_connection("SYSTEM", enable_fds=True)
    return sent


def reads(opened):
    """Questions that everybody may ask, whose answers nobody reads."""
    kinds = [
        call("org.freedesktop.DBus.Properties", "GetAll", "s", (MANAGER,)),
        call(MANAGER, "ListBackups"),
        call(MANAGER, "GetStatistics"),
        call(MANAGER, "Diagnose"),
        call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
        call("org.freedesktop.DBus.Introspectable", "Introspect"),
    ]
    return flood(opened, (kinds[number % len(kinds)] for number in range(20_000)))


def jobs(opened):
    """Work that this user may not ask for."""
    kinds = [
        call(MANAGER, "Backup", "a{sv}", ({},)),
        call(MANAGER, "Verify", "sa{sv}", ("", {})),
        call(MANAGER, "Restore", "sa{sv}", ("", {})),
        call(MANAGER, "UndoRestore", "a{sv}", ({},)),
        call(MANAGER, "Cleanup", "a{sv}", ({},)),
        call(MANAGER, "Reload"),
        call(MANAGER, "ReportCorruption", "s", ("it is broken",)),
        call(MANAGER, "CancelJob", "u", (1,)),
    ]
    return flood(opened, (kinds[number % len(kinds)] for number in range(8_000)))


def half_authorized(opened):
    """Requests that polkit would ask a person about; there is nobody, and the answers are not waited for."""
    ask = call(MANAGER, "Backup", "a{sv}", ({},), interactive=True)
    return flood(opened, (ask for _ in range(4_000)))


def huge(opened):
    """Arguments of a size that nobody needs."""
    keys = {f"key-{number}": ("s", "x" * 100) for number in range(20_000)}
    messages = [
        call(MANAGER, "Backup", "a{sv}", (keys,)),
        call(MANAGER, "Backup", "a{sv}", ({"label": ("s", "x" * 8_000_000)},)),
        call(MANAGER, "Verify", "sa{sv}", ("x" * 8_000_000, {})),
        call(MANAGER, "ReportCorruption", "s", ("x" * 8_000_000,)),
        call("org.freedesktop.DBus.Properties", "Get", "ss", ("x" * 4_000_000, "y" * 4_000_000)),
        call(f"{NAME}.Backup", "Delete", path=PATH + "/backup/" + "x" * 1_000_000),
    ]
    return flood(opened, messages * 10)


def malformed(opened):
    """Signatures, paths and members that are not what the interface has."""
    messages = [
        call(MANAGER, "Backup", "s", ("no options",)),
        call(MANAGER, "Backup"),
        call(MANAGER, "Backup", "a{sv}", ({"label": ("u", 7)},)),
        call(MANAGER, "Restore", "sa{sv}", ("../../etc/passwd", {})),
        call(MANAGER, "Verify", "sa{sv}", ("backup_20260101_000000\n", {})),
        call(MANAGER, "NoSuchMember"),
        call("no.such.Interface", "Backup", "a{sv}", ({},)),
        call(f"{NAME}.Backup", "Delete", path=PATH + "/backup/_2e_2e"),
        call(f"{NAME}.Job", "Cancel", path=PATH + "/job/4294967296"),
        call("org.freedesktop.DBus.Properties", "Set", "ssv", (MANAGER, "Health", ("s", "ok"))),
    ]
    return flood(opened, messages * 200)


def descriptors(opened):
    """Files of every kind, sixteen at a time: none may stay open behind."""
    pipe = os.pipe()
    pair = socket.socketpair()
    given = [
        os.open("/", os.O_RDONLY | os.O_DIRECTORY),
        os.open("/dev/zero", os.O_RDWR),
        os.open("/dev/null", os.O_RDWR),
        os.open("/etc/passwd", os.O_RDONLY),
        os.open("/etc/passwd", os.O_PATH),
        *pipe,
        *(end.fileno() for end in pair),
    ]
    sent = 0
    for number in range(2_000):
        descriptor = given[number % len(given)]
        kinds = [
            call(MANAGER, "Export", "ha{sv}", (descriptor, {})),
            call(MANAGER, "Import", "ha{sv}", (descriptor, {})),
            call(MANAGER, "Restore", "sa{sv}", ("", {"from": ("h", descriptor)})),
            call(MANAGER, "Verify", "sa{sv}", ("", {"identity": ("h", descriptor)})),
        ]
        sent += flood(opened[number % len(opened):][:1], kinds[number % len(kinds):][:1])
    return sent


def churn(opened):
    """Connections that come, subscribe, ask, and are gone."""
    rule = message_bus.AddMatch(MatchRule(type="signal", sender=NAME))
    ask = call(MANAGER, "GetStatistics")
    for _ in range(400):
        with open_dbus_connection("SYSTEM") as passing:
            passing.send(rule, serial=next(passing.outgoing_serial))
            passing.send(ask, serial=next(passing.outgoing_serial))
    return 800


CASES = {case.__name__: case for case in (reads, jobs, half_authorized, huge, malformed, descriptors, churn)}


def main():
    opened = connections()
    print(CASES[sys.argv[1]](opened), flush=True)
    sys.stdin.read()


main()
