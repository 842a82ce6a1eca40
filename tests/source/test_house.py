# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plan of the house, read from the source: which room may know which, and how big a file may grow."""

import os
import re
import subprocess

import pytest

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

ROOMS = {
    "base": {"base"},
    "database": {"base", "database"},
    "age": {"base", "age"},
    "backup": {"base", "age", "database", "backup"},
    "records": {"base", "database", "records"},
    "daemon": {"base", "age", "database", "backup", "records", "daemon"},
    "ctl": {"base", "age", "ctl"},
}
# These do the work and know nothing of who asked for it.
ROOMS_WITHOUT_BUS = ["base", "age", "database", "backup", "records"]
LINES_MAX = 500


def files(*folders, endings=(".c", ".h")):
    for folder in folders:
        for directory, _, names in os.walk(os.path.join(SOURCE, folder)):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.join(directory, name)


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def includes(path, opening):
    return re.findall(rf"^\s*#\s*include\s+{opening}([^\">]+)[\">]", text(path), re.MULTILINE)


def own_includes(room):
    """(file, what it includes of this project) in a room."""
    for path in files(f"src/{room}"):
        yield from ((path, included) for included in includes(path, '"') if included != "config.h")


def test_there_is_source_to_read():
    assert list(files("src/base"))


def test_no_error_on_the_bus_goes_past_the_one_rule():
    raw = re.compile(r"sd_bus_error_setfv?\(|sd_bus_reply_method_errorf\(")
    sinners = [path for path in files("src/daemon") if raw.search(text(path))]
    assert [os.path.relpath(path, SOURCE) for path in sinners] == ["src/daemon/bus/bus-argument.c"]


def test_every_room_is_in_the_plan():
    rooms = {os.path.relpath(path, os.path.join(SOURCE, "src")).split("/")[0] for path in files("src")}
    assert rooms <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_one_way(room):
    assert not [
        f"{path}: {included}" for path, included in own_includes(room) if included.split("/")[0] not in ROOMS[room]
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_includes_are_spelled_from_the_source_root(room):
    assert not [
        f"{path}: {included}"
        for path, included in own_includes(room)
        if not os.path.exists(os.path.join(SOURCE, "src", included))
    ]


@pytest.mark.parametrize("room", ROOMS_WITHOUT_BUS)
def test_working_rooms_know_neither_bus_nor_loop(room):
    wrong = [path for path in files(f"src/{room}") for name in includes(path, "<") if re.search("sd-(bus|event)", name)]
    assert not wrong


def test_every_method_is_timed():
    """Our interfaces are put on the bus by response_times_add_vtable()."""
    registering = [path for path in files("src/daemon") if re.search(r"sd_bus_add_\w+_vtable\(", text(path))]
    assert {os.path.basename(path) for path in registering} == {"log-control.c", "response-times.c"}


def test_calls_that_are_answered_late_are_timed():
    """Who keeps a call for a later answer does it with response_times_keep(). A held message has been answered."""
    keepers = [path for path in files("src/daemon") if "sd_bus_message_ref(" in text(path)]
    assert {os.path.basename(path) for path in keepers} <= {"manager.c", "response-times.c", "response-times.h"}


def test_no_file_is_a_drawer_for_everything():
    drawer = re.compile(r"\b(util|utils|helper|helpers|misc|common)\b")
    assert not [path for path in files("src", "tests") if drawer.search(os.path.basename(path).replace("_", "-"))]


def test_no_file_is_two_ideas():
    long = [path for path in files("src", "tests", endings=(".c", ".h", ".py")) if text(path).count("\n") > LINES_MAX]
    assert not long


def test_source_is_formatted():
    checked = subprocess.run(
        ["clang-format", "--dry-run", "-Werror", *files("src", "tests")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
