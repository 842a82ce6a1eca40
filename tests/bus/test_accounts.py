# SPDX-License-Identifier: LGPL-2.1-or-later
"""Accounts: what is made and changed is in the application's table, who signs in is told no more than they may know, and
nobody can guess for long."""

import os
import re
import subprocess
import uuid

import pytest

from accounts import QUICK, Accounts, accounts, pbkdf2, scrypt, users  # noqa: F401
from application import Application, write_at
from client import BusError, Client
from contract import ACCOUNTS, BUS_PATH, ERROR
from memory import traces_in_memory

NOW_USEC = 1_795_000_000_000_000
SECOND_USEC = 1_000_000


def row(users, username):
    columns = "id email password is_admin is_approved is_active subscription_plan unique_id last_login_at".split()
    found = users.query(f"SELECT {', '.join(columns)} FROM users WHERE username = ?", username)
    return dict(zip(columns, found[0])) if found else None


def refused(name, *call):
    with pytest.raises(BusError) as caught:
        call[0](*call[1:])
    assert caught.value.name == ERROR + name
    return caught.value.message


def test_created_account_is_a_row_of_the_application(accounts, users):
    number, unique_id = accounts.create("Zoé", "mot de passe é", email="zoe@example.org", approved=True)
    found = row(users, "Zoé")
    assert found["id"] == number
    assert found["email"] == "zoe@example.org"
    assert (found["is_admin"], found["is_approved"], found["is_active"]) == (0, 1, 1)
    assert found["subscription_plan"] == "free"
    assert found["unique_id"] == unique_id == str(uuid.UUID(unique_id, version=4))
    assert re.fullmatch(r"\$2b\$10\$[./A-Za-z0-9]{53}", found["password"])
    shown = accounts.show("Zoé")
    assert shown["CreatedUSec"] > 0
    assert {key: shown[key] for key in ("Id", "Username", "Email", "UniqueId", "PasswordFormat")} == {
        "Id": number,
        "Username": "Zoé",
        "Email": "zoe@example.org",
        "UniqueId": unique_id,
        "PasswordFormat": "bcrypt",
    }
    assert (shown["Admin"], shown["Approved"], shown["Active"]) == (False, True, True)
    assert "LastLoginUSec" not in shown


def test_what_is_taken_is_told(accounts):
    accounts.create("ann", "secret", email="ann@example.org")
    assert "'ann'" in refused("Conflict", accounts.create, "ann", "other")
    assert "ann@example.org" in refused("Conflict", lambda: accounts.create("bea", "other", email="ann@example.org"))
    assert len(accounts.list()) == 1


def test_texts_that_the_bus_refuses_hide_no_account(service, accounts):
    """Anybody may register with such a name on the website."""
    accounts.create("ann", "secret")
    application = Application(service.database)
    for name in ("eve\uffff", "\ufdd0"):
        application.query("INSERT INTO users (username, password, email) VALUES (?, 'secret', ?)", name, name + "@x")
    application.close()
    assert [account["Username"] for account in accounts.list()] == ["ann", "eve???", "???"]
    assert accounts.list(after=1)[0]["Email"] == "eve???@x"


@pytest.mark.parametrize(
    "username, password, words",
    [
        ("", "secret", "name of an account"),
        ("a\nb", "secret", "name of an account"),
        ("x" * 81, "secret", "name of an account"),
        ("ann", "", "empty"),
        ("ann", "x" * 73, "longer than 72 bytes"),
        ("ann", "é" * 36 + "e", "longer than 72 bytes"),
    ],
)
def test_what_can_not_be_is_refused_without_being_repeated(accounts, username, password, words):
    for call in (accounts.create, accounts.verify, lambda *both: accounts.call("SetPassword", *both)):
        message = refused("InvalidArgument", call, username, password)
        assert words in message
        assert len(password) < 2 or password not in message
    assert accounts.list() == []


def test_longest_password_is_read_to_its_end(accounts):
    accounts.create("ann", "é" * 35 + "xy", approved=True)
    assert accounts.result("ann", "é" * 35 + "xy") == "accepted"
    assert accounts.result("ann", "é" * 35 + "xz") == "wrong"


def test_list_is_paged(accounts, users):
    users.add_users(25)
    found, after = [], 0
    while page := accounts.list(after, 10):
        assert len(page) <= 10
        found += page
        after = page[-1]["Id"]
    assert [account["Username"] for account in found] == [f"user{number}" for number in range(25)]
    for limit in (0, 1001):
        refused("InvalidArgument", accounts.list, 0, limit)


