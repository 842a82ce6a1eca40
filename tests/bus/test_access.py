# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what: everybody may look, root may act, and nothing changes before that was decided."""

import os
import pwd

import pytest
from jeepney import DBusAddress, new_method_call

from client import BusError
from contract import (
    ACCESS_DENIED,
    ACCOUNTS,
    BACKUP,
    BUS_NAME,
    BUS_PATH,
    INTROSPECTABLE,
    JOB,
    LOG_CONTROL,
    LOG_CONTROL_PATH,
    MANAGER,
    PREDICTIONS,
    PROPERTIES,
)
from private_bus import SERVICE_USER

NOBODY = pwd.getpwnam("nobody").pw_uid


def test_everybody_may_look(client, outsider):
    client.manager("GetStatistics")
    # Others write to this disk too.
    moving = {"DiskFreeBytes": 0, "DiskDaysLeft": 0}
    assert outsider.get_all() | moving == client.get_all() | moving
    assert outsider.backups() == client.backups()
    assert outsider.objects() == client.objects()
    assert "Backup" in outsider.call(BUS_PATH, INTROSPECTABLE, "Introspect")
    assert outsider.manager("Diagnose")
    assert outsider.get("LogLevel", LOG_CONTROL_PATH, LOG_CONTROL)


FORBIDDEN = {
    "Backup": (BUS_PATH, MANAGER, "Backup", {}),
    "Verify": (BUS_PATH, MANAGER, "Verify", "initial_backup", {}),
    "Cleanup": (BUS_PATH, MANAGER, "Cleanup", {}),
    "Reload": (BUS_PATH, MANAGER, "Reload"),
    "object-Verify": (None, BACKUP, "Verify", {}),
    "object-Delete": (None, BACKUP, "Delete", {}),
    "Accounts-Create": (BUS_PATH, ACCOUNTS, "Create", "eve", "secret", {}),
    "Accounts-List": (BUS_PATH, ACCOUNTS, "List", 0, 10),
    "Accounts-Show": (BUS_PATH, ACCOUNTS, "Show", "eve"),
    "Accounts-VerifyPassword": (BUS_PATH, ACCOUNTS, "VerifyPassword", "eve", "secret", {}),
    "Accounts-SetPassword": (BUS_PATH, ACCOUNTS, "SetPassword", "eve", "secret"),
    "Accounts-SetEnabled": (BUS_PATH, ACCOUNTS, "SetEnabled", "eve", True),
    "Accounts-SetApproved": (BUS_PATH, ACCOUNTS, "SetApproved", "eve", True),
    "Accounts-SetAdmin": (BUS_PATH, ACCOUNTS, "SetAdmin", "eve", True),
    "Accounts-Delete": (BUS_PATH, ACCOUNTS, "Delete", "eve"),
    "Predictions-Store": (BUS_PATH, PREDICTIONS, "Store", {}),
    "Predictions-Get": (BUS_PATH, PREDICTIONS, "Get", 1, {}),
    "Predictions-GetByMatch": (BUS_PATH, PREDICTIONS, "GetByMatch", 1, {}),
    "Predictions-List": (BUS_PATH, PREDICTIONS, "List", {}),
    "Predictions-Invalidate": (BUS_PATH, PREDICTIONS, "Invalidate", 1, {}),
    "Predictions-Lock": (BUS_PATH, PREDICTIONS, "Lock", 1),
    "Predictions-Archive": (BUS_PATH, PREDICTIONS, "Archive", 1),
    "LogLevel": (LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, "LogLevel", ("s", "debug")),
}


