# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 at every step of a restore, an undo, an import and the starts that repair: the next start is clean, every
listed backup verifies, the database is the old one or the new one, and what was replaced is kept.

tests/bus does the same with everything that puts no other database in force."""

import os
import sqlite3

import pytest

from application import check, unpack
from contract import BACKUP
from restore_scenes import SCENES, comparable, settled
from scene import Saved
from steps import declared_points, names_of, passed_points, take
from verdict import SOUND, judge, rows_of

# Points of these names are passed here; the others in tests/bus.
OF_RESTORING = ("replace-", "restore-", "repair-", "quarantine-", "recover-", "rescue-")

# What these pass besides is killed in other scenes.
ONLY = {"damaged-table": "rescue-"}

# Passed only when the exchange of the files fails half-way, when it leads to another mount, when the file itself is one,
# or when a commit can't be synced: tests/backup brings these about.
ELSEWHERE = {
    "recover-written",
    "replace-contents-saved",
    "replace-journals-removed",
    "replace-taken-back",
    "replace-written-back",
    "replace-written-some",
    "restore-commit-failed",
}


def kept_contents(service, tmp_path):
    """What can be had back: the content of every backup and of every quarantined database."""
    for backup in service.client.backups():
        stored = service.client.get("File", backup["path"], BACKUP)
        yield comparable(judge(unpack(os.path.join(service.backups, stored), tmp_path / "image.db")).content)
    quarantine = os.path.join(service.state, "quarantine")
    for folder in os.listdir(quarantine) if os.path.isdir(quarantine) else ():
        path = os.path.join(quarantine, folder, "oracxpred.db")
        if os.path.exists(path):
            yield comparable(judge(path).content)


def prove_tidy(service):
    assert service.temporary_files() == []
    data = os.path.dirname(service.database)
    database = os.path.basename(service.database)
    assert set(os.listdir(data)) <= {database + suffix for suffix in ("", "-wal", "-shm", "-journal")}
    assert not os.path.exists(os.path.join(service.state, "restore.json"))
    quarantine = os.path.join(service.state, "quarantine")
    if os.path.isdir(quarantine):
        assert not [name for name in os.listdir(quarantine) if not name.replace("_", "").isdigit()]


def prove_backups(service, tmp_path):
    known = set()
    for backup in service.client.backups():
        stored = service.client.get("File", backup["path"], BACKUP)
        known |= {stored, stored + ".meta"}
        assert not backup["problem"], backup
        assert service.client.run("Verify", backup["name"], {})[1:] == ("done", "", "")
        check(unpack(os.path.join(service.backups, stored), tmp_path / "image.db"))
    # No file without its backup, and no backup without its manifest.
    assert set(service.stored()) == known


def prove_whole(scene, tmp_path):
    """What must hold after any kill."""
    service = scene.service
    client = service.start(clock=True)
    settled(client)
    prove_tidy(service)
    prove_backups(service, tmp_path)
    assert scene.backup in client.names()
    verdict = judge(service.database)
    assert verdict.state == SOUND, verdict.finding
    now = comparable(verdict.content)
    assert now in scene.allowed(), "neither the old database nor the new one"
    # What was done without being asked is told, and nothing else.
    told = {"restored-rows-lost", "repaired"} if scene.by_itself else set()
    assert client.get("Integrity") == "ok" and set(client.reasons()) <= told, client.get("HealthReasons")
    if now != scene.old and scene.old is not None:
        assert scene.old in kept_contents(service, tmp_path), "what was replaced is gone"
    client.back_up()
    service.stop()


@pytest.mark.parametrize("name", SCENES)
def test_killed_at_every_step(make_service, tmp_path, name):
    scene = SCENES[name](make_service())
    saved = Saved(scene.service)
    points = passed_points(scene.service, scene.work)
    assert points, f"{name} passes no test point"
    prove_whole(scene, tmp_path)
    for number, point in enumerate(points):
        if not point.startswith(ONLY.get(name, "")):
            continue
        if scene.by_inode:
            scene = SCENES[name](make_service(f"run{number}"))
        else:
            saved.put_back()
        print("killed at", point)
        assert not take(scene.service, scene.work, point=point), f"{point} was not reached"
        scene.service.killed_itself()
        prove_whole(scene, tmp_path)


def test_every_point_of_restoring_belongs_to_a_scene(make_service):
    """A step that no scene reaches is a step at which nobody ever killed it."""
    reached = set()
    for name, kind in SCENES.items():
        scene = kind(make_service(name))
        reached |= names_of(passed_points(scene.service, scene.work))
    wanted = {point for point in declared_points() if point.startswith(OF_RESTORING)}
    assert wanted - reached == ELSEWHERE


@pytest.mark.parametrize("point", ["restore-locked", "restore-half", "restore-committed", "restore-checked"])
def test_connection_that_stays_open_sees_the_old_rows_or_the_new(make_service, point):
    scene = SCENES["restore-in-place"](make_service())
    connection = sqlite3.connect(scene.service.database, isolation_level=None)
    connection.execute("SELECT count(*) FROM users").fetchall()
    assert not take(scene.service, scene.work, point=point)
    scene.service.killed_itself()
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert comparable(rows_of(connection)) in (scene.old, scene.new)
    connection.execute("DELETE FROM users")
    connection.close()
    assert judge(scene.service.database).state == SOUND
