# SPDX-License-Identifier: LGPL-2.1-or-later
"""oracxpredctl log: the application's logs for an operator, also when they hold what a terminal would obey."""

import sqlite3

import pytest

from audit import Audit
from command_line import ctl  # noqa: F401


@pytest.fixture
def filled(service, client, ctl):
    """Two thousand old rows, a hostile one and an error."""
    with sqlite3.connect(service.database) as connection:
        connection.execute("INSERT INTO users(id, username, password) VALUES(5, 'ann', 'x')")
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
            "INSERT INTO system_logs(action_type, message, created_at) "
            "SELECT 'old', 'row ' || i, strftime('%Y-%m-%d %H:%M:%S', 1769219181 + i, 'unixepoch') FROM n"
        )
    audit = Audit(client)
    audit.append_system("deployed", "one\n\x1b[2Jtwo", address=("s", "192.0.2.7"))
    audit.append_system("crashed", "three", severity=("s", "error"), user=("x", 5))
    audit.append_access("download", 5, plan=("s", "premium"), match=("x", 42))
    return ctl


def lines(done):
    return [line for line in done.stdout.splitlines() if line]


def test_newest_rows_come_first_and_controls_are_spelled_out(filled):
    printed = lines(filled.run("log", "--since=-1h"))
    assert printed[0].split() == ["TIME", "SEVERITY", "TYPE", "USER", "ADDRESS", "MESSAGE"]
    assert "crashed" in printed[1] and "error" in printed[1]
    assert r"one\x0a\x1b[2Jtwo" in printed[2] and "192.0.2.7" in printed[2]
    assert printed[-1] == "2 rows."


def test_filters(filled):
    assert [row["type"] for row in filled.json("log", "--severity=error")["rows"]] == ["crashed"]
    assert [row["type"] for row in filled.json("log", "--account=5")["rows"]] == ["crashed"]
    found = filled.json("log", "--type=old", "--since=2026-01-24 01:46:30", "--until=2026-01-24T01:46:32Z")
    assert [row["message"] for row in found["rows"]] == ["row 10", "row 9"]
    assert found["next"] == 0


def test_limit_spans_pages(filled):
    found = filled.json("log", "--type=old", "--limit=1500")
    assert [row["message"] for row in found["rows"]] == [f"row {i}" for i in range(2000, 500, -1)]
    assert found["next"] > 0
    assert lines(filled.run("log", "--type=old"))[-1] == "100 rows; --limit= shows older ones."


def test_access_log(filled):
    printed = lines(filled.run("log", "access"))
    assert printed[0].split() == ["TIME", "TYPE", "USER", "MATCH", "PLAN"]
    assert printed[1].split()[-4:] == ["download", "5", "42", "premium"]
    (row,) = filled.json("log", "access", "--account=5", "--type=download")["rows"]
    assert row["match"] == 42
    assert filled.json("log", "access", "--account=6") == {"rows": [], "next": 0}


@pytest.mark.parametrize(
    "arguments",
    [
        ["journal"],
        ["system", "access"],
        ["--since=soon"],
        ["--limit=0"],
        ["--limit=ten"],
        ["--account=-5"],
        ["access", "--severity=error"],
        ["--label=x"],
    ],
)
def test_wrong_usage(ctl, client, arguments):
    done = ctl.run("log", *arguments, status=2)
    assert done.stdout == "" and done.stderr.startswith("oracxpredctl: ")
