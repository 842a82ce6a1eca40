# SPDX-License-Identifier: LGPL-2.1-or-later
"""oracxpredctl on a terminal: colour, progress, the pager, and text from elsewhere that must not command it."""

import re
import sqlite3

import pytest

from application import make_database
from command_line import ctl  # noqa: F401

ESCAPE = "\x1b"


def test_colour_is_for_terminals_without_no_color(ctl, client):
    assert ESCAPE + "[0;1;32mok" in ctl.terminal("--no-pager", "status")[1]
    assert ESCAPE not in ctl.terminal("--no-pager", "status", NO_COLOR="1")[1]
    assert ESCAPE not in ctl.terminal("--no-pager", "status", TERM="dumb")[1]
    assert ESCAPE not in ctl.run("status").stdout


BAR = re.compile("^ +([█░]{40})$", re.MULTILINE)
HISTORY = re.compile("^ +History: (.*)  ([0-9.]+ .?i?B) to ([0-9.]+ .?i?B), over the last 3 backups$", re.MULTILINE)


@pytest.fixture
def grown(client, application):
    """A database that has grown from backup to backup."""
    for _ in range(2):
        application.add_bulk(1024 * 1024)
        client.back_up()


@pytest.mark.parametrize("verb", ["status", "stats"])
def test_terminal_shows_a_bar_and_a_line_of_sizes(ctl, grown, verb):
    shown = ctl.terminal("--no-pager", verb, NO_COLOR="1")[1]
    assert BAR.search(shown) and ESCAPE not in shown
    line, lowest, highest = HISTORY.search(shown).groups()
    assert line[0] == "▁" and line[2] == "█" and len(line) == 3
    assert lowest.endswith(" KiB") and highest.endswith(" MiB")
    # The pager that stands in between shows the same.
    paged = ctl.terminal(verb, NO_COLOR="1", SYSTEMD_PAGER="tee", SYSTEMD_PAGERSECURE="0")[1]
    assert BAR.search(paged) and HISTORY.search(paged)


@pytest.mark.parametrize("verb", ["status", "stats"])
def test_bar_takes_colour_where_there_is_some(ctl, client, verb):
    escape = re.escape(ESCAPE)
    shown = ctl.terminal("--no-pager", verb)[1]
    assert re.search(escape + r"\[0;1;3[123]m[█░]{40}" + escape + r"\[0m", shown)


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_bar_keeps_to_a_narrow_terminal(ctl, client, locale):
    shown = ctl.terminal("--no-pager", "status", columns=40, NO_COLOR="1", LC_ALL=locale)[1]
    (bar,) = re.findall(r"^ +(?:[█░]{20}|\[[#.]{20}\])$", shown, re.MULTILINE)
    assert len(bar) <= 40


def test_terminal_without_utf8_gets_ascii(ctl, grown):
    shown = ctl.terminal("--no-pager", "status", LC_ALL="C", NO_COLOR="1")[1]
    assert re.search(r"^ +\[[#.]{40}\]$", shown, re.MULTILINE)
    assert HISTORY.search(shown).group(1)[::2] == "_#"
    assert shown.isascii()


@pytest.mark.parametrize("verb", ["status", "stats"])
def test_nothing_is_drawn_where_nobody_looks(ctl, grown, verb):
    for shown in (ctl.run(verb).stdout, ctl.terminal("--no-pager", verb, TERM="dumb")[1]):
        assert shown.isascii() and ESCAPE not in shown
        assert "##" not in shown and "%)" in shown
        assert re.search("^ +History: [0-9.]+ KiB to [0-9.]+ MiB, over the last 3 backups$", shown, re.MULTILINE)


def test_backup_draws_one_line_over(ctl, client, application):
    application.add_bulk(8 * 1024 * 1024)
    status, shown = ctl.terminal("backup", columns=100)
    assert status == 0
    progress, result = shown.rsplit("\r" + ESCAPE + "[K", 1)
    # Nothing of the progress stays on a line of its own.
    assert "\n" not in progress
    assert progress.startswith("\rbackup: ")
    assert result.startswith(client.names()[0] + ": ")


def test_narrow_terminal_is_never_overrun(ctl, client, application):
    application.add_bulk(4 * 1024 * 1024)
    _, shown = ctl.terminal("backup", columns=40)
    drawn = re.sub(re.escape(ESCAPE) + r"\[[0-9;]*[mK]", "", shown).split("\r")
    assert all(len(part) < 40 for part in drawn[:-1])


def test_fault_on_a_terminal_is_the_same_text(ctl, client):
    status, shown = ctl.terminal("show", "backup_19700101_000000")
    assert status == 10
    assert "There is no backup 'backup_19700101_000000'." in shown


def test_names_of_tables_can_not_command_the_terminal(ctl, service):
    hostile = 'x"' + ESCAPE + "]0;owned\x07\x9b31m"
    make_database(service.database)
    with sqlite3.connect(service.database) as connection:
        connection.execute('CREATE TABLE "{}" (id INTEGER)'.format(hostile.replace('"', '""')))
    connection.close()
    service.start()
    for arguments in (("status",), ("show", "initial_backup"), ("--json=pretty", "status")):
        _, shown = ctl.terminal("--no-pager", *arguments, NO_COLOR="1")
        assert "owned" in shown
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


@pytest.fixture
def pager(tmp_path):
    """A pager that marks what comes through it."""
    path = tmp_path / "pager"
    path.write_text("#!/bin/sh\necho \"paged $*, LESS=$LESS\"\nexec cat\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_pager_is_systemds(ctl, client, pager):
    free = {"SYSTEMD_PAGERSECURE": "0"}
    shown = ctl.terminal("list", PAGER=pager, **free)[1]
    assert shown.startswith("paged , LESS=FRSXMK\n") and "initial_backup" in shown
    # It takes arguments, goes before $PAGER, and keeps the colour of the terminal behind it.
    shown = ctl.terminal("list", PAGER="false", SYSTEMD_PAGER=pager + " -a  -b", **free)[1]
    assert shown.startswith("paged -a -b,") and ESCAPE in shown
    for off in ({"SYSTEMD_PAGER": ""}, {"PAGER": "cat"}):
        assert ctl.terminal("list", **off, **free)[1].startswith(ESCAPE)
    assert "paged" not in ctl.terminal("--no-pager", "list", PAGER=pager, **free)[1]
    assert "paged" not in ctl.run("list", PAGER=pager, **free).stdout


def test_no_pager_of_ones_own_for_somebody_else(ctl, client, pager):
    assert "paged" not in ctl.terminal("list", PAGER=pager, SYSTEMD_PAGERSECURE="1")[1]


def test_leaving_the_pager_early_is_no_fault(ctl, client):
    status, shown = ctl.terminal("status", PAGER="true", SYSTEMD_PAGERSECURE="0")
    assert (status, shown) == (0, "")


def test_fault_comes_after_the_pager_has_gone(ctl, client, pager):
    status, shown = ctl.terminal("show", "nothing", PAGER=pager, SYSTEMD_PAGERSECURE="0")
    assert status == 10 and "no backup 'nothing'" in shown
