# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever the service, the database or a caller has for text: no verb lets a terminal obey it."""

import os
import re
import unicodedata

import pytest

from command_line import Dialogue, ctl  # noqa: F401
from contract import SOURCE
from hostile_service import HOSTILE, HostileService

# A call of each verb that there is, and of each command where a verb has several.
CALLS = {
    "status": [()],
    "stats": [()],
    "metrics": [(), ("--format=prometheus",)],
    "doctor": [()],
    "advise": [()],
    "units-rule": [()],
    "monitor": [],  # goes on until interrupted: it has a test of its own
    "backup": [(), ("--no-wait",)],
    "list": [()],
    "show": [("hostile",)],
    "verify": [(), ("hostile",), ("--all",)],
    "cleanup": [(), ("--dry-run",)],
    "keep": [("hostile",)],
    "unkeep": [("hostile",)],
    "delete": [("--yes", "hostile")],
    "restore": [("--yes",), ("--dry-run",)],
    "undo": [("--yes",), ("--dry-run",)],
    "acknowledge": [()],
    "quarantine": [(), ("list",), ("show", HOSTILE), ("delete", "--yes", "x")],
    "salvage": [("--dry-run",), ("--yes", HOSTILE)],
    "export": [("-",)],
    "import": [("/dev/null",)],
    "key": [("generate",), ("show",), ("test",)],
    "account": [
        ("list",),
        ("show", "x"),
        ("enable", "x"),
        ("disable", "x"),
        ("approve", "x"),
        ("admin", "x", "yes"),
        ("delete", "x"),
    ],
    "prediction": [
        ("store", "match_id=1"),
        ("list",),
        ("show", "1"),
        ("invalidate", "1"),
        ("lock", "1"),
        ("archive", "1"),
    ],
    "log": [("system",), ("access",)],
    "jobs": [()],
    "cancel": [("1",)],
    "reload": [()],
}
# Those that ask, and what is answered: (prompt, typed), in turn.
REFUSED, PASSWORD = [("[y/N] ", "n\n")], ("assword: ", "secret word\n")
ASKING = {
    "delete": [(("hostile",), REFUSED), (("hostile", "initial_backup"), REFUSED)],
    "restore": [(("--force",), REFUSED), (("--force", "hostile"), REFUSED)],
    "undo": [(("--force",), REFUSED)],
    "quarantine": [(("delete", "x"), REFUSED)],
    "salvage": [((HOSTILE,), REFUSED)],
    "account": [
        (("create", "x"), [PASSWORD, ("again: ", "secret word\n")]),
        (("set-password", "x"), [PASSWORD, ("again: ", "secret word\n")]),
        (("verify", "x"), [PASSWORD]),
    ],
}
# What says something of its own alone, whatever it is answered. A stand-in takes no descriptors.
SILENT = {"export", "monitor", "stats", "reload", "cancel", "import"}


def source(name):
    with open(os.path.join(SOURCE, "src/ctl", name), encoding="utf-8") as file:
        return file.read()


def verbs_that_ask():
    table = re.search(r"static const Verb verbs\[\] = \{(.*?)\n\};", source("main.c"), re.DOTALL).group(1)
    return {verb for verb, row in re.findall(r'\{"([a-z-]+)",(.*?)verb_', table, re.DOTALL) if "OPTION_YES" in row}


def commands_by_verb(ctl):
    """Every verb that the program's help has, with its commands, if it has any."""
    verbs, _ = ctl.run("--help").stdout.split("\nOptions:\n")
    found = {}
    for verb, usage in re.findall(r"^  ([a-z-]+)((?: \S+)*?) (?: |Show or)", verbs, re.MULTILINE):
        if "COMMAND" in usage:
            table = re.search(r"\} commands\[\] = \{(.*?)\n +\};", source(f"verb/{verb}.c"), re.DOTALL).group(1)
            found[verb] = set(re.findall(r'\{"([a-z-]+)",', table))
        else:
            found[verb] = set(re.findall(r"(?:^|[ \[|])([a-z]+)\b", usage))
    return found


def obeyed(shown):
    """The characters of what was shown that a terminal obeys, but for those of our own: lines, colour, and the one line
    that progress draws over. None of the sequences removed here is among the hostile ones."""
    shown = re.sub(r"\r|\x1b\[[0-9;]*[mK]", "", shown)
    return {
        character
        for character in shown
        if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")
    }


@pytest.fixture
def hostile(bus):
    with HostileService(bus.address) as running:
        yield running


def test_every_verb_and_command_is_tried(ctl):
    there = commands_by_verb(ctl)
    assert set(CALLS) == set(there) and there["account"] and there["prediction"] and there["key"]
    for verb, commands in there.items():
        tried = [call for call in CALLS[verb]] + [call for call, _ in ASKING.get(verb, [])]
        assert commands <= {call[0] for call in tried if call}, verb
    # What import asks is restore's question, once it has a backup; a stand-in takes no document.
    assert verbs_that_ask() - {"import"} <= set(ASKING)


@pytest.mark.parametrize("verb", sorted(CALLS))
def test_no_text_commands_the_terminal(ctl, hostile, verb):
    told = ""
    for call in CALLS[verb]:
        for form in ("--json=off", "--json=pretty", "--json=short"):
            _, shown = ctl.terminal("--no-pager", form, verb, *call, NO_COLOR="1")
            assert not obeyed(shown), (form, call, shown)
            told += shown
    assert "owned" in told or verb in SILENT, told


@pytest.mark.parametrize("verb", sorted(CALLS))
def test_no_text_commands_the_terminal_through_a_pager(ctl, hostile, tmp_path, verb):
    """One that passes everything on, as less -R does with colours."""
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\nexec cat\n", encoding="ascii")
    pager.chmod(0o755)
    for call in CALLS[verb]:
        _, shown = ctl.terminal(verb, *call, PAGER=str(pager), SYSTEMD_PAGERSECURE="0")
        assert not obeyed(shown), (call, shown)


@pytest.mark.parametrize("verb", sorted(ASKING))
def test_no_question_commands_the_terminal(ctl, hostile, verb):
    for call, answers in ASKING[verb]:
        dialogue = Dialogue(ctl, "--no-pager", verb, *call)
        for prompt, typed in answers:
            dialogue.answer(prompt, typed)
        assert not obeyed(dialogue.end()[1]), (call, dialogue.written)


def test_monitor_tells_no_terminal_what_to_do(ctl, hostile):
    watching = Dialogue(ctl, "--no-pager", "monitor")
    watching.wait_for("interrupt to end")
    hostile.emit_all()
    watching.wait_for("owned")
    watching.process.terminate()
    assert not obeyed(watching.end()[1])
