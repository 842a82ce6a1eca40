# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which database the backups are of: those of another one count for nothing, and nothing is removed while nobody has
looked at a database that was emptied or exchanged."""

import os
import shutil
import sqlite3

import pytest

from application import Application
from command_line import ctl  # noqa: F401
from contract import BACKUP

DAY_USEC = 86_400_000_000
MOMENT_USEC = 1769219181 * 1_000_000


def make_shop(path, n_orders=30):
    """A database of somebody else's application."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders(n)")
    connection.executemany("INSERT INTO orders VALUES(?)", [(n,) for n in range(n_orders)])
    connection.commit()
    connection.close()
    return path


def remove(database):
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(database + suffix):
            os.unlink(database + suffix)


def count(database, table):
    connection = sqlite3.connect(database)
    try:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        connection.close()


def others(client):
    return {backup["name"] for backup in client.backups() if "OtherDatabase" in backup["notes"]}


def own(client):
    return [name for name in client.names() if name not in others(client)]


def identity(client, name):
    path = next(backup["path"] for backup in client.backups() if backup["name"] == name)
    return client.get("DatabaseId", path, BACKUP)


@pytest.fixture
def filled(service):
    """A database with forty users, and the name of its backup. The service does not run."""
    client = service.start()
    application = Application(service.database)
    application.add_users(40)
    name = client.back_up()
    application.close()
    service.stop()
    return name


def reasons_of_cleanup(client):
    return {reason for _, _, reason in client.manager("Cleanup", {"dry-run": ("b", True)})}


def test_another_file_under_database_has_no_backups_until_it_gets_its_own(service, filled, ctl, tmp_path):  # noqa: F811
    shop = make_shop(str(tmp_path / "shop/shop.db"))
    service.configure(f"Database={shop}\n")
    client = service.start()
    assert others(client) == {filled, "initial_backup"}
    (first,) = own(client)
    assert identity(client, first) not in ("", identity(client, filled))
    assert client.get("LastBackup") == first
    assert client.get("OtherDatabase", client.backups()[-1]["path"], BACKUP) is True
    assert "another database" in next(row for row in ctl.run("list").stdout.splitlines() if filled in row)

    # When it is gone, its own backup comes back and no other.
    since = client.mark()
    remove(shop)
    assert client.wait_signal("DatabaseRestored", since=since)[1] == first
    assert count(shop, "orders") == 30
    service.stop()

    # Back at the old file, it is the other way round.
    service.configure("")
    client = service.start()
    assert others(client) == {first}
    assert client.get("LastBackup") == filled
    # What happened to the other one is still to be acknowledged.
    assert set(client.reasons()) <= {"restored-rows-lost", "repaired"}


def test_backup_of_another_database_never_takes_the_place_of_a_missing_file(service, filled, tmp_path):
    path = str(tmp_path / "new/new.db")
    os.makedirs(os.path.dirname(path))
    service.configure(f"Database={path}\n")
    client = service.start()
    assert count(path, "users") == 0
    assert client.get("LastRestore") == ""
    # By its name it can be restored all the same, and the database goes on as that one.
    client.run("Restore", filled, {})
    assert count(path, "users") == 40
    assert {filled, "initial_backup"} <= set(own(client))


def test_database_stays_the_same_one(service, filled, tmp_path):
    """Through VACUUM, a copy in its place, a restore, and with the state directory in another place."""
    client = service.start()
    wanted = identity(client, filled)
    client.run("Restore", filled, {})
    assert identity(client, client.back_up()) == wanted
    service.stop()

    connection = sqlite3.connect(service.database)
    connection.execute("DELETE FROM users WHERE id > 30")
    connection.commit()
    connection.execute("VACUUM")
    connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    connection.close()
    remove(service.database)
    shutil.move(str(tmp_path / "copy.db"), service.database)
    os.chmod(service.database, 0o660)
    client = service.start()
    assert client.reasons() == []
    assert identity(client, client.back_up()) == wanted
    service.stop()

    moved = service.state + "-moved"
    os.rename(service.state, moved)
    service.state, service.database = moved, service.database.replace(service.state, moved)
    client = service.start()
    assert identity(client, client.back_up()) == wanted
    assert others(client) == set()


