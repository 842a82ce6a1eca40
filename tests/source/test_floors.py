# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which folder may include which, read from the include lines alone: every folder lies on a floor, and includes lead
down. There are no exceptions."""

import os
import re

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../src"))

# From the ground up. A folder may include those before it.
FLOORS = [
    "base",
    "age",
    "database/connection",
    "database/page",
    "database/schema",
    "database/statistics",
    "database/check",
    "database/copy",
    "database/rescue",
    "database/json",
    "database/export",
    "database/import",
    "records",
    "backup/state",
    "backup/catalogue",
    "backup/store",
    "backup/create",
    "backup/quarantine",
    "backup/remedy",
    "backup/restore",
    "backup/repair",
    "daemon/loop",
    "daemon/configuration",
    "daemon/bus",
    "daemon/facts",
    "daemon/manager.h",
    "daemon/latency",
    "daemon/state",
    "daemon/store",
    "daemon/audit",
    "daemon/access",
    "daemon/records",
    "daemon/catalogue",
    "daemon/job",
    "daemon/query",
    "daemon/operation",
    "daemon/interface",
    "daemon/reload.c",
    "daemon/manager.c",
    "daemon/oracxpredd.c",
    "ctl/show",
    "ctl/call",
    "ctl/view",
    "ctl/verb",
    "ctl/main.c",
]


def floor_of(path):
    """The folder of a file, or the file itself where it lies in a room's own folder beside others."""
    folder = os.path.dirname(path)
    return folder if folder in FLOORS else path


def arrows():
    for directory, _, names in os.walk(SOURCE):
        for name in sorted(names):
            if not name.endswith((".c", ".h")):
                continue
            path = os.path.relpath(os.path.join(directory, name), SOURCE)
            with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
                included = re.findall(r'^\s*#\s*include\s+"([^"]+/[^"]+)"', file.read(), re.MULTILINE)
            yield from ((floor_of(path), floor_of(other)) for other in included)


def upward():
    return {(one, other) for one, other in arrows() if FLOORS.index(one) < FLOORS.index(other)}


def test_every_folder_lies_on_a_floor():
    assert {floor for arrow in arrows() for floor in arrow} <= set(FLOORS)


def test_every_floor_is_there():
    assert not [floor for floor in FLOORS if not os.path.exists(os.path.join(SOURCE, floor))]


def test_includes_lead_down():
    assert not sorted(upward())
