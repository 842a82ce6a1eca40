# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way of damaging a database (damage.py), before a start and under the running service, each with fixed seeds.

SQLite alone judges what was damaged (verdict.py). What it can still read whole stays, and nothing is restored; damage that
took no row is mended in place. What can't be read is replaced by the last backup, and what that cost is told: the damaged files lie in the quarantine byte for byte, it is said in the log, on
the bus and in the application's own log, and no backup is lost."""

import json
import os
import random

import pytest

from application import read_all
from damage import FAMILIES, OF_THE_LOG
from restore_scenes import settled
from scene import files
from verdict import DAMAGED, MISSING, SOUND, SUFFIXES, UNWRITABLE, WHOLE, content, judge, rows_left

SEEDS = {name: 5 for name in FAMILIES} | {"header": 13, "freelist": 7, "swapped-for-rubbish": 7}
CASES = [(family, seed) for family in FAMILIES for seed in range(SEEDS[family])]
MOMENTS = ("at-start", "running")

# The service sees these by itself, from the file's name and size; the others only where it looks.
SEEN = ("deleted", "truncated-behind", "swapped-for-database", "swapped-for-rubbish")

KEPT = (SOUND, UNWRITABLE)

RESTORED_ACTION = b"database_restored"


def lay(laid, family, seed):
    """Where the state directory begins: with commits in the log for what damages the log, and every second time."""
    saved = laid.with_log if family in OF_THE_LOG or seed % 2 else laid.closed
    saved.put_back()


def damage(laid, family, seed):
    """Damages it; (what was done, SQLite's verdict, the damaged files, the rows before)."""
    database = laid.service.database
    before = judge(database).content
    said = FAMILIES[family](database, random.Random(f"{family}:{seed}"), seed)
    damaged = {}
    for suffix in SUFFIXES:
        if os.path.exists(database + suffix):
            damaged[os.path.basename(database) + suffix] = read_all(database + suffix)
    verdict = judge(database)
    if verdict.state == DAMAGED and before and rows_left(database) == before:
        verdict = verdict._replace(state=WHOLE, content=before)
    return said, verdict, damaged, before


def report(client):
    """The application reports what it met, and the check that this leads to has ended."""
    since = client.mark()
    client.manager("ReportCorruption", "database disk image is malformed")
    client.wait(lambda signal: signal.member == "JobRemoved", since=since)


def is_restored_or_held(signal):
    if signal.member == "PropertiesChanged":
        _, reasons = signal.body[1].get("HealthReasons", ("", []))
        return any(code == "needs-decision" for code, _ in reasons)
    return signal.member == "DatabaseRestored"


def signals(client, since, member):
    return [signal.body for signal in client.signals[since:] if signal.member == member]


def without_log(rows):
    return {table: found for table, found in rows.items() if table != "system_logs"}


def prove_kept(laid, verdict, since, log):
    """What SQLite could read is still there, and no more happened than that somebody looked."""
    service, client = laid.service, laid.service.client
    assert signals(client, since, "DatabaseRestored") == []
    assert client.get("LastRestore") == ""
    assert files(os.path.join(service.state, "quarantine")) == {}
    assert "is corrupt" not in log
    assert client.get("Integrity") == "ok"
    assert client.get("Health") in ("ok", "degraded")
    now = judge(service.database).content
    for table, rows in verdict.content.items():
        if table != "system_logs":
            assert now[table] == rows, f"{table} is not what it was"
    # A foreign database has got the application's tables; they are empty.
    migrations = "oracxpred_migrations"
    assert not [table for table in set(now) - set(verdict.content) if now[table] and table not in (migrations, "system_logs")]
    assert not [row for row in now.get("system_logs", []) if RESTORED_ACTION in row]


def prove_mended(laid, verdict, since, damaged):
    """Every row is where it was, nothing was restored, and it is told."""
    service, client = laid.service, laid.service.client
    assert signals(client, since, "DatabaseRestored") == []
    (repaired,) = signals(client, since, "DatabaseRepaired")
    assert (client.get("Integrity"), client.reasons()) == ("ok", ["repaired"])
    now = judge(service.database)
    assert now.state == SOUND, now.finding
    assert without_log(now.content) == without_log(verdict.content)
    kept = files(repaired[2])
    assert kept[os.path.basename(service.database)] == damaged[os.path.basename(service.database)]


def prove_rescued(rows, backup, before, table):
    """Each row is one that was there, and none is lost that the backup and the database both had."""
    known = set(backup) | set(before)
    assert set(rows) <= known, f"{table} has rows that nobody wrote"
    assert set(backup) & set(before) <= set(rows), f"{table} lacks rows that both have"


def prove_held(laid, damaged, since):
    """Too much would be lost: nothing has changed, and a person is asked."""
    service, client = laid.service, laid.service.client
    assert signals(client, since, "DatabaseRestored") == []
    assert client.get("Health") == "corrupt"
    told = dict(client.get("HealthReasons"))
    assert "would be lost" in told["needs-decision"] and "--dry-run" in told["needs-decision"]
    now = files(os.path.dirname(service.database))
    main = os.path.basename(service.database)
    assert now[main] == damaged[main]


