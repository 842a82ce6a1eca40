# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page in Cockpit, read from its source: who may speak to the bus, how big a file may grow, and that every string is
translated."""

import json
import os
import re

import pytest

PAGE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../src/cockpit"))
LINES_MAX = 300
STRING = r'"((?:[^"\\]|\\.)*)"'
ONE = re.compile(rf"\b(?:_|N_|gettext)\({STRING}\)")
SEVERAL = re.compile(rf"\bngettext\({STRING},\s*{STRING},")


def sources():
    return sorted(name for name in os.listdir(PAGE) if name.endswith((".js", ".jsx")) and name != "build.js")


def text(name):
    with open(os.path.join(PAGE, name), encoding="utf-8") as file:
        return file.read()


def used_strings():
    """(singular, plural or None), as the source has them."""
    used = set()
    for name in sources():
        used |= {(found, None) for found in ONE.findall(text(name))} | set(SEVERAL.findall(text(name)))
    return used


def translations(language):
    """(singular, plural or None) to the list of what they are in the language."""
    found = {}
    for block in text(f"po/{language}.po").split("\n\n")[1:]:
        fields = dict(re.findall(rf"^(msg\w+(?:\[\d\])?) {STRING}$", block, re.MULTILINE))
        if fields:
            translated = [value for name, value in fields.items() if name.startswith("msgstr")]
            found[fields["msgid"], fields.get("msgid_plural")] = translated
    return found


def test_there_is_a_page():
    assert "bus.js" in sources() and len(used_strings()) > 300


@pytest.mark.parametrize("name", sources())
def test_file_is_one_view_or_dialog(name):
    assert text(name).count("\n") <= LINES_MAX


def test_one_module_speaks_to_the_bus():
    assert [name for name in sources() if re.search(r"\bcockpit\.dbus\b", text(name))] == ["bus.js"]


@pytest.mark.parametrize("name", sources())
def test_page_runs_no_shell_and_polls_nothing(name):
    content = text(name)
    assert "cockpit.script" not in content and '"sh"' not in content and '"bash"' not in content
    # The one clock renders what is "3 minutes ago"; it asks for nothing.
    assert "setInterval" not in content or (name == "format.jsx" and "import" in content and "bus.js" not in content)


def test_nothing_is_inline_and_nothing_comes_from_elsewhere():
    page = text("index.html")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|style=", page)
    for name in ("index.html", "page.css", *sources()):
        assert not re.search(r"https?://", re.sub(r"http://www\.w3\.org/\S*", "", text(name))), name
        assert "dangerouslySetInnerHTML" not in text(name) and "innerHTML" not in text(name)


def test_french_is_complete_and_has_nothing_else():
    translated = translations("fr")
    assert set(translated) == used_strings()
    assert [key for key, values in translated.items() if not all(values) or len(values) != (2 if key[1] else 1)] == []


def test_translations_have_the_same_gaps():
    for (one, several), values in translations("fr").items():
        for source, value in zip((one, several or one), values):
            assert set(re.findall(r"\$\d", source)) == set(re.findall(r"\$\d", value)), one


@pytest.mark.parametrize("name", [name for name in sources() if name.endswith(".jsx")])
def test_text_goes_through_gettext(name):
    """What stands between two tags, or in an attribute that people see, is no bare text."""
    content = text(name)
    bare = re.findall(r"<[A-Za-z]\w*(?: [^<>]*)?(?<!=)>\s*([A-Za-z][^<>{}()]*)</", content)
    assert [found for found in bare if found.strip()] == []
    assert not re.search(r"\b(?:aria-label|title|label|placeholder|titleText)=\"[A-Za-z]", content)


def test_package_is_locked():
    lock = json.loads(text("package-lock.json"))
    wanted = json.loads(text("package.json"))["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert all(lock["packages"]["node_modules/" + name]["version"] == version for name, version in wanted.items())
    assert all("integrity" in entry for path, entry in lock["packages"].items() if path)
