# SPDX-License-Identifier: LGPL-2.1-or-later
"""The count at the end of the test run: it must not call a broken run a good one."""

import os
import subprocess

import pytest

COUNT = os.path.join(os.path.dirname(__file__), "../../packaging/count-results")

GOOD = '<testcase name="a"/>'
BAD = '<testcase name="b"><failure/></testcase>'
SKIPPED = '<testcase name="c"><skipped/></testcase>'


@pytest.fixture
def count(tmp_path):
    """Runs the count over one suite; None leaves a file out. Returns (exit status, last line)."""

    def run(cases, status, log=None):
        if cases is not None:
            text = f'<testsuites><testsuite name="project.one">{cases}</testsuite></testsuites>'
            (tmp_path / "suite.xml").write_text(text)
        if status is not None:
            (tmp_path / "suite.status").write_text(f"{status}\n")
        if log is not None:
            (tmp_path / "suite.json").write_text(log)
        done = subprocess.run([COUNT, tmp_path, "suite"], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.splitlines()[-1]

    return run


def test_good_run(count):
    assert count(GOOD + GOOD, 0) == (0, "2 passed, 0 failed")


def test_failed_test(count):
    assert count(GOOD + BAD, 1) == (1, "1 passed, 1 failed")


def test_skipped_test_is_told(count):
    assert count(GOOD + SKIPPED, 0) == (0, "1 passed, 0 failed, 1 skipped")


@pytest.mark.parametrize("cases, status", [(None, 0), (GOOD, None), ("<broken", 0), ("", 0)])
def test_missing_result_is_a_failure(count, cases, status):
    assert count(cases, status) == (1, "0 passed, 1 failed")


def test_suite_that_ends_badly_after_good_tests(count):
    assert count(GOOD, 124) == (1, "1 passed, 1 failed")


def test_executable_that_leaks_after_its_last_test(count):
    log = '{"name": "one", "result": "ERROR"}\n{"name": "two", "result": "OK"}\n'
    assert count(GOOD, 1, log) == (1, "1 passed, 1 failed")


def test_silent_executable_beside_a_failed_test(count):
    log = '{"name": "p:s / one", "result": "FAIL"}\n{"name": "p:s / two", "result": "TIMEOUT"}\n'
    assert count(GOOD + BAD, 2, log) == (1, "1 passed, 2 failed")


def test_executable_that_is_its_own_test_counts_once(count):
    log = '{"name": "b", "result": "ERROR"}\n'
    assert count(GOOD + BAD, 1, log) == (1, "1 passed, 1 failed")
