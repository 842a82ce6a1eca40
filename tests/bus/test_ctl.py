# SPDX-License-Identifier: LGPL-2.1-or-later
"""oracxpredctl in scripts and units: what it prints into a pipe, its JSON, and its exit status."""

import json
import os
import signal
import subprocess

import pytest

from application import truncate
from command_line import ctl  # noqa: F401
from contract import BACKUP, BUS_PATH, ERROR, JOB

HELD_IN_A_BACKUP = "snapshot-pinned:2"


def lines(text):
    return text.splitlines()


# Without a service.


def test_no_service_is_said_with_the_way_out(ctl):
    for verb in ("status", "list", "doctor", "jobs", "backup", "verify"):
        done = ctl.run(verb, status=28)
        assert done.stdout == ""
        assert "not running" in done.stderr and "systemctl start oracxpredd" in done.stderr


def test_no_service_is_a_document_too(ctl):
    assert ctl.json("status", status=28)["Error"] == ERROR + "NotRunning"


def test_no_bus_is_said(ctl):
    done = ctl.run("status", status=28, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
    assert "system bus" in done.stderr


def test_users_bus_is_another_one(ctl, client, bus):
    done = ctl.run("--user", "list", status=28, DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent")
    assert "user's bus" in done.stderr
    assert "initial_backup" in ctl.run("--user", "list", DBUS_SESSION_BUS_ADDRESS=bus.address).stdout


def test_wrong_usage_has_a_hint(ctl):
    assert "Did you mean 'status'?" in ctl.run("statsu", status=2).stderr
    assert "Did you mean '--no-legend'?" in ctl.run("--no-legned", status=2).stderr
    assert "Usage: oracxpredctl show NAME" in ctl.run("show", status=2).stderr


def test_help_and_version_need_no_service(ctl):
    assert "verify [NAME|--all]" in ctl.run("--help").stdout
    assert ctl.run("--version").stdout.startswith("oracxpredctl 0.")


# State.


def test_status_shows_what_operators_know(ctl, service, client, application):
    application.add_users(7)
    shown = ctl.run("status").stdout
    assert f"Database: {service.database}\n" in shown
    assert "Health: ok\n" in shown
    assert "Integrity: ok (checked " in shown
    assert "Backups: 1 (1 verified), " in shown
    assert "Last backup: initial_backup (" in shown
    assert "Next backup: unknown: systemd does not answer on this bus\n" in shown
    assert " free of " in shown
    # Counted afresh, although no backup was made since.
    assert [line.split() for line in lines(shown) if line.split()[0] == "users"] == [["users", "7"]]
    # Names stand right-aligned before their colon.
    assert len({line.index(": ") for line in lines(shown) if line.split()[0][-1] == ":"}) == 1


def test_no_verb_is_status(ctl, client):
    assert "Health: ok\n" in ctl.run().stdout


def test_status_document_has_the_names_of_the_bus(ctl, client):
    document = ctl.json("status")
    properties = client.get_all()
    assert set(properties) < set(document)
    for name in ("DatabasePath", "Health", "Backups", "LastBackup", "LastBackupUSec", "CadenceUSec", "Version"):
        assert document[name] == properties[name]
    assert document["Tables"] == dict(properties["Tables"])
    assert document["HealthReasons"] == [] and document["Jobs"] == []
    assert document["NextBackupUSec"] == 0


def test_status_exits_3_when_health_is_not_ok(ctl, service):
    service.configure("LowDiskSpace=1000T\n")
    service.start()
    done = ctl.run("status", status=3)
    assert "Health: degraded\n" in done.stdout
    assert ctl.run("-q", "status", status=3).stdout == ""
    document = ctl.json("status", status=3)
    assert document["Health"] == "degraded"
    assert document["HealthReasons"][0]["Code"] and document["HealthReasons"][0]["Message"]


def test_status_shows_jobs_and_ignored_configuration(ctl, service, gate):
    service.configure("Retension=7d\n")
    client = service.start(**gate.at(HELD_IN_A_BACKUP))
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    shown = ctl.run("status", status=ctl_status(client)).stdout
    assert f"Jobs: {job_id} backup, running" in shown
    assert "Retension" in shown
    gate.release()


def ctl_status(client):
    return 0 if client.get("Health") == "ok" else 3


def test_doctor_exits_by_its_worst_finding(ctl, client):
    findings = client.manager("Diagnose")
    levels = {level for _, level, _, way_out in findings if way_out}
    worst = 5 if "fault" in levels else 4 if "warning" in levels else 0
    shown = ctl.run("doctor", status=worst).stdout
    for check, result, _, way_out in findings:
        assert [line for line in lines(shown) if line.startswith(check) and result in line]
        assert not way_out or f"-> {way_out}" in shown
    document = ctl.json("doctor", status=worst)
    assert [(row["Check"], row["Result"]) for row in document] == [(row[0], row[1]) for row in findings]


# Backups.


def test_backup_waits_and_tells_what_it_made(ctl, client):
    done = ctl.run("backup", "--label=before the update")
    name = client.names()[0]
    assert done.stdout.startswith(f"{name}: ") and ", verified, took " in done.stdout
    assert all(line.startswith("backup: ") for line in lines(done.stderr)) and done.stderr
    backup = client.backups()[0]
    assert (backup["kind"], backup["label"]) == ("manual", "before the update")


def test_quiet_backup_prints_nothing(ctl, client):
    done = ctl.run("-q", "backup", "--automatic")
    assert done.stdout == done.stderr == ""
    assert client.backups()[0]["kind"] == "automatic"


def test_backup_document_is_outcome_and_backup(ctl, client):
    document = ctl.json("backup")
    assert document["Operation"] == "backup" and document["Result"] == "done" and document["Error"] == ""
    assert document["Name"] == client.names()[0]
    assert document["StoredBytes"] == client.backups()[0]["stored_bytes"]


def test_no_wait_prints_id_and_path(ctl, client):
    job_id, path = ctl.run("backup", "--no-wait").stdout.split()
    assert path == f"{BUS_PATH}/job/{job_id}"
    assert client.ended(int(job_id))[0] == "done"
    document = ctl.json("verify", "--no-wait")
    assert set(document) == {"Id", "Job", "Name"}
    assert client.ended(document["Id"])[0] == "done"


def test_refused_call_and_failed_job_have_their_exit_status(ctl, service, client):
    assert "256" in ctl.run("backup", "--label=" + "x" * 257, status=2).stderr
    name = client.back_up()
    truncate(os.path.join(service.backups, name + ".db.gz"))
    done = ctl.run("verify", name, status=20)
    assert done.stdout == "" and name in done.stderr
    assert ctl.json("verify", name, status=20)["Error"] == ERROR + "Corrupt"


def test_list_is_aligned_and_summed_up(ctl, client):
    client.back_up(label=("s", "mise à jour 更新"))
    client.back_up()
    shown = lines(ctl.run("list").stdout)
    header, rows, legend = shown[0], shown[1:4], shown[-1]
    assert header.split() == ["NAME", "KIND", "CREATED", "AGE", "DATABASE", "STORED", "VERIFIED", "LABEL"]
    assert [row.split()[0] for row in rows] == client.names()
    assert [row[header.index("KIND") :].split()[0] for row in rows] == ["manual", "manual", "initial"]
    assert rows[1].endswith("mise à jour 更新")
    assert legend.startswith("3 backups, ") and legend.endswith("iB.")
    assert [row.split()[0] for row in lines(ctl.run("list", "--no-legend").stdout)] == client.names()


def test_list_document_has_the_names_of_the_bus(ctl, client):
    client.back_up()
    document = ctl.json("list")
    for row in document:
        properties = client.get_all(row.pop("Path"), BACKUP)
        assert row == {name: properties[name] for name in row}
    assert [row["Name"] for row in document] == client.names()


def test_show_tells_everything(ctl, client, application):
    application.add_users(3)
    name = client.back_up(label=("s", "here"))
    properties = client.get_all(client.backups()[0]["path"], BACKUP)
    shown = ctl.run("show", name).stdout
    for text in (name, "here", properties["StoredSHA256"], properties["DatabaseBlocksSHA256"], properties["File"]):
        assert text in shown
    assert [line.split() for line in lines(shown) if line.split()[0] == "users"] == [["users", "3"]]
    document = ctl.json("show", name)
    assert document == {**properties, "Tables": dict(properties["Tables"])}


def test_unknown_backup_is_not_found(ctl, client):
    for verb in ("show", "verify", "delete"):
        done = ctl.run(verb, "backup_19700101_000000", status=10)
        assert "no backup 'backup_19700101_000000'" in done.stderr and "oracxpredctl list" in done.stderr


def test_verify_of_database_one_and_all(ctl, service, client):
    name = client.back_up()
    assert ctl.run("verify").stdout == "database: verified\n"
    assert ctl.run("verify", name).stdout == f"{name}: verified\n"
    done = ctl.run("verify", "--all")
    assert lines(done.stdout)[:2] == [f"{name}: verified", "initial_backup: verified"]
    assert lines(done.stdout)[-1] == "2 verified, 0 failed."

    truncate(os.path.join(service.backups, name + ".db.gz"))
    done = ctl.run("verify", "--all", status=20)
    # The one that fails keeps no other from its turn.
    assert lines(done.stdout)[0] == "initial_backup: verified"
    assert lines(done.stdout)[-1] == "1 verified, 1 failed."
    assert done.stderr.startswith(f"{name}: ")
    assert [row["Result"] for row in ctl.json("verify", "--all", status=20)] == ["failed", "done"]


def test_cleanup_shows_reasons_and_dry_run_removes_nothing(ctl, client):
    client.back_up()
    shown = lines(ctl.run("cleanup", "--dry-run").stdout)
    assert shown[0].split() == ["NAME", "DECISION", "REASON"]
    assert [row.split()[1] for row in shown[1:3]] == ["keep", "keep"]
    assert shown[-1] == "0 would be dropped, 2 kept."
    document = ctl.json("cleanup")
    assert [(row["Name"], row["Decision"]) for row in document] == [(name, "keep") for name in client.names()]
    assert all(row["Reason"] for row in document)


def test_delete_goes_on_after_a_refusal(ctl, client):
    first, second = client.back_up(), client.back_up()
    done = ctl.run("delete", "--yes", first, "initial_backup", second, status=2)
    assert lines(done.stdout)[:2] == [f"{first}: deleted", f"{second}: deleted"]
    assert lines(done.stdout)[-1] == "2 deleted, 1 failed."
    assert done.stderr.startswith("initial_backup: ")
    assert client.names() == ["initial_backup"]


# Jobs.


@pytest.fixture
def held(service, gate):
    """The service, holding whoever backs up next at a gate."""
    return service.start(**gate.at(HELD_IN_A_BACKUP))


def backup_asked_for(client):
    """The id of the first backup that somebody asked for; the start-up is a job too."""
    return client.wait(lambda signal: signal.member == "JobNew" and signal.body[2] == "backup").body[0]


def test_jobs_lists_and_cancel_stops(ctl, held, gate):
    running, _ = held.manager("Backup", {})
    queued, _ = held.manager("Backup", {})
    gate.wait_reached()
    held.wait_property("State", "running", f"{BUS_PATH}/job/{running}", JOB)
    shown = lines(ctl.run("jobs").stdout)
    assert shown[0].split()[:3] == ["ID", "OPERATION", "STATE"]
    assert shown[1].split()[:3] == [str(running), "backup", "running"]
    assert shown[2].split()[:3] == [str(queued), "backup", "queued"]
    assert shown[-1] == "2 jobs."
    assert [(job["Id"], job["State"]) for job in ctl.json("jobs")] == [(running, "running"), (queued, "queued")]

    ctl.run("cancel", str(queued))
    assert held.ended(queued)[0] == "cancelled"
    gate.release()
    assert held.ended(running)[0] == "done"
    assert ctl.run("jobs").stdout == "\n0 jobs.\n"


def test_cancel_wants_a_job(ctl, client):
    assert "oracxpredctl jobs" in ctl.run("cancel", "first", status=2).stderr
    ctl.run("cancel", "4000000000", status=10)
    ctl.run("cancel", "-1", status=2)


def test_cancelled_backup_fails_visibly(ctl, held, gate):
    waiting = ctl.start("backup")
    job_id = backup_asked_for(held)
    gate.wait_reached()
    ctl.run("cancel", str(job_id))
    gate.release()
    assert waiting.wait() == 14
    waiting.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_waiting_leaves_the_job_and_says_so(ctl, held, gate, number):
    waiting = ctl.start("backup")
    job_id = backup_asked_for(held)
    gate.wait_reached()
    # Its first line: it waits now, and has its signals in hand.
    assert waiting.stderr.readline()
    waiting.send_signal(number)
    _, errors = waiting.communicate()
    assert waiting.returncode == -number
    assert f"Job {job_id} goes on; `oracxpredctl cancel {job_id}` stops it.\n" in errors
    gate.release()
    assert held.ended(job_id)[0] == "done"


def test_service_that_dies_ends_the_waiting(ctl, service, held, gate):
    waiting = ctl.start("backup")
    gate.wait_reached()
    assert waiting.stderr.readline()
    service.kill()
    _, errors = waiting.communicate()
    assert waiting.returncode == 28
    assert "went away" in errors and "journalctl -u oracxpredd" in errors


# Service.


def test_reload_tells_of_ignored_lines(ctl, service, client):
    assert ctl.run("reload").stderr == ""
    service.configure("Retension=7d\n")
    done = ctl.run("reload", status=27)
    assert service.configuration in done.stderr and "Retension" in done.stderr


@pytest.fixture
def watch(ctl):
    """Starts the monitor and waits until it listens."""
    started = []

    def start(*arguments):
        started.append(ctl.start(*arguments, "monitor"))
        assert started[-1].stderr.readline()
        return started[-1]

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == -signal.SIGINT


def test_monitor_prints_an_object_a_line(watch, client):
    watching = watch("--json=pretty")
    name = client.back_up()
    events = []
    while not events or events[-1]["Signal"] != "JobRemoved":
        events.append(json.loads(watching.stdout.readline()))
    of_signal = {event["Signal"]: event for event in events}
    assert of_signal["BackupCreated"]["Name"] == name
    assert of_signal["JobNew"]["Id"] == of_signal["BackupCreated"]["Job"] == of_signal["JobRemoved"]["Id"]
    assert of_signal["JobRemoved"]["Result"] == "done"
    assert all(event["TimeUSec"] > 0 for event in events)


def test_monitor_follows_backups_and_the_service(watch, service, client):
    watching = watch()
    name = client.back_up()
    shown = [watching.stdout.readline() for _ in range(3)]
    assert "queued: backup" in shown[0]
    assert shown[1].endswith(f"backup made: {name}\n")
    assert shown[2].endswith("done: backup\n")
    service.stop()
    while "went away" not in watching.stdout.readline():
        pass


def test_full_output_is_a_fault(ctl, client):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run(
            [ctl.executable, "list"], env=ctl.environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 15
    assert "No space left" in done.stderr


def test_service_that_does_not_answer_is_said_to_be_waited_for(service, client, ctl):  # noqa: F811
    with service.stopped():
        asking = ctl.start("--json=short", "status")
        said = asking.stderr.readline()
    assert "waiting for it" in said and "has not answered" in said
    output, rest = asking.communicate()
    assert (asking.returncode, rest) == (0, "")
    assert json.loads(output)["Health"] == "ok"
