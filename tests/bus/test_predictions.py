# SPDX-License-Identifier: LGPL-2.1-or-later
"""Predictions through the bus: what is stored is what is found, and what may not be changed is not."""

import os
import subprocess
import sys

import pytest

from application import Application
from audit import Audit
from client import BusError
from contract import ACCOUNTS, BUS_PATH, ERROR, PREDICTIONS
from predictions import INSERT, Predictions, add_match, sample

CLOCK_USEC = 1769219181123456  # 2026-01-24 01:46:21.123456 UTC


@pytest.fixture
def predictions(service):
    service.set_clock(CLOCK_USEC)
    return Predictions(service.start(clock=True))


@pytest.fixture
def application(predictions, service):
    """After the service."""
    opened = Application(service.database)
    yield opened
    opened.close()


def refused(call, *arguments, **options):
    with pytest.raises(BusError) as caught:
        call(*arguments, **options)
    return caught.value.name.removeprefix(ERROR), caught.value.message


def test_stored_and_found(predictions, application):
    extra = '{"poids": [1, 2.5]}'
    assert predictions.store(extra_data=("s", extra), votes_cotes=("b", True)) == (1, True)
    found = predictions.get(1)
    assert found == {
        **{name: value for name, (_, value) in sample().items()},
        "id": 1,
        "votes_statistique": False,
        "votes_cotes": True,
        "votes_simulation": False,
        "votes_forme": False,
        "is_valid": True,
        "is_locked": False,
        "created_at": CLOCK_USEC,
        "updated_at": CLOCK_USEC,
        "extra_data": extra,
    }
    assert predictions.get_by_match(7) == found
    assert application.query("SELECT team1, created_at FROM predictions") == [
        ("Étoile Filante", "2026-01-24 01:46:21.123456")
    ]


def test_update_by_match(service, predictions):
    predictions.store()
    service.set_clock(CLOCK_USEC + 1)
    assert predictions.call("Store", {"match_id": ("x", 7), "confidence": ("d", 12.5)}) == (1, False)
    found = predictions.get_by_match(7)
    assert (found["confidence"], found["team1"], found["updated_at"]) == (12.5, "Étoile Filante", CLOCK_USEC + 1)


def test_bad_predictions_are_refused(predictions, application):
    for changed, words in (
        ({"confidence": ("d", 100.5)}, "confidence"),
        ({"confidence": ("x", 50)}, "type 'd', not 'x'"),
        ({"odds": ("d", 2.0)}, "no 'odds'"),
        ({"is_locked": ("b", False)}, "is_locked"),
        ({"extra_data": ("s", "[1]")}, "JSON object"),
        ({"consensus_type": ("s", "x" * 51)}, "50 characters"),
        ({"consensus_result": ("s", "x" * (1 << 20) + "x")}, "1 MiB"),
    ):
        name, message = refused(predictions.store, **changed)
        assert name == "InvalidArgument" and words in message, message
    name, message = refused(predictions.call, "Store", {"match_id": ("x", 7)})
    assert name == "InvalidArgument" and "team1" in message
    assert application.query("SELECT count(*) FROM predictions") == [(0,)]


def test_nothing_there(predictions):
    assert refused(predictions.get, 3) == ("NotFound", "There is no prediction 3")
    assert refused(predictions.get_by_match, 3) == ("NotFound", "There is no prediction for match 3")
    assert predictions.list() == ([], 0)
    assert refused(predictions.get, 3, usr=("x", 1))[0] == "InvalidArgument"


def test_list_pages_and_filters(predictions, application):
    application.connection.executemany(INSERT, [(number, f"L{number % 3}", number) for number in range(1, 31)])
    seen, before = [], 0
    while True:
        page, before = predictions.list(limit=("u", 7), before=("x", before))
        seen += [row["id"] for row in page]
        if not before:
            break
    assert seen == list(range(30, 0, -1))
    page, _ = predictions.list(**{"minimum-confidence": ("d", 28)}, league=("s", "L0"))
    assert [row["id"] for row in page] == [30]
    application.query("UPDATE predictions SET created_at = '2026-01-05 23:59:59' WHERE id = 4")
    assert [row["id"] for row in predictions.list(day=("s", "2026-01-05"))[0]] == [4]
    application.query("UPDATE predictions SET is_valid = 0 WHERE id = 9")
    assert [row["id"] for row in predictions.list(valid=("b", False))[0]] == [9]
    assert len(predictions.list(valid=("b", True))[0]) == 29
    assert refused(predictions.list, day=("s", "yesterday"))[0] == "InvalidArgument"
    assert refused(predictions.list, limit=("u", 501))[0] == "InvalidArgument"
    assert "type u" in refused(predictions.list, limit=("x", 5))[1]


def test_invalidated_by_whom_and_when(predictions, application):
    application.add_users(1)
    predictions.store()
    assert refused(predictions.invalidate, 1, user=("x", 99)) == ("NotFound", "There is no user 99")
    assert predictions.invalidate(1, user=("x", 1)) is True
    found = predictions.get(1)
    assert (found["is_valid"], found["invalidated_by"], found["invalidated_at"]) == (False, 1, CLOCK_USEC)
    assert predictions.invalidate(1) is False
    assert predictions.store() == (2, True)


def test_locked_when_the_match_begins(predictions):
    predictions.store()
    assert predictions.call("Lock", 7) == 1
    assert predictions.call("Lock", 7) == 0
    assert refused(predictions.store)[0] == "Locked"
    assert refused(predictions.invalidate, 1)[0] == "Locked"
    assert predictions.get(1)["is_locked"] is True
    assert refused(predictions.call, "Lock", 8)[0] == "NotFound"


