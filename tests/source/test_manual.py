# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages name every setting, verb, option and exit status that there is, and are laid out without a
complaint."""

import os
import re
import subprocess

import pytest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = ["oracxpred.conf.5", "oracxpredctl.1", "oracxpredd.8"]


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def page(name):
    """What a reader sees, without what roff needs."""
    return read("packaging", "man", name).replace("\\-", "-")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_laid_out_without_a_complaint(name):
    checked = subprocess.run(
        ["groff", "-t", "-man", "-Tutf8", "-ww", "-z", os.path.join(SOURCE, "packaging", "man", name)],
        capture_output=True, text=True, check=True)
    assert checked.stderr == ""


def test_every_setting_is_described():
    table = read("src/daemon/configuration/setting.c").partition("Setting settings[] = {")[2].partition("};")[0]
    settings = re.findall(r'\{"(\w+)"', table)
    assert len(settings) > 5
    text = page("oracxpred.conf.5")
    assert [name for name in settings if not re.search(rf"^\.BR {name} =", text, re.MULTILINE)] == []


def test_every_verb_and_option_is_described():
    verbs = re.findall(r'\{"([a-z-]+)",\s*"', read("src/ctl/main.c").partition("verbs[] = {")[2])
    options = re.findall(r'^\s*\{"([a-z-]+)", (?:no|required|optional)_argument', read("src/ctl/call/arguments.c"),
                         re.MULTILINE)
    assert len(verbs) > 5 and len(options) > 5
    text = page("oracxpredctl.1")
    assert [verb for verb in verbs if not re.search(rf"^\.B\w* \"?{verb}\b", text, re.MULTILINE)] == []
    assert [option for option in options if f"--{option}" not in text] == []


def test_every_exit_status_is_described():
    codes = re.findall(r"\{.*, E\w+, (\d+)\}", read("src/base/fault.c"))
    assert len(codes) > 5
    text = page("oracxpredctl.1").partition(".TS")[2]
    assert [code for code in codes if not re.search(rf"^{code}\t", text, re.MULTILINE)] == []
