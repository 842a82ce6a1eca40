# SPDX-License-Identifier: LGPL-2.1-or-later
"""What restores and repairs put aside: listed with what lies there alone, removed only knowingly, and bounded."""

import os
import sqlite3

import pytest

from application import write_at
from broken_database import checkpoint, kept, start  # noqa: F401
from client import BusError
from command_line import ctl  # noqa: F401
from contract import ERROR
from test_repair import leave_index_behind

NEEDS_DECISION = ERROR + "NeedsDecision"


def incidents(client):
    return client.manager("ListQuarantine")


def folders(service):
    return sorted(os.listdir(os.path.join(service.state, "quarantine")))


def damage(path):
    """The one page of the users is gone."""
    checkpoint(path)
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'users'").fetchone()
    connection.close()
    write_at(path, (page - 1) * 4096, b"\xff" * 4096)


def refused(client, name, options):
    with pytest.raises(BusError) as caught:
        client.manager("DeleteQuarantine", name, options)
    return caught.value.name


@pytest.fixture
def repaired(kept):
    """A service that has repaired an index, and the name of what it put aside first."""
    leave_index_behind(kept.database)
    client = start(kept)
    client.wait_property("NJobs", 0)
    assert client.reasons() == ["repaired"]
    ((name, *_),) = incidents(client)
    return client, name


@pytest.fixture
def restored(kept):
    """A service that has restored a backup, and rows that nothing could read any more are lost."""
    kept.configure("AutoRestoreMaxLoss=100%\n")
    damage(kept.database)
    client = start(kept)
    client.wait_property("NJobs", 0)
    ((name, *_),) = incidents(client)
    return client, name


def test_nothing_is_listed_where_nothing_lies(client):
    assert incidents(client) == []
    assert (client.get("Quarantined"), client.get("QuarantineBytes")) == (0, 0)


def test_repair_leaves_nothing_of_its_own(kept, repaired):
    client, name = repaired
    ((listed, usec, size, worth, source, undo, *_),) = incidents(client)
    assert (listed, worth, source, undo) == (name, "spent", "", False)
    assert usec > 0 and size >= os.path.getsize(kept.database)
    assert client.get("QuarantineBytes") == size
    assert client.run("DeleteQuarantine", name, {})[1] == "done"
    assert incidents(client) == [] and folders(kept) == []


def test_rows_that_were_lost_are_not_removed_unknowingly(kept, restored):
    client, name = restored
    ((_, _, _, worth, source, _, _, lost, perhaps, tables),) = incidents(client)
    assert worth == "rows" and source and lost + perhaps > 0
    # The backup's rows stand for those that nobody could read.
    assert [table[4] > 0 for table in tables if table[0] == "users"] == [True]
    assert refused(client, name, {}) == NEEDS_DECISION
    assert folders(kept) == [name]
    assert client.run("DeleteQuarantine", name, {"force": ("b", True)})[1] == "done"
    assert folders(kept) == []


def test_what_nobody_has_compared_is_not_removed_unknowingly(service, client):
    folder = os.path.join(service.state, "quarantine/20260124_014621")
    os.makedirs(folder)
    with open(os.path.join(folder, "oracxpred.db"), "wb") as file:
        file.write(bytes(8192))
    assert [incident[3] for incident in incidents(client)] == ["unjudged"]
    assert refused(client, "20260124_014621", {}) == NEEDS_DECISION
    assert refused(client, "../backups", {"force": ("b", True)}) == ERROR + "NotFound"
    assert folders(service) == ["20260124_014621"]


def test_files_of_others_stay(service, client):
    folder = os.path.join(service.state, "quarantine/20260124_014621")
    os.makedirs(folder)
    with open(os.path.join(folder, "notes.txt"), "w", encoding="utf-8") as file:
        file.write("mine")
    _, result, error, message = client.run("DeleteQuarantine", "20260124_014621", {"force": ("b", True)})
    assert (result, error) == ("failed", ERROR + "Failed") and folder in message
    assert os.listdir(folder) == ["notes.txt"]


def test_bound_takes_what_holds_nothing_and_leaves_the_report(kept):
    kept.configure("QuarantineMaxSize=0\n")
    leave_index_behind(kept.database)
    client = start(kept)
    client.wait_property("NJobs", 0)
    ((name, _, size, worth, *_),) = incidents(client)
    assert (size, worth) == (0, "spent")
    assert os.listdir(os.path.join(kept.state, "quarantine", name)) == ["rescue.json"]


def test_bound_takes_no_row(kept):
    kept.configure("QuarantineMaxSize=0\nAutoRestoreMaxLoss=100%\n")
    damage(kept.database)
    client = start(kept)
    client.wait_property("NJobs", 0)
    ((_, _, size, worth, *_),) = incidents(client)
    assert worth == "rows" and size > 0
    level, way_out = next((row[1], row[3]) for row in client.manager("Diagnose") if row[0] == "quarantine")
    assert level == "warning" and "quarantine delete" in way_out
    assert "quarantine-over-bound" in client.reasons()
    # It stays until there is room by the bound or by a person, and a restart or a reload doesn't forget it.
    kept.stop()
    client = kept.start()
    assert "quarantine-over-bound" in client.reasons()
    kept.configure("QuarantineMaxSize=10G\nAutoRestoreMaxLoss=100%\n")
    client.manager("Reload")
    assert "quarantine-over-bound" not in client.reasons()
    kept.configure("QuarantineMaxSize=0\nAutoRestoreMaxLoss=100%\n")
    client.manager("Reload")
    assert "quarantine-over-bound" in client.reasons()
    ((name, *_),) = incidents(client)
    client.run("DeleteQuarantine", name, {"force": ("b", True)})
    assert "quarantine-over-bound" not in client.reasons()


def test_command_line_lists_shows_and_deletes(ctl, kept, restored):
    client, name = restored
    assert name in ctl.run("quarantine").stdout
    shown = ctl.run("quarantine", "show", name).stdout
    assert "could not be read" in shown and "users" in shown
    assert ctl.json("quarantine", "show", name)["Name"] == name
    assert "Quarantine: 1," in ctl.run("status", status=3).stdout
    assert "oracxpred_quarantine_bytes" in ctl.run("metrics").stdout
    ctl.run("quarantine", "show", "20000101_000000", status=10)
    # Without a terminal nobody can be asked.
    ctl.run("quarantine", "delete", name, status=2)
    assert "--force" in ctl.run("quarantine", "delete", "--yes", name, status=31).stderr
    ctl.run("quarantine", "delete", "--yes", "--force", name)
    assert folders(kept) == []
