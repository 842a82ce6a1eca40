# SPDX-License-Identifier: LGPL-2.1-or-later
"""oracxpredctl when data has to come back: restore, undo, export and import, as an operator types them."""

import gzip
import json
import os
import signal
import sqlite3
import subprocess

import pytest

from application import Application, write_at
from client import PATIENCE_SECONDS
from command_line import CommandLine
from contract import ERROR
from fixtures import build_directory

ESCAPE = "\x1b"


@pytest.fixture
def ctl(bus):
    return CommandLine(os.path.join(build_directory(), "src/ctl/oracxpredctl"), bus.address)


@pytest.fixture
def backed_up(client, application):
    """The name of a backup with three users; two more came later."""
    application.add_users(3)
    name = client.back_up()
    application.add_users(2, "later")
    return name


def users(application):
    return application.query("SELECT count(*) FROM users")[0][0]


def copy_of(database, path, n_users):
    """A file of somebody's own, with users."""
    source = sqlite3.connect(database)
    target = sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.execute("PRAGMA journal_mode=DELETE")
    target.execute("DELETE FROM users")
    target.executemany("INSERT INTO users (username, password) VALUES (?, 'x')", [(f"u{n}",) for n in range(n_users)])
    target.commit()
    target.close()
    return str(path)


# What would be done.


def test_dry_run_shows_what_a_restore_does_and_does_nothing(ctl, client, application, backed_up):
    shown = ctl.run("restore", "--dry-run").stdout
    assert f"Restore: {backed_up}\n" in shown
    assert "in place; connected processes stay connected" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("users ")] == [["users", "5", "3", "-2"]]
    assert " needed, " in shown and " free\n" in shown
    assert f"(process {os.getpid()})" in shown
    assert users(application) == 5
    assert len(client.names()) == 2 and client.get("LastRestore") == ""


def test_plan_is_a_document(ctl, backed_up):
    plan = ctl.json("restore", "--dry-run", "initial_backup")
    assert plan["Name"] == "initial_backup" and plan["Method"] == "in-place"
    assert {"Table": "users", "Now": 5, "Then": 0} in plan["Tables"]
    assert os.getpid() in [process["PID"] for process in plan["Processes"]]
    assert plan["SavesAs"] > backed_up
    # Every value of the bus is there.
    assert {"AgeUSec", "CreatedUSec", "CurrentProblem", "FreeBytes", "NeededBytes", "Quarantine"} < set(plan)
    assert {"RefusedInUse", "StopsUnits", "Units"} < set(plan)


def test_dry_run_of_an_undo_shows_what_it_brings_back_and_does_nothing(ctl, client, application, backed_up):
    ctl.run("undo", "--dry-run", status=10)
    ctl.run("restore", "--yes", backed_up)
    saved_as = client.wait_signal("DatabaseRestored")[4]
    shown = ctl.run("undo", "--dry-run").stdout
    assert f"Restore: {saved_as}\n" in shown
    assert ["users", "3", "5", "+2"] in [line.split() for line in shown.splitlines()]
    plan = ctl.json("undo", "--dry-run")
    assert plan["Name"] == saved_as and plan["Refused"] == ""
    assert users(application) == 3


@pytest.mark.parametrize("pack", [False, True])
def test_dry_run_of_a_file_shows_the_plan_of_a_backup_and_keeps_nothing(
    ctl, service, client, application, backed_up, tmp_path, pack
):
    path = copy_of(service.database, tmp_path / "mine.db", 7)
    if pack:
        with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
            packed.write(plain.read())
        path += ".gz"
    before = service.stored()
    plan = ctl.json("restore", "--dry-run", "--from=" + path)
    assert plan["Name"] == path and plan["Method"] == "in-place" and plan["CurrentProblem"] == ""
    assert {"Table": "users", "Now": 5, "Then": 7} in plan["Tables"]
    assert set(plan) == set(ctl.json("restore", "--dry-run", backed_up))
    assert f"Restore: {path}\n" in ctl.run("restore", "--dry-run", "--from=" + path).stdout
    assert service.stored() == before and users(application) == 5


