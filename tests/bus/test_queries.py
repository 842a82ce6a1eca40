# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every statement that the service runs finds its rows through an index: SQLite is asked for the plan of each one that
ran, on a database with many rows, and no plan may read a whole table but those listed here with a reason."""

import os
import re
import sqlite3

import pytest

from application import Application
from client import BusError
from contract import ACCOUNTS, AUDIT, BUS_PATH, MANAGER, PREDICTIONS, declared
from predictions import add_match, sample

ROWS = 3000

# Pattern of a statement to the reason why it may read all of a table.
EXCEPTIONS = {
    r'SELECT count\(\*\) FROM main\."': "a backup and the statistics tell the rows of every table: all must be counted",
    r"WITH tables\(name\)": "advice: what it reads has a row for each foreign key",
    r"SELECT count\(\*\) FROM main\.users WHERE is_admin": "only when an administrator loses that; flags have no index",
    r".*\bmain\.failures\b": "a file of the service's own, whose rows are bounded",
}

# SQLite's own, which have a row for each table or index.
SMALL = {"sqlite_schema", "sqlite_master", "sqlite_stat1"}

CALLS = {
    (PREDICTIONS, "Store"): [[sample()], [sample(match_id=8)], [{"match_id": ("x", 7), "confidence": ("d", 1.0)}]],
    (PREDICTIONS, "Get"): [[1, {}], [1, {}], [99999, {}]],
    (PREDICTIONS, "GetByMatch"): [[7, {}]],
    (PREDICTIONS, "List"): [
        [{}],
        [{"day": ("s", "2026-01-24")}],
        [{"league": ("s", "Ligue 1")}],
        [{"day": ("s", "2026-01-24"), "league": ("s", "Ligue 1"), "before": ("x", 99)}],
        [{"valid": ("b", True), "minimum-confidence": ("d", 60.0), "limit": ("u", 3)}],
    ],
    (PREDICTIONS, "Invalidate"): [[2, {"user": ("x", 1)}]],
    (PREDICTIONS, "Lock"): [[8]],
    (PREDICTIONS, "Archive"): [[7], [7]],
    (ACCOUNTS, "Create"): [["ann", "secret", {"email": ("s", "ann@example.org")}], ["bea", "secret", {}]],
    (ACCOUNTS, "List"): [[0, 10]],
    (ACCOUNTS, "Show"): [["ann"]],
    (ACCOUNTS, "SetApproved"): [["ann", True]],
    (ACCOUNTS, "SetAdmin"): [["ann", True], ["ann", False]],
    (ACCOUNTS, "VerifyPassword"): [["ann", "secret", {}], ["ann", "wrong", {}]],
    (ACCOUNTS, "SetPassword"): [["ann", "another"]],
    (ACCOUNTS, "SetEnabled"): [["ann", False]],
    (ACCOUNTS, "Delete"): [["bea"]],
    (AUDIT, "AppendSystem"): [["t", "m", {"user": ("x", 1)}]],
    (AUDIT, "AppendAccess"): [["t", 1, {}]],
    (AUDIT, "ListSystem"): [[{}], [{"type": ("s", "t")}]],
    (AUDIT, "ListAccess"): [[{}], [{"user": ("x", 1)}]],
    (MANAGER, "Advise"): [[]],
    (MANAGER, "GetStatistics"): [[]],
}


def scans(lines, sql):
    """The lines of a plan that read all of a table of the application's."""
    found = []
    for line in lines:
        scanned = re.match(r"SCAN (?:main\.)?(\w+)", line)
        if not scanned or scanned[1] == "CONSTANT" or "VIRTUAL TABLE" in line:
            continue
        name = re.search(rf"(\w+) AS {scanned[1]}\b", sql)
        if (name or scanned)[1] not in SMALL:
            found.append(line)
    return found


