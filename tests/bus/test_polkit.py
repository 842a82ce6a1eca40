# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what is polkit's to say: which action is asked for, what an answer lets in, and what becomes of a question
whose answer is late, never comes, or comes for somebody who has left."""

import pwd

import pytest
from jeepney import DBusAddress, MessageFlag, new_method_call

from authority import CHALLENGE, NO, YES
from client import BusError
from contract import (
    ACCESS_DENIED,
    ACCOUNTS,
    AUDIT,
    BACKUP,
    BUS_NAME,
    BUS_PATH,
    BUSY,
    ERROR,
    INTERACTION_REQUIRED,
    JOB,
    LOG_CONTROL,
    LOG_CONTROL_PATH,
    MANAGER,
    PEER,
    PREDICTIONS,
    PROPERTIES,
    UNKNOWN_OBJECT,
    method_signatures,
)
from private_bus import SERVICE_USER

NOBODY = pwd.getpwnam("nobody").pw_uid
GAMES = pwd.getpwnam("games").pw_uid
MAIL = pwd.getpwnam("mail").pw_uid
ASKING = BUS_NAME + "."
PER_CALLER = 16
IN_ALL = 40
WITH_FIRST = 48
OTHERS = [pwd.getpwnam(name).pw_uid for name in "bin sys man lp news uucp proxy www-data backup".split()]
CHANGES = {"JobNew", "BackupCreated", "BackupRemoved", "DatabaseRestored", "CorruptionDetected"}


def error_of(caller, call):
    with pytest.raises(BusError) as caught:
        caller.result(call)
    return caught.value.name


def ask(caller, member="Backup", *arguments):
    return caller.send(BUS_PATH, MANAGER, member, *(arguments or ({},)))


# Every method there is. For those that ask: the action, arguments that are valid, and the object, with "backup" for
# the path of one and None for the manager.
ASKS = {
    (MANAGER, "Backup"): ("backup", None, {}),
    (MANAGER, "Verify"): ("verify", None, "initial_backup", {}),
    (MANAGER, "Cleanup"): ("delete", None, {}),
    (MANAGER, "DeleteQuarantine"): ("delete", None, "20260124_014621", {}),
    (MANAGER, "Salvage"): ("restore", None, "", {}),
    (MANAGER, "Restore"): ("restore", None, "", {}),
    (MANAGER, "UndoRestore"): ("restore", None, {}),
    (MANAGER, "PlanRestore"): ("restore", None, ""),
    (MANAGER, "PlanRestoreFile"): ("restore", None, "/dev/null", {}),
    (MANAGER, "PlanUndo"): ("restore", None),
    (MANAGER, "Export"): ("export", None, "/dev/null", {}),
    (MANAGER, "Import"): ("restore", None, "/dev/null", {}),
    (MANAGER, "ReportCorruption"): ("report-corruption", None, "malformed"),
    (MANAGER, "Acknowledge"): ("restore", None, {}),
    (MANAGER, "TestKey"): ("verify", None),
    (MANAGER, "Reload"): ("configure", None),
    (BACKUP, "Verify"): ("verify", "backup", {}),
    (BACKUP, "Restore"): ("restore", "backup", {}),
    (BACKUP, "Delete"): ("delete", "backup", {}),
    (BACKUP, "Keep"): ("backup", "backup", {}),
    (BACKUP, "Unkeep"): ("delete", "backup", {}),
    (ACCOUNTS, "Create"): ("manage-accounts", None, "ann", "correct horse", {}),
    (ACCOUNTS, "List"): ("manage-accounts", None, 0, 10),
    (ACCOUNTS, "Show"): ("manage-accounts", None, "ann"),
    (ACCOUNTS, "VerifyPassword"): ("manage-accounts", None, "ann", "correct horse", {}),
    (ACCOUNTS, "SetPassword"): ("manage-accounts", None, "ann", "correct horse"),
    (ACCOUNTS, "SetEnabled"): ("manage-accounts", None, "ann", True),
    (ACCOUNTS, "SetApproved"): ("manage-accounts", None, "ann", True),
    (ACCOUNTS, "SetAdmin"): ("manage-accounts", None, "ann", True),
    (ACCOUNTS, "Delete"): ("manage-accounts", None, "ann"),
    (AUDIT, "AppendSystem"): ("append-logs", None, "deployed", "version 2", {}),
    (AUDIT, "AppendAccess"): ("append-logs", None, "viewed", 1, {}),
    (AUDIT, "ListSystem"): ("read-logs", None, {}),
    (AUDIT, "ListAccess"): ("read-logs", None, {}),
    (PREDICTIONS, "Store"): ("use-predictions", None, {"match_id": ("x", 1)}),
    (PREDICTIONS, "Get"): ("use-predictions", None, 1, {}),
    (PREDICTIONS, "GetByMatch"): ("use-predictions", None, 1, {}),
    (PREDICTIONS, "List"): ("use-predictions", None, {}),
    (PREDICTIONS, "Invalidate"): ("use-predictions", None, 1, {}),
    (PREDICTIONS, "Lock"): ("use-predictions", None, 1),
    (PREDICTIONS, "Archive"): ("use-predictions", None, 1),
}
# Everybody may. What a job's cancelling asks for depends on the job, see below.
ASKS_NOTHING = {
    (MANAGER, "ListBackups"): [],
    (MANAGER, "ListQuarantine"): [],
    (MANAGER, "GetStatistics"): [],
    (MANAGER, "Diagnose"): [],
    (MANAGER, "Advise"): [],
    (MANAGER, "CancelJob"): [4711],
    (JOB, "Cancel"): None,
}


def test_tables_name_every_method():
    ours = {key for key in method_signatures() if key[0].startswith(BUS_NAME)}
    assert ours == ASKS.keys() | ASKS_NOTHING.keys(), "a method's action belongs into this file's tables"


def named(key):
    return "-".join(part.rpartition(".")[2] for part in key)


@pytest.fixture
def call_of(client):
    """Sends a call of the tables, with its descriptors opened: call_of(caller, key)."""
    opened = []

    def calling(caller, key):
        _, place, *arguments = ASKS[key]
        for i, argument in enumerate(arguments):
            if argument == "/dev/null":
                opened.append(open(argument, "r+b"))
                arguments[i] = opened[-1]
        path = client.backups()[0]["path"] if place else BUS_PATH
        return caller.send(path, key[0], key[1], *arguments)

    yield calling
    for file in opened:
        file.close()


@pytest.mark.parametrize("key", ASKS, ids=named)
def test_every_change_asks_its_action_and_waits_for_the_answer(service, authority, client, stranger, call_of, key):
    files, objects, since = service.stored(), client.objects().keys(), client.mark()
    call = call_of(stranger, key)
    question = authority.asked()
    assert question.action == ASKING + ASKS[key][0]
    assert question.details["method"] == key[1]
    assert not question.interactive
    assert client.objects().keys() == objects
    authority.answer(question, NO)
    assert error_of(stranger, call) == ACCESS_DENIED
    # One call, though it was dispatched twice.
    assert [row[1] for row in client.get("ResponseTimes") if row[0] == named(key).replace("-", ".")] == [1]
    assert service.stored() == files
    assert not [signal for signal in client.signals[since:] if signal.member in CHANGES]
    assert f"User {NOBODY} (" in service.log() and "refused; may not" in service.log()


@pytest.mark.parametrize("key", [key for key, given in ASKS_NOTHING.items() if given is not None], ids=named)
def test_looking_asks_nobody(authority, client, stranger, key):
    call = stranger.send(BUS_PATH, *key, *ASKS_NOTHING[key])
    try:
        stranger.result(call)
    except BusError as error:
        assert error.name == ERROR + "NotFound"
    assert authority.open_questions() == []


def test_allowed_call_is_done_in_the_callers_name(authority, client, stranger):
    call = ask(stranger)
    authority.answer(authority.asked(), YES)
    job_id, job = stranger.result(call)
    assert stranger.ended(job_id) == ("done", "", "")
    added = client.wait(lambda signal: signal.member == "InterfacesAdded" and signal.body[0] == job)
    assert added.body[1][JOB]["CallerUID"] == ("u", NOBODY)


def test_rules_see_which_backup_it_is_about(authority, client, stranger):
    for call in (
        (BUS_PATH, MANAGER, "Verify", "initial_backup", {}),
        (client.backups()[0]["path"], BACKUP, "Delete", {}),
        (BUS_PATH, MANAGER, "Restore", "initial_backup", {}),
    ):
        stranger.send(*call)
        assert authority.asked().details["backup"] == "initial_backup"
    ask(stranger, "Restore", "", {})
    assert "backup" not in authority.asked().details


def test_password_is_asked_for_only_where_the_call_allows_it(authority, client, stranger):
    address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=MANAGER)
    message = new_method_call(address, "Backup", "a{sv}", ({},))
    message.header.flags |= MessageFlag.allow_interactive_authorization
    call = stranger.send_message(message)
    question = authority.asked()
    assert question.interactive
    authority.answer(question, YES)
    assert stranger.ended(stranger.result(call)[0]) == ("done", "", "")

    call = ask(stranger)
    question = authority.asked()
    assert not question.interactive
    authority.answer(question, CHALLENGE)
    assert error_of(stranger, call) == INTERACTION_REQUIRED


def test_answer_is_good_for_one_call(authority, client, stranger):
    first = ask(stranger)
    authority.answer(authority.asked(), YES)
    assert stranger.ended(stranger.result(first)[0]) == ("done", "", "")
    second = ask(stranger)
    authority.answer(authority.asked(), NO)
    assert error_of(stranger, second) == ACCESS_DENIED


def count_questions(authority, caller, key, times, flags=0):
    """Makes a call again and again, and allows it whenever that is asked about: how often it was."""
    questions = 0
    for _ in range(times):
        address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=key[0])
        message = new_method_call(address, key[1], "a{sv}", ({},))
        message.header.flags |= flags
        call = caller.send_message(message)
        caller.call(BUS_PATH, PEER, "Ping")
        if authority.open_questions():
            authority.answer(authority.asked(), YES)
            questions += 1
        caller.result(call)
    return questions


def test_calls_that_come_often_are_not_each_asked_about(authority, client, stranger, connect):
    """A remembered answer is good for one connection and method for a second, not longer, so that some may be asked
    about again while this runs."""
    often = 20
    assert 1 <= count_questions(authority, stranger, (PREDICTIONS, "List"), often) < often
    ask(stranger, "Verify", "", {})
    assert authority.asked().action == ASKING + "verify"
    stranger.send(BUS_PATH, AUDIT, "ListSystem", {})
    assert authority.asked().action == ASKING + "read-logs"
    stranger.send(BUS_PATH, PREDICTIONS, "Lock", 1)
    assert authority.asked().action == ASKING + "use-predictions"
    connect().send(BUS_PATH, PREDICTIONS, "List", {})
    assert authority.asked().details["method"] == "List"


def test_password_is_good_for_one_call(authority, client, stranger):
    flag = MessageFlag.allow_interactive_authorization
    assert count_questions(authority, stranger, (PREDICTIONS, "List"), 3, flag) == 3


def test_answers_in_another_order_reach_their_own_calls(authority, client, stranger, connect):
    other = connect(GAMES)
    verify = ask(stranger, "Verify", "", {})
    first = authority.asked()
    refused = ask(stranger)
    second = authority.asked()
    allowed = ask(other)
    authority.answer(authority.asked(), YES)
    assert other.ended(other.result(allowed)[0]) == ("done", "", "")
    authority.answer(second, NO)
    assert error_of(stranger, refused) == ACCESS_DENIED
    authority.answer(first, YES)
    assert stranger.ended(stranger.result(verify)[0]) == ("done", "", "")


def test_slow_answer_holds_nobody_up(authority, client, stranger):
    call = ask(stranger)
    question = authority.asked()
    client.back_up()
    assert stranger.get("Health") == "ok"
    authority.answer(question, YES)
    assert stranger.ended(stranger.result(call)[0]) == ("done", "", "")


def test_descriptors_stay_open_until_the_answer(authority, client, stranger, tmp_path):
    document = tmp_path / "export.json"
    with open(document, "wb") as file:
        call = ask(stranger, "Export", file, {"tables": ("as", ["users"])})
        question = authority.asked()
    authority.answer(question, YES)
    assert stranger.ended(stranger.result(call)[0]) == ("done", "", "")
    assert b'"users"' in document.read_bytes()


def test_caller_that_leaves_takes_its_question_with_it(service, authority, client, connect):
    leaver = connect()
    ask(leaver)
    question = authority.asked()
    since = client.mark()
    leaver.connection.close()
    authority.wait_cancelled(question)
    authority.answer(question, YES)
    client.back_up()
    assert len([signal for signal in client.signals[since:] if signal.member == "JobNew"]) == 1


def test_authority_that_never_answers_is_given_up(service, bus, authority, connect):
    service.start(ORACXPRED_TEST_ANSWER="100000")
    stranger = connect()
    call = ask(stranger)
    question = authority.asked()
    assert error_of(stranger, call) == ACCESS_DENIED
    authority.wait_cancelled(question)
    authority.answer(question, YES)  # too late
    assert stranger.names() == ["initial_backup"]


def test_authority_that_fails_or_leaves_lets_nobody_in(authority, client, stranger):
    call = ask(stranger)
    authority.fail(authority.asked())
    assert error_of(stranger, call) == ACCESS_DENIED
    call = ask(stranger)
    authority.asked()
    authority.close()
    assert error_of(stranger, call) == ACCESS_DENIED
    assert error_of(stranger, ask(stranger)) == ACCESS_DENIED
    assert client.names() == ["initial_backup"]


def test_flood_of_questions_is_bounded(authority, client, stranger, connect):
    """One user can't have more than a few open, and all together not more than what the process has room for."""
    calls = [(stranger, ask(stranger)) for _ in range(PER_CALLER)]
    assert error_of(stranger, ask(stranger)) == BUSY
    second_connection = connect()
    assert error_of(second_connection, ask(second_connection)) == BUSY
    for uid, wanted in ((GAMES, PER_CALLER), (MAIL, IN_ALL - 2 * PER_CALLER)):
        other = connect(uid)
        calls += [(other, ask(other)) for _ in range(wanted)]
        assert error_of(other, ask(other)) == BUSY
    assert len(authority.open_questions()) == IN_ALL
    # Places for those who have none, or three users could lock all others out.
    *first, last = OTHERS
    for uid in first:
        other = connect(uid)
        calls.append((other, ask(other)))
        assert error_of(other, ask(other)) == BUSY
    other = connect(last)
    assert error_of(other, ask(other)) == BUSY
    assert len(authority.open_questions()) == WITH_FIRST

    client.back_up()
    for _ in calls:
        authority.answer(authority.asked(), NO)
    assert {error_of(*call) for call in calls} == {ACCESS_DENIED}
    call = ask(stranger)
    authority.answer(authority.asked(), YES)
    assert stranger.ended(stranger.result(call)[0]) == ("done", "", "")


