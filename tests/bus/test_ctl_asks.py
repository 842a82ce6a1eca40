# SPDX-License-Identifier: LGPL-2.1-or-later
"""What oracxpredctl asks before it replaces or removes data, and what it refuses where nobody can answer."""

import os
import shutil

import pytest

from command_line import ctl  # noqa: F401


def users(application):
    return application.query("SELECT count(*) FROM users")[0][0]


@pytest.fixture
def backed_up(client, application):
    """The only backup beside the initial one, with three users; two more came later."""
    application.add_users(3)
    name = client.back_up()
    application.add_users(2, "later")
    return name


def test_script_that_does_not_say_yes_replaces_nothing(ctl, service, client, application, backed_up, tmp_path):  # noqa: F811
    export, copy = tmp_path / "out.json", tmp_path / "copy.db"
    ctl.run("export", str(export))
    ctl.run("restore", "--yes", backed_up)
    application.add_users(4, "again")
    application.query("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(service.database, copy)
    names = client.names()
    for arguments in (("restore",), ("restore", backed_up), ("restore", f"--from={copy}"), ("undo",),
                      ("import", "--restore", str(export))):
        assert "--yes" in ctl.run(*arguments, status=2).stderr
        assert client.names() == names and users(application) == 7


def test_script_does_not_remove_the_last_verified_backups(ctl, service):  # noqa: F811
    service.configure("RetentionMinimumVerified=2\n")
    client = service.start()
    oldest, older, newest = client.back_up(), client.back_up(), client.back_up()
    for names in ((newest,), (older,), (oldest, older)):
        done = ctl.run("delete", *names, status=2)
        assert "last verified" in done.stderr and "--yes" in done.stderr
    assert client.names() == [newest, older, oldest, "initial_backup"]
    assert ctl.run("delete", oldest).stdout.startswith(f"{oldest}: deleted\n")
    ctl.run("delete", "--yes", older, newest)
    assert client.names() == ["initial_backup"]


def test_delete_asks_a_person(ctl, client):  # noqa: F811
    first, second = client.back_up(), client.back_up()
    status, shown = ctl.terminal("delete", first, typed="n\n")
    assert status == 14 and f"Remove {first} for good, one of the last verified backups? [y/N] " in shown
    status, shown = ctl.terminal("delete", first, second, typed="\n")
    assert status == 14 and "Remove these 2 backups for good, the last verified ones among them? [y/N] " in shown
    assert client.names() == [second, first, "initial_backup"]
    assert ctl.terminal("delete", first, typed="y\n")[0] == 0
    status, shown = ctl.terminal("delete", "-y", second)
    assert status == 0 and "[y/N]" not in shown
    assert client.names() == ["initial_backup"]


def test_list_tells_the_rot_that_a_verification_found(ctl, service, client, application):  # noqa: F811
    application.add_users(50)
    name = client.back_up()
    assert "VerificationFault" not in ctl.json("list")[0]
    path = os.path.join(service.backups, name + ".db.gz")
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(bytes(64))
    ctl.run("verify", name, status=20)
    backup = ctl.json("list")[0]
    assert backup["Name"] == name and name in backup["VerificationFault"]
    line = next(line for line in ctl.run("list").stdout.splitlines() if name in line)
    assert " failed " in line and line.endswith(backup["VerificationFault"])
    assert backup["VerificationFault"] in ctl.run("restore", "--dry-run", name).stdout