def populate(path):
    """Many rows in the tables that grow; as many matches archived as predicted."""
    connection = sqlite3.connect(path)
    for sql in (
        "INSERT OR IGNORE INTO users (username, password) SELECT 'u' || n, 'x' FROM i",
        "INSERT OR IGNORE INTO predictions (match_id, team1, team2, league, consensus_type, consensus_result,"
        " consensus_probability, confidence, recommended_action, created_at) SELECT n, 'A', 'B', 'L' || (n % 20), '1X2',"
        " '1', 50, n % 100, 'x', datetime('2026-01-01', '+' || n || ' minutes') FROM i",
        "INSERT OR IGNORE INTO matches_archive (match_id, jeu, ligue, equipe_1, equipe_2, date_heure_match, statut_final)"
        " SELECT n, 'FIFA', 'L', 'A', 'B', '2026-01-01 10:00:00', 'en_cours' FROM i",
        "INSERT OR IGNORE INTO predictions_archive (match_id, prediction_id, consensus_type, choix, probabilite, confiance)"
        " SELECT n, n, '1X2', '1', 50, 50 FROM i",
        "INSERT OR IGNORE INTO system_logs (action_type, message) SELECT 'x' || (n % 9), 'm' FROM i",
        "INSERT OR IGNORE INTO access_logs (user_id, action_type) SELECT n, 'x' FROM i",
        "INSERT OR IGNORE INTO alerts (alert_type, message, prediction_id) SELECT 'x', 'm', n FROM i",
    ):
        connection.execute(sql.replace("SELECT", "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE"
                                       f" n < {ROWS}) SELECT", 1))
    connection.commit()
    return connection


@pytest.fixture
def statements(service, gate, tmp_path):
    """What ran while the service did everything that it does with the tables."""
    file = str(tmp_path / "statements")
    client = service.start(**gate.at("maintained"), ORACXPRED_TEST_STATEMENTS=file)
    application = Application(service.database)
    application.add_users(1)
    add_match(application, 7)
    for (interface, member), calls in CALLS.items():
        for arguments in calls:
            try:
                client.call(BUS_PATH, interface, member, *arguments)
            except BusError as error:
                assert error.name.endswith((".NotFound", ".Conflict")), error
    client.call(BUS_PATH, PREDICTIONS, "Store", sample(match_id=9))
    add_match(application, 9)
    application.close()
    populate(service.database).close()
    client.run("Verify", "", {})
    client.back_up(automatic=("b", True))
    gate.wait_reached()
    gate.release()
    service.stop()  # and what it writes about all that is written whole
    with open(file, encoding="utf-8") as stream:
        return sorted({text for text in stream.read().split("\x1e") if text})


def plan(connection, sql):
    """The lines of the plan; none for what has no rows to look for: a PRAGMA, BEGIN, or what makes the tables."""
    if not sql.startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
        return []
    for count in range(64):
        try:
            return [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, [None] * count)]
        except sqlite3.ProgrammingError as error:
            if "number of bindings" not in str(error):
                raise
    raise AssertionError(f"too many parameters: {sql}")


@pytest.mark.parametrize("interface", [ACCOUNTS, AUDIT, PREDICTIONS])
def test_every_method_that_works_on_tables_is_called(interface):
    assert {method.get("name") for method in declared(interface).findall("method")} == {
        member for called, member in CALLS if called == interface
    }


def test_every_statement_uses_an_index(service, statements):
    written = " ".join(statements)
    for fragment in ("INSERT INTO main.predictions_archive", "UPDATE main.predictions SET is_valid", "FROM main.users",
                     "PRAGMA main.data_version", "ANALYZE main", "matches_archive AS m WHERE m.id"):
        assert fragment in written, f"nothing ran {fragment}"
    connection = sqlite3.connect(service.database)
    reading_all = {}
    for analyzed in (False, True):
        # What SQLite knows about the rows may change its mind.
        connection.execute("ANALYZE" if analyzed else "DELETE FROM sqlite_stat1")
        connection.commit()
        connection.close()
        connection = sqlite3.connect(service.database)
        for sql in statements:
            if any(re.match(pattern, sql) for pattern in EXCEPTIONS):
                continue
            if found := scans(plan(connection, sql), sql):
                reading_all[sql] = found
    connection.close()
    assert not reading_all


def test_lists_use_the_index_that_is_there_for_them(service, statements):
    """Without it they would follow the primary key, which is no scan by name, but reads as much."""
    connection = sqlite3.connect(service.database)
    for words, index in (
        ("predictions WHERE league = ", "ix_predictions_league"),
        ("created_at >= ", "ix_predictions_created_at"),
        ("predictions WHERE match_id = ", "ix_predictions_match_id"),
    ):
        found = [sql for sql in statements if sql.startswith("SELECT") and words in sql and "main.predictions" in sql]
        assert found
        for sql in found:
            assert any(index in line for line in plan(connection, sql)), sql
    connection.close()


def test_plan_of_a_scan_is_noticed(service, client):
    """So that the test above can fail."""
    connection = populate(service.database)
    for sql in ("SELECT * FROM predictions AS p WHERE confidence > ?1", "SELECT id FROM predictions ORDER BY match_id"):
        assert scans(plan(connection, sql), sql)
    connection.close()
    assert os.path.exists(service.database) and client.get("Health")