def test_flags_are_those_of_the_row(accounts, users):
    accounts.create("root", "secret", admin=True, approved=True)
    accounts.create("ann", "secret")
    for member, column in (("SetEnabled", "is_active"), ("SetApproved", "is_approved"), ("SetAdmin", "is_admin")):
        for value in (True, False):
            accounts.call(member, "ann", value)
            assert row(users, "ann")[column] == value
            refused("NotFound", accounts.call, member, "nobody", value)
        assert "last administrator" in refused("Conflict", accounts.call, member, "root", False)
    refused("NotFound", accounts.show, "nobody")


def test_account_that_rows_refer_to_is_not_deleted(accounts, users):
    accounts.create("ann", "secret")
    accounts.create("bea", "secret")
    users.query("INSERT INTO notifications (title, message, created_by) VALUES ('x', 'x', 1)")
    assert "notifications.created_by (1)" in refused("Conflict", accounts.call, "Delete", "ann")
    accounts.call("Delete", "bea")
    refused("NotFound", accounts.call, "Delete", "bea")
    assert [account["Username"] for account in accounts.list()] == ["ann"]


def test_sign_in_tells_the_account_and_leaves_its_moment(accounts, users):
    accounts.create("ann", "secret", approved=True)
    result, retry_usec, account = accounts.verify("ann", "secret")
    assert (result, retry_usec, account["Username"]) == ("accepted", 0, "ann")
    assert accounts.show("ann")["LastLoginUSec"] > 0
    # As SQLAlchemy reads it.
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", row(users, "ann")["last_login_at"])


def test_wrong_password_and_unknown_name_are_answered_alike(accounts):
    accounts.create("ann", "secret")
    accounts.call("SetEnabled", "ann", False)
    assert accounts.verify("ann", "wrong") == accounts.verify("nobody", "wrong") == ("wrong", 0, {})


def test_state_is_told_after_the_right_password(accounts):
    accounts.create("ann", "secret")
    assert accounts.result("ann", "secret") == "unapproved"
    accounts.call("SetApproved", "ann", True)
    assert accounts.result("ann", "secret") == "accepted"
    accounts.call("SetEnabled", "ann", False)
    assert accounts.result("ann", "secret") == "inactive"


def test_password_is_changed(accounts):
    accounts.create("ann", "secret", approved=True)
    accounts.call("SetPassword", "ann", "another")
    assert accounts.result("ann", "secret") == "wrong"
    assert accounts.result("ann", "another") == "accepted"
    refused("NotFound", accounts.call, "SetPassword", "nobody", "another")


@pytest.mark.parametrize("write", [scrypt, pbkdf2, str], ids=["scrypt", "pbkdf2", "plain"])
def test_old_form_is_replaced_after_the_right_password(accounts, users, write):
    users.query("INSERT INTO users (username, password, is_approved) VALUES ('ann', ?, 1)", write("mot de passe é"))
    assert accounts.result("ann", "mot de passe e") == "wrong"
    assert row(users, "ann")["password"] == write("mot de passe é")
    assert accounts.result("ann", "mot de passe é") == "accepted"
    assert row(users, "ann")["password"].startswith("$2b$10$")
    assert accounts.result("ann", "mot de passe é") == "accepted"


def test_cost_is_raised_at_the_next_sign_in(service, accounts, users):
    accounts.create("ann", "secret", approved=True)
    service.configure("BcryptCost=11\n")
    accounts.client.manager("Reload")
    assert accounts.result("ann", "secret") == "accepted"
    assert row(users, "ann")["password"].startswith("$2b$11$")


def test_what_is_in_the_column_does_not_open_the_account(accounts, users):
    accounts.create("ann", "secret", approved=True)
    assert accounts.result("ann", row(users, "ann")["password"]) == "wrong"
    hostile = "$2b$31$" + "a" * 53
    users.query("UPDATE users SET password = ?", hostile)
    assert accounts.result("ann", hostile) == "wrong"
    assert accounts.show("ann")["PasswordFormat"] == "unknown"


@pytest.fixture
def timed(service):
    """Accounts at a time that the test sets."""
    service.configure(QUICK)
    service.set_clock(NOW_USEC)
    return Accounts(service.start(clock=True))


def fail(accounts, username, times, address=None):
    for _ in range(times):
        assert accounts.result(username, "wrong", address) == "wrong"


