# SPDX-License-Identifier: LGPL-2.1-or-later
"""An application sends hundreds of calls at once, and those that come before polkit has answered about the first wait for
that answer: none is refused for want of a place, polkit is asked once, and what can be kept so is bounded."""

import array
import os
import pwd

import pytest
from jeepney import DBusAddress, MessageFlag, new_method_call

from audit import Audit
from authority import CHALLENGE, NO, YES
from client import BusError
from contract import ACCESS_DENIED, AUDIT, BUS_NAME, BUS_PATH, BUSY, INTERACTION_REQUIRED, MANAGER, PREDICTIONS
from predictions import sample

GAMES = pwd.getpwnam("games").pw_uid
MAIL = pwd.getpwnam("mail").pw_uid
BURST = 100  # the bus itself allows a connection 128 calls without an answer
QUESTIONS_PER_CALLER = 16
WITH_EXTRA = QUESTIONS_PER_CALLER + 48
PER_CALLER = 1024


def append(callers, n=BURST):
    """A burst from each, all of which the service has seen: calls as outcomes() takes them."""
    calls = [
        (caller, Audit(caller).send_system("t", f"{caller.connection.unique_name} {i}"))
        for caller in callers
        for i in range(n)
    ]
    for caller in callers:
        caller.mark()
    return calls


def outcomes(calls):
    """How the calls ended: error names, and "" for success."""
    names = []
    for caller, call in calls:
        try:
            caller.result(call)
            names.append("")
        except BusError as error:
            names.append(error.name)
    return names


def answer_all(authority, verdict):
    questions = authority.open_questions()
    for _ in questions:
        authority.answer(authority.asked(), verdict)
    return len(questions)


def descriptors(service):
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))


def test_burst_is_done_whole_and_in_order(authority, client, connect):
    callers = [connect() for _ in range(5)]
    calls = append(callers)
    assert answer_all(authority, YES) == len(callers)
    assert outcomes(calls) == [""] * 500
    assert answer_all(authority, NO) == 0
    messages = [row["message"].split() for row in reversed(Audit(client).rows(type=("s", "t")))]
    for caller in callers:
        assert [int(i) for name, i in messages if name == caller.connection.unique_name] == [*range(BURST)]
    [(_, count, *_)] = [row for row in client.get("ResponseTimes") if row[0] == "Audit.AppendSystem"]
    assert count == 500


@pytest.mark.parametrize(("verdict", "error"), [(NO, ACCESS_DENIED), (CHALLENGE, INTERACTION_REQUIRED)])
def test_burst_that_is_not_allowed_is_refused_whole(authority, client, stranger, verdict, error):
    calls = append([stranger])
    assert answer_all(authority, verdict) == 1
    assert outcomes(calls) == [error] * BURST
    assert Audit(client).rows(type=("s", "t")) == []
    # It is not remembered.
    calls = append([stranger], 1)
    assert answer_all(authority, YES) == 1
    assert outcomes(calls) == [""]


def test_only_calls_of_a_kind_wait_together(authority, client, stranger, connect):
    """As what polkit says is remembered: for the connection, the action and the method. A password is for one call."""
    other = connect()
    calls = append([stranger, other], 2)
    calls.append((stranger, stranger.send(BUS_PATH, AUDIT, "AppendAccess", "viewed", 1, {})))
    address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=AUDIT)
    message = new_method_call(address, "AppendSystem", "ssa{sv}", ("t", "with a password", {}))
    message.header.flags |= MessageFlag.allow_interactive_authorization
    calls += [(stranger, stranger.send_message(message)) for _ in range(2)]
    backups = [(stranger, stranger.send(BUS_PATH, MANAGER, "Backup", {})) for _ in range(2)]
    stranger.mark()
    asked = [(one.sender, one.details["method"], one.interactive) for one in authority.open_questions()]
    own, others = stranger.connection.unique_name, other.connection.unique_name
    assert asked == [
        (own, "AppendSystem", False),
        (others, "AppendSystem", False),
        (own, "AppendAccess", False),
        *[(own, "AppendSystem", True)] * 2,
        *[(own, "Backup", False)] * 2,
    ]
    answer_all(authority, NO)
    assert set(outcomes(calls + backups)) == {ACCESS_DENIED}


