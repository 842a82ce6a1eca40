# SPDX-License-Identifier: LGPL-2.1-or-later
"""LogRetentionSec=: old rows of the logs go after a backup that has them, never otherwise."""

import sqlite3

import pytest

from contract import BACKUP

DAY_USEC = 24 * 3600 * 1000000
# 2026-01-24 00:00 UTC.
START_USEC = 1769212800 * 1000000
NEWEST_KEPT = 1000


def add_rows(service, n):
    """One row a minute, the last one at the start of the clock."""
    with sqlite3.connect(service.database) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO system_logs(action_type, message, created_at) "
            "SELECT 'old', i, strftime('%Y-%m-%d %H:%M:%S', ? - (? - i) * 60, 'unixepoch') FROM n",
            (n, START_USEC // 1000000, n),
        )


def count(service):
    with sqlite3.connect(service.database) as connection:
        return connection.execute("SELECT count(*) FROM system_logs WHERE action_type = 'old'").fetchone()[0]


@pytest.fixture
def aged(service):
    """A service with 3000 rows, a hundred days later."""
    service.configure("LogRetentionSec=90d\nLogRetentionAll=yes\n")
    service.set_clock(START_USEC)
    client = service.start(clock=True)
    add_rows(service, 3000)
    service.set_clock(START_USEC + 100 * DAY_USEC)
    return client


def test_old_rows_go_after_a_backup_that_has_them(service, aged):
    assert count(service) == 3000
    aged.back_up()
    service.wait_logged("old rows of system_logs")
    # Some of the newest thousand are the service's own.
    assert NEWEST_KEPT - 10 < count(service) <= NEWEST_KEPT
    tables = dict(aged.get("Tables", aged.backups()[0]["path"], BACKUP))
    assert tables["system_logs"] >= 3000


@pytest.mark.parametrize(
    "lines",
    [
        "LogRetentionSec=200d\nLogRetentionAll=yes",
        "LogRetentionSec=infinity\nLogRetentionAll=yes",
        "LogRetentionSec=90d",  # the rows are not the service's
        "",
    ],
)
def test_what_is_young_enough_or_the_application_s_stays(service, aged, lines):
    service.configure(f"{lines}\n")
    aged.manager("Reload")
    aged.back_up()
    service.stop()
    assert count(service) == 3000
