# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restore, undo and plan over the bus: what comes back, what is saved of what was there, and what is told."""

import os

import pytest

from application import check
from client import BusError
from contract import ACCESS_DENIED, BACKUP, BUS_PATH, ERROR


def backup_path(client, name):
    return next(backup["path"] for backup in client.backups() if backup["name"] == name)


def test_restore_brings_a_backup_back_under_a_connected_process(service, client, application):
    application.add_users(3, "kept")
    name = client.back_up()
    application.add_users(2, "later")
    since = client.mark()
    job_id, *end = client.run("Restore", name, {})
    order = [signal.member for signal in client.signals[since:] if signal.path == BUS_PATH]
    assert end == ["done", "", ""]
    assert application.usernames() == {"kept0", "kept1", "kept2"}
    _, source, method, automatic, saved_as, quarantine = client.wait_signal("DatabaseRestored", job_id)
    assert (source, method, automatic, quarantine) == (name, "in-place", False, "")
    assert saved_as in client.names()
    check(service.database)
    assert order.index("DatabaseRestored") < len(order) - 1
    assert order[-1] == "JobRemoved"
    assert order[order.index("DatabaseRestored") - 1] == "PropertiesChanged"


def test_restore_without_a_name_takes_the_newest(client, application):
    client.back_up()
    application.add_users(1, "kept")
    name = client.back_up()
    application.add_users(1, "later")
    job_id, *end = client.run("Restore", "", {})
    assert end == ["done", "", ""]
    assert client.wait_signal("DatabaseRestored", job_id)[1] == name
    assert application.usernames() == {"kept0"}


def test_restore_without_a_name_never_takes_what_a_restore_replaced(client, application):
    name = client.back_up()
    application.add_users(1, "given-up")
    client.run("Restore", name, {})
    job_id, *_ = client.run("Restore", "", {})
    assert client.wait_signal("DatabaseRestored", job_id)[1] == name
    assert application.usernames() == set()


def test_undo_brings_back_what_was_replaced_and_can_be_undone(client, application):
    name = client.back_up()
    application.add_users(2, "later")
    assert not client.get("CanUndoRestore")
    client.run("Restore", name, {})
    assert client.get("CanUndoRestore")
    assert client.get("LastRestore") == name
    assert not client.get("LastRestoreAutomatic")
    assert client.run("UndoRestore", {})[1:] == ("done", "", "")
    assert application.usernames() == {"later0", "later1"}
    assert client.run("UndoRestore", {})[1:] == ("done", "", "")
    assert application.usernames() == set()


def test_undo_without_a_restore_is_not_found(client):
    with pytest.raises(BusError) as caught:
        client.manager("UndoRestore", {})
    assert caught.value.name == ERROR + "NotFound"


def test_restore_is_recorded_in_the_restored_database(client, application):
    name = client.back_up()
    client.run("Restore", name, {})
    # The row of the call follows a moment later.
    [(action, severity, message)] = application.query(
        "SELECT action_type, severity, message FROM system_logs WHERE action_type NOT LIKE 'persistence.%'"
    )
    assert (action, severity) == ("database_restored", "warning")
    assert name in message


def test_restore_brings_the_schema_up_to_date_and_counts_again(service, client, application):
    application.query("DROP TABLE notifications")
    name = client.back_up()
    client.run("Restore", name, {})
    tables = dict(client.get("Tables"))
    assert tables["notifications"] == 0
    assert tables["system_logs"] == 1


def test_restore_over_a_backup_s_object(client, application):
    application.add_users(1, "kept")
    name = client.back_up()
    application.add_users(1, "later")
    assert client.run("Restore", {}, path=backup_path(client, name), interface=BACKUP)[1] == "done"
    assert application.usernames() == {"kept0"}


@pytest.mark.parametrize(
    "name, options, error",
    [
        ("../etc", {}, "InvalidArgument"),
        ("backup_20010101_000000", {}, "NotFound"),
        ("", {"no-such": ("b", True)}, "InvalidArgument"),
        ("", {"force": ("s", "yes")}, "InvalidArgument"),
        ("", {"source-name": ("s", "/x")}, "InvalidArgument"),
    ],
)
def test_bad_arguments_of_restore(client, name, options, error):
    with pytest.raises(BusError) as caught:
        client.manager("Restore", name, options)
    assert caught.value.name == ERROR + error


def test_only_root_and_the_service_may_restore(client, application, outsider):
    client.run("Restore", "", {})
    for member, arguments in {"Restore": ("", {}), "UndoRestore": ({},), "PlanRestore": ("",), "PlanUndo": ()}.items():
        with pytest.raises(BusError) as caught:
            outsider.manager(member, *arguments)
        assert caught.value.name == ACCESS_DENIED


def test_plan_counts_both_sides_and_changes_nothing(service, client, application):
    application.add_users(3)
    name = client.back_up()
    application.add_users(2, "later")
    before = service.stored()
    plan = {key: value for key, (_, value) in client.manager("PlanRestore", name).items()}
    assert plan["Name"] == name
    assert ("users", True, 5, True, 3) in plan["Tables"]
    assert plan["Method"] == "in-place"
    assert plan["CurrentProblem"] == ""
    assert os.getpid() in {pid for pid, _ in plan["Processes"]}
    assert not plan["RefusedInUse"] and not plan["StopsUnits"]
    assert plan["NeededBytes"] > 0 and plan["FreeBytes"] > 0
    assert plan["SavesAs"].startswith("backup_")
    (told,) = [backup for backup in client.backups() if backup["name"] == name]
    assert 0 < plan["VerifiedUSec"] == told["verified"] and plan["VerificationFault"] == ""
    assert service.stored() == before


def test_plan_is_answered_whatever_a_table_is_called(client, application):
    application.query('CREATE TABLE "odd\uffff" (id INTEGER PRIMARY KEY)')
    name = client.back_up()
    application.query('INSERT INTO "odd\uffff" VALUES (1)')
    plan = {key: value for key, (_, value) in client.manager("PlanRestore", name).items()}
    assert ("odd???", True, 1, True, 0) in plan["Tables"]


def test_health_is_restoring_while_it_runs_and_counting_is_refused(service, gate):
    client = service.start(**gate.at("restore-checked"))
    job_id, _ = client.manager("Restore", "", {})
    gate.wait_reached()
    assert client.get("Health") == "restoring"
    with pytest.raises(BusError) as caught:
        client.manager("GetStatistics")
    assert caught.value.name == ERROR + "Busy"
    gate.release()
    assert client.ended(job_id)[0] == "done"
    assert client.get("Health") == "ok"


def test_restore_waits_for_its_turn_behind_a_backup(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    first, _ = client.manager("Backup", {})
    gate.wait_reached()
    second, path = client.manager("Restore", "initial_backup", {})
    assert client.job_state(path) == "queued"
    assert client.get("InUse", backup_path(client, "initial_backup"), BACKUP)
    gate.release()
    assert client.ended(first)[0] == "done"
    assert client.ended(second)[0] == "done"
    assert not client.get("InUse", backup_path(client, "initial_backup"), BACKUP)


def test_last_restore_is_known_after_a_restart(service, client):
    name = client.back_up()
    client.run("Restore", name, {})
    when = client.get("LastRestoreUSec")
    service.stop()
    client = service.start()
    assert client.get("LastRestore") == name
    assert client.get("LastRestoreUSec") == when > 0
    assert client.get("CanUndoRestore")
