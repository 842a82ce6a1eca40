# SPDX-License-Identifier: LGPL-2.1-or-later
"""The message ids in the code and the entries of the journal catalogue are one list, and its texts hold together."""

import os
import re

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def read(path):
    with open(os.path.join(SOURCE, path)) as file:
        return file.read()


def message_ids():
    return re.findall(r'^#define MESSAGE_\w+_ID\s+"([0-9a-f]{32})"$', read("src/base/names.h"), re.MULTILINE)


def entries():
    """Each entry's id, header lines and text."""
    for block in re.split(r"^-- ", read("systemd/oracxpred.catalog"), flags=re.MULTILINE)[1:]:
        head, _, text = block.partition("\n\n")
        number, *header = head.splitlines()
        yield number, dict(line.split(": ", 1) for line in header), text


def test_every_define_is_read():
    assert len(message_ids()) == read("src/base/names.h").count("#define MESSAGE_") > 0


def test_every_message_has_an_entry_and_every_entry_a_message():
    assert [number for number, _, _ in entries()] == message_ids()


def test_no_id_is_used_twice():
    assert len(set(message_ids())) == len(message_ids())


def test_entries_say_what_it_means_and_what_to_do():
    for number, header, text in entries():
        assert set(header) == {"Subject", "Defined-By"}, number
        meaning, _, advice = text.strip().partition("\n\n")
        assert meaning and advice, number


def test_entries_use_fields_that_the_code_sends():
    fields = set(re.findall(r'^#define FIELD_\w+\s+"(\w+)"$', read("src/base/names.h"), re.MULTILINE))
    used = set(re.findall(r"@(\w+)@", read("systemd/oracxpred.catalog")))
    assert used and used <= fields