def test_guessing_has_to_wait_also_after_a_restart(service, timed):
    timed.create("ann", "secret", approved=True)
    for username in ("ann", "nobody"):
        fail(timed, username, 5)
        assert timed.verify(username, "secret") == ("limited", SECOND_USEC, {})
    service.kill()
    service.start(clock=True)
    for username in ("ann", "nobody"):
        assert timed.verify(username, "secret") == ("limited", SECOND_USEC, {})
    service.set_clock(NOW_USEC + SECOND_USEC)
    fail(timed, "ann", 1)
    assert timed.verify("ann", "secret")[:2] == ("limited", 2 * SECOND_USEC)
    service.set_clock(NOW_USEC + 3 * SECOND_USEC)
    assert timed.result("ann", "secret") == "accepted"
    fail(timed, "ann", 4)
    assert timed.result("ann", "secret") == "accepted"


@pytest.mark.parametrize("vouch", [("SetPassword", "secret"), ("SetEnabled", True)], ids=lambda vouch: vouch[0])
def test_administrator_ends_the_wait(timed, vouch):
    timed.create("ann", "secret", approved=True)
    fail(timed, "ann", 5)
    assert timed.result("ann", "secret") == "limited"
    timed.call(vouch[0], "ann", vouch[1])
    assert timed.result("ann", "secret") == "accepted"


def test_address_is_limited_and_the_others_are_not(timed):
    timed.create("ann", "secret", approved=True)
    for number in range(20):
        fail(timed, f"guess{number}", 1, address="2001:db8::1")
    assert timed.result("ann", "secret", "2001:db8::ffff") == "limited"
    assert timed.result("ann", "secret", "2001:db8:0:1::1") == "accepted"
    assert timed.result("ann", "secret") == "accepted"
    assert "IPv4 or IPv6" in refused("InvalidArgument", timed.verify, "ann", "secret", "localhost")


def test_counts_are_not_in_the_database_and_name_nobody(service, accounts, users):
    before = users.query("SELECT name FROM sqlite_schema ORDER BY name")
    fail(accounts, "my-own-password", 1)
    assert users.query("SELECT name FROM sqlite_schema ORDER BY name") == before
    path = os.path.join(service.state, "sign-in-failures.db")
    assert os.stat(path).st_mode & 0o777 == 0o600
    for file in (path, service.database, service.database + "-wal", service.log_file):
        with open(file, "rb") as content:
            assert b"my-own-password" not in content.read()


def test_sign_ins_and_changes_are_recorded(service, timed):
    number, _ = timed.create("ann", "secret")
    assert timed.result("ann", "secret", "192.0.2.1") == "unapproved"
    timed.call("SetApproved", "ann", True)
    assert timed.result("ann", "secret", "2001:db8::1") == "accepted"
    fail(timed, "ann", 5)
    assert timed.result("ann", "wrong") == "limited"
    timed.call("SetAdmin", "ann", True)
    refused("Conflict", timed.call, "SetEnabled", "ann", False)
    refused("Conflict", timed.call, "Delete", "ann")
    timed.call("SetPassword", "ann", "another")
    service.stop()

    reader = Application(service.database)
    columns = "action_type, user_id, ip_address, subscription_plan"
    assert reader.query(f"SELECT {columns} FROM access_logs ORDER BY id") == [
        ("sign_in_failed", number, "192.0.2.1", "free"),
        ("sign_in", number, "2001:db8::1", "free"),
        *[("sign_in_failed", number, None, None)] * 5,
    ]
    recorded = [message for (message,) in reader.query("SELECT message FROM system_logs ORDER BY id")]
    for operation in ("create-account", "approve-account", "make-admin", "disable-account", "delete-account",
                      "set-password"):
        assert [message for message in recorded if operation in message and "ann" in message], (operation, recorded)
    reader.close()


def test_call_that_fails_has_not_changed_the_account(service, accounts, users):
    accounts.create("ann", "secret")
    accounts.call("SetEnabled", "ann", False)
    before = row(users, "ann")
    os.mkdir(os.path.join(service.state, "sign-in-failures.db"))
    for member, argument in (("SetPassword", "another"), ("SetEnabled", True)):
        with pytest.raises(BusError):
            accounts.call(member, "ann", argument)
    assert row(users, "ann") == before


def test_address_of_a_sign_in_is_kept_when_the_plan_does_not_fit(service, accounts, users):
    number, _ = accounts.create("ann", "secret", approved=True)
    users.query("UPDATE users SET subscription_plan = 'a plan that is longer than its column'")
    assert accounts.result("ann", "secret", "192.0.2.1") == "accepted"
    service.stop()
    assert users.query("SELECT action_type, user_id, ip_address, subscription_plan FROM access_logs") == [
        ("sign_in", number, "192.0.2.1", None)
    ]


