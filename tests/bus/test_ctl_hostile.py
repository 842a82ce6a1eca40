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
    "undo": [("--yes",)],
    "acknowledge": [()],
    "quarantine": [(), ("show", HOSTILE), ("delete", "--yes", "x")],
    "salvage": [("--dry-run",), ("--yes", HOSTILE)],
    "export": [("-",)],
    "import": [("/dev/null",)],
    "key": [("show",), ("test",)],
    "account": [("list",), ("show", "x"), ("enable", "x"), ("delete", "x")],
    "prediction": [("list",), ("show", "1"), ("archive", "1")],
    "log": [("system",), ("access",)],
    "jobs": [()],
    "cancel": [("1",)],
    "reload": [()],
}
# What says something of its own alone, whatever it is answered. A stand-in takes no descriptors.
SILENT = {"export", "monitor", "stats", "reload", "cancel", "import"}


def verbs():
    with open(os.path.join(SOURCE, "src/ctl/main.c"), encoding="utf-8") as file:
        table = re.search(r"static const Verb verbs\[\] = \{(.*?)\n\};", file.read(), re.DOTALL).group(1)
    return set(re.findall(r'\{"([a-z-]+)",', table))


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


def test_every_verb_is_tried():
    assert verbs() == set(CALLS)


@pytest.mark.parametrize("verb", sorted(CALLS))
def test_no_text_commands_the_terminal(ctl, hostile, verb):
    told = ""
    for call in CALLS[verb]:
        for form in ("--json=off", "--json=pretty", "--json=short"):
            _, shown = ctl.terminal("--no-pager", form, verb, *call, NO_COLOR="1")
            assert not obeyed(shown), (form, call, shown)
            told += shown
    assert "owned" in told or verb in SILENT, told


def test_monitor_tells_no_terminal_what_to_do(ctl, hostile):
    watching = Dialogue(ctl, "--no-pager", "monitor")
    watching.wait_for("interrupt to end")
    hostile.emit_all()
    watching.wait_for("owned")
    watching.process.terminate()
    assert not obeyed(watching.end()[1])
