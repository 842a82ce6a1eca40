# SPDX-License-Identifier: LGPL-2.1-or-later
"""A caller on the bus that keeps every signal of the service, in the order in which they came, and waits by events."""

import collections
import contextlib
import os
import time

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.bus_messages import MatchRule, message_bus
from jeepney.io.blocking import open_dbus_connection

from contract import BUS_NAME, BUS_PATH, JOB, MANAGER, OBJECT_MANAGER, PEER, PROPERTIES, method_signatures

# Far beyond what anything here takes: it ends a test that would hang, and decides nothing else.
PATIENCE_SECONDS = float(os.environ.get("ORACXPRED_TEST_PATIENCE", 60))

Signal = collections.namedtuple("Signal", "path interface member body")


class BusError(Exception):
    """An error reply."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class ServiceGone(Exception):
    """The service left the bus while a test waited for it."""


@contextlib.contextmanager
def becoming(uid):
    """Has the kernel name another user as who connects to a socket meanwhile."""
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


class Client:
    """One connection. `signals` holds what the service emitted since the connection was made; those from `epoch` on
    are of the run of it that is on the bus now, whose jobs are counted from 1 again."""

    def __init__(self, address, uid=0):
        with becoming(uid):
            self.connection = open_dbus_connection(address, enable_fds=True)
        self.signals = []
        self.epoch = 0
        self.replies = {}
        self.signatures = method_signatures()
        for rule in (
            MatchRule(type="signal", sender=BUS_NAME),
            # Object paths below which the service emits; the sender rule alone misses what comes while the name is
            # being taken.
            MatchRule(type="signal", path_namespace=BUS_PATH),
            MatchRule(type="signal", sender="org.freedesktop.DBus", member="NameOwnerChanged"),
        ):
            self._result(self.send_message(message_bus.AddMatch(rule)))

    def close(self):
        self.connection.close()

    def send_message(self, message):
        """Sends without waiting; returns the serial for result()."""
        serial = next(self.connection.outgoing_serial)
        self.connection.send(message, serial=serial)
        return serial

    def send(self, path, interface, member, *arguments):
        """Sends a call without waiting for the reply; returns what result() takes."""
        address = DBusAddress(path, bus_name=BUS_NAME, interface=interface)
        signature = self.signatures[interface, member]
        return self.send_message(new_method_call(address, member, signature or None, arguments))

    def result(self, serial):
        """The arguments of the reply to a call: nothing, one value, or a tuple."""
        body = self._result(serial)
        return body[0] if len(body) == 1 else body or None

    def _result(self, serial):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while serial not in self.replies:
            self._receive(deadline)
        reply = self.replies.pop(serial)
        if reply.header.message_type == MessageType.error:
            text = reply.body[0] if reply.body else ""
            raise BusError(reply.header.fields[HeaderFields.error_name], text)
        return reply.body

    def _receive(self, deadline):
        message = self.connection.receive(timeout=max(deadline - time.monotonic(), 0))
        fields = message.header.fields
        if HeaderFields.reply_serial in fields:
            self.replies[fields[HeaderFields.reply_serial]] = message
        elif message.header.message_type == MessageType.signal:
            member = fields[HeaderFields.member]
            if member == "NameOwnerChanged" and message.body[0] == BUS_NAME and message.body[2]:
                self.epoch = len(self.signals)
            self.signals.append(
                Signal(fields[HeaderFields.path], fields[HeaderFields.interface], member, message.body)
            )

    def call(self, path, interface, member, *arguments):
        return self.result(self.send(path, interface, member, *arguments))

    def manager(self, member, *arguments):
        return self.call(BUS_PATH, MANAGER, member, *arguments)

    def get(self, name, path=BUS_PATH, interface=MANAGER):
        """One property's value."""
        return self.call(path, PROPERTIES, "Get", interface, name)[1]

    def get_all(self, path=BUS_PATH, interface=MANAGER):
        """All properties of an interface: name to value."""
        found = self.call(path, PROPERTIES, "GetAll", interface)
        return {name: value for name, (_, value) in found.items()}

    def reasons(self):
        """The codes of why Health is not ok."""
        return [code for code, _ in self.get("HealthReasons")]

    def objects(self):
        """Path to interface to property to value."""
        found = self.call(BUS_PATH, OBJECT_MANAGER, "GetManagedObjects")
        return {
            path: {
                interface: {name: value for name, (_, value) in properties.items()}
                for interface, properties in interfaces.items()
            }
            for path, interfaces in found.items()
        }

    def mark(self):
        """A place in `signals`: what the service has emitted so far is before it."""
        self.call(BUS_PATH, PEER, "Ping")
        return len(self.signals)

    def wait(self, matches, since=0):
        """The first signal of this run for which matches(signal) holds, looked for from the mark `since` on."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen = since
        while True:
            for signal in self.signals[max(seen, self.epoch) :]:
                if matches(signal):
                    return signal
                if signal.member == "NameOwnerChanged" and signal.body[0] == BUS_NAME and not signal.body[2]:
                    raise ServiceGone(f"after the signals {self.signals[since:]}")
            seen = len(self.signals)
            try:
                self._receive(deadline)
            except TimeoutError:
                raise TimeoutError(f"the signals were {self.signals[since:]}") from None

    def wait_signal(self, member, *leading, since=0):
        """The first signal of that name whose first arguments are `leading`; its arguments."""
        return self.wait(
            lambda signal: signal.member == member and signal.body[: len(leading)] == leading, since=since
        ).body

    def wait_property(self, name, value, path=BUS_PATH, interface=MANAGER):
        """Waits until a property has a value, by its change signal, and returns when it has."""
        since = self.mark()
        if self.get(name, path, interface) == value:
            return

        def says_so(signal):
            return (
                signal.member == "PropertiesChanged"
                and signal.path == path
                and signal.body[0] == interface
                and signal.body[1].get(name, (None, None))[1] == value
            )

        self.wait(says_so, since=since)

    def ended(self, job_id):
        """Waits for a job's end: (result, error name, message)."""
        return self.wait_signal("JobRemoved", job_id)[3:]

    def run(self, member, *arguments, path=BUS_PATH, interface=MANAGER):
        """Calls a method that makes a job, and waits for the job's end: (id, result, error name, message)."""
        job_id, _ = self.call(path, interface, member, *arguments)
        return (job_id, *self.ended(job_id))

    def back_up(self, **options):
        """Takes a backup that has to succeed; its name. Options as {name: (signature, value)}."""
        job_id, *end = self.run("Backup", options)
        assert end == ["done", "", ""], end
        return self.wait_signal("BackupCreated", job_id)[1]

    def job_state(self, path):
        return self.get("State", path, JOB)

    def backups(self):
        """ListBackups as dictionaries, in its order."""
        names = "path name kind label created verified database_bytes stored_bytes encrypted problem notes".split()
        return [dict(zip(names, row)) for row in self.manager("ListBackups")]

    def names(self):
        return [backup["name"] for backup in self.backups()]