def test_file_comes_on_standard_input(ctl, service, client, application, backed_up, tmp_path):
    """From a pipe, as Cockpit gives what a browser uploads."""
    path = copy_of(service.database, tmp_path / "mine.db", 7)

    def restore(*options, status=0):
        with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as upload:
            return ctl.run(*options, "restore", "--from=-", status=status, stdin=upload.stdout, TMPDIR=str(tmp_path))

    plan = json.loads(restore("--json=short", "--dry-run").stdout)
    assert plan["Name"] == "standard input" and {"Table": "users", "Now": 5, "Then": 7} in plan["Tables"]
    # Nobody can be asked, and nothing stays behind.
    restore(status=2)
    assert users(application) == 5 and not [name for name in os.listdir(tmp_path) if name.startswith("oracxpredctl")]
    restore("--yes")
    assert users(application) == 7


def test_person_sees_the_plan_of_a_file_and_is_asked(ctl, service, client, application, backed_up, tmp_path):
    path = copy_of(service.database, tmp_path / "mine.db", 7)
    status, shown = ctl.terminal("restore", "--from=" + path, typed="n\n")
    assert status == 14 and f"Replace the database with the content of {path}? [y/N] " in shown
    assert ["users", "5", "7", "+2"] in [line.split() for line in shown.splitlines()]
    assert ctl.terminal("restore", "--from=" + path, typed="y\n")[0] == 0
    assert users(application) == 7


# Restore and undo.


def test_restore_and_undo_by_name_under_a_connected_application(ctl, client, application, backed_up):
    done = ctl.run("restore", "--yes", backed_up)
    saved_as = client.wait_signal("DatabaseRestored")[4]
    assert done.stdout.splitlines() == [
        f"{backed_up}: restored in place; connected processes go on with it",
        f"What was there before is kept as {saved_as}; `oracxpredctl undo` brings it back.",
    ]
    assert users(application) == 3
    assert ctl.run("undo", "--yes").stdout.startswith(f"{saved_as}: restored in place")
    assert users(application) == 5


def test_no_name_means_the_newest_verified_backup(ctl, application, backed_up):
    outcome = ctl.json("restore", "--yes")
    assert (outcome["Name"], outcome["Result"], outcome["Operation"]) == (backed_up, "done", "restore")
    assert outcome["Method"] == "in-place" and outcome["Automatic"] is False
    assert outcome["SavedAs"] != "" and outcome["SavedAs"] != backed_up
    assert users(application) == 3
    assert ctl.json("undo", "--yes")["Operation"] == "undo"


def test_nothing_is_printed_with_quiet_and_a_job_with_no_wait(ctl, client, application, backed_up):
    done = ctl.run("-q", "restore", "--yes", backed_up)
    assert done.stdout == done.stderr == ""
    job_id, path = ctl.run("undo", "--yes", "--no-wait").stdout.split()
    assert path.endswith("/" + job_id)
    assert client.ended(int(job_id))[0] == "done"
    assert users(application) == 5


def test_faults_have_their_exit_status(ctl, client, application):
    application.add_users(1)
    assert "`oracxpredctl list`" in ctl.run("restore", "--yes", "backup_19700101_000000", status=10).stderr
    assert "`oracxpredctl list`" in ctl.run("restore", "--dry-run", "backup_19700101_000000", status=10).stderr
    assert ctl.json("restore", "--yes", "backup_19700101_000000", status=10)["Error"] == ERROR + "NotFound"
    ctl.run("restore", "--yes", "../etc/passwd", status=2)
    assert ctl.run("undo", "--yes", status=10).stderr != ""
    assert users(application) == 1


def test_status_tells_the_last_restore(ctl, client, application, backed_up):
    assert "Last restore" not in ctl.run("status").stdout
    ctl.run("restore", "--yes", backed_up)
    shown = ctl.run("status").stdout
    assert f"Last restore: {backed_up} (" in shown
    assert "; `oracxpredctl undo` takes it back\n" in shown
    assert "automatic" not in shown and "Auto restore" not in shown


