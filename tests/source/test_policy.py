# SPDX-License-Identifier: LGPL-2.1-or-later
"""polkit's files name the actions that the daemon asks for, and speak the languages that they promise."""

import os
import re
import subprocess
import xml.etree.ElementTree

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
AUTHORIZE = "src/daemon/access/authorize.c"
POLICY = "dbus/org.oracxpred.Persistence1.policy.in"


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def actions():
    root = xml.etree.ElementTree.fromstring(re.sub(r"<!DOCTYPE.*?>", "", read(POLICY), flags=re.DOTALL))
    return {action.get("id"): action for action in root.findall("action")}


def asked():
    return {"org.oracxpred.Persistence1" + name for name in re.findall(r'BUS_NAME "(\.[a-z-]+)"', read(AUTHORIZE))}


def test_policy_has_the_actions_that_are_asked_for_and_no_other():
    assert asked() == set(actions())


def test_rule_names_actions_of_the_policy():
    named = set(re.findall(r'"(org\.oracxpred\.[^"]+)"', read("dbus/oracxpred.rules.in")))
    assert named and named <= set(actions())


def test_service_may_ask_about_others_with_details():
    """polkit takes that from root and from an action's owner only."""
    for action in actions().values():
        owner = action.find("annotate[@key='org.freedesktop.policykit.owner']")
        assert owner.text == "unix-user:@SERVICE_USER@"


def test_nobody_from_elsewhere_is_let_in_unasked():
    for name, action in actions().items():
        allowed = [action.findtext(f"defaults/{who}") for who in ("allow_any", "allow_inactive", "allow_active")]
        assert all(value in ("auth_admin", "auth_admin_keep") for value in allowed[:2]), name
        assert allowed[2] in ("auth_admin", "auth_admin_keep") or name.endswith(".verify")


def test_every_text_is_translated():
    """msgfmt says what is missing or fuzzy, and names the texts that the catalogue has."""
    for language in read("src/po/LINGUAS").split():
        path = os.path.join(SOURCE, f"src/po/{language}.po")
        counted = subprocess.run(
            ["msgfmt", "--check", "--statistics", "--output-file=/dev/null", path],
            env={**os.environ, "LC_ALL": "C"},
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        ).stderr
        assert re.fullmatch(r"\d+ translated messages\.\n", counted), counted
        plain = subprocess.run(
            ["msgcat", "--no-wrap", path], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        known = set(re.findall(r'^msgid "(.+)"$', plain, flags=re.MULTILINE))
        texts = {action.findtext(part) for action in actions().values() for part in ("description", "message")}
        assert texts <= known, texts - known
