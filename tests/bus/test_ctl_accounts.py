# SPDX-License-Identifier: LGPL-2.1-or-later
"""oracxpredctl account: what it does to accounts, and that no password is where others can see it."""

import os
import pwd
import signal
import subprocess

import pytest

from accounts import accounts, users  # noqa: F401
from command_line import Dialogue, ctl  # noqa: F401
from private_bus import SERVICE_USER

SECRET = "Gr8-Geh3imnis-das-nirgends-steht"


def pipe(ctl, given, *arguments):
    """With bytes on standard input: (exit status, output, errors)."""
    done = subprocess.run(
        [ctl.executable, "account", *arguments], env=ctl.environment, input=given, capture_output=True, check=False
    )
    assert SECRET.encode() not in done.stdout + done.stderr
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_created_on_a_terminal_without_echo(ctl, accounts):
    dialogue = Dialogue(ctl, "account", "create", "Zoé", "email=zoe@example.org", "approved=yes")
    dialogue.wait_for("Password: ")
    assert not dialogue.echoes()
    dialogue.answer("Password: ", SECRET + "\n")
    dialogue.answer("The same again: ", SECRET + "\n")
    assert dialogue.end() == (0, "Password: \nThe same again: \nZoé: created, number 1\n")
    assert accounts.result("Zoé", SECRET) == "accepted"
    assert accounts.show("Zoé")["Email"] == "zoe@example.org"


def test_two_that_differ_create_nothing(ctl, accounts):
    dialogue = Dialogue(ctl, "account", "create", "ann")
    dialogue.answer("Password: ", SECRET + "\n")
    dialogue.answer("The same again: ", SECRET + "x\n")
    status, written = dialogue.end()
    assert status == 2 and "not the same" in written and SECRET not in written
    assert accounts.list() == []