def test_database_that_has_to_be_replaced_is_refused_while_it_is_open(ctl, service):
    service.configure("AutoRestore=no\n")
    client = service.start()
    application = Application(service.database)
    application.add_users(3)
    name = client.back_up()
    application.query("PRAGMA wal_checkpoint(TRUNCATE)")
    write_at(service.database, 0, bytes(100))
    plan = ctl.json("restore", "--dry-run")
    assert plan["Method"] == "replace" and plan["RefusedInUse"] is True and plan["CurrentProblem"] != ""
    assert {"Table": "users", "Then": 3} in plan["Tables"]
    assert str(os.getpid()) in ctl.run("restore", "--yes", name, status=24).stderr
    status, shown = ctl.terminal("restore", typed="y\n")
    assert status == 24 and "[y/N]" not in shown and "--force" in shown
    done = ctl.run("restore", "--yes", "--force", name)
    quarantine = client.wait_signal("DatabaseRestored")[5]
    assert done.stdout.splitlines() == [
        f"{name}: restored, as a new file in the place of the old one",
        f"What was there before is kept in {quarantine}; `oracxpredctl undo --dry-run` shows what bringing it back needs.",
    ]
    application.close()
    restored = Application(service.database)
    assert users(restored) == 3
    restored.close()
    # What is damaged is put back by force alone, and nobody promises more.
    assert not client.get("CanUndoRestore")
    assert "oracxpredctl undo" not in ctl.run("status").stdout
    plan = ctl.json("undo", "--dry-run")
    assert plan["Name"] == quarantine and "--force" in plan["Refused"]
    status, shown = ctl.terminal("undo", typed="y\n")
    assert status == 20 and "[y/N]" not in shown and "only with --force" in shown
    ctl.run("undo", "--yes", status=20)
    assert ctl.json("undo", "--yes", "--force")["Name"] == quarantine


def test_monitor_tells_a_restore(ctl, client, backed_up):
    process = ctl.start("monitor")
    assert process.stderr.readline().startswith("Watching")
    ctl.run("restore", "--yes", backed_up)
    while f"the database was restored: {backed_up}" not in process.stdout.readline():
        assert process.poll() is None
    process.kill()
    process.communicate()


def test_status_tells_that_nothing_restores_by_itself(ctl, service):
    service.configure("AutoRestore=no\n")
    service.start()
    assert "Auto restore: off" in ctl.run("status").stdout


# A person at the terminal.


def test_person_sees_the_plan_and_is_asked(ctl, client, application, backed_up):
    status, shown = ctl.terminal("restore", typed="n\n")
    assert status == 14
    assert f"Replace the database with {backed_up}? [y/N] " in shown
    assert "RECORDS NOW" in shown and "Not confirmed; the database is as it was." in shown
    assert users(application) == 5
    assert ctl.terminal("restore", typed="y\n")[0] == 0
    assert users(application) == 3
    status, shown = ctl.terminal("undo", typed="\n")
    assert status == 14 and "[y/N]" in shown
    assert f"Restore: {client.get('LastRestore')}" not in shown and "RECORDS NOW" in shown
    assert ["users", "3", "5", "+2"] in [line.split() for line in shown.splitlines()]
    assert ctl.terminal("undo", typed="yes\n")[0] == 0
    assert users(application) == 5


def test_yes_asks_nothing(ctl, application, backed_up):
    status, shown = ctl.terminal("restore", "-y", backed_up)
    assert status == 0 and "[y/N]" not in shown
    assert users(application) == 3


# A file of the operator's own.


@pytest.mark.parametrize("pack", [False, True])
def test_file_is_restored_through_its_descriptor(ctl, service, client, application, backed_up, tmp_path, pack):
    path = copy_of(service.database, tmp_path / "mine.db", 7)
    if pack:
        with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
            packed.write(plain.read())
        path += ".gz"
    # Nobody but the caller may read it.
    os.chmod(path, 0o600)
    outcome = ctl.json("restore", "--yes", "--from=" + path)
    assert users(application) == 7
    kinds = {backup["name"]: backup["kind"] for backup in client.backups()}
    assert kinds[outcome["Name"]] == "imported" and kinds[outcome["SavedAs"]] == "pre-restore"
    ctl.run("undo", "--yes")
    assert users(application) == 5


