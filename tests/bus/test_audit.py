# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service records of who asked for what: in the application's log, after the fact, and bounded."""

import json
import os
import pwd
import sqlite3
import time

import pytest

from accounts import Accounts
from application import read_all, write_at
from client import PATIENCE_SECONDS, BusError
from contract import LOG_CONTROL, LOG_CONTROL_PATH, PROPERTIES
from predictions import Predictions

NOBODY = pwd.getpwnam("nobody").pw_uid


def rows(service, action_type="persistence.%"):
    """The service's rows: (type, severity, message, extra data), oldest first."""
    connection = sqlite3.connect(service.database)
    try:
        found = connection.execute(
            "SELECT action_type, severity, message, extra_data FROM system_logs WHERE action_type LIKE ? ORDER BY id",
            (action_type,),
        ).fetchall()
    finally:
        connection.close()
    return [(*row[:3], json.loads(row[3])) for row in found]


def wait_rows(service, n, action_type="persistence.%"):
    """Rows are written a moment after the answer; nothing on the bus tells when."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := rows(service, action_type)) < n:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def test_job_is_recorded_at_its_end_with_who_asked(service, client):
    name = client.back_up()
    assert client.run("Verify", name, {})[1] == "done"
    made, verified = wait_rows(service, 2)
    assert made[:2] == ("persistence.backup", "info")
    assert f"User 0 (process {os.getpid()}" in made[2] and made[2].endswith(": backup: done")
    assert made[3].items() >= {"operation": "backup", "outcome": "done", "uid": 0, "pid": os.getpid()}.items()
    assert verified[0] == "persistence.verify"
    assert verified[3]["object"] == name


def test_verification_that_went_well_is_recorded_unless_a_timer_asked_for_it(service, client):
    for options in ({"automatic": ("b", True)}, {}):
        assert client.run("Verify", "initial_backup", options)[1] == "done"
    # Rows are written in the order of what they tell.
    assert [row[0] for row in wait_rows(service, 1)] == ["persistence.verify"]


def test_job_that_fails_is_recorded_with_its_fault(service, client):
    write_at(os.path.join(service.backups, "initial_backup.db.gz"), 100, b"rubbish")
    assert client.run("Verify", "initial_backup", {})[1] == "failed"
    (row,) = wait_rows(service, 1)
    assert row[:2] == ("persistence.verify", "error")
    assert row[3].items() >= {"outcome": "failed", "fault": "Corrupt", "object": "initial_backup"}.items()


def test_direct_calls_are_recorded(service, client):
    client.manager("Reload")
    client.call(LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, "LogLevel", ("s", "debug"))
    client.manager("ReportCorruption", "the index of users looks odd")
    found = wait_rows(service, 3)
    assert [(row[0], row[3].get("object")) for row in found] == [
        ("persistence.reload", None),
        ("persistence.set-log-level", "debug"),
        ("persistence.report-corruption", "the index of users looks odd"),
    ]


def test_row_that_the_application_s_trigger_keeps_out_is_told_once(service, client):
    with sqlite3.connect(service.database) as connection:
        connection.execute(
            "CREATE TRIGGER t AFTER INSERT ON system_logs WHEN new.action_type = 'persistence.reload' "
            "BEGIN SELECT RAISE(ROLLBACK, 'not you'); END"
        )
    connection.close()
    client.call(LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, "LogLevel", ("s", "info"))
    client.manager("Reload")
    client.call(LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, "LogLevel", ("s", "debug"))
    assert [row[3]["object"] for row in wait_rows(service, 2)] == ["info", "debug"]
    service.stop()
    assert len(rows(service)) == 2
    assert service.log().count("A record of 'persistence.reload' could not be written") == 1


def test_reading_accounts_is_recorded_but_not_each_time(service, client):
    accounts = Accounts(client)
    with sqlite3.connect(service.database) as connection:
        connection.execute("INSERT INTO users (username, password) VALUES ('zara', 'x')")
    connection.close()
    with pytest.raises(BusError):
        accounts.show("nobody")
    assert accounts.show("zara")["Username"] == "zara"
    for _ in range(20):
        assert len(accounts.list()) == 1
    service.stop()
    found = rows(service)
    assert [(row[0], row[1], row[3].get("object")) for row in found[:-1]] == [
        ("persistence.show-account", "info", "zara"),
        *[("persistence.list-accounts", "info", None)] * 9,
    ]
    assert found[0][3]["uid"] == 0
    assert "11 more calls that read within a minute" in found[-1][2]


def test_refusal_is_recorded(service, client, outsider):
    with pytest.raises(BusError):
        outsider.manager("Reload")
    (row,) = wait_rows(service, 1)
    assert row[:2] == ("persistence.refused", "warning")
    assert "may not configure the service" in row[2]
    assert row[3].items() >= {"operation": "Reload", "outcome": "refused", "uid": NOBODY}.items()


def test_flood_of_refusals_is_bounded_and_counted(service, client, outsider):
    for _ in range(100):
        with pytest.raises(BusError):
            outsider.manager("Reload")
    service.stop()
    found = rows(service)
    assert len(found) == 11
    assert "90 more refused calls within a minute" in found[-1][2]
    assert found[-1][3]["uid"] == NOBODY
    assert service.log().count("refused; may not") == 10


def test_what_waits_is_written_at_the_stop(service, client):
    client.manager("Reload")
    service.stop()
    assert [row[0] for row in rows(service)] == ["persistence.reload"]


def test_change_of_a_prediction_is_recorded_and_who_was_shown_it(service, client):
    predictions = Predictions(client)
    with sqlite3.connect(service.database) as connection:
        connection.execute("INSERT INTO users(id, username, password) VALUES(5, 'ann', 'x')")
    number, _ = predictions.store(match_id=42)
    predictions.call("Get", number, {})
    predictions.call("GetByMatch", 42, {"user": ("x", 5), "address": ("s", "192.0.2.1")})
    predictions.call("Get", number, {"user": ("x", 99)})
    service.stop()
    (row,) = rows(service)
    assert (row[0], row[3]["object"]) == ("persistence.store-prediction", str(number))
    with sqlite3.connect(service.database) as connection:
        views = connection.execute(
            "SELECT user_id, action_type, match_id, prediction_id, ip_address FROM access_logs"
        ).fetchall()
    assert views == [(5, "view_prediction", 42, number, "192.0.2.1")]


def bytes_of_database(service):
    found = {}
    for ending in ("", "-wal"):
        path = service.database + ending
        if os.path.exists(path):
            found[ending] = read_all(path)
    return found


def test_looking_writes_nothing(service, client):
    client.manager("Reload")
    wait_rows(service, 1)
    before = bytes_of_database(service)
    for _ in range(20):
        client.get_all()
        client.backups()
        client.objects()
        client.manager("GetStatistics")
        client.manager("Diagnose")
    service.stop()
    assert bytes_of_database(service) == before


def test_rows_wait_for_the_end_of_a_restore(service, client):
    client.back_up()
    assert client.run("Restore", "", {})[1] == "done"
    client.manager("Reload")
    wait_rows(service, 1, "persistence.reload")
    assert [row[0] for row in rows(service)][-2:] == ["persistence.restore", "persistence.reload"]
    assert len(rows(service, "database_restored")) == 1


def test_rows_wait_while_another_process_writes(service, client):
    writer = sqlite3.connect(service.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    client.manager("Reload")
    client.manager("Reload")
    assert rows(service) == []
    writer.execute("ROLLBACK")
    writer.close()
    assert len(wait_rows(service, 2)) == 2
