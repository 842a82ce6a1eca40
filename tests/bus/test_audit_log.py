# SPDX-License-Identifier: LGPL-2.1-or-later
"""Appending to the application's logs and paging through them: what is taken, what is refused, and what is kept."""

import contextlib
import sqlite3
import threading
import time

import pytest
from jeepney import HeaderFields, MessageType

from audit import IN_FLIGHT, Audit
from client import BusError, Client
from contract import BUS_PATH, BUSY, ERROR, MANAGER

INVALID = ERROR + "InvalidArgument"
NOT_FOUND = ERROR + "NotFound"
MIB = 1024 * 1024


@pytest.fixture
def audit(client):
    return Audit(client)


@pytest.fixture
def ann(service, client):
    with sqlite3.connect(service.database) as connection:
        connection.execute("INSERT INTO users(id, username, password) VALUES(5, 'ann', 'x')")
    return 5


def test_rows_come_back_as_they_were_given(audit, ann):
    before = time.time() * 1000000
    first = audit.append_system(
        "deployed",
        "Version 2 à 14 h",
        severity=("s", "warning"),
        user=("x", ann),
        admin=("x", ann),
        address=("s", "192.0.2.7"),
        extra=("s", '{"version": 2}'),
    )
    second = audit.append_system("deployed", "bare")
    (bare, full), following = audit.page()
    assert following == 0
    assert before <= full.pop("created") <= bare.pop("created")
    assert bare == {"id": second, "type": "deployed", "message": "bare", "severity": "info"}
    assert full == {
        "id": first,
        "type": "deployed",
        "message": "Version 2 à 14 h",
        "severity": "warning",
        "user": ann,
        "admin": ann,
        "address": "192.0.2.7",
        "extra": '{"version": 2}',
    }

    number = audit.append_access("download", ann, plan=("s", "premium"), match=("x", 42))
    (row,), _ = audit.page("ListAccess")
    del row["created"]
    assert row == {"id": number, "type": "download", "user": ann, "plan": "premium", "match": 42}