@pytest.mark.parametrize("spelled, told", [(b"not-\xff-utf8", r"not-\xff-utf8"), (b"line\nfeed", r"line\x0afeed")])
def test_file_is_restored_whatever_its_name(service, ctl, client, application, tmp_path, spelled, told):
    path = copy_of(service.database, os.path.join(str(tmp_path), os.fsdecode(spelled)), 7)
    outcome = ctl.json("restore", "--yes", "--from=" + path)
    assert users(application) == 7
    assert ctl.json("show", outcome["Name"])["Source"].endswith("/" + told)


def test_file_that_lacks_its_wal_is_refused(ctl, service, client, application, backed_up, tmp_path):
    path = copy_of(service.database, tmp_path / "mine.db", 7)
    other = Application(path)
    other.query("PRAGMA journal_mode=WAL")
    other.add_users(1, "late")
    done = ctl.run("restore", "--yes", "--from=" + path, status=2)
    assert "Close the application" in done.stderr and "not root" in done.stderr
    other.close()
    # The live database itself is in the same state, always.
    assert "-wal has changes" in ctl.run("restore", "--yes", "--from=" + service.database, status=2).stderr
    assert users(application) == 5 and len(client.names()) == 2


def test_what_is_no_database_file_is_refused(ctl, client, application, backed_up, tmp_path):
    text = tmp_path / "text"
    text.write_text("This is no database, whatever its name says.\n" * 100)
    ctl.run("restore", "--yes", f"--from={text}", status=21)
    ctl.run("restore", "--yes", f"--from={tmp_path}", status=2)
    ctl.run("restore", "--yes", "--from=/dev/zero", status=2)
    ctl.run("restore", "--yes", f"--from={tmp_path}/missing", status=18)
    ctl.run("restore", f"--from={text}", backed_up, status=2)
    ctl.run("restore", f"--from={text}", "--dry-run", status=21)
    assert users(application) == 5 and len(client.names()) == 2


# Export.


def test_export_goes_to_standard_output(ctl, client, application, backed_up):
    document = json.loads(ctl.run("export").stdout)
    assert "later1" in json.dumps(document)
    # One table: each export leaves a row in the logs, which the next one of all tables has.
    users = json.loads(ctl.run("export", "--table=users").stdout)
    assert ctl.run("export", "--table=users", "-").stdout == ctl.run("export", "--table=users").stdout
    assert json.loads(ctl.run("export", "--table=users", "--format=compact").stdout) == users
    for line in ctl.run("export", "--format=lines").stdout.splitlines():
        json.loads(line)


def test_export_into_a_file_is_private_and_replaces_nothing(ctl, client, application, backed_up, tmp_path):
    path = tmp_path / "out.json"
    done = ctl.run("export", "--table=users", str(path))
    assert done.stdout.startswith(f"{path}: ") and path.stat().st_mode & 0o7777 == 0o600
    assert path.read_text() == ctl.run("export", "--table=users").stdout
    assert "exists already" in ctl.run("export", str(path), status=2).stderr
    document = ctl.json("export", "--table=users", str(tmp_path / "second.json"))
    assert document["File"] == str(tmp_path / "second.json") and document["Bytes"] == path.stat().st_size
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []
    assert "Name a file" in ctl.run("--json=short", "export", status=2).stderr


def test_failed_export_leaves_no_file(ctl, client, tmp_path):
    before = os.listdir(tmp_path)
    ctl.run("export", "--table=nothing", str(tmp_path / "out.json"), status=10)
    ctl.run("export", "--format=xml", str(tmp_path / "out.json"), status=2)
    ctl.run("export", str(tmp_path / "missing/out.json"), status=18)
    assert os.listdir(tmp_path) == before


def test_tables_are_chosen_and_secrets_left_out(ctl, client, application):
    application.query("INSERT INTO users (username, password) VALUES ('a', 'never-to-be-seen')")
    assert "never-to-be-seen" in ctl.run("export").stdout
    assert "never-to-be-seen" not in ctl.run("export", "--redact").stdout
    chosen = ctl.run("export", "--table=predictions", "--table=system_logs").stdout
    assert "never-to-be-seen" not in chosen and "predictions" in chosen and "system_logs" in chosen