@pytest.mark.parametrize("key, number", [("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)])
def test_interrupted_the_terminal_is_as_it_was(ctl, accounts, key, number):
    dialogue = Dialogue(ctl, "account", "create", "ann")
    dialogue.answer("Password: ", SECRET + "\n")
    dialogue.wait_for("The same again: ")
    assert not dialogue.echoes()
    dialogue.answer("The same again: ", key)
    assert dialogue.process.wait(60) == -number
    assert dialogue.echoes()
    assert SECRET not in dialogue.end()[1]
    assert accounts.list() == []


def test_while_it_is_typed_nobody_sees_it(ctl, accounts):
    """Run as another user, whose own processes must not look into it either."""
    user = pwd.getpwnam(SERVICE_USER)
    dialogue = Dialogue(ctl, "account", "verify", "ann", user=user.pw_uid)
    dialogue.answer("Password: ", SECRET)
    directory = f"/proc/{dialogue.process.pid}"
    for name in ("cmdline", "environ"):
        with open(f"{directory}/{name}", "rb") as file:
            assert SECRET.encode() not in file.read()
    with open(f"{directory}/limits", encoding="ascii") as file:
        assert [line.split()[4:6] for line in file if line.startswith("Max core file size")] == [["0", "0"]]
    # The kernel gives the files of a process that must not be dumped to root.
    assert os.stat(f"{directory}/mem").st_uid == 0
    dialogue.answer("", "\n")
    dialogue.end()


def test_line_of_standard_input_is_the_password(ctl, accounts):
    assert pipe(ctl, SECRET.encode() + b"\n", "create", "ann", "admin=yes", "approved=yes") == (
        0,
        "ann: created, number 1\n",
        "",
    )
    assert accounts.result("ann", SECRET) == "accepted"
    assert pipe(ctl, b"another\nignored\n", "set-password", "ann")[:2] == (0, "ann: the password is changed\n")
    # Without an end of the line.
    assert pipe(ctl, b"another", "verify", "ann")[:2] == (0, "ann: the password is right\n")
    assert pipe(ctl, b"another\r\n", "verify", "ann")[0] == 12


@pytest.mark.parametrize(
    "given, words",
    [
        (b"", "No password"),
        (b"\n", "No password"),
        (b"a\0b\n", "NUL byte"),
        (b"\xff\n", "not text"),
        (b"x" * 73, "longer than 72 bytes"),
        (b"x" * 2000, "longer than 1024 bytes"),
    ],
    ids=["nothing", "empty", "nul", "no-utf-8", "73-bytes", "2000-bytes"],
)
def test_what_can_not_be_a_password_is_told(ctl, accounts, given, words):
    status, output, errors = pipe(ctl, given, "create", "ann")
    assert (status, output) == (2, "") and words in errors
    assert accounts.list() == []


def test_password_is_no_argument(ctl, accounts):
    assert "Usage" in ctl.run("account", "verify", "ann", SECRET, status=2).stderr
    assert "Usage" in ctl.run("account", "set-password", "ann", SECRET, status=2).stderr


def test_results_have_exit_statuses(ctl, accounts):
    accounts.create("ann", SECRET)
    right, wrong = SECRET.encode(), b"wrong"
    assert pipe(ctl, right, "verify", "ann")[0] == 12
    assert "not approved" in pipe(ctl, right, "verify", "ann")[2]
    accounts.call("SetApproved", "ann", True)
    assert pipe(ctl, right, "verify", "ann")[0] == 0
    accounts.call("SetEnabled", "ann", False)
    assert "disabled" in pipe(ctl, right, "verify", "ann")[2]
    errors = {pipe(ctl, wrong, "verify", name)[2] for name in ("ann", "nobody")}
    assert len(errors) == 1 and "name or the password" in errors.pop()
    status = 12
    for _ in range(20):  # until it has to wait longer than a try takes
        status, _, told = pipe(ctl, wrong, "verify", "nobody")
        if status != 12:
            break
    assert status == 13 and "try again in" in told


def test_accounts_are_listed_and_shown(ctl, accounts):
    accounts.create("ann", SECRET, email="ann@example.org", admin=True, approved=True)
    accounts.create("bea", SECRET)
    lines = ctl.run("account", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "E-MAIL", "STATE", "ADMIN", "PASSWORD", "LAST", "SIGN-IN"]
    assert lines[1].split() == ["1", "ann", "ann@example.org", "active", "yes", "bcrypt", "never"]
    assert lines[2].split() == ["2", "bea", "not", "approved", "bcrypt", "never"]
    assert lines[-1] == "2 accounts."
    shown = ctl.run("account", "show", "ann").stdout
    assert "ann@example.org" in shown and "Administrator: yes" in shown
    assert ctl.run("account", "show", "nobody", status=10).stderr


def test_long_list_is_whole(ctl, accounts, users):
    users.add_users(1203)
    assert [account["Username"] for account in ctl.json("account", "list")] == [f"user{n}" for n in range(1203)]


def test_json_is_what_the_bus_has(ctl, accounts):
    accounts.create("ann", SECRET, approved=True)
    assert ctl.json("account", "show", "ann") == accounts.show("ann")
    assert ctl.json("account", "list") == accounts.list()


def test_names_of_others_do_not_command_the_terminal(ctl, accounts, users):
    users.query("INSERT INTO users (username, password) VALUES (?, 'x')", "\x1b]0;title\x07ann")
    assert "\x1b" not in ctl.run("account", "list").stdout


def test_changes(ctl, accounts):
    accounts.create("root", SECRET, admin=True, approved=True)
    accounts.create("ann", SECRET)
    for words, said in (
        (("approve", "ann"), "approved"),
        (("admin", "ann", "yes"), "an administrator"),
        (("admin", "ann", "no"), "no administrator"),
        (("disable", "ann"), "disabled"),
        (("enable", "ann"), "enabled"),
    ):
        assert ctl.run("account", *words).stdout == f"ann: {said}\n"
    assert "last administrator" in ctl.run("account", "disable", "root", status=30).stderr
    assert ctl.run("account", "delete", "ann").stdout == "ann: deleted\n"
    ctl.run("account", "delete", "ann", status=10)
    ctl.run("account", "admin", "root", "maybe", status=2)
    ctl.run("account", "create", "bea", "colour=red", status=2)
