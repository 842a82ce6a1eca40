# SPDX-License-Identifier: LGPL-2.1-or-later
"""A later backup takes over what has not changed, and depends on nothing for it."""

import os

import pytest

from application import dump, unpack
from contract import BACKUP



def stored_files(service, client):
    """Paths of the stored files, newest first."""
    return [
        os.path.join(service.backups, client.get("File", backup["path"], BACKUP)) for backup in client.backups()
    ]


def flip_bit(path, place):
    with open(path, "r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1]))


@pytest.fixture
def filled(service, application):
    """A database of a few megabytes."""
    application.add_users(20000)
    return service.database


def test_second_backup_holds_the_changes(service, client, filled, application, tmp_path):
    client.back_up()
    application.add_users(7, prefix="later")
    client.back_up()
    image = unpack(stored_files(service, client)[0], tmp_path / "image.db")
    assert dump(image) == dump(service.database)


def test_removing_the_older_one_leaves_the_newer_one_whole(service, client, filled, tmp_path):
    older = client.back_up()
    newer = client.back_up()
    path = next(backup["path"] for backup in client.backups() if backup["name"] == older)
    job_id, _ = client.call(path, BACKUP, "Delete", {})
    assert client.ended(job_id)[0] == "done"
    assert client.run("Verify", newer, {})[1] == "done"


def test_rot_of_the_older_backup_is_found_and_not_taken_over(service, client, filled, tmp_path):
    """The new backup is whole, and the one that it had begun to copy is verified, and marked."""
    older = client.back_up()
    stored = stored_files(service, client)[0]
    flip_bit(stored, os.path.getsize(stored) // 2)
    start = client.mark()
    newer = client.back_up()
    client.wait(lambda signal: signal.member == "JobRemoved" and signal.body[2] == "verify", since=start)
    paths = {backup["name"]: backup["path"] for backup in client.backups()}
    assert client.get("VerificationFault", paths[older], BACKUP)
    assert client.run("Verify", newer, {})[1] == "done"
    image = unpack(stored_files(service, client)[0], tmp_path / "image.db")
    assert dump(image) == dump(service.database)


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_file_of_another_kind_is_not_built_upon(service, compression):
    """From one form to the other and back."""
    other = {"gzip": "none", "none": "gzip"}[compression]
    service.configure(f"Compression={compression}\n")
    client = service.start()
    client.back_up()
    service.configure(f"Compression={other}\n")
    client.manager("Reload")
    assert client.run("Verify", client.back_up(), {})[1] == "done"
    service.configure(f"Compression={compression}\n")
    client.manager("Reload")
    assert client.run("Verify", client.back_up(), {})[1] == "done"
