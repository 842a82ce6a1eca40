# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people are told to run, they run as root. SQLite would then do what the database's folder and its schema say: a
journal names files to be removed, a dump holds commands of the shell. So every `sqlite3` that a text shows works on a
copy without its side files, and in safe mode."""

import os
import re

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# These run it on a database that they have made themselves.
OWN_DATABASE = {"packaging/quickstart", "packaging/run-tests"}
COPIES = {"copy.db", "recovered.db"}
# A program, its options and the file; not the name of the manual page, of a package or of a function.
COMMAND = re.compile(r"\bsqlite3((?: +-{1,2}[\w-]+)*) +([\w./%$\"{][^\s`]*)")
PROSE = {"as", "and", "or", "on", "with", "in", "is", "has", "does", "for", "from", "of", "that"}


def texts():
    for folder in ("src", "packaging", "systemd", "dbus"):
        for directory, _, names in os.walk(os.path.join(SOURCE, folder)):
            yield from (os.path.relpath(os.path.join(directory, name), SOURCE) for name in sorted(names))
    yield "README.md"


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read().replace("\\-", "-")


def commands(path):
    """(options, file) of each."""
    for line in read(path).splitlines():
        for options, file in COMMAND.findall(line):
            if file.strip("'\"`,.") not in PROSE and not (path.endswith((".c", ".h")) and "*" in line):
                yield options, file


def test_texts_are_found():
    assert {"README.md", "packaging/man/oracxpredd.8"} <= {path for path in texts() if list(commands(path))}


def test_advice_runs_sqlite_on_copies_alone():
    paths = [path for path in texts() if path not in OWN_DATABASE]
    shown = [(path, options.split(), file) for path in paths for options, file in commands(path)]
    assert [one for one in shown if one[2] not in COPIES or "-safe" not in one[1]] == []


def test_recover_is_not_advised():
    """It writes into the folder of what it reads, and takes up the journal that lies there."""
    assert [path for path in texts() if re.search(r"sqlite3.*\.recover\b", read(path))] == []


def test_advice_follows_no_links():
    """Whoever may write the database's folder may put a link there before root does what is said."""
    source = read("src/database/connection/access.c")
    advice = [" ".join(line.split()) for line in source.splitlines() if re.search(r"\b(chown|setfacl|chmod) [^(]*%", line)]
    assert advice
    for line in advice:
        assert not re.search(r"\bchown (?!-h )|\bsetfacl (?!-P )|(?<!-- )\bchmod ", line.lstrip('"')), line
