# SPDX-License-Identifier: LGPL-2.1-or-later
"""Schemas that who may write the database made against whoever reads it: names without end, views without end, and
expressions that cost a second a row. Backup, check, plan and restore go on, and every call is answered."""

import sqlite3

import pytest

from command_line import ctl  # noqa: F401
from private_bus import PrivateBus

# dbus-daemon closes the connection that sends a larger message. A system bus allows 32 MiB; a test of that size is slow.
MESSAGE_MAX_BYTES = 5 * 1024 * 1024
NAME_BYTES = 990_000
ENDLESS = "WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r) SELECT a AS id FROM r"


def execute(service, *statements):
    connection = sqlite3.connect(service.database)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.fixture
def bus():
    with PrivateBus(f'<limit name="max_message_size">{MESSAGE_MAX_BYTES}</limit>') as running:
        yield running


def test_names_of_any_length_cost_no_connection(service, ctl):  # noqa: F811
    client = service.start()
    earlier = client.back_up()
    names = [f"{n:02}" + "n" * NAME_BYTES for n in range(MESSAGE_MAX_BYTES // NAME_BYTES + 3)]
    execute(service, *(f'CREATE TABLE "{name}"(a)' for name in names))
    client.back_up()
    ctl.run("stats")
    shown = [name for name, _ in client.get("Tables")]
    assert all(any(name.startswith(part.rstrip("\u2026")) for part in shown) for name in names)
    assert max(map(len, shown)) <= 1025
    client.get_all()
    client.backups()
    ctl.run("restore", "--dry-run", earlier)
    ctl.run("restore", "--yes", earlier)
    assert client.get("Health") == "ok"


VIEWS = {
    "endless": [f"CREATE VIEW endless AS {ENDLESS}"],
    "in the place of a table that is written": ["DROP TABLE access_logs", f"CREATE VIEW access_logs AS {ENDLESS}"],
    "doubled sixty times": [
        "CREATE VIEW v0 AS SELECT 1 AS a",
        *(f"CREATE VIEW v{n} AS SELECT * FROM v{n - 1} UNION ALL SELECT * FROM v{n - 1}" for n in range(1, 60)),
    ],
    "generated columns of 200 MB": [
        "CREATE TABLE g(a, b AS (hex(zeroblob(100000000))))",
        "INSERT INTO g SELECT 1 FROM (WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r LIMIT 100) SELECT * FROM r)",
    ],
}


@pytest.mark.parametrize("statements", VIEWS.values(), ids=VIEWS)
def test_what_nobody_has_to_read_is_not_read(service, ctl, tmp_path, statements):  # noqa: F811
    client = service.start()
    earlier = client.back_up()
    execute(service, *statements)
    client.back_up()
    for call in (("stats",), ("verify",), ("export", str(tmp_path / "export")), ("restore", "--dry-run", earlier)):
        ctl.run(*call)
    ctl.run("restore", "--yes", earlier)
    assert client.get("Health") == "ok"
