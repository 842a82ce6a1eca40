# SPDX-License-Identifier: LGPL-2.1-or-later
"""The threat model in src/README.md: who may not do what is shown by a test that is there."""

import os
import re

from test_guards import SOURCE, is_defined, named, text


def model():
    return text("src/README.md").split("## Threat model\n", 1)[1]


def rows():
    """(who, the tests that are named for it)"""
    cells = [[cell.strip() for cell in re.split(r" ?(?<!\\)\| ?", line)[1:-1]] for line in model().splitlines() if line[:1] == "|"]
    return [(row[0], named(row[3])) for row in cells if row[0] not in ("Who", "---")]


def named_tests():
    """Every test that is named, in the table or below it."""
    return sorted({name for name in named(model()) if re.search(r"(^|/)test[-_][\w-]+\.(py|c)", name)})


def test_everybody_who_may_not_has_a_test():
    assert len(rows()) > 5
    assert not [who for who, shown_by in rows() if not shown_by]


def test_named_tests_are_there():
    assert len(named_tests()) > 15
    for test in named_tests():
        path, _, function = test.partition("::")
        assert os.path.isfile(os.path.join(SOURCE, "tests", path.removeprefix("tests/"))), test
        assert not function or is_defined("tests/" + path.removeprefix("tests/"), function), test


def test_all_of_the_table_s_tests_are_looked_at():
    assert {test for _, shown_by in rows() for test in shown_by} <= set(named_tests())
