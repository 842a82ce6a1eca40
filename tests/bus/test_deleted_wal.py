# SPDX-License-Identifier: LGPL-2.1-or-later
"""A clean-up deletes the -wal and -shm of the database while somebody has it open."""

import gzip
import os


from accounts import Accounts
from application import Application
from broken_database import checkpoint, kept, start, users  # noqa: F401
from contract import ERROR


def delete_side_files(path):
    for ending in ("-wal", "-shm"):
        if os.path.exists(path + ending):
            os.unlink(path + ending)


def wait_reason(client, words):
    """Until a sentence of health has these words."""
    client.wait(
        lambda signal: signal.member == "PropertiesChanged"
        and any(words in text for _, text in signal.body[1].get("HealthReasons", ("", ()))[1])
    )


def backed_up_users(service, name, tmp_path):
    with gzip.open(os.path.join(service.backups, name + ".db.gz")) as stored:
        (tmp_path / "backup.db").write_bytes(stored.read())
    return users(str(tmp_path / "backup.db"))


def test_service_lets_go_of_a_deleted_wal(kept, tmp_path):
    """What only its own -wal held is in the database, and its backups hold what applications commit."""
    client = start(kept)
    assert len(Accounts(client).list()) == 3  # through the connection that stays open
    delete_side_files(kept.database)
    wait_reason(client, "-wal or -shm")
    application = Application(kept.database)
    application.add_users(3, "after")
    name = client.back_up()
    assert backed_up_users(kept, name, tmp_path) == {"kept0", "kept1", "later0", "after0", "after1", "after2"}
    assert "wal-deleted" in client.reasons()
    assert client.run("Verify", "", {})[1] == "done"
    assert "wal-deleted" not in client.reasons()
    assert client.get("LastRestore") == ""
    application.close()


def test_wal_that_is_deleted_right_after_a_backup_is_named(kept, tmp_path):
    """The row about the backup is written a moment after its end: by then the database is open already."""
    client = start(kept)
    client.back_up()
    checkpoint(kept.database)
    delete_side_files(kept.database)
    wait_reason(client, "-wal or -shm")
    application = Application(kept.database)
    application.add_users(2, "after")
    name = client.back_up()
    assert backed_up_users(kept, name, tmp_path) == {"kept0", "kept1", "later0", "after0", "after1"}
    assert client.get("LastRestore") == ""
    application.close()


def test_nothing_is_done_beside_who_has_a_deleted_wal(kept, tmp_path):
    client = start(kept)
    application = Application(kept.database)
    application.add_users(2, "in-the-wal")
    delete_side_files(kept.database)
    wait_reason(client, f"(pid {os.getpid()})")
    application.add_users(1, "last")
    for operation in ("Backup", {}), ("Verify", "", {}):
        _, result, error, message = client.run(*operation)
        assert (result, error) == ("failed", ERROR + "DatabaseInUse")
        assert "-wal" in message and "VACUUM INTO" in message
    # What the advice says.
    application.query(f"VACUUM INTO '{tmp_path}/saved.db'")
    assert {"in-the-wal0", "in-the-wal1", "last0"} <= users(str(tmp_path / "saved.db"))
    assert client.get("LastRestore") == ""
    assert client.get("Integrity") != "corrupt"
    application.close()
