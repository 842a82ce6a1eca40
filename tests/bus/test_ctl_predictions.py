# SPDX-License-Identifier: LGPL-2.1-or-later
"""oracxpredctl prediction, as an operator types it and as a script pipes into it."""

import json
import subprocess

import pytest

from command_line import ctl  # noqa: F401
from predictions import INSERT, Predictions, add_match

WORDS = [
    "match_id=7",
    "team1=Étoile Filante",
    "team2=AS Douanes",
    "league=Ligue 1",
    "consensus_type=1X2",
    "consensus_result=1",
    "consensus_probability=72.5",
    "confidence=64",
    "recommended_action=MISER",
    "votes_cotes=yes",
]


@pytest.fixture
def predictions(client):
    return Predictions(client)


def pipe(ctl, text, *arguments):
    """What the tool prints with something on standard input: (exit status, output, errors)."""
    done = subprocess.run(
        [ctl.executable, *arguments], env=ctl.environment, input=text, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_stored_from_words(ctl, predictions):
    assert ctl.run("prediction", "store", *WORDS).stdout == "prediction 1: created\n"
    found = predictions.get(1)
    assert (found["team1"], found["confidence"], found["votes_cotes"]) == ("Étoile Filante", 64.0, True)
    assert ctl.run("prediction", "store", "match_id=7", "confidence=1.5").stdout == "prediction 1: updated\n"
    assert predictions.get(1)["confidence"] == 1.5


def test_stored_from_json(ctl, predictions):
    document = {word.split("=")[0]: word.split("=")[1] for word in WORDS[1:6]}
    document |= {"match_id": 7, "consensus_probability": 72.5, "confidence": 64, "recommended_action": "MISER"}
    document["extra_data"] = {"poids": [1, 2.5], "é": "/"}
    status, output, _ = pipe(ctl, json.dumps(document), "--json=short", "prediction", "store", "-")
    assert (status, json.loads(output)) == (0, {"id": 1, "created": True})
    assert json.loads(predictions.get(1)["extra_data"]) == document["extra_data"]


@pytest.mark.parametrize("text", ["", "[]", "{", "{} {}", '{"match_id": "7"}', '{"odds": 1}', '{"match_id": 7}'])
def test_wrong_json_is_refused(ctl, client, text):
    status, output, errors = pipe(ctl, text, "prediction", "store", "-")
    assert (status, output) == (2, "") and errors


@pytest.mark.parametrize("words", [["odds=2"], ["confidence"], ["confidence=high"], ["votes_cotes=perhaps"]])
def test_wrong_words_are_refused(ctl, client, words):
    assert ctl.run("prediction", "store", *words, status=2).stderr


@pytest.mark.parametrize("number", ["9223372036854775808", "99999999999999999999", "-99999999999999999999"])
def test_numbers_beyond_the_range_are_refused_not_cut(ctl, predictions, number):
    words = [f"match_id={number}", *WORDS[1:]]
    assert "match_id must be a whole number in range" in ctl.run("prediction", "store", *words, status=2).stderr
    assert pipe(ctl, f'{{"match_id": {number}}}', "prediction", "store", "-")[0] == 2
    assert predictions.list() == ([], 0)


def test_greatest_number_is_stored(ctl, predictions):
    ctl.run("prediction", "store", f"match_id={2**63 - 1}", *WORDS[1:])
    assert predictions.get_by_match(2**63 - 1)["id"] == 1


def test_words_that_come_twice_are_refused(ctl, predictions):
    errors = ctl.run("prediction", "store", *WORDS, "match_id=8", status=2).stderr
    assert "match_id is given twice" in errors
    assert predictions.list() == ([], 0)


def test_words_that_are_no_utf8_are_named(ctl, client):
    assert "team1 is not valid" in ctl.run("prediction", "store", "match_id=7", b"team1=\xff", status=2).stderr


def test_numbers_are_read_alike_in_french(ctl, predictions):
    ctl.run("prediction", "store", *WORDS, LC_ALL="fr_FR.UTF-8")
    assert predictions.get(1)["consensus_probability"] == 72.5


def test_shown(ctl, predictions):
    predictions.store(extra_data=("s", '{"a":1}'))
    shown = ctl.run("prediction", "show", "1").stdout
    assert shown == ctl.run("prediction", "show", "match=7").stdout
    for words in ("Match: 7\n", "Étoile Filante - AS Douanes", "1X2: 1", "72.5 %", "State: valid\n", '{"a":1}'):
        assert words in shown
    assert ctl.json("prediction", "show", "1")["consensus_probability"] == 72.5
    assert "no prediction 2" in ctl.run("prediction", "show", "2", status=10).stderr
    assert ctl.run("prediction", "show", "first", status=2).stderr


def test_state_that_nobody_wrote_is_the_default(ctl, predictions, application):
    predictions.store()
    application.query("UPDATE predictions SET is_valid = NULL, is_locked = NULL")
    assert "State: valid\n" in ctl.run("prediction", "show", "1").stdout
    assert " valid " in ctl.run("prediction", "list", "valid=yes").stdout


def test_listed_page_by_page(ctl, predictions, application):
    application.connection.executemany(INSERT, [(number, f"L{number % 3}", number) for number in range(1, 31)])
    lines = ctl.run("--no-pager", "prediction", "list", "limit=3").stdout.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["ID", "30", "29", "28"]
    assert lines[-1] == "3 predictions; with before=28 the list goes on."
    page = ctl.json("prediction", "list", "before=28", "league=L0", "minimum-confidence=20.5", "valid=yes")
    assert [row["id"] for row in page["predictions"]] == [27, 24, 21] and page["next"] == 0
    assert ctl.run("prediction", "list", "valid=no").stdout == "\n0 predictions.\n"
    assert ctl.run("prediction", "list", "day=soon", status=2).stderr


def test_invalidated_locked_archived(ctl, predictions, application):
    application.add_users(1)
    predictions.store()
    predictions.store(match_id=8)
    assert ctl.run("prediction", "invalidate", "2", "user=1").stdout == "prediction 2: invalidated\n"
    assert ctl.run("prediction", "invalidate", "2").stdout == "prediction 2: was invalid already\n"
    assert "By user: 1" in ctl.run("prediction", "show", "2").stdout
    assert ctl.run("prediction", "lock", "7").stdout == "match 7: 1 prediction locked\n"
    assert ctl.run("prediction", "store", "match_id=7", "confidence=1", status=29).stderr
    add_match(application, 7)
    assert ctl.run("prediction", "archive", "7").stdout == "match 7: 1 prediction archived\n"
    assert ctl.json("prediction", "archive", "7") == {"archived": 0}


def test_wrong_commands_have_a_hint(ctl, client):
    assert "store, show, list" in ctl.run("prediction", "sell", "1", status=2).stderr
    assert "Usage: oracxpredctl prediction lock MATCH" in ctl.run("prediction", "lock", status=2).stderr
