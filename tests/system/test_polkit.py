# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what with the real polkit: an ordinary user, a member of the service's group, an administrator at a terminal
and root, and what is left of it without polkit."""

import contextlib
import os
import pty
import re
import select
import subprocess
import termios
import time

import pytest

from machine import COMMAND_SECONDS, ENVIRONMENT
from product import BUS_NAME, BUS_PATH, MANAGER, backup_names, sql

ACCESS_DENIED_EXIT = 12
ADMINISTRATOR, PASSWORD = "captain", "correct horse battery"
POLKIT = "org.freedesktop.PolicyKit1"
AUTHORITY = ("/org/freedesktop/PolicyKit1/Authority", f"{POLKIT}.Authority")
APPLICATION_ACTIONS = {"manage-accounts", "use-predictions", "read-logs", "append-logs", "report-corruption"}
OPERATOR_ACTIONS = {"backup", "verify", "restore", "delete", "export", "configure"}


@pytest.fixture(scope="module")
def people(machine):
    """An administrator, as Debian's polkit knows them: a member of the group sudo."""
    machine.run(["useradd", "--groups=sudo", ADMINISTRATOR])
    machine.run(["sh", "-c", f"echo '{ADMINISTRATOR}:{PASSWORD}' | chpasswd"])
    return machine