def prove_restored(laid, verdict, damaged, before, since, log):
    """The last backup is in force, with what was rescued of the damaged file, and everything says so."""
    service, client = laid.service, laid.service.client
    restored = signals(client, since, "DatabaseRestored")
    assert len(restored) == 1, f"{verdict.finding}: {restored}"
    _, source, method, automatic, _, quarantine = restored[0]
    assert (source, automatic) == (laid.backup, True)
    assert method in ("in-place", "replace")
    assert client.get("LastRestore") == laid.backup
    assert client.get("LastRestoreAutomatic")
    assert client.get("Integrity") == "ok"
    assert client.reasons() in ([], ["repaired"], ["restored-rows-lost"])
    assert len(client.get("Remedies")) == 1

    now = content(service.database)
    assert set(now) == set(laid.content)
    if verdict.state == WHOLE:
        assert without_log(now) == without_log(verdict.content)
    for table, rows in without_log(now).items():
        prove_rescued(rows, laid.content[table], (before or laid.content).get(table, []), table)
    added = [row for row in now["system_logs"] if row not in laid.content["system_logs"]]
    assert [row for row in added if RESTORED_ACTION in row], added
    assert len(now["system_logs"]) == len(laid.content["system_logs"]) + len(added)

    # The evidence is whole, in one folder.
    if damaged:
        assert os.path.dirname(quarantine) == os.path.join(service.state, "quarantine")
        kept = files(quarantine)
        for name, data in damaged.items():
            assert kept.get(name) == data, f"{name} is not in {quarantine} as it was: {sorted(kept)}"

    if verdict.state == DAMAGED:
        assert signals(client, since, "CorruptionDetected")
        assert f"The database {service.database} is corrupt" in log
    assert laid.backup in log


def prove_unwritable(laid, damaged, log):
    """The service is up and says that the file can't be written, and leaves it."""
    service, client = laid.service, laid.service.client
    assert f"{service.database} can be read but not written" in log
    assert client.get("Health") in ("ok", "degraded")
    assert client.get("LastRestore") == ""
    assert files(os.path.join(service.state, "quarantine")) == {}
    kept = files(os.path.dirname(service.database))
    assert {name: kept[name] for name in damaged} == damaged


def prove_backups_kept(laid):
    service, client = laid.service, laid.service.client
    for name, data in laid.stored.items():
        now = read_all(os.path.join(service.backups, name))
        if name.endswith(".meta"):  # a proof may have been added
            before, now = json.loads(data), json.loads(now)
            assert all(now[field] == before[field] for field in before if "verified" not in field and field != "checks")
        else:
            assert now == data
    listed = {backup["name"]: backup for backup in client.backups()}
    for name in laid.names:
        assert listed[name]["verified"] and not listed[name]["problem"]


@pytest.mark.parametrize("family, seed", CASES, ids=[f"{family}-{seed}" for family, seed in CASES])
@pytest.mark.parametrize("moment", MOMENTS)
def test_damage(laid, moment, family, seed):
    service = laid.service
    lay(laid, family, seed)
    logged = len(service.log())
    if moment == "running":
        client = service.start()
        settled(client)
        client.manager("GetStatistics")  # the last that the start has to do on the database
        since = client.mark()
        with service.stopped():  # else it might have repaired what is still to be judged
            said, verdict, damaged, before = damage(laid, family, seed)
        print(said, "->", verdict.state, verdict.finding)
        if family not in SEEN and verdict.state != MISSING:
            report(client)
        elif verdict.state in KEPT:
            client.wait(lambda signal: signal.member == "JobRemoved", since=since)
        elif verdict.state == WHOLE:
            client.wait_signal("DatabaseRepaired", since=since)
        else:
            client.wait(is_restored_or_held, since=since)
        settled(client)
    else:
        said, verdict, damaged, before = damage(laid, family, seed)
        print(said, "->", verdict.state, verdict.finding)
        since = len(service.client.signals)
        client = service.start()
        settled(client)
    log = service.log()[logged:]
    print(log)
    if verdict.state == UNWRITABLE and moment == "at-start":
        prove_unwritable(laid, damaged, log)
    elif verdict.state in KEPT:
        prove_kept(laid, verdict, since, log)
    elif verdict.state == WHOLE and not signals(client, since, "DatabaseRestored"):
        prove_mended(laid, verdict, since, damaged)
    elif "needs-decision" in client.reasons():
        prove_held(laid, damaged, since)
        service.stop()
        return
    else:
        prove_restored(laid, verdict, damaged, before, since, log)
    prove_backups_kept(laid)
    if verdict.state != UNWRITABLE:  # its copy could not be written either, and is no backup
        client.back_up()
    service.stop()