def test_callers_that_leave_make_room(authority, client, connect):
    for _ in range(3):
        leaver = connect()
        for _ in range(PER_CALLER):
            ask(leaver)
        questions = [authority.asked() for _ in range(PER_CALLER)]
        leaver.connection.close()
        for question in questions:
            authority.wait_cancelled(question)


def test_call_that_is_too_large_to_be_kept_is_refused(authority, client, stranger, tmp_path):
    with open(tmp_path / "export.json", "wb") as file:
        call = ask(stranger, "Export", file, {"tables": ("as", ["x" * 1024] * 2048)})
        assert error_of(stranger, call) == ERROR + "InvalidArgument"
        assert authority.open_questions() == []
        ask(stranger, "Export", file, {"tables": ("as", ["x" * 1024] * 2000)})
        assert authority.asked().action == ASKING + "export"


def test_service_that_stops_answers_who_waits(service, authority, client, stranger):
    call = ask(stranger)
    question = authority.asked()
    service.stop()
    assert error_of(stranger, call) == BUSY
    authority.wait_cancelled(question)


def test_backup_that_is_gone_when_the_answer_comes(authority, client, stranger):
    """The answer is not used, and is not there for anything else."""
    name = client.back_up()
    path = next(backup["path"] for backup in client.backups() if backup["name"] == name)
    call = stranger.send(path, BACKUP, "Delete", {})
    question = authority.asked()
    client.run("Delete", {}, path=path, interface=BACKUP)
    authority.answer(question, YES)
    assert error_of(stranger, call) == UNKNOWN_OBJECT
    call = ask(stranger, "Verify", "initial_backup", {})
    authority.answer(authority.asked(), NO)
    assert error_of(stranger, call) == ACCESS_DENIED


