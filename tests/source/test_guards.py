# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of guards, tests/guards.md: it must not name a test or a function that has gone."""

import os
import re

import pytest

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def rows():
    """The cells of every row: promise, guards, tests."""
    lines = [line for line in text("tests/guards.md").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] not in ("Promise", "---")]


def named(cell):
    return re.findall(r"`([^`]+)`", cell)


def is_defined(path, name):
    """A C function opens with its type in the first column; what is no C or Python has only to name it."""
    if not os.path.exists(os.path.join(SOURCE, path)):
        return False
    if path.endswith(".py"):
        return re.search(rf"^def {name}\(", text(path), re.MULTILINE)
    if path.endswith(".c"):
        return re.search(rf"^(?!return)\w[\w *]*\b{name}\((?![^;{{]*;)", text(path), re.MULTILINE)
    return name in text(path)


def test_table_has_rows_of_three_cells():
    assert len(rows()) > 40
    assert not [row for row in rows() if len(row) != 3 or not all(row)]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:60])
def test_named_tests_and_guards_exist(row):
    guards = [guard.rsplit(":", 1) for guard in named(row[1])]
    tests = [test.split("::") for test in named(row[2])]
    assert guards and tests
    assert not [guard for guard in guards if not is_defined(*guard)]
    assert not [test for test in tests if not is_defined(f"tests/{test[0]}", test[1])]


def test_named_unit_tests_are_run():
    units = {tuple(test.split("::")) for row in rows() for test in named(row[2]) if ".c::" in test}
    listed = r"\b(TEST|cmocka_unit_test\w*)\({}\b"
    assert not [unit for unit in units if not re.search(listed.format(unit[1]), text(f"tests/{unit[0]}"))]