def test_reader_that_has_seen_enough_ends_it_quietly(ctl, client, application):
    application.add_bulk(8 * 1024 * 1024)
    process = ctl.start("-q", "export")
    assert process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(PATIENCE_SECONDS) == -signal.SIGPIPE
    process.stderr.close()


def test_interrupt_ends_the_job_with_its_reader(ctl, client, application):
    application.add_bulk(8 * 1024 * 1024)
    process = ctl.start("export")
    # The rest waits in a full pipe.
    assert process.stdout.read(10)
    job_id = client.wait(lambda signal: signal.member == "JobNew" and signal.body[2] == "export").body[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 14
    assert f"job {job_id} was cancelled" in process.stderr.read()
    assert client.ended(job_id)[0] == "cancelled"
    process.stdout.close()
    process.stderr.close()


def test_terminal_gets_the_export_whole_and_is_not_commanded(ctl, client, application):
    application.query("INSERT INTO users (username, password) VALUES (?, 'x')", "a" + ESCAPE + "]0;b\x9b31m\x7f")
    application.add_bulk(2 * 1024 * 1024)
    # Each export leaves a row in the logs, which waits while somebody else writes.
    application.query("BEGIN IMMEDIATE")
    status, shown = ctl.terminal("export")
    assert status == 0
    assert ESCAPE not in shown and "\x9b" not in shown and "\x7f" not in shown
    assert json.loads(shown) == json.loads(ctl.run("export").stdout)
    application.query("ROLLBACK")


# Import.


def test_export_comes_back_through_import(ctl, service, client, application, backed_up, tmp_path):
    path = tmp_path / "out.json"
    ctl.run("export", str(path))
    application.query("DELETE FROM users")
    name = ctl.json("import", str(path), "--label=from yesterday")["Name"]
    found = {backup["name"]: (backup["kind"], backup["label"]) for backup in client.backups()}
    assert found[name] == ("imported", "from yesterday")
    assert users(application) == 0
    done = ctl.run("restore", "--yes", name)
    assert done.stdout.startswith(f"{name}: restored")
    assert users(application) == 5


def test_import_goes_on_to_restore(ctl, client, application, backed_up, tmp_path):
    path = tmp_path / "out.json"
    ctl.run("export", str(path))
    before = application.query("SELECT * FROM users")
    application.query("DELETE FROM users")
    outcome = ctl.json("import", "--restore", "--yes", str(path))
    assert outcome["Name"] == outcome["Import"]["Name"] and outcome["Operation"] == "restore"
    assert application.query("SELECT * FROM users") == before
    status, shown = ctl.terminal("import", "--restore", str(path), typed="n\n")
    assert status == 14 and "is imported, but not restored: Not confirmed" in shown


def test_what_can_not_be_imported_is_refused(ctl, client, application, backed_up, tmp_path):
    redacted, text = tmp_path / "redacted.json", tmp_path / "text.json"
    ctl.run("export", "--redact", str(redacted))
    text.write_text('{"what": "else"}')
    ctl.run("import", str(redacted), status=11)
    ctl.run("import", str(text), status=2)
    ctl.run("import", str(tmp_path), status=2)
    ctl.run("import", "--restore", "--no-wait", str(redacted), status=2)
    ctl.run("import", "--force", str(redacted), status=2)
    assert len(client.names()) == 2


def test_import_by_hand_says_how_to_go_on(ctl, client, tmp_path):
    path = tmp_path / "out.json"
    ctl.run("export", str(path))
    done = ctl.run("import", str(path))
    assert done.stdout.startswith(client.names()[0] + ": imported; `oracxpredctl restore`")


def test_no_file_goes_over_ssh(ctl, tmp_path):
    for arguments in (("export",), ("import", "x.json"), ("restore", "--from=x.db")):
        done = ctl.run("-H", "nowhere.invalid", *arguments, status=11)
        assert "`ssh nowhere.invalid oracxpredctl" in done.stderr