REFUSED = {
    "no-type": (INVALID, "", "m", {}),
    "long-type": (INVALID, "t" * 51, "m", {}),
    "type-of-two-lines": (INVALID, "a\nb", "m", {}),
    "no-message": (INVALID, "t", "", {}),
    "long-message": (INVALID, "t", "m" * 8193, {}),
    "huge-message": (INVALID, "t", "m" * 4 * MIB, {}),
    "severity": (INVALID, "t", "m", {"severity": ("s", "fatal")}),
    "no-json": (INVALID, "t", "m", {"extra": ("s", "{")}),
    "no-object": (INVALID, "t", "m", {"extra": ("s", "[1]")}),
    "not-a-number": (INVALID, "t", "m", {"extra": ("s", '{"a": NaN}')}),
    "deep-json": (INVALID, "t", "m", {"extra": ("s", '{"a":' + "[" * 8000 + "]" * 8000 + "}")}),
    "long-extra": (INVALID, "t", "m", {"extra": ("s", '{"a":"' + "b" * 17000 + '"}')}),
    "long-address": (INVALID, "t", "m", {"address": ("s", "1" * 46)}),
    "negative-user": (INVALID, "t", "m", {"user": ("x", -1)}),
    "huge-admin": (INVALID, "t", "m", {"admin": ("x", 2**53)}),
    "unknown-user": (NOT_FOUND, "t", "m", {"user": ("x", 99)}),
    "unknown-option": (INVALID, "t", "m", {"level": ("s", "info")}),
    "wrong-type-of-option": (INVALID, "t", "m", {"user": ("s", "5")}),
    "type-of-the-service": (INVALID, "persistence.backup", "m", {}),
    "restore-that-was-none": (INVALID, "database_restored", "m", {}),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_not_valid_is_refused_and_keeps_no_other_out(audit, refused):
    error, kind, message, options = REFUSED[refused]
    good = [audit.send_system("good", "before")]
    bad = audit.send_system(kind, message, **options)
    good.append(audit.send_system("good", "after"))
    with pytest.raises(BusError) as caught:
        audit.client.result(bad)
    assert caught.value.name == error
    assert [audit.client.result(serial) for serial in good] == [1, 2]
    assert [row["message"] for row in audit.rows(type=("s", "good"))] == ["after", "before"]


@pytest.mark.parametrize("kind", ["sign_in", "sign_in_failed", "persistence.sign-in"])
def test_nobody_appends_a_sign_in_that_was_none(audit, ann, kind):
    with pytest.raises(BusError) as caught:
        audit.append_access(kind, ann)
    assert caught.value.name == INVALID
    # What the application does by itself it may say.
    audit.append_access("view_prediction", ann)
    assert [row["type"] for row in audit.rows("ListAccess")] == ["view_prediction"]


def test_access_needs_a_user_who_is_there(audit, ann):
    for user, error in ((0, INVALID), (-1, INVALID), (99, NOT_FOUND)):
        with pytest.raises(BusError) as caught:
            audit.append_access("t", user)
        assert caught.value.name == error
    with pytest.raises(BusError) as caught:
        audit.append_access("t", ann, prediction=("x", 4711))
    assert caught.value.name == NOT_FOUND


def test_lines_and_fields_can_not_be_forged(service, client, audit):
    """A message of several lines is one row, and what a caller names itself makes no line in the journal."""
    audit.append_system("t", "one\nMESSAGE=two\x1b[2J")
    assert [row["message"] for row in audit.rows(type=("s", "t"))] == ["one\nMESSAGE=two\x1b[2J"]
    with pytest.raises(BusError):
        client.manager("ReportCorruption", "one\nPRIORITY=0\nforged")
    service.stop()
    assert "forged" not in service.log() and "two" not in service.log()


def test_stranger_neither_reads_nor_appends(service, client, outsider):
    audit = Audit(outsider)
    for call in (lambda: audit.append_system("t", "m"), lambda: audit.append_access("t", 1), audit.page):
        with pytest.raises(BusError) as caught:
            call()
        assert caught.value.name == "org.freedesktop.DBus.Error.AccessDenied"
    assert Audit(client).rows(type=("s", "t")) == []


def test_filters(audit, ann):
    for kind, severity in (("a", "info"), ("b", "error"), ("a", "error"), ("b", "info")):
        audit.append_system(kind, "m", severity=("s", severity))
    audit.append_system("a", "m", user=("x", ann))

    def ids(**options):
        return [row["id"] for row in audit.rows(**options) if row["type"] in "ab"]

    assert ids() == [5, 4, 3, 2, 1]
    assert ids(type=("s", "a")) == [5, 3, 1]
    assert ids(severity=("s", "error")) == [3, 2]
    assert ids(type=("s", "a"), severity=("s", "error")) == [3]
    assert ids(user=("x", ann)) == [5]
    created = {row["id"]: row["created"] for row in audit.rows()}
    assert ids(since=("t", created[2]), until=("t", created[4])) == [3, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"limit": ("u", 0)},
        {"limit": ("u", 1001)},
        {"before": ("x", -1)},
        {"user": ("x", -1)},
        {"severity": ("s", "eror")},
    ],
)
def test_page_that_can_not_be_is_refused(audit, options):
    with pytest.raises(BusError) as caught:
        audit.page(**options)
    assert caught.value.name == INVALID


def test_pages_while_another_process_appends(service, audit):
    """Every row that was there at the first page is seen once, in order, whatever comes meanwhile."""
    assert len(list(audit.append_many(500, "old"))) == 500
    stop = threading.Event()

    def append():
        writer = sqlite3.connect(service.database, isolation_level=None, timeout=60)
        while not stop.is_set():
            writer.execute("INSERT INTO system_logs(action_type, message) VALUES('new', 'm')")
        writer.close()

    writer = threading.Thread(target=append)
    writer.start()
    try:
        seen, before = [], 0
        while True:
            page, before = audit.page(before=("x", before), limit=("u", 20))
            seen += page
            if before == 0:
                break
    finally:
        stop.set()
        writer.join()
    ids = [row["id"] for row in seen]
    assert ids == sorted(set(ids), reverse=True)
    assert [row["message"] for row in seen if row["type"] == "old"] == [str(i) for i in reversed(range(500))]


def test_many_rows_share_a_transaction(service, client, audit):
    """All those that came while another process held the lock, but for what the service was about to write."""
    watcher = sqlite3.connect(service.database, isolation_level=None)
    watcher.execute("BEGIN IMMEDIATE")
    # None has waited for the lock for long when the last one comes.
    with service.stopped():
        calls = [audit.send_system("t", str(i)) for i in range(IN_FLIGHT)]
    client.mark()
    watcher.execute("ROLLBACK")
    versions = {watcher.execute("PRAGMA data_version").fetchone()[0]}
    for call in calls:
        client.result(call)
        versions.add(watcher.execute("PRAGMA data_version").fetchone()[0])
    watcher.close()
    assert 1 <= len(versions) <= 3


