# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service does for the application's tables after an automatic backup, and what it only advises."""

import contextlib
import os

import pytest

from application import Application, row_counts, unpack
from client import BusError
from command_line import ctl  # noqa: F401
from contract import BACKUP, BUS_PATH, ERROR, MANAGER
from predictions import INSERT, Predictions, add_match


@pytest.fixture
def after_backup(service, gate):
    """Runs prepare(application, predictions), takes an automatic backup, and returns the application's connection when
    what follows is done."""
    opened = []

    def run(prepare):
        client = service.start(**gate.at("maintained"))
        opened.append(Application(service.database))
        prepare(opened[0], Predictions(client))
        client.back_up(automatic=("b", True))
        gate.wait_reached()
        gate.release()
        return opened[0], Predictions(client)

    yield run
    for application in opened:
        application.close()


def test_matches_with_a_result_are_archived(after_backup):
    def prepare(application, predictions):
        for match_id in (1, 2, 3):
            predictions.store(match_id=match_id)
            predictions.get_by_match(match_id)
        add_match(application, 1)
        add_match(application, 2, status="en_cours", result=None)
        add_match(application, 4)

    application, predictions = after_backup(prepare)
    assert application.query("SELECT match_id, prediction_correcte FROM predictions_archive") == [(1, 1)]
    # Though another connection of the same process wrote it.
    assert predictions.get_by_match(1)["is_locked"] is True
    assert predictions.get_by_match(2)["is_locked"] is False


def test_tables_that_have_changed_much_are_analyzed(after_backup):
    def prepare(application, predictions):
        application.connection.execute("BEGIN")
        application.connection.executemany(INSERT, [(number, f"L{number % 9}", 50) for number in range(5000)])
        application.connection.execute("COMMIT")

    application, _ = after_backup(prepare)
    analyzed = {table for (table,) in application.query("SELECT DISTINCT tbl FROM sqlite_stat1")}
    assert analyzed == {"predictions"}


def test_nothing_is_written_when_nothing_is_due(after_backup):
    versions = []

    def prepare(application, predictions):
        predictions.store()
        versions.append(application.query("PRAGMA schema_version"))

    application, _ = after_backup(prepare)
    assert application.query("PRAGMA schema_version") == versions[0]
    assert application.query("SELECT count(*), (SELECT sum(is_locked) FROM predictions) FROM predictions_archive") == [
        (0, 0)
    ]


def make_due(client, application, match_id=1):
    Predictions(client).store(match_id=match_id)
    add_match(application, match_id)


def test_a_job_goes_before_it(service, gate, tmp_path):
    client = service.start(**gate.at("maintaining"))
    with contextlib.closing(Application(service.database)) as application:
        make_due(client, application)
    client.back_up(automatic=("b", True))
    gate.wait_reached()
    job_id, _ = client.manager("Backup", {})
    gate.release()
    assert client.ended(job_id)[0] == "done"
    stored = os.path.join(service.backups, client.get("File", client.backups()[0]["path"], BACKUP))
    assert dict(row_counts(unpack(stored, tmp_path / "image.db")))["predictions_archive"] == 0
    # What was interrupted for it begins again behind it.
    service.wait_logged("Archived 1 prediction")
    assert dict(row_counts(service.database))["predictions_archive"] == 1


def test_a_job_that_comes_too_late_interrupts_no_later_run(service, gate):
    client = service.start(**gate.at("maintained"))
    with contextlib.closing(Application(service.database)) as application:
        make_due(client, application, 1)
        client.back_up(automatic=("b", True))
        gate.wait_reached()
        job_id, _ = client.manager("Backup", {})
        gate.release()
        assert client.ended(job_id)[0] == "done"
        make_due(client, application, 2)
        make_due(client, application, 3)
        client.back_up(automatic=("b", True))
        service.wait_logged("Archived 2 predictions")
    assert dict(row_counts(service.database))["predictions_archive"] == 3


def test_stop_does_not_wait_for_it(service, gate):
    client = service.start(**gate.at("maintained"))
    client.back_up(automatic=("b", True))
    gate.wait_reached()
    service.process.terminate()
    gate.release()
    assert service.wait() == 0


def test_who_may_only_ask_for_advice_fills_no_lane(service, gate, connect):
    """Everybody may ask, and the application's calls come after all that wait."""
    service.start(**gate.at("advising"))
    stranger = connect()
    asked = [stranger.send(BUS_PATH, MANAGER, "Advise") for _ in range(3)]
    with pytest.raises(BusError) as caught:
        stranger.result(asked[2])
    assert caught.value.name == ERROR + "Busy"
    gate.wait_reached()
    gate.release()
    assert [stranger.result(serial) for serial in asked[:2]] == [[], []]


def test_advice_names_what_is_missing(ctl, client, application):
    assert client.manager("Advise") == []
    assert ctl.run("advise").stdout == "\n0 missing indexes.\n"
    application.query("DROP INDEX ix_predictions_match_id")
    application.query("CREATE TABLE odds (id INTEGER PRIMARY KEY, prediction_id INTEGER REFERENCES predictions (id))")
    advice = client.manager("Advise")
    assert [row[:3] for row in advice] == [
        ("odds", "prediction_id", "foreign-key"),
        ("predictions", "match_id", "marked"),
    ]
    shown = ctl.run("advise").stdout
    assert 'CREATE INDEX "ix_odds_prediction_id" ON "odds" ("prediction_id");' in shown
    assert ctl.json("advise")[1]["Reason"] == "marked"
    for row in advice:
        application.query(row[3])
    assert client.manager("Advise") == []
