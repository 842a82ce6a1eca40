# SPDX-License-Identifier: LGPL-2.1-or-later
"""Backups that somebody has pinned: nothing removes them until that is taken back."""

from command_line import ctl  # noqa: F401
from contract import BACKUP

DAY_USEC = 86_400_000_000
MOMENT_USEC = 1769219181 * 1_000_000


def test_pinned_backups_stay_until_that_is_taken_back(service, ctl):  # noqa: F811
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    first = ctl.json("backup", "--keep")["Name"]
    second, third = client.back_up(), client.back_up()
    assert ctl.run("keep", second).stdout.startswith(f"{second}: kept\n")
    service.set_clock(MOMENT_USEC + 30 * DAY_USEC)
    for _ in range(3):
        client.back_up()
    client.wait_property("NJobs", 0)
    assert {first, second} <= set(client.names()) and third not in client.names()
    assert f"{first}: " in ctl.run("delete", "--yes", first, status=2).stderr
    assert all(ctl.json("show", name)["Kept"] for name in (first, second))
    assert " kept" in next(row for row in ctl.run("list").stdout.splitlines() if first in row)
    service.stop()

    client = service.start(clock=True)
    path = next(backup["path"] for backup in client.backups() if backup["name"] == first)
    assert client.get("Kept", path, BACKUP) is True
    ctl.run("unkeep", first)
    client.manager("Cleanup", {})
    assert first not in client.names() and second in client.names()