def test_archived_with_its_result(predictions, application):
    predictions.store()
    assert refused(predictions.call, "Archive", 7)[0] == "NotFound"
    add_match(application, 7, result="X")
    assert predictions.call("Archive", 7) == 1
    assert application.query("SELECT choix, prediction_correcte, ecart_probabilite FROM predictions_archive") == [
        ("1", 0, 72.5)
    ]
    assert predictions.call("Archive", 7) == 0
    assert predictions.get(1)["is_locked"] is True


# The cache.


def test_second_look_up_is_answered_from_memory(predictions):
    predictions.store()
    before = predictions.counters()
    predictions.get(1)
    predictions.get(1)
    predictions.get_by_match(7)
    assert refused(predictions.get, 9)[0] == refused(predictions.get, 9)[0] == "NotFound"
    after = predictions.counters()
    assert [new - old for new, old in zip(after, before)] == [2, 3, 0, 3]
    assert predictions.client.get("CacheBytes", interface=PREDICTIONS) > 0


def test_every_change_of_the_service_s_own_is_seen(predictions, application):
    predictions.store()
    application.add_users(1)
    add_match(application, 7)
    for member, arguments, column, value in (
        ("Store", [{"match_id": ("x", 7), "confidence": ("d", 1.0)}], "confidence", 1.0),
        ("Lock", [7], "is_locked", True),
    ):
        predictions.get_by_match(7)
        predictions.call(member, *arguments)
        assert predictions.get_by_match(7)[column] == value
    predictions.store(match_id=8)
    predictions.get(2)
    predictions.invalidate(2)
    assert predictions.get(2)["is_valid"] is False
    predictions.store(match_id=9)
    add_match(application, 9)
    predictions.get(3)
    predictions.call("Archive", 9)
    assert predictions.get(3)["is_locked"] is True


def test_rows_that_the_service_logs_cost_no_look_up(predictions, application):
    """Each view adds one, through the connection that the look-ups use."""
    application.add_users(1)
    predictions.store()
    predictions.get(1)
    before = predictions.counters()
    predictions.get(1, user=("x", 1))
    # Answered when its batch is written, and the view before it.
    Audit(predictions.client).append_system("t", "m")
    assert application.query("SELECT count(*) FROM access_logs") == [(1,)]
    predictions.get(1, user=("x", 1))
    assert [new - old for new, old in zip(predictions.counters(), before)] == [2, 0, 0, 0]


def test_change_by_another_process_is_seen_at_once(service, predictions):
    predictions.store()
    for confidence in (1.0, 2.0, 3.0):
        predictions.get(1)
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30);"
                "c.execute('UPDATE predictions SET confidence = ?', (float(sys.argv[2]),))",
                service.database,
                str(confidence),
            ],
            check=True,
        )
        assert predictions.get(1)["confidence"] == confidence


def test_change_that_waits_for_a_lock_keeps_no_look_up_waiting(predictions, application):
    """The lock is the application's, and free only when the look-ups have been answered."""
    application.add_users(1)
    predictions.store()
    client = predictions.client
    application.query("BEGIN IMMEDIATE")
    changes = [
        client.send(BUS_PATH, PREDICTIONS, "Store", sample(confidence=("d", 1.0))),
        client.send(BUS_PATH, PREDICTIONS, "Lock", 7),
        client.send(BUS_PATH, ACCOUNTS, "SetApproved", "user0", True),
    ]
    assert predictions.get(1)["confidence"] == 64.0
    assert len(predictions.list()[0]) == 1
    assert not client.replies
    application.query("ROLLBACK")
    assert [client.result(change) for change in changes] == [(1, False), 1, None]
    assert predictions.get(1)["confidence"] == 1.0
    assert predictions.get(1)["is_locked"] is True


def test_restore_brings_back_what_was(predictions):
    client = predictions.client
    predictions.store()
    name = client.back_up()
    predictions.call("Store", {"match_id": ("x", 7), "confidence": ("d", 1.0)})
    assert predictions.get(1)["confidence"] == 1.0
    assert client.run("Restore", name, {})[1] == "done"
    assert predictions.get(1)["confidence"] == 64.0


def test_file_that_is_exchanged_is_another_database(service, predictions, application):
    """Its data_version may well be the same."""
    predictions.store()
    # Answered when the row about that is written, too: were it written between the two steps of the exchange, the old
    # file's log would be replayed into the new one.
    Audit(predictions.client).append_system("t", "m")
    assert predictions.get(1)["confidence"] == 64.0
    copy = service.database + ".copy"
    application.query("VACUUM INTO ?", copy)
    other = Application(copy)
    other.query("PRAGMA journal_mode=DELETE")
    other.query("UPDATE predictions SET confidence = 2")
    other.close()
    application.close()
    os.rename(copy, service.database)
    # They are the old one's, and would be replayed into the new one.
    for suffix in ("-wal", "-shm"):
        os.unlink(service.database + suffix)
    assert predictions.get(1)["confidence"] == 2.0


def test_cache_keeps_to_its_settings(service):
    service.configure("PredictionCacheEntries=2\nPredictionCacheSize=1M\n")
    predictions = Predictions(service.start())
    for match_id in (1, 2, 3):
        predictions.store(match_id=match_id)
    for number in (1, 2, 3):
        predictions.get(number)
    assert predictions.counters() == (0, 3, 1, 2)
    assert predictions.client.get("CacheEntriesMax", interface=PREDICTIONS) == 2
    assert predictions.client.get("CacheBytesMax", interface=PREDICTIONS) == 1 << 20
    service.configure("PredictionCacheEntries=0\n")
    predictions.client.manager("Reload")
    predictions.get(3)
    predictions.get(3)
    assert predictions.counters()[3] == 0