@pytest.mark.parametrize("forbidden", FORBIDDEN)
def test_stranger_may_not_act_and_nothing_changes(service, client, outsider, forbidden):
    path, *call = FORBIDDEN[forbidden]
    client.manager("GetStatistics")  # the last that the start has to do on the database
    client.back_up()
    files, before = service.stored(), client.get_all()
    service.configure("Retention=1d\n")
    since = client.mark()
    with pytest.raises(BusError) as caught:
        outsider.call(path or client.backups()[0]["path"], *call)
    assert caught.value.name == ACCESS_DENIED
    after = client.get_all()
    assert service.stored() == files
    assert {name for name in before if before[name] != after[name]} <= {"DiskFreeBytes", "DiskDaysLeft", "ResponseTimes"}
    assert client.get("LogLevel", LOG_CONTROL_PATH, LOG_CONTROL) == "info"
    assert not [signal for signal in client.signals[since:] if signal.member in ("JobNew", "PropertiesChanged")]


def test_stranger_may_not_cancel(service, gate, connect):
    client = service.start(**gate.at("snapshot-pinned:2"))
    job_id, job = client.manager("Backup", {})
    gate.wait_reached()
    outsider = connect()
    for call in ((BUS_PATH, MANAGER, "CancelJob", job_id), (job, JOB, "Cancel")):
        with pytest.raises(BusError) as caught:
            outsider.call(*call)
        assert caught.value.name == ACCESS_DENIED
    assert client.job_state(job) == "running"
    gate.release()
    assert client.ended(job_id) == ("done", "", "")


def test_invalid_call_of_a_stranger_changes_nothing_either(service, client, outsider):
    with pytest.raises(BusError):
        outsider.manager("Backup", {"colour": ("s", "blue")})
    assert client.names() == ["initial_backup"]


@pytest.mark.parametrize("cut", ["x" * 99 + "\N{LATIN SMALL LETTER E WITH ACUTE}", "\x1b[2J\n\N{RIGHT-TO-LEFT OVERRIDE}"])
def test_caller_gets_an_answer_whatever_the_text_that_it_repeats(client, outsider, cut):
    calls = [
        (outsider, (BUS_PATH, MANAGER, "Backup", {cut: ("b", True)})),
        (client, (BUS_PATH, PREDICTIONS, "Store", {cut: ("s", "x")})),
        (outsider, (LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, "LogLevel", ("s", cut[50:] + cut))),
        (outsider, (LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, "LogTarget", ("s", cut[50:] + cut))),
    ]
    for who, call in calls:
        with pytest.raises(BusError) as caught:
            who.call(*call)
        assert all(character.isprintable() for character in caught.value.message), call


def test_job_names_its_caller(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    job_id, job = client.manager("Backup", {})
    gate.wait_reached()
    assert client.get("CallerUID", job, JOB) == 0
    gate.release()
    client.ended(job_id)


def test_services_own_user_may_act(service, connect):
    """Run as its own user: that user may, root may, nobody may not."""
    own = pwd.getpwnam(SERVICE_USER).pw_uid
    service.give_to(SERVICE_USER)
    root = service.start(user=SERVICE_USER)
    root.back_up()
    for uid, allowed in ((own, True), (NOBODY, False)):
        try:
            connect(uid).back_up()
            assert allowed
        except BusError as error:
            assert error.name == ACCESS_DENIED and not allowed


def locks_of(pid):
    """What the kernel says of this process's POSIX locks."""
    with open("/proc/locks", encoding="ascii") as file:
        return sorted(line.split(": ", 1)[1] for line in file if line.split()[4] == str(pid))


@pytest.mark.parametrize("ending", ["", "-shm"])
@pytest.mark.parametrize("member, signature", [("NoSuchMethod", "h"), ("Backup", "h"), ("CancelJob", "uh")])
def test_descriptors_that_no_handler_sees_drop_no_lock(service, gate, connect, ending, member, signature):
    client = service.start(**gate.at("snapshot-pinned:2"))
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    before = locks_of(service.process.pid)
    assert before
    outsider = connect()
    descriptor = os.open(service.database + ending, os.O_RDWR)
    body = (descriptor,) if signature == "h" else (1, descriptor)
    address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=MANAGER)
    with pytest.raises(BusError):
        outsider.result(outsider.send_message(new_method_call(address, member, signature, body)))
    os.close(descriptor)
    client.mark()
    assert locks_of(service.process.pid) == before
    gate.release()
    assert client.ended(job_id) == ("done", "", "")
