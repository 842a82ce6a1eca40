# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that is full before a restore, an undo or an import, or becomes full at any step of it: told by name, the
database is the old one or the new one, no backup is touched, and with room again it works."""

import re

import pytest

from application import read_all
from broken_database import wait_restored
from contract import ERROR
from restore_scenes import SCENES, comparable, counted, settled
from scene import Saved
from service import Gate
from small_disk import MIB, contents, fill, make_room, small_disk  # noqa: F401
from steps import passed_points
from verdict import content

ASKED = ["restore-in-place", "restore-by-replacing", "undo-in-place", "undo-by-replacing", "from-file", "import"]
BY_ITSELF = ["damaged-index", "damaged-header", "missing"]


class Asked(Exception):
    """Ends a scene's work at its job's end."""


def ask(scene, client, before_end):
    """Asks for the scene's work, calls before_end() while it runs, and returns how its job ended."""
    since = client.mark()
    answers = []

    def run(member, *arguments):
        job_id, _ = client.manager(member, *arguments)
        before_end()
        answers.append(client.ended(job_id))
        raise Asked

    client.run = run
    try:
        scene.ask(client)
    except Asked:
        pass
    finally:
        del client.run
    assert len(client.signals) > since
    return answers[0]


def prove(scene, before, end):
    """The state after a job that ended so, on a disk that is full."""
    service, client = scene.service, scene.service.client
    settled(client)
    now = comparable(content(service.database))
    result, error, message = end
    if result == "done":
        assert now == scene.new
    else:
        assert error == ERROR + "NoSpace", (error, message)
        assert re.search(r"oracxpred\.db|backup_\w+\.db", message) or service.state in message, message
        assert now == scene.old
        assert service.temporary_files() == []
    kept = contents(service)
    for name, data in before.items():
        if not name.endswith(".meta"):
            assert kept.get(name) == data, f"{name} is not what it was"
        assert name in kept


def prove_again(scene):
    """With room, it works."""
    service, client = scene.service, scene.service.client
    make_room(service)
    assert ask(scene, client, lambda: None) == ("done", "", "")
    assert comparable(content(service.database)) in scene.allowed()
    assert client.get("Integrity") == "ok"
    service.stop()


@pytest.mark.parametrize("name", ASKED)
def test_disk_that_is_full_before(small_disk, name):  # noqa: F811
    scene = SCENES[name](small_disk)
    saved = Saved(small_disk)
    for leave_bytes in (0, 64 * 1024, 256 * 1024, 1 * MIB):
        saved.put_back()
        client = small_disk.start()
        counted(client)  # that takes room, too
        before = contents(small_disk)
        fill(small_disk, leave_bytes)
        prove(scene, before, ask(scene, client, lambda: None))
        prove_again(scene)


@pytest.mark.parametrize("name", ASKED)
def test_disk_that_fills_up_at_each_step(small_disk, tmp_path, name):  # noqa: F811
    scene = SCENES[name](small_disk)
    saved = Saved(small_disk)
    small_disk.start(trace=True)
    settled(small_disk.client)
    small_disk.stop()
    skipped = set(small_disk.trace())
    saved.put_back()
    for number, point in enumerate(passed_points(small_disk, scene.work)):
        if point.partition(":")[0] in skipped:
            continue
        saved.put_back()
        print("filled at", point)
        gate = Gate(tmp_path / f"gate{number}")
        client = small_disk.start(**gate.at(point))
        before = contents(small_disk)

        def fill_there():
            gate.wait_reached()
            fill(small_disk)
            gate.release()

        prove(scene, before, ask(scene, client, fill_there))
        prove_again(scene)


@pytest.mark.parametrize("name", ["damaged-header", "damaged-table"])
def test_rescue_on_a_disk_that_fills_up_at_each_step(small_disk, tmp_path, name):  # noqa: F811
    """The damaged file stays as it is, or the rescued one is in force; with room, it is."""
    scene = SCENES[name](small_disk)
    saved = Saved(small_disk)
    points = [point for point in passed_points(small_disk, scene.work) if point.startswith("rescue-")]
    assert points
    for number, point in enumerate(points):
        saved.put_back()
        print("filled at", point)
        damaged, before = read_all(small_disk.database), contents(small_disk)
        gate = Gate(tmp_path / f"gate{number}")
        small_disk.launch(**gate.at(point))
        gate.wait_reached()
        fill(small_disk)
        gate.release()
        small_disk.wait_notification("READY=1")
        settled(small_disk.client)
        if small_disk.client.get("Integrity") == "ok":
            assert comparable(content(small_disk.database)) == scene.new
        else:
            assert read_all(small_disk.database) == damaged
            assert small_disk.temporary_files() == []
        for stored, data in before.items():
            assert stored.endswith(".meta") or contents(small_disk).get(stored) == data
        small_disk.stop()
        make_room(small_disk)
        wait_restored(small_disk.start())
        assert comparable(content(small_disk.database)) == scene.new
        small_disk.stop()


@pytest.mark.parametrize("name", BY_ITSELF)
def test_repair_at_a_start_waits_for_room(small_disk, name):  # noqa: F811
    scene = SCENES[name](small_disk)
    before = contents(small_disk)
    fill(small_disk)
    client = small_disk.start()
    settled(client)
    # Where even a reader has no room, nobody knows yet what is wrong.
    assert client.get("Health") in ("corrupt", "degraded")
    assert not [body for body in client.signals if body.member == "DatabaseRestored"]
    assert contents(small_disk) == before
    assert scene.backup in client.names()
    small_disk.stop()
    make_room(small_disk)
    client = small_disk.start()
    settled(client)
    wait_restored(client)
    assert comparable(content(small_disk.database)) == scene.new