def test_root_and_the_services_user_are_not_asked_about(service, authority, connect):
    service.give_to(SERVICE_USER)
    service.start(user=SERVICE_USER).back_up()
    connect(pwd.getpwnam(SERVICE_USER).pw_uid).back_up()
    assert authority.open_questions() == []


def test_property_can_not_wait_and_is_not_asked_about(authority, client, stranger):
    call = stranger.send(LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, "LogLevel", ("s", "debug"))
    assert error_of(stranger, call) == ACCESS_DENIED
    assert authority.open_questions() == []


@pytest.mark.parametrize("through", [MANAGER, JOB], ids=["manager", "job"])
def test_cancelling_asks_for_what_the_job_asked_for_unless_it_is_ones_own(service, gate, bus, authority, connect, through):
    client = service.start(**gate.at("snapshot-pinned:2"))
    own, other = connect(), connect(GAMES)
    call = ask(own)
    authority.answer(authority.asked(), YES)
    job_id, job = own.result(call)
    gate.wait_reached()

    def cancel(caller):
        if through == JOB:
            return caller.send(job, JOB, "Cancel")
        return caller.send(BUS_PATH, MANAGER, "CancelJob", job_id)

    call = cancel(other)
    question = authority.asked()
    assert question.action == ASKING + "backup"
    authority.answer(question, NO)
    assert error_of(other, call) == ACCESS_DENIED
    assert client.job_state(job) == "running"
    own.result(cancel(own))
    assert authority.open_questions() == []
    gate.release()
    assert client.ended(job_id)[0] == "cancelled"
