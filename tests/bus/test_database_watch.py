# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is done to the database's file behind the service's back is noticed without anybody asking."""

import contextlib
import os
import shutil
import sqlite3

import pytest

from application import Application, check
from broken_database import checkpoint, damage, kept, remove, rescued, start, users, wait_restored  # noqa: F401
from contract import ERROR
from service import Gate


def cut_behind(path, keep):
    """With truncate(2), which closes nothing. A checkpoint comes before the start: what grows in the same second can't
    be seen to shrink."""
    os.truncate(path, int(os.path.getsize(path) * keep))


def connected(path):
    """A connection that has read, as a pool keeps it."""
    application = Application(path)
    application.query("SELECT count(*) FROM users")
    return application


def test_database_that_is_cut_under_a_connected_application_is_restored_under_it(kept):
    """The log has commits and only rows are cut off, so SQLite can still write into the file."""
    kept.configure("AutoRestoreMaxLoss=100%\n")
    before = Application(kept.database)
    before.add_bulk(2 * 1024 * 1024)
    before.close()
    client = start(kept)
    application = connected(kept.database)
    application.add_users(1, "unsaved")
    since = client.mark()
    os.truncate(kept.database, os.path.getsize(kept.database) // 2)
    assert client.wait_signal("DatabaseRestored", since=since)[2] == "in-place"
    assert application.usernames() >= {"kept0", "kept1"}
    application.close()
    check(kept.database)
    wait_restored(client)
    assert "became smaller" in kept.log()


@pytest.mark.parametrize("keep", [0, 0.5])
def test_database_that_only_its_replacement_mends_is_noticed_and_its_users_named(kept, keep):
    checkpoint(kept.database)
    client = start(kept)
    application = connected(kept.database)
    since = client.mark()
    cut_behind(kept.database, keep)
    client.wait(lambda signal: signal.member == "JobRemoved" and signal.body[2] == "restore", since=since)
    assert client.get("Health") == "corrupt"
    errors = {body[4]: body[5] for body in (s.body for s in client.signals[since:] if s.member == "JobRemoved")}
    assert f"(pid {os.getpid()})" in errors[ERROR + "DatabaseInUse"]
    application.close()
    assert client.run("Restore", "", {})[1] == "done"
    assert users(kept.database) == {"kept0", "kept1"}
    client.wait_property("Health", "ok")


def test_database_that_is_emptied_without_a_close_comes_back(kept):
    checkpoint(kept.database)
    client = start(kept)
    since = client.mark()
    os.truncate(kept.database, 0)
    client.wait_signal("DatabaseRestored", since=since)
    assert users(kept.database) == {"kept0", "kept1"}
    wait_restored(client)


def test_emptied_database_is_never_found_sound(kept):
    kept.configure("AutoRestore=no\n")
    checkpoint(kept.database)
    client = start(kept)
    cut_behind(kept.database, 0)
    _, result, error, message = client.run("Verify", "", {})
    assert (result, error) == ("failed", ERROR + "Corrupt")
    assert "was emptied" in message


def checks(client, since):
    return [s for s in client.signals[since:] if s.member == "JobNew" and s.body[2] == "check"]


def test_database_that_vacuum_makes_smaller_is_found_sound(kept):
    application = Application(kept.database)
    application.add_bulk(1024 * 1024)
    application.close()
    checkpoint(kept.database)
    client = start(kept)
    since = client.mark()
    application = connected(kept.database)
    application.query("DELETE FROM system_logs")
    application.query("VACUUM")
    application.close()
    checkpoint(kept.database)
    job = client.wait_signal("JobNew", since=since)
    assert job[2] == "check"
    assert client.ended(job[0])[0] == "done"
    assert client.get("Integrity") == "ok"
    assert "became smaller" in kept.log()


def test_database_that_is_moved_away_and_back_is_the_same_one(kept):
    # Nothing may be put in its place meanwhile.
    kept.configure("AutoRestore=no\n")
    client = start(kept)
    os.rename(kept.database, kept.database + ".away")
    client.wait_property("Health", "corrupt")
    since = client.mark()
    os.rename(kept.database + ".away", kept.database)
    job = client.wait_signal("JobNew", since=since)
    assert job[2] == "check"
    assert client.ended(job[0])[0] == "done"
    client.wait_property("Health", "ok")
    assert client.reasons() == []
    assert "is in its place again" in kept.log()
    assert "is another file now" not in kept.log()


def test_database_that_is_written_again_after_it_was_emptied_is_kept(kept, tmp_path):
    kept.configure("AutoRestore=no\n")
    client = start(kept)
    checkpoint(kept.database)
    copy = str(tmp_path / "copy.db")
    shutil.copyfile(kept.database, copy)
    os.truncate(kept.database, 0)
    client.wait_property("Health", "corrupt")
    since = client.mark()
    shutil.copyfile(copy, kept.database)
    job = client.wait_signal("JobNew", since=since)
    assert job[2] == "check"
    assert client.ended(job[0])[0] == "done"
    assert "later0" in users(kept.database)
    client.run("Verify", "", {})
    assert client.get("Health") == "ok"


def test_database_that_is_copied_slowly_is_judged_when_the_copy_is_over(kept, tmp_path):
    """Half of a database looks like a damaged one, and a backup in its place would be a loss."""
    client = start(kept)
    image = tmp_path / "image.db"
    connection = sqlite3.connect(kept.database)
    connection.execute("INSERT INTO users (username, password) VALUES ('copied', 'x')")
    connection.commit()
    connection.execute("VACUUM INTO ?", [os.fspath(image)])
    connection.close()
    whole = image.read_bytes()
    since = client.mark()
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(kept.database + suffix)
    with open(kept.database, "wb", buffering=0) as copy:
        copy.write(whole[: len(whole) // 2])
        client.wait(lambda signal: "being written anew" in str(signal.body), since=since)
        # An application that finds it broken meanwhile leads to no restore.
        client.manager("ReportCorruption", "half")
        copy.write(whole[len(whole) // 2 :])
    client.wait(lambda signal: "'Integrity'" in str(signal.body) and "'ok'" in str(signal.body), since=since)
    assert "copied" in users(kept.database)
    assert not [signal for signal in client.signals if signal.member == "DatabaseRestored"]


def test_directory_of_the_database_that_is_away_is_watched_again(kept):
    kept.configure("AutoRestore=no\n")
    client = start(kept)
    directory = os.path.dirname(kept.database)
    os.rename(directory, directory + ".away")
    client.wait_property("Health", "corrupt")
    os.rename(directory + ".away", directory)
    client.wait_property("Health", "ok")
    since = client.mark()
    os.rename(kept.database, kept.database + ".away")
    client.wait_signal("CorruptionDetected", since=since)
    client.wait_property("Health", "corrupt")


def test_database_that_comes_back_while_it_is_restored_is_kept(kept, tmp_path):
    gate = Gate(tmp_path / "gate")
    client = start(kept, **gate.at("replace-prepared"))
    checkpoint(kept.database)
    os.rename(kept.database, kept.database + ".away")
    gate.wait_reached()
    since = client.mark()
    os.rename(kept.database + ".away", kept.database)
    gate.release()
    checked = client.wait_signal("JobNew", since=since)
    assert checked[2] == "check"
    assert client.ended(checked[0])[0] == "done"
    assert "later0" in users(kept.database)
    assert client.get("LastRestore") == ""
    assert os.listdir(os.path.join(kept.state, "quarantine")) == []
    client.wait_property("Health", "ok")
    assert len(checks(client, since)) == 1


def test_database_that_vanishes_as_its_restore_ends_is_missed(kept, tmp_path):
    gate = Gate(tmp_path / "gate")
    client = start(kept, **gate.at("restore-record-final"))
    damage(kept.database)
    since = client.mark()
    client.manager("Restore", "", {})
    gate.wait_reached()
    os.rename(kept.database, kept.database + ".away")
    gate.release()
    client.wait_signal("DatabaseRestored", since=since)
    client.wait_signal("CorruptionDetected", since=since)
    assert "is gone, and not through this service" in kept.log()


@pytest.mark.parametrize("break_it", [damage, remove], ids=lambda f: f.__name__)
def test_turning_the_automatism_on_restores_what_is_known_as_broken(kept, break_it):
    kept.configure("AutoRestore=no\n")
    break_it(kept.database)
    client = kept.start()
    assert client.get("Health") == "corrupt"
    kept.configure("AutoRestore=yes\n")
    since = client.mark()
    client.manager("Reload")
    client.wait_signal("DatabaseRestored", since=since)
    assert users(kept.database) == rescued(break_it)
    wait_restored(client)
