# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 at every step of everything: the next start is clean, every listed backup verifies, the database is whole.

The steps are the test points that a run passes; each is asked for in a run that is not killed, then taken in turn."""

import os
import time

import pytest

from application import Application, check, row_counts, unpack
from client import Client
from contract import BACKUP, BUS_PATH, MANAGER
from predictions import INSERT, add_match
from steps import declared_points, names_of, passed_points, take

HOUR_USEC = 3_600_000_000
# 24 January 2026, 01:46:21 UTC
MOMENT_USEC = 1769219181 * 1_000_000

USERS = 20


def prepare_nothing(service):
    """An empty directory."""


def prepare_backups(service):
    """A database with rows, and backups so old that a cleanup drops some."""
    service.set_clock(MOMENT_USEC)
    service.configure("Retention=1h\nRetentionMinimumVerified=1\n")
    client = service.start(clock=True)
    application = Application(service.database)
    application.add_users(USERS)
    application.close()
    # So close together that retention, which follows each backup, keeps them all.
    for _ in range(3):
        client.back_up()
    service.stop()
    service.set_clock(MOMENT_USEC + 100 * HOUR_USEC)


def prepare_leftovers(service):
    """What two kills leave: a half copy, and a stored file that never got its manifest."""
    prepare_backups(service)
    for point in ("snapshot-half", "create-data-published"):
        assert not take(service, do_backup, point=point)
        service.killed_itself()


def prepare_matches(service):
    """Predictions that are to be archived, each with its match's result."""
    prepare_backups(service)
    application = Application(service.database)
    for match_id in (1, 2):
        application.query(INSERT, match_id, "Ligue 1", 50)
        add_match(application, match_id)
    application.close()


def prepare_unchanged(service):
    """The initial backup, of a database to which nobody has written since, by the clock that files have their times
    from."""
    service.set_clock(int(time.time()) * 1_000_000 + HOUR_USEC)
    service.start(clock=True)
    service.stop()
    service.set_clock(int(time.time()) * 1_000_000 + 2 * HOUR_USEC)


def do_nothing(service):
    """The start alone."""


def do_backup(service):
    """Retention follows, and drops what prepare_backups() made."""
    service.client.manager("Backup", {})
    service.client.wait(lambda signal: signal.member == "JobRemoved" and signal.body[2] == "cleanup")


def do_maintenance(service):
    """What follows an automatic backup, and makes way for every job until it has said that it is done; then a check."""
    service.client.back_up(automatic=("b", True))
    service.wait_logged("Archived 2 predictions")
    service.client.run("Verify", "", {})


def do_backup_alone(service):
    job_id, _ = service.client.manager("Backup", {})
    service.client.ended(job_id)


def do_verify(service):
    job_id, _ = service.client.manager("Verify", service.client.names()[0], {})
    service.client.ended(job_id)


def do_cleanup(service):
    service.client.manager("Cleanup", {})


def do_delete(service):
    job_id, _ = service.client.call(service.client.backups()[0]["path"], BACKUP, "Delete", {})
    service.client.ended(job_id)


SCENES = {
    "first-start": (prepare_nothing, do_nothing),
    "later-start": (prepare_leftovers, do_nothing),
    "backup": (prepare_backups, do_backup),
    "maintenance": (prepare_matches, do_maintenance),
    "unchanged": (prepare_unchanged, do_backup_alone),
    "verify": (prepare_backups, do_verify),
    "cleanup": (prepare_backups, do_cleanup),
    "delete": (prepare_backups, do_delete),
}


def prove_whole(service, rows_expected, tmp_path):
    """What must hold after any kill."""
    client = service.start(clock=True)
    assert service.temporary_files() == []
    listed = client.backups()
    assert "initial_backup" in [backup["name"] for backup in listed]
    assert not [backup["problem"] for backup in listed if backup["problem"]]
    known = set()
    for backup in listed:
        stored = client.get("File", backup["path"], BACKUP)
        known |= {stored, stored + ".meta"}
        assert client.run("Verify", backup["name"], {})[1:] == ("done", "", "")
        check(unpack(os.path.join(service.backups, stored), tmp_path / "image.db"))
    # No file without its backup, and no backup without its manifest.
    assert set(service.stored()) == known
    assert client.get("Health") in ("ok", "stale")
    check(service.database)
    assert dict(row_counts(service.database))["users"] == rows_expected
    application = Application(service.database)
    # Both or none.
    assert application.query(
        "SELECT (SELECT count(*) FROM predictions_archive), (SELECT count(*) FROM predictions WHERE is_locked)"
    ) in ([(0, 0)], [(1, 1)], [(2, 2)])
    application.close()
    client.back_up()
    service.stop()


@pytest.mark.parametrize("scene", SCENES)
def test_killed_at_every_step(make_service, tmp_path, scene):
    prepare, work = SCENES[scene]
    rehearsal = make_service("rehearsal")
    prepare(rehearsal)
    points = passed_points(rehearsal, work)
    assert points, f"{scene} passes no test point"
    for number, point in enumerate(points):
        service = make_service(f"run{number}")
        prepare(service)
        assert not take(service, work, point=point), f"{point} was not reached"
        service.killed_itself()
        try:
            prove_whole(service, 0 if prepare in (prepare_nothing, prepare_unchanged) else USERS, tmp_path)
        except Exception as error:
            raise AssertionError(f"after a kill at {point}") from error


# What puts another database in force is killed in tests/fault, and a salvage in test_salvage.py.
OF_RESTORING = ("replace-", "restore-", "repair-", "quarantine-", "recover-", "rescue-", "salvage-")
# Where something is only held, since it writes nothing.
OF_READING = ("advising", "first-rows-")


def test_every_point_in_the_source_belongs_to_a_scene(make_service):
    """A step that no scene reaches is a step at which nobody ever killed it."""
    reached = set()
    for scene, (prepare, work) in SCENES.items():
        service = make_service(scene)
        prepare(service)
        reached |= names_of(passed_points(service, work))
    assert reached == {point for point in declared_points() if not point.startswith(OF_RESTORING + OF_READING)}


def test_killed_twice_in_a_row(make_service, tmp_path):
    """A kill while the start clears away what an earlier kill left."""
    service = make_service()
    prepare_leftovers(service)
    assert not take(service, do_nothing, point="clean-up-data-gone")
    service.killed_itself()
    prove_whole(service, USERS, tmp_path)


def test_commits_outlive_a_kill_of_the_service(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    application = Application(service.database)
    client.manager("Backup", {})
    gate.wait_reached()
    application.add_users(USERS)
    service.kill()
    gate.release()
    application.add_users(USERS, prefix="later")
    assert application.query("SELECT count(*) FROM users") == [(2 * USERS,)]
    application.close()
    check(service.database)
    service.start()
    assert dict(row_counts(service.database))["users"] == 2 * USERS


def test_new_caller_sees_the_restarted_service(service, bus):
    service.start()
    service.kill()
    service.start()
    caller = Client(bus.address)
    assert caller.call(BUS_PATH, MANAGER, "ListBackups")
    caller.close()