def test_flood_is_bounded(authority, client, connect):
    """What finds no place among those that wait for another's answer asks for itself, as far as that goes."""
    sent = 11 * BURST
    room = PER_CALLER + QUESTIONS_PER_CALLER
    calls = append([connect() for _ in range(11)]) + append([connect(GAMES) for _ in range(11)])
    # Both together leave no place for a third to wait so.
    calls += append([connect(MAIL)], 2)
    assert answer_all(authority, NO) == 2 * QUESTIONS_PER_CALLER + 2
    names = outcomes(calls)
    assert names.count(BUSY) == 2 * (sent - room)
    assert names.count(ACCESS_DENIED) == 2 * room + 2


def test_application_may_have_many_connections(authority, client, connect):
    callers = [connect() for _ in range(WITH_EXTRA)]
    calls = append(callers, 2)
    last = connect()
    assert outcomes(append([last], 1)) == [BUSY]
    assert answer_all(authority, YES) == WITH_EXTRA
    assert outcomes(calls) == [""] * 2 * WITH_EXTRA
    # What was allowed is remembered of all of them; some may take so long that it is over.
    calls = append(callers[:1], 1) + append([last], 1)
    assert answer_all(authority, YES) >= 1
    assert outcomes(calls) == [""] * 2


def test_large_calls_are_bounded_by_what_they_amount_to(authority, client, stranger):
    prediction = sample(extra_data=("s", "x" * 1024 * 1000))
    calls = [(stranger, stranger.send(BUS_PATH, PREDICTIONS, "Store", prediction)) for _ in range(7)]
    stranger.mark()
    # 4 MiB are four of them.
    assert answer_all(authority, NO) == 3
    assert outcomes(calls) == [ACCESS_DENIED] * 7


def test_descriptors_that_calls_carry_are_bounded(service, authority, client, stranger):
    """No such method takes any, and yet they stay open as long as the call is kept."""
    address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=AUDIT)
    calls = []
    with open("/dev/null", "rb") as file:
        for _ in range(BURST):
            carried = array.array("i", [file.fileno()] * 16)
            serial = next(stranger.connection.outgoing_serial)
            message = new_method_call(address, "AppendSystem", "ssa{sv}", ("t", "m", {}))
            data = message.serialise(serial=serial, fds=carried)
            stranger.connection._send_with_fds(data, carried)
            calls.append((stranger, serial))
    stranger.mark()
    assert descriptors(service) < 512
    assert answer_all(authority, YES) == QUESTIONS_PER_CALLER
    assert set(outcomes(calls)) == {"", BUSY}
    assert client.mark() and descriptors(service) < 96


def test_caller_that_leaves_takes_its_burst_with_it(authority, client, connect):
    # More than there is room for, unless each makes room for the next.
    for _ in range(12):
        leaver = connect()
        append([leaver])
        question = authority.asked()
        assert authority.open_questions() == []
        leaver.connection.close()
        authority.wait_cancelled(question)
        authority.answer(question, YES)
    client.mark()
    assert Audit(client).rows(type=("s", "t")) == []


def test_silent_authority_is_given_up_for_all(service, authority, connect):
    service.start(ORACXPRED_TEST_ANSWER="100000")
    calls = append([connect()], 20)
    assert outcomes(calls) == [ACCESS_DENIED] * 20


def test_service_that_stops_answers_all(service, authority, client, stranger):
    calls = append([stranger])
    question = authority.asked()
    service.stop()
    assert outcomes(calls) == [BUSY] * BURST
    authority.wait_cancelled(question)
