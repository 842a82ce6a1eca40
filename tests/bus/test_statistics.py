# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service's figures: what GetStatistics and the properties tell, and how `oracxpredctl stats` shows it."""

import os
import re

import pytest

from application import Application, flip_byte
from client import BusError
from command_line import ctl  # noqa: F401
from contract import BACKUP, BUS_PATH, MANAGER, PREDICTIONS, PROPERTIES

DAY_USEC = 86400 * 1000000
NOW_USEC = 1790000000 * 1000000


def figures(client):
    return {name: value for name, (_, value) in client.manager("GetStatistics").items()}


def response_times(client):
    return {row[0]: row[1:] for row in client.get("ResponseTimes")}


def test_every_figure_is_a_property_of_the_same_type(client):
    told = client.manager("GetStatistics")
    assert {"SizeHistory", "ResponseTimes", "LastError"} <= set(told)
    properties = {}
    for interface in (MANAGER, PREDICTIONS):
        properties |= client.call(BUS_PATH, PROPERTIES, "GetAll", interface)
    for name in told:
        assert told[name][0] == properties[name][0], name


def test_table_with_a_name_that_the_bus_refuses_hides_nothing(service):
    client = service.start()
    application = Application(service.database)
    application.query('CREATE TABLE "odd\uffff" (id INTEGER PRIMARY KEY)')
    application.close()
    client.back_up()
    told = figures(client)
    assert ("odd???", 0) in told["Tables"]
    assert ("odd???", 0) in told["TableChanges"]
    assert ("odd???", 0) in client.get("Tables")
    assert ("odd???", 0) in client.get("Tables", BUS_PATH + "/backup/" + client.get("LastBackup").replace("_", "_5f"), BACKUP)


def test_history_growth_and_forecast_come_from_the_backups(service):
    service.set_clock(NOW_USEC)
    client = service.start(clock=True)
    application = Application(service.database)
    sizes = [client.get("SizeHistory")[-1][1]]
    for day in (1, 2):
        application.add_bulk(1024 * 1024)
        service.set_clock(NOW_USEC + day * DAY_USEC)
        client.back_up()
        sizes.append(client.get("SizeHistory")[-1][1])
    application.close()
    told = figures(client)
    assert told["SizeHistory"] == [(NOW_USEC + day * DAY_USEC, size) for day, size in enumerate(sizes)]
    assert sizes[0] < sizes[1] < sizes[2]
    assert told["DatabaseGrowthPerDay"] == (sizes[2] - sizes[0]) // 2
    assert 0 < told["DiskDaysLeft"]
    assert (told["OldestBackup"], told["OldestBackupUSec"]) == ("initial_backup", NOW_USEC)


def test_backups_by_kind_and_share(client, service):
    client.back_up(automatic=("b", True))
    client.back_up()
    told = figures(client)
    kinds = {kind: (number, stored) for kind, number, stored in told["BackupsByKind"]}
    assert {kind: number for kind, (number, _) in kinds.items()} == {
        "initial": 1,
        "automatic": 1,
        "manual": 1,
        "pre-restore": 0,
        "imported": 0,
    }
    assert sum(stored for _, stored in kinds.values()) == told["BackupBytes"] > 0
    assert (told["Backups"], told["VerifiedBackups"], told["VerifiedShare"]) == (3, 3, 1.0)
    flip_byte(os.path.join(service.backups, "initial_backup.db.gz"), 60)
    assert client.run("Verify", "initial_backup", {})[1] == "failed"
    told = figures(client)
    assert (told["FailedVerifications"], told["VerifiedBackups"]) == (1, 2)
    assert told["VerifiedShare"] == pytest.approx(2 / 3)


def test_records_are_compared_with_the_last_backup(client, application):
    application.add_users(5)
    name = client.back_up()
    application.add_users(3, "later")
    told = figures(client)
    changes = dict(told["TableChanges"])
    assert told["TablesComparedWith"] == name
    assert (dict(told["Tables"])["users"], changes["users"], changes["predictions"]) == (8, 3, 0)
    application.connection.execute("CREATE TABLE newcomer (id INTEGER)")
    assert "newcomer" not in dict(figures(client)["TableChanges"])


