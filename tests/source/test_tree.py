# SPDX-License-Identifier: LGPL-2.1-or-later
"""What lies where: nothing at the top that the plan does not name, a test for every source file or a written excuse,
and headers that explain themselves."""

import fnmatch
import os
import re

import pytest

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

TOP = {
    ".ci",
    ".clang-format",
    ".git",
    ".gitignore",
    "LICENSE",
    "README.md",
    "dbus",
    "doc",
    "meson.build",
    "meson_options.txt",
    "packaging",
    "src",
    "systemd",
    "tests",
}
# Functions whose names say all there is to say.
SELF_EXPLANATORY = re.compile(r"_(new|free|init|done|copy|ref|unref|to_string|from_string)$")


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def sources(ending):
    for directory, _, names in os.walk(os.path.join(SOURCE, "src")):
        for name in sorted(names):
            if name.endswith(ending):
                yield os.path.relpath(os.path.join(directory, name), SOURCE)


def excuses():
    """Path, or pattern of paths, to reason, from lines of the form "src/room/name.c: reason"."""
    lines = text("tests/source/uncovered.txt").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def unit_test_of(path):
    room, name = path.split("/", 1)[1].rsplit("/", 1)
    return f"tests/{room}/test-{name}"


def untested():
    return [path for path in sources(".c") if not os.path.exists(os.path.join(SOURCE, unit_test_of(path)))]


def is_built(path):
    """A file without a build that names it is half-written."""
    room, name = path.split("/", 2)[1:]
    return f"'{name}'" in text(f"src/{room}/meson.build")


def test_top_level_holds_what_the_plan_names():
    ignored = [pattern.strip("/") for pattern in text(".gitignore").split()]
    found = {name for name in os.listdir(SOURCE) if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)}
    assert found <= TOP


def test_every_source_file_has_its_test_or_an_excuse():
    patterns = excuses()
    lacking = [path for path in untested() if not any(fnmatch.fnmatch(path, pattern) for pattern in patterns)]
    assert not lacking


def test_excuses_are_needed_and_have_a_reason():
    for pattern, reason in excuses().items():
        assert fnmatch.filter(untested(), pattern), f"{pattern}: no file without a test of its own is meant"
        assert len(reason.split()) >= 3, f"{pattern}: {reason}"


def test_every_source_file_is_built():
    assert not [path for path in sources(".c") if not is_built(path)]


@pytest.mark.parametrize("ending", [".c", ".h"])
def test_every_source_file_names_its_license(ending):
    license_line = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
    assert not [path for path in sources(ending) if not text(path).startswith(license_line)]


def test_every_header_opens_with_why_it_exists():
    opening = re.compile(r"/\* SPDX[^\n]*\n#pragma once\n\n/\*")
    assert not [path for path in sources(".h") if not opening.match(text(path))]


PROTOTYPE = re.compile(r"^(?!static|typedef|extern|return)[A-Za-z_][\w *]*?\*?(\w+)\([^;{]*\)[^;{]*;", re.MULTILINE)


def undescribed(path):
    """Declarations in a paragraph without a comment, but for a header's only ones: its opening speaks for them."""
    paragraphs = re.split(r"\n\s*\n", text(path))
    declared = [(paragraph, PROTOTYPE.findall(paragraph)) for paragraph in paragraphs]
    declared = [(paragraph, names) for paragraph, names in declared if names]
    if len(declared) == 1:
        return []
    return [
        name
        for paragraph, names in declared
        if "/*" not in paragraph
        for name in names
        if not SELF_EXPLANATORY.search(name) and not name.isupper()
    ]


@pytest.mark.parametrize("room", ["base", "age", "database", "backup", "records"])
def test_every_function_that_other_rooms_call_is_described(room):
    headers = [path for path in sources(".h") if path.startswith(f"src/{room}/")]
    assert not {path: undescribed(path) for path in headers if undescribed(path)}
