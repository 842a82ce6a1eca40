# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a start makes, what it refuses to start on, and what it never touches."""

import os
import signal
import sqlite3
import stat
import subprocess

import pytest

from application import check, make_database, read_all, truncate
from contract import ERROR
from private_bus import SERVICE_USER

EXIT_ALREADY_RUNNING = 26


TABLES = (
    "users predictions alerts access_logs system_logs matches_archive predictions_archive model_performance "
    "anomaly_logs subscription_plans user_subscriptions user_prediction_access notifications persistent_sessions "
    "backup_logs prediction_schedules collected_matches match_collection_logs"
).split()


def test_first_start_makes_the_database_with_the_application_s_tables(service, client):
    connection = sqlite3.connect(service.database)
    found = {name for name, in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    connection.close()
    assert len(TABLES) == 18
    assert set(TABLES) <= found
    assert mode == "wal"
    assert client.get("Health") == "ok"
    assert client.get("HealthReasons") == []
    assert client.get("Integrity") == "ok"
    assert client.get("SchemaDifferences") == []
    client.manager("GetStatistics")
    assert {name for name, _ in client.get("Tables")} >= set(TABLES)


def test_modes_let_the_group_work_on_the_database_alone(service, client):
    def mode(path):
        return stat.S_IMODE(os.stat(path).st_mode)

    assert mode(service.database) == 0o660
    assert mode(os.path.dirname(service.database)) == 0o2770
    assert mode(service.backups) == 0o700


def test_ready_is_told_only_after_the_initial_backup(service, gate):
    service.launch(**gate.at("snapshot-pinned"))
    gate.wait_reached()
    assert "READY=1" not in service.notify.sent()
    assert not [name for name in service.stored() if name.startswith("initial_backup")]
    gate.release()
    service.wait_notification("READY=1")
    assert service.client.names() == ["initial_backup"]
    assert service.client.backups()[0]["kind"] == "initial"
    assert service.client.get("VerifiedBackups") == 1


def test_steps_of_the_start_are_told_to_systemd(service):
    service.start()
    told = service.notify.sent()
    steps = [line for line in told[: told.index("READY=1")] if line.startswith("STATUS=")]
    assert len(set(steps)) >= 3


def test_watchdog_is_fed(service):
    service.start(WATCHDOG_USEC="400000")
    service.notify.forget()
    service.wait_notification("WATCHDOG=1")


def test_second_start_makes_nothing_new(service):
    service.start()
    service.stop()
    before = service.stored()
    client = service.start()
    assert service.stored() == before
    assert client.get("Health") == "ok"


def test_database_of_an_application_is_left_as_its_models_made_it(service):
    make_database(service.database)
    connection = sqlite3.connect(service.database)
    connection.execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR(40) NOT NULL, password TEXT NOT NULL, email TEXT, "
        "is_admin BOOLEAN, is_approved BOOLEAN, created_at DATETIME, ip_address VARCHAR(45))"
    )
    connection.execute("INSERT INTO users (username, password) VALUES ('kept', 'x')")
    connection.execute("PRAGMA user_version = 42")
    connection.commit()
    before = connection.execute("SELECT * FROM sqlite_schema ORDER BY name").fetchall()
    connection.close()
    client = service.start()
    client.back_up()
    connection = sqlite3.connect(service.database)
    assert connection.execute("SELECT * FROM sqlite_schema ORDER BY name").fetchall() == before
    assert connection.execute("SELECT username FROM users").fetchall() == [("kept",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (42,)
    connection.close()
    assert any("users.username" in difference for difference in client.get("SchemaDifferences"))


def test_missing_database_with_backups_is_not_replaced_by_an_empty_one(service):
    service.configure("AutoRestore=no\n")
    service.start()
    service.client.back_up()
    service.stop()
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(service.database + ending):
            os.unlink(service.database + ending)
    before = {name: read_all(os.path.join(service.backups, name)) for name in service.stored()}
    client = service.start()
    assert not os.path.exists(service.database)
    assert client.get("Health") == "corrupt"
    assert client.get("Integrity") == "unknown"
    assert client.reasons() == ["database-missing"]
    assert len(client.names()) == 2
    _, result, error, message = client.run("Backup", {})
    assert (result, error) == ("failed", ERROR + "Corrupt")
    assert service.database in message
    assert not os.path.exists(service.database)
    assert {name: read_all(os.path.join(service.backups, name)) for name in service.stored()} == before


RUBBISH = {
    "text": b"this is no database\n" * 500,
    "zeros": b"\0" * 8192,
    "header-only": b"SQLite format 3\0" + b"\xff" * 8176,
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH.keys())
def test_file_that_is_no_database_is_left_as_it_is(service, rubbish):
    os.makedirs(os.path.dirname(service.database))
    with open(service.database, "wb") as file:
        file.write(rubbish)
    client = service.start()
    assert client.get("Health") == "corrupt"
    assert client.get("Integrity") == "corrupt"
    assert any(service.database in sentence for _, sentence in client.get("HealthReasons"))
    assert client.names() == []
    _, result, error, _ = client.run("Backup", {})
    assert result == "failed"
    assert error.rpartition(".")[2] in ("Corrupt", "NotADatabase")
    assert service.stored() == []
    service.stop()
    assert read_all(service.database) == rubbish


def test_truncated_database_is_found_and_left_as_it_is(service):
    service.configure("AutoRestore=no\n")
    client = service.start()
    client.back_up()
    service.stop()
    # The whole content would still be in the write-ahead log, which the service does not checkpoint as long as it is small.
    connection = sqlite3.connect(service.database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    truncate(service.database, keep=0.6)
    before = read_all(service.database)
    client = service.start()
    assert client.get("Health") == "corrupt"
    assert len(client.names()) == 2
    service.stop()
    assert read_all(service.database) == before


@pytest.mark.parametrize("place", ["hard link", "symbolic link", "FIFO", "directory"])
def test_what_lies_in_the_place_of_the_database_keeps_the_service_neither_down_nor_quiet(service, tmp_path, place):
    real = str(tmp_path / "real.db")
    make_database(real)
    os.makedirs(os.path.dirname(service.database))
    {
        "hard link": lambda: os.link(real, service.database),
        "symbolic link": lambda: os.symlink(real, service.database),
        "FIFO": lambda: os.mkfifo(service.database),
        "directory": lambda: os.mkdir(service.database),
    }[place]()
    before = read_all(real)
    client = service.start()
    # The check after the start reads a file that has two names, too.
    assert client.get("Integrity") in (("unknown", "ok") if place == "hard link" else ("unknown",))
    assert client.get("Health") == "degraded"
    assert service.database in service.log()
    # Of a file with two names a backup is still better than none.
    assert client.run("Backup", {})[1] == ("done" if place == "hard link" else "failed")
    assert read_all(real) == before
    assert not os.path.exists(real + "-wal")


def test_leftovers_that_are_not_ours_are_named_and_left(service):
    service.start()
    service.stop()
    beside = os.path.join(os.path.dirname(service.database), ".oracxpred.db.restore.tmp")
    stored = os.path.join(service.backups, ".backup_20260124_014621.db.copy.tmp")
    for path in (beside, stored):
        os.mkdir(path)
    service.start()
    for path in (beside, stored):
        assert os.path.isdir(path)
        assert os.path.basename(path) + " has a name of this service's temporary files" in service.log()
        os.rmdir(path)


def test_truncated_shm_ends_the_service_with_the_cause(service, gate):
    client = service.start(**gate.at("snapshot-pinned:2"))
    client.manager("Backup", {})
    gate.wait_reached()
    os.truncate(service.database + "-shm", 0)
    gate.release()
    assert service.wait() == -signal.SIGBUS
    assert "has truncated the -shm" in service.log()
    before = service.stored()
    client = service.start()
    assert client.get("Health") == "ok"
    assert [name for name in service.stored() if name.startswith("initial")] == [
        name for name in before if name.startswith("initial")
    ]


def test_second_daemon_on_the_same_directory_is_refused_and_told_who_holds_it(make_service, service, client):
    other = make_service("second")
    other.state = service.state
    status, output = other.refuses("--user", DBUS_SESSION_BUS_ADDRESS=service.bus.address)
    assert status == EXIT_ALREADY_RUNNING
    assert str(service.process.pid) in output
    assert service.state in output
    # The first is not disturbed.
    client.back_up()


def test_second_daemon_on_the_same_bus_is_refused(make_service, service, client):
    other = make_service("second")
    status, output = other.refuses()
    assert status > 0
    assert "org.oracxpred.Persistence1" in output
    client.back_up()


def test_directory_is_free_again_after_a_kill(service, client):
    service.kill()
    service.start()


def test_state_directory_that_is_a_file_is_refused(service):
    with open(service.state, "w", encoding="ascii") as file:
        file.write("mine\n")
    status, output = service.refuses()
    assert status > 0
    assert service.state in output
    assert read_all(service.state) == b"mine\n"


def test_state_directory_that_is_not_writable_is_refused(service):
    service.give_to(SERVICE_USER)
    os.chown(service.state, 0, 0)
    status, output = service.refuses(user=SERVICE_USER)
    assert status > 0
    assert service.state in output
    assert os.listdir(service.state) == []


@pytest.fixture
def read_only(service):
    """Makes the state directory one that not even root can write, from the call until the test's end."""
    mounted = []

    def protect():
        subprocess.run(["mount", "--bind", service.state, service.state], check=True)
        mounted.append(service.state)
        subprocess.run(["mount", "-o", "remount,bind,ro", service.state], check=True)

    yield protect
    if service.process is not None:
        service.kill()
    for path in mounted:
        subprocess.run(["umount", "--lazy", path], check=True)


def test_read_only_file_system_is_refused_with_its_reason(service, read_only):
    service.start()
    service.stop()
    before = read_all(service.database)
    read_only()
    status, output = service.refuses()
    assert status > 0
    assert "read-only" in output.lower()
    assert service.state in output
    assert read_all(service.database) == before


def test_database_that_may_not_be_written_is_no_corruption(service):
    """Read-only, busy and missing are not corruption, and never lead to a repair; whoever mends it finds the service up."""
    service.give_to(SERVICE_USER)
    service.start(user=SERVICE_USER)
    service.stop()
    os.chown(service.database, 0, 0)
    os.chmod(service.database, 0o444)
    client = service.start(user=SERVICE_USER)
    assert "wrong-permissions" in client.reasons()
    assert client.get("Health") == "degraded"
    assert service.database in service.log()
    service.stop()
    assert not os.path.exists(os.path.join(service.state, "quarantine"))
    check(service.database)


def test_bus_that_is_not_there_is_told(service):
    status, output = service.refuses(DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent/bus")
    assert status > 0
    assert "bus" in output.lower()


def test_session_bus_is_served_on_request(service):
    service.start(
        "--user", DBUS_SESSION_BUS_ADDRESS=service.bus.address, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent/bus"
    )
    assert service.client.get("Health") == "ok"


def test_help_names_every_option(service):
    printed = subprocess.run(
        [service.executable, "--help"], env=service.environment(), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    for option in ("--state-directory=", "--config=", "--user", "--check-config", "--version", "--help"):
        assert option in printed
