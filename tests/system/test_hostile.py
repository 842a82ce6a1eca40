# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process of an ordinary user that does its worst to the service, over the real bus: others are served meanwhile,
memory and descriptors stay within bounds, and nothing is written that the user could not write itself."""

import contextlib
import os
import select

import pytest

from product import BACKUPS, BUS_NAME, BUS_PATH, MANAGER, STATE, UNIT, backup_names

CASES = ["reads", "jobs", "half_authorized", "huge", "malformed", "descriptors", "churn"]
# What it may have open of its own by then: the connection that writes the logs has three files.
OWN_DESCRIPTORS = 5
# What the service may keep of a flood: far below what was thrown at it, far above what it keeps.
GROWTH_MAX_BYTES = 48 * 1024 * 1024


@contextlib.contextmanager
def attack(service, case):
    """Runs one case of hostile.py as the visitor, and keeps its connections open to the end of the block."""
    with open(os.path.join(os.path.dirname(__file__), "hostile.py"), encoding="utf-8") as program:
        service.write("/usr/local/bin/hostile", program.read(), mode=0o755)
    with service.running(["/usr/bin/python3", "/usr/local/bin/hostile", case], user="visitor") as process:
        yield process


@pytest.fixture(autouse=True)
def timer(service):
    """Health is ok only of a service whose timer runs."""
    service.run(["systemctl", "start", "oracxpred-backup.timer"])


def pid(service):
    return int(service.unit(UNIT, "MainPID")["MainPID"])


def descriptors(service):
    return len(service.run(["ls", f"/proc/{pid(service)}/fd"]).stdout.split())


def memory_bytes(service):
    """Its own memory, without files that are mapped."""
    lines = service.run(["cat", f"/proc/{pid(service)}/status"]).stdout.splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def files(service):
    """Everything below the state directory but what the database itself writes."""
    shown = service.run(["find", STATE, "-type", "f", "-printf", "%P %s %T@ %m %u\n"]).stdout
    return sorted(line for line in shown.splitlines() if not line.startswith("data/"))


@pytest.mark.parametrize("case", CASES)
def test_flood_is_survived(service, case, record_testsuite_property):
    service.run(["oracxpredctl", "backup"])
    names, stored = backup_names(service), files(service)
    before, open_before, process = memory_bytes(service), descriptors(service), pid(service)
    served = 0
    with attack(service, case) as hostile:
        sent = ""
        while not sent:
            # Somebody else's questions, between those of the flood.
            assert service.run_json(["oracxpredctl", "--json=short", "status"])["Health"] == "ok"
            served += 1
            sent = hostile.stdout.readline() if ready(hostile.stdout) else ""
        # And work, while everything that was sent is still unread.
        service.run(["oracxpredctl", "verify", names[0]])
        growth = memory_bytes(service) - before
        record_testsuite_property(f"{case}_growth_bytes", growth)
        record_testsuite_property(f"{case}_served", served)
        assert growth < GROWTH_MAX_BYTES, f"{case}: {growth} bytes for {sent.strip()} messages"
    assert pid(service) == process
    assert backup_names(service) == names
    assert [line for line in files(service) if names[0] not in line] == \
        [line for line in stored if names[0] not in line]
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "NJobs") == 0
    # What was passed is closed by the time that the caller is gone; another question comes after that.
    service.run(["oracxpredctl", "status"])
    assert descriptors(service) <= open_before + OWN_DESCRIPTORS
    print(f"{case}: {sent.strip()} messages, {served} other calls served, {growth // 1024} KiB more")


def ready(stream):
    return bool(select.select([stream], [], [], 0)[0])


RULE = """polkit.addRule(function(action, subject) {
        if (action.id.indexOf("org.oracxpred.Persistence1.") == 0 && subject.user == "visitor")
                return polkit.Result.YES;
});
"""

PASS = """\
import os, socket, sys
from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection

NAME, PATH = "org.oracxpred.Persistence1", "/org/oracxpred/Persistence1"
pipe, pair = os.pipe(), socket.socketpair()
kinds = {
    "directory": lambda: os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY),
    "read-only": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "path-only": lambda: os.open("/etc/passwd", os.O_PATH),
    "full": lambda: os.open("/dev/full", os.O_WRONLY),
    "closed-pipe": lambda: (os.close(pipe[0]), pipe[1])[1],
    "read-end": lambda: os.pipe()[0],
    "socket": lambda: (pair[0].close(), pair[1].fileno())[1],
}
connection = open_dbus_connection("SYSTEM", enable_fds=True)
message = new_method_call(DBusAddress(PATH, NAME, NAME + ".Manager"), "Export", "ha{sv}", (kinds[sys.argv[1]](), {}))
reply = connection.send_and_get_reply(message)
print(reply.header.message_type.name, reply.body)
"""


@pytest.fixture
def trusted_visitor(service):
    """polkit lets the visitor do everything: what is refused then is refused for what was passed."""
    rule = "/etc/polkit-1/rules.d/10-test.rules"
    service.write(rule, RULE)
    service.run(["systemctl", "restart", "polkit"])
    yield service
    service.remove(rule)
    service.run(["systemctl", "restart", "polkit"])


@pytest.mark.parametrize("kind", ["directory", "read-only", "path-only", "full", "closed-pipe", "read-end", "socket"])
def test_export_writes_only_where_the_caller_could(trusted_visitor, kind):
    service = trusted_visitor
    passwd = service.run(["cat", "/etc/passwd"]).stdout
    open_before, process = descriptors(service), pid(service)
    with service.signals(MANAGER, "JobRemoved") as next_job:
        shown = service.run(["/usr/bin/python3", "-c", PASS, kind], user="visitor").stdout
        if shown.startswith("method_return"):
            result, error = next_job()[3:5]
            assert result == "failed" and error
    assert service.run(["cat", "/etc/passwd"]).stdout == passwd
    assert pid(service) == process
    assert descriptors(service) <= open_before + OWN_DESCRIPTORS
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "NJobs") == 0


def test_trusted_flood_of_jobs_leaves_room_for_others(trusted_visitor):
    """One who may take backups can't take all the places in the queue."""
    service = trusted_visitor
    process = pid(service)
    with attack(service, "jobs") as hostile:
        assert hostile.stdout.readline()
        service.run(["oracxpredctl", "backup"])
    assert pid(service) == process
    assert len(service.run(["ls", BACKUPS]).stdout.split()) < 200