def test_jobs_and_the_last_error(client, service):
    assert (client.get("LastError"), client.get("LastErrorUSec")) == ("", 0)
    before = {row[0]: row[1:] for row in client.get("JobsEnded")}
    client.back_up()
    flip_byte(os.path.join(service.backups, "initial_backup.db.gz"), 60)
    failed = client.run("Verify", "initial_backup", {})
    assert failed[1] == "failed"
    client.back_up()
    told = figures(client)
    after = {row[0]: row[1:] for row in told["JobsEnded"]}
    assert after["backup"] == (before.get("backup", (0, 0, 0))[0] + 2, 0, 0)
    assert after["verify"] == (0, 1, 0)
    assert (told["LastError"], told["LastErrorMessage"]) == (failed[2].rpartition(".")[2], failed[3])
    assert (told["JobsRunning"], told["JobsQueued"]) == (0, 0)


def test_running_and_queued_jobs_are_counted(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    first, _ = client.manager("Backup", {})
    second, _ = client.manager("Backup", {})
    gate.wait_reached()
    assert (client.get("JobsRunning"), client.get("JobsQueued")) == (1, 1)
    gate.release()
    client.ended(first)
    client.ended(second)
    assert (client.get("JobsRunning"), client.get("JobsQueued")) == (0, 0)


def test_response_times_of_methods_that_were_called(client):
    assert client.get("ResponseTimes") == []
    for _ in range(5):
        client.manager("ListBackups")
    with pytest.raises(BusError):
        client.manager("Verify", "no such name", {})
    with pytest.raises(BusError):
        client.manager("CancelJob", 4711)
    times = response_times(client)
    assert set(times) == {"Manager.ListBackups", "Manager.Verify", "Manager.CancelJob"}
    calls, total, mean, p50, p95, p99, maximum = times["Manager.ListBackups"]
    assert calls == 5
    assert 0 < p50 <= p95 <= p99 <= maximum <= total and mean == total // 5
    assert times["Manager.Verify"][0] == times["Manager.CancelJob"][0] == 1


def test_a_call_that_waits_for_a_worker_is_timed_until_its_reply(service, gate):
    """Cleanup waits behind a backup that is held: nothing is known of its time until it is answered, then all of it."""
    client = service.start(**gate.at("snapshot-pinned:2"))
    client.manager("Backup", {})
    gate.wait_reached()
    asked = client.send(BUS_PATH, MANAGER, "Cleanup", {})
    for _ in range(20):
        client.manager("ListBackups")
    assert set(response_times(client)) == {"Manager.Backup", "Manager.ListBackups"}
    gate.release()
    client.result(asked)
    times = response_times(client)
    assert times["Manager.Cleanup"][0] == 1
    # It was under way while those twenty were answered, one after the other.
    assert times["Manager.Cleanup"][1] > times["Manager.ListBackups"][1]


def test_methods_of_other_objects_are_timed(client):
    name = client.back_up()
    path = next(backup["path"] for backup in client.backups() if backup["name"] == name)
    client.run("Verify", {}, path=path, interface="org.oracxpred.Persistence1.Backup")
    assert response_times(client)["Backup.Verify"][0] == 1


def test_stats_shows_them(ctl, client, application):
    application.add_users(2)
    shown = ctl.run("--no-pager", "stats").stdout
    assert re.search(r"^ *Cache: 0 predictions in 0 B; 0 hits, 0 misses \(0% hit\), 0 evicted$", shown, re.MULTILINE)
    assert re.search(r"^ *Backups: 1 \(1 verified, 100%\), ", shown, re.MULTILINE)
    assert re.search(r"^ +initial +1  ", shown, re.MULTILINE)
    assert re.search(r"^users +2 +\+2$", shown, re.MULTILINE)
    assert re.search(r"^predictions +0 +=$", shown, re.MULTILINE)
    assert "CHANGE is since initial_backup." in shown
    assert re.search(r"^METHOD +CALLS +MEAN +P50 +P95 +P99 +MAXIMUM$", ctl.run("stats").stdout, re.MULTILINE)
    document = ctl.json("stats")
    assert document["TableChanges"]["users"] == 2
    assert document["SizeHistory"][0]["DatabaseBytes"] == document["Pages"] * document["PageSize"]
    assert {row["Method"] for row in document["ResponseTimes"]} == {"Manager.GetStatistics"}


def test_stats_without_rows(ctl, client):
    shown = ctl.run("--no-pager", "--no-legend", "stats").stdout
    assert "CHANGE" not in shown and "METHOD" not in shown