def test_what_one_caller_may_have_waiting_is_bounded(bus, service, gate):
    """The thread that writes is held at somebody's question, for as long as it takes to ask for so much."""
    service.start(**gate.at("advising")).send(BUS_PATH, MANAGER, "Advise")
    gate.wait_reached()
    callers = [Client(bus.address) for _ in range(12)]
    calls = [(caller, Audit(caller).send_system("t", "m")) for caller in callers for _ in range(100)]
    refused = 0
    # Without a wait: all that the service has taken waits for the thread.
    for caller in callers:
        caller.mark()
    for caller in callers:
        for reply in caller.replies.values():
            refused += reply.header.message_type == MessageType.error
            assert reply.header.fields[HeaderFields.error_name] == BUSY
    gate.release()
    assert refused == 1200 - 1024
    done = set()
    for caller, serial in calls:
        with contextlib.suppress(BusError):
            done.add(caller.result(serial))
    assert done == set(range(1, 1025))
    for caller in callers:
        caller.close()


def test_append_that_waits_for_a_lock_keeps_no_reader_waiting(service, client, audit):
    """Both are the same thread's work. The lock is another process's."""
    audit.append_system("t", "first")
    writer = sqlite3.connect(service.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    serial = audit.send_system("t", "second")
    for _ in range(50):
        assert len(audit.page()[0]) >= 1
    assert serial not in client.replies
    writer.execute("ROLLBACK")
    writer.close()
    assert client.result(serial) > 1


def test_append_is_refused_when_the_lock_does_not_come_free(service, client, audit):
    writer = sqlite3.connect(service.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusError) as caught:
        audit.append_system("t", "m")
    assert caught.value.name == BUSY
    writer.execute("ROLLBACK")
    writer.close()
    assert audit.append_system("t", "m") == 1


def kept(service):
    with sqlite3.connect(service.database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {row[0] for row in connection.execute("SELECT id FROM system_logs WHERE action_type = 't'")}


def test_killed_service_loses_no_row_that_was_acknowledged(service, client, audit):
    appending = audit.append_many(600)
    acknowledged = {next(appending) for _ in range(300)}
    service.kill()
    assert len(acknowledged) == 300 and acknowledged <= kept(service)


def test_nothing_is_acknowledged_before_it_is_committed(service, client, audit):
    writer = sqlite3.connect(service.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    for i in range(10):
        audit.send_system("t", str(i))
    client.mark()
    assert client.replies == {}
    service.kill()
    writer.execute("ROLLBACK")
    writer.close()
    assert kept(service) == set()


def test_rows_of_a_stopping_service_are_answered(service, client, audit):
    serials = [audit.send_system("t", str(i)) for i in range(100)]
    answered = {client.result(serials[0])}
    service.stop()
    for serial in serials[1:]:
        try:
            answered.add(client.result(serial))
        except BusError as error:
            # NoReply: it was still on its way to the service.
            assert error.name in (BUSY, ERROR + "Cancelled", "org.freedesktop.DBus.Error.NoReply"), error
    assert kept(service) == answered


def test_reading_the_log_is_recorded_but_not_each_page(service, client, audit):
    for _ in range(30):
        audit.page()
    service.stop()
    with sqlite3.connect(service.database) as connection:
        found = connection.execute("SELECT message FROM system_logs WHERE action_type LIKE 'persistence.%'").fetchall()
    assert len(found) == 11
    assert "20 more calls that read within a minute" in found[-1][0]


def test_trigger_that_never_ends_blocks_neither_calls_nor_a_restore(service, client, audit):
    writer = sqlite3.connect(service.database, isolation_level=None)
    writer.execute(
        "CREATE TRIGGER endless AFTER INSERT ON system_logs BEGIN INSERT INTO notifications(id) SELECT 1 FROM "
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0); END"
    )
    with pytest.raises(BusError, match="took too long"):
        client.result(audit.send_system("t", "never"))
    # The next call is served, and what is in the way of a restore makes way.
    audit.page("ListAccess")
    audit.send_system("t", "never")
    assert client.run("Restore", "initial_backup", {})[1] == "done"
    assert writer.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'").fetchone() == (0,)
    writer.close()
    client.result(audit.send_system("t", "again"))