def test_backups_of_before_there_were_ids_are_told_by_their_path(service, filled, tmp_path):
    for name in os.listdir(service.backups):
        if name.endswith(".meta"):
            path = os.path.join(service.backups, name)
            with open(path, encoding="utf-8") as file:
                lines = [line for line in file if '"database_id"' not in line]
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(lines)
    os.unlink(os.path.join(service.state, "database.json"))
    client = service.start()
    assert identity(client, filled) == ""
    assert others(client) == set() and client.reasons() == []
    service.stop()
    service.configure(f"Database={make_shop(str(tmp_path / 'shop/shop.db'))}\n")
    assert others(service.start()) == {filled, "initial_backup"}


def test_file_that_was_exchanged_for_another_database_holds_retention(service, filled, ctl):  # noqa: F811
    remove(service.database)
    make_shop(service.database)
    os.chmod(service.database, 0o660)
    client = service.start()
    assert "another-database" in client.reasons()
    assert others(client) == {filled, "initial_backup"}
    service.stop()
    client = service.start()
    assert "another-database" in client.reasons()
    assert ctl.run("acknowledge").returncode == 0
    assert "another-database" not in client.reasons()
    # The backups of the old one stay even so.
    assert others(client) == {filled, "initial_backup"}
    assert "of another database; remove it by hand" in reasons_of_cleanup(client)
    # It is not gone for good: whoever wants the old one back restores it, and has its backups again.
    client.run("Restore", filled, {})
    assert filled in own(client)


def test_file_that_was_exchanged_under_the_service_is_looked_at(service, filled):
    client = service.start()
    connection = sqlite3.connect(service.database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    other = make_shop(service.database + ".other")
    since = client.mark()
    os.rename(other, service.database)
    job = client.wait_signal("JobNew", since=since)
    assert client.ended(job[0])[0] == "done"
    client.wait(lambda signal: "another-database" in client.reasons() or None)
    assert filled in others(client)


@pytest.fixture
def emptied(service):
    """A database that lost its rows while the service was down. Returns the names of the backups that have them."""
    service.set_clock(MOMENT_USEC)
    client = service.start(clock=True)
    application = Application(service.database)
    application.add_users(500)
    names = [client.back_up()]
    application.query("DELETE FROM users WHERE id = 1")
    names.append(client.back_up())
    application.query("DELETE FROM users")
    application.close()
    service.stop()
    return names


def test_emptied_database_holds_retention_until_somebody_says_that_it_is_right(service, emptied, ctl):  # noqa: F811
    service.start(clock=True)
    client = service.client
    client.wait(lambda signal: signal.member == "PropertiesChanged" and "database-emptied" in client.reasons() or None)
    sentence = dict(client.get("HealthReasons"))["database-emptied"]
    assert "500" not in sentence and "499" in sentence and emptied[1] in sentence and "acknowledge" in sentence
    for day in range(1, 12):
        service.set_clock(MOMENT_USEC + day * DAY_USEC)
        client.back_up()
    client.wait_property("NJobs", 0)
    assert set(emptied) <= set(client.names())
    service.stop()
    client = service.start(clock=True)
    assert "database-emptied" in client.reasons()
    ctl.run("acknowledge")
    assert "database-emptied" not in client.reasons()
    client.back_up()
    client.wait_property("NJobs", 0)
    assert "database-emptied" not in client.reasons()


def test_restore_ends_the_wait(service, emptied):
    client = service.start(clock=True)
    client.back_up()
    assert "database-emptied" in client.reasons()
    client.run("Restore", emptied[1], {})
    assert "database-emptied" not in client.reasons()
    assert count(service.database, "users") == 499
    # What was restored is what later backups are compared with, however much there was before.
    client.run("Restore", "initial_backup", {})
    client.back_up()
    assert "database-emptied" not in client.reasons()


def test_database_that_is_emptied_while_the_service_runs_is_noticed_by_its_next_backup(service, filled):
    client = service.start()
    application = Application(service.database)
    application.query("DELETE FROM users")
    application.close()
    client.back_up()
    assert "database-emptied" in client.reasons()
    assert reasons_of_cleanup(client) == {
        "nothing is removed until somebody has looked at the database; see `oracxpredctl status`"}
