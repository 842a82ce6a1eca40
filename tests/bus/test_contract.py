# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon answers on the bus is what dbus/*.xml promises, member by member."""

import subprocess

import pytest

from client import BusError
from contract import (
    ACCOUNTS,
    AUDIT,
    BACKUP,
    BUS_NAME,
    BUS_PATH,
    DOC_STRING,
    EMITS_CHANGED,
    INTROSPECTABLE,
    JOB,
    LOG_CONTROL,
    LOG_CONTROL_PATH,
    MANAGER,
    OBJECT_MANAGER,
    PEER,
    PREDICTIONS,
    PROPERTIES,
    annotations,
    arguments,
    declared,
    interfaces_in,
)


def shape(interface):
    """Everything that a caller can depend on, in a form that compares."""
    return {
        "methods": {
            method.get("name"): (arguments(method, "in"), arguments(method, "out"))
            for method in interface.findall("method")
        },
        "signals": {
            # sd-bus leaves out a signal's directions, which have no meaning.
            signal.get("name"): [(argument.get("name"), argument.get("type")) for argument in signal.findall("arg")]
            for signal in interface.findall("signal")
        },
        "properties": {
            entry.get("name"): (entry.get("type"), entry.get("access"), annotations(entry).get(EMITS_CHANGED, "true"))
            for entry in interface.findall("property")
        },
    }


def introspect(client, path):
    return interfaces_in(client.call(path, INTROSPECTABLE, "Introspect"))


def backup_path(client):
    return client.backups()[0]["path"]


def test_manager_is_as_declared(client):
    assert shape(introspect(client, BUS_PATH)[MANAGER]) == shape(declared(MANAGER))


def test_predictions_are_as_declared(client):
    assert shape(introspect(client, BUS_PATH)[PREDICTIONS]) == shape(declared(PREDICTIONS))


def test_audit_is_as_declared(client):
    assert shape(introspect(client, BUS_PATH)[AUDIT]) == shape(declared(AUDIT))


def test_backup_is_as_declared(client):
    assert shape(introspect(client, backup_path(client))[BACKUP]) == shape(declared(BACKUP))


def test_accounts_are_as_declared(client):
    assert shape(introspect(client, BUS_PATH)[ACCOUNTS]) == shape(declared(ACCOUNTS))


def test_job_is_as_declared(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    _, path = client.manager("Backup", {})
    gate.wait_reached()
    assert shape(introspect(client, path)[JOB]) == shape(declared(JOB))
    gate.release()


@pytest.mark.parametrize("interface", [ACCOUNTS, AUDIT, MANAGER, BACKUP, JOB, PREDICTIONS])
def test_every_member_is_described(interface):
    element = declared(interface)
    members = [element, *element.findall("method"), *element.findall("property"), *element.findall("signal")]
    assert not [member.get("name") for member in members if not annotations(member).get(DOC_STRING, "").strip()]


def test_standard_interfaces_are_there(client):
    assert {PROPERTIES, INTROSPECTABLE, PEER, OBJECT_MANAGER} <= set(introspect(client, BUS_PATH))
    assert client.call(BUS_PATH, PEER, "Ping") is None
    assert LOG_CONTROL in introspect(client, LOG_CONTROL_PATH)


def test_every_object_gives_all_its_properties(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    _, job = client.manager("Backup", {})
    gate.wait_reached()
    for path, interface in ((BUS_PATH, MANAGER), (BUS_PATH, PREDICTIONS), (backup_path(client), BACKUP), (job, JOB)):
        expected = set(shape(declared(interface))["properties"])
        assert set(client.get_all(path, interface)) == expected
        for name in expected:
            client.get(name, path, interface)
    gate.release()


def test_object_manager_lists_every_backup_and_job(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    _, job = client.manager("Backup", {})
    gate.wait_reached()
    objects = client.objects()
    wanted = {backup["path"]: BACKUP for backup in client.backups()} | {job: JOB}
    assert {path for path, found in objects.items() if {BACKUP, JOB} & set(found)} == set(wanted)
    for path, interface in wanted.items():
        assert set(objects[path][interface]) == set(shape(declared(interface))["properties"])
    gate.release()


def test_versions_are_those_of_the_build_and_the_library(client, service):
    printed = subprocess.run(
        [service.executable, "--version"], env=service.environment(), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert client.get("Version") in printed
    assert client.get("SQLiteVersion").split(".")[0] == "3"


def test_busctl_reads_the_tree(bus, client):
    listed = subprocess.run(
        ["busctl", "--address=" + bus.address, "--no-pager", "--list", "tree", BUS_NAME],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    assert {BUS_PATH, backup_path(client)} <= set(listed)


def test_unknown_things_have_the_standard_errors(client):
    with pytest.raises(BusError) as caught:
        client.get("NoSuchProperty")
    assert caught.value.name == "org.freedesktop.DBus.Error.UnknownProperty"
    with pytest.raises(BusError) as caught:
        client.get("Id", BUS_PATH + "/job/99999", JOB)
    assert caught.value.name == "org.freedesktop.DBus.Error.UnknownObject"


def test_properties_can_only_be_read(client):
    before = client.get("Health")
    with pytest.raises(BusError) as caught:
        client.call(BUS_PATH, PROPERTIES, "Set", MANAGER, "Health", ("s", "splendid"))
    assert caught.value.name == "org.freedesktop.DBus.Error.PropertyReadOnly"
    assert client.get("Health") == before