def test_damaged_counts_neither_stop_sign_ins_nor_start_a_restore(service, accounts):
    accounts.create("ann", "secret", approved=True)
    fail(accounts, "ann", 1)
    write_at(os.path.join(service.state, "sign-in-failures.db"), 0, b"garbage" * 1000)
    assert accounts.result("ann", "secret") == "accepted"
    fail(accounts, "ann", 1)
    assert accounts.client.get("Integrity") == "ok"


def test_look_up_does_not_wait_for_a_hash(service):
    service.configure("BcryptCost=14\n")
    client = service.start()
    slow = client.send(BUS_PATH, ACCOUNTS, "VerifyPassword", "nobody", "wrong", {})
    quick = client.send(BUS_PATH, ACCOUNTS, "List", 0, 10)
    client.result(quick)
    assert slow not in client.replies
    assert client.result(slow)[0] == "wrong"


def test_one_caller_can_not_queue_without_end(service, bus, accounts):
    """And what it queues keeps nobody else from the rest of the service."""
    other = Client(bus.address)
    with service.stopped():
        calls = [accounts.client.send(BUS_PATH, ACCOUNTS, "VerifyPassword", f"x{n}", "wrong", {}) for n in range(100)]
    assert other.get("Health")
    assert Accounts(other).client.manager("ListBackups") is not None
    ends = []
    for call in calls:
        try:
            ends.append(accounts.client.result(call)[0])
        except BusError as error:
            ends.append(error.name)
    assert ends.count(ERROR + "Busy") >= 1
    assert ends.count("wrong") >= 64
    other.close()


def test_stop_is_quick_while_hashes_wait(service):
    """The one that is being made is waited for: it takes a quarter of a second, and must not take the four that a stop
    may on the slowest machine. All of them take longer than it is until the stop."""
    service.configure("BcryptCost=12\n")
    client = service.start()
    calls = [client.send(BUS_PATH, ACCOUNTS, "VerifyPassword", f"x{n}", "wrong", {}) for n in range(20)]
    client.get("Health")
    service.stop()
    ends = set()
    for call in calls:
        try:
            ends.add(client.result(call)[0])
        except BusError as error:
            ends.add(error.name)
    assert ends <= {"wrong", ERROR + "Cancelled", ERROR + "Busy"} and ERROR + "Cancelled" in ends


SECRET = "Gr8-Geh3imnis-das-nirgends-bleibt"


def test_passwords_stay_neither_in_memory_nor_in_the_log(service, accounts, users):
    """Nor in what is answered. The test itself and the bus are other processes."""
    service.client.call("/org/freedesktop/LogControl1", "org.freedesktop.DBus.Properties", "Set",
                        "org.freedesktop.LogControl1", "LogLevel", ("s", "debug"))
    accounts.create("ann", SECRET, approved=True)
    accounts.call("SetPassword", "ann", SECRET)
    assert accounts.result("ann", SECRET) == "accepted"
    assert accounts.result("nobody", SECRET) == "wrong"
    users.query("UPDATE users SET password = ?", scrypt(SECRET))
    assert accounts.result("ann", SECRET) == "accepted"
    users.query("UPDATE users SET password = ?", pbkdf2(SECRET))
    assert accounts.result("ann", SECRET) == "accepted"
    refused("NotFound", accounts.call, "SetPassword", "nobody", SECRET)
    refused("Conflict", accounts.create, "ann", SECRET)
    refused("InvalidArgument", accounts.create, "bea", SECRET * 3)
    answers = repr([accounts.list(), accounts.show("ann"), accounts.verify("ann", SECRET)])
    assert SECRET not in answers and "$2b$" not in answers
    accounts.client.get("Health")

    assert SECRET not in service.log()
    assert not traces_in_memory(service.process.pid, SECRET.encode())


def test_busctl_can_call_it(bus, accounts):
    done = subprocess.run(
        ["busctl", "--address=" + bus.address, "call", "org.oracxpred.Persistence1", BUS_PATH, ACCOUNTS,
         "VerifyPassword", "ssa{sv}", "nobody", "wrong", "1", "address", "s", "192.0.2.1"],
        stdout=subprocess.PIPE, text=True, check=True,
    )
    assert done.stdout == 'sta{sv} "wrong" 0 0\n'