class Terminal:
    """A command with a terminal of its own, whose output is read until a text appears in it."""

    def __init__(self, machine, arguments, user):
        self.main, end = pty.openpty()
        attributes = termios.tcgetattr(end)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(end, termios.TCSANOW, attributes)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *machine.command(arguments, user)],
            env={**ENVIRONMENT, "TERM": "dumb"},
            stdin=end,
            stdout=end,
            stderr=end,
        )
        os.close(end)
        self.written = b""
        self.deadline = time.monotonic() + COMMAND_SECONDS

    def read(self):
        """More of the output; false at its end."""
        assert select.select([self.main], [], [], max(self.deadline - time.monotonic(), 0))[0], self.written
        try:
            part = os.read(self.main, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            part = b""
        self.written += part
        return bool(part)

    def wait_for(self, text):
        while text.encode() not in self.written:
            assert self.read(), self.written

    def answer(self, password):
        """Types it once the agent listens, which drops what was typed before. Nothing but the terminal's state tells
        when: there is nothing to wait on."""
        self.wait_for("Password: ")
        while termios.tcgetattr(self.main)[3] & termios.ECHO:
            assert time.monotonic() < self.deadline, self.written
            time.sleep(0.01)
        os.write(self.main, password.encode() + b"\n")

    def finish(self):
        """(exit status, all that was written)."""
        while self.read():
            pass
        os.close(self.main)
        return self.process.wait(COMMAND_SECONDS), self.written.decode()


def ctl_on_terminal(machine, *arguments, password=None):
    """oracxpredctl as the visitor runs it on a terminal, who knows `password`."""
    terminal = Terminal(machine, ["oracxpredctl", *arguments], "visitor")
    if password is not None:
        terminal.answer(password)
    return terminal.finish()


@contextlib.contextmanager
def rules(machine, text):
    """A file of the administrator's own, in force for the length of a `with`."""
    path = "/etc/polkit-1/rules.d/10-test.rules"
    machine.write(path, text)
    machine.run(["systemctl", "restart", "polkit.service"])
    try:
        yield
    finally:
        machine.remove(path)
        machine.run(["systemctl", "restart", "polkit.service"])


@contextlib.contextmanager
def no_polkit(machine):
    machine.run(["systemctl", "mask", "--runtime", "--now", "polkit.service"])
    try:
        yield
    finally:
        machine.run(["systemctl", "unmask", "--runtime", "polkit.service"])


def busctl(machine, user, *call):
    return machine.run(["busctl", "call", BUS_NAME, BUS_PATH, MANAGER, *call], user=user, check=False)


def report(machine, user):
    return busctl(machine, user, "ReportCorruption", "s", "database disk image is malformed")


def actions(machine, locale):
    """What polkit knows of ours: name to (description, message, allow_any, allow_inactive, allow_active)."""
    [found] = machine.call(POLKIT, *AUTHORITY, "EnumerateActions", "s", (locale,))
    return {
        row[0].removeprefix(f"{BUS_NAME}."): (row[1], row[2], *row[6:9])
        for row in found
        if row[0].startswith(f"{BUS_NAME}.")
    }


NO, AUTH_ADMIN, AUTH_ADMIN_KEEP, YES = 0, 2, 4, 5


def test_polkit_knows_every_action_in_both_languages(machine):
    english, french = actions(machine, "C"), actions(machine, "fr_FR.UTF-8")
    assert english.keys() == APPLICATION_ACTIONS | OPERATOR_ACTIONS
    assert english["restore"][:2] == (
        "Restore the ORACXPRED database",
        "Authentication is required to restore the ORACXPRED database or to import into its backups.",
    )
    assert french["restore"][0] == "Restaurer la base de données ORACXPRED"
    for name, (description, message, *allowed) in english.items():
        assert french[name][0] != description and french[name][1] != message
        assert set(allowed) <= {AUTH_ADMIN, AUTH_ADMIN_KEEP} or (name, allowed[2]) == ("verify", YES)


@pytest.mark.parametrize("action", sorted(APPLICATION_ACTIONS | OPERATOR_ACTIONS))
def test_group_makes_the_applications_calls_without_a_password(machine, action):
    command = ["sh", "-c", f"pkcheck --action-id {BUS_NAME}.{action} --process $$"]
    allowed, password_wanted = 0, 2
    tried = machine.run(command, user="application", check=False)
    assert tried.returncode == (allowed if action in APPLICATION_ACTIONS else password_wanted), tried.stderr
    tried = machine.run(command, user="visitor", check=False)
    assert tried.returncode == password_wanted, tried.stderr


def test_ordinary_user_is_told_that_a_password_would_do(service, people):
    tried = service.run(["oracxpredctl", "backup"], user="visitor", check=False)
    assert tried.returncode == ACCESS_DENIED_EXIT
    assert f"may not take backups without a password ({BUS_NAME}.backup)" in tried.stderr
    assert "on a terminal" in tried.stderr and "sudo" in tried.stderr
    assert backup_names(service) == ["initial_backup"]
    tried = report(service, "visitor")
    assert tried.returncode != 0 and "may not report corruption" in tried.stderr


def test_group_member_reports_but_does_not_back_up(service, people):
    with service.signals(MANAGER, "JobRemoved") as next_job:
        assert report(service, "application").returncode == 0
        assert next_job()[2:4] == ("check", "done")
    assert service.run(["oracxpredctl", "backup"], user="application", check=False).returncode == ACCESS_DENIED_EXIT


def test_administrators_password_is_asked_for_on_the_terminal(service, people):
    status, written = ctl_on_terminal(service, "backup", password=PASSWORD)
    assert status == 0, written
    assert "Authentication is required to take a backup of the ORACXPRED database." in written
    assert PASSWORD not in written
    assert len(backup_names(service)) == 2


def test_password_is_asked_for_in_a_login_session(service, people):
    terminal = Terminal(
        service,
        ["runuser", "--login", "visitor", "--session-command=loginctl session-status && oracxpredctl backup"],
        None,
    )
    terminal.answer(PASSWORD)
    status, written = terminal.finish()
    assert status == 0, written
    assert len(backup_names(service)) == 2


def test_wrong_password_lets_nobody_in(service, people):
    status, written = ctl_on_terminal(service, "backup", password="guess")
    assert status == ACCESS_DENIED_EXIT, written
    assert backup_names(service) == ["initial_backup"]


def test_restore_asks_once(service, people):
    sql(service, "INSERT INTO users (username, password) VALUES ('ann', '-')")
    service.run(["oracxpredctl", "backup"])
    sql(service, "DELETE FROM users")
    status, written = ctl_on_terminal(service, "restore", "--yes", password=PASSWORD)
    assert status == 0, written
    assert written.count("Password: ") == 1
    assert sql(service, "SELECT username FROM users") == "ann"


def test_no_password_is_asked_for_where_it_is_not_wanted(service, people):
    status, written = ctl_on_terminal(service, "backup", "--no-ask-password")
    assert status == ACCESS_DENIED_EXIT
    assert "Password" not in written and "--no-ask-password" in written
    status, written = ctl_on_terminal(service, "list")
    assert status == 0 and "initial_backup" in written and "Password" not in written


def test_polkit_that_goes_away_while_somebody_types(service, people):
    terminal = Terminal(service, ["oracxpredctl", "backup"], "visitor")
    terminal.wait_for("Password: ")
    service.run(["systemctl", "restart", "polkit.service"])
    status, written = terminal.finish()
    assert status == ACCESS_DENIED_EXIT, written
    assert "polkit gives no answer" in written
    assert backup_names(service) == ["initial_backup"]


def test_administrators_rules_see_the_method_and_the_backup(service, people):
    service.run(["oracxpredctl", "backup"])
    newest = backup_names(service)[0]
    text = f"""\
polkit.addRule(function (action, subject) {{
        if (action.id == "{BUS_NAME}.verify" && subject.user == "visitor" &&
            action.lookup("method") == "Verify" && action.lookup("backup") == "initial_backup")
                return polkit.Result.YES;
}});
"""
    with rules(service, text):
        assert service.run(["oracxpredctl", "verify", "initial_backup"], user="visitor").returncode == 0
        tried = service.run(["oracxpredctl", "verify", newest], user="visitor", check=False)
        assert tried.returncode == ACCESS_DENIED_EXIT


def test_rule_that_says_no_is_told(service, people):
    text = f"""\
polkit.addRule(function (action) {{
        if (action.id == "{BUS_NAME}.backup")
                return polkit.Result.NO;
}});
"""
    with rules(service, text):
        tried = service.run(["oracxpredctl", "backup"], user="visitor", check=False)
        assert tried.returncode == ACCESS_DENIED_EXIT
        assert re.search(r"polkit does not allow you .*\.backup", tried.stderr)
        assert service.run(["oracxpredctl", "backup"]).returncode == 0


def test_without_polkit_root_and_the_services_user_are_left(service, people):
    with no_polkit(service):
        for user in ("visitor", "application", ADMINISTRATOR):
            tried = service.run(["oracxpredctl", "backup"], user=user, check=False)
            assert tried.returncode == ACCESS_DENIED_EXIT
            assert "only root and the service's own user may, since polkit gives no answer" in tried.stderr
        service.run(["oracxpredctl", "list"], user="visitor")
        with service.signals(MANAGER, "JobRemoved") as next_job:
            assert report(service, "application").returncode == 0
            assert next_job()[2:4] == ("check", "done")
        assert report(service, "visitor").returncode != 0
        service.run(["oracxpredctl", "backup"])
        service.run(["oracxpredctl", "backup"], user="oracxpred")
        service.run(["systemctl", "start", "oracxpred-backup.service"])
    assert len(backup_names(service)) == 4
