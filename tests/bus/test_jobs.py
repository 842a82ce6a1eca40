# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs: queued and bounded, cancelled without a trace, and never in the way of a reader or of a quick question."""

import contextlib
import os
import pwd
import subprocess

import pytest

from application import Application, check, unpack
from client import BusError, Client
from contract import BUS_NAME, BUS_PATH, ERROR, JOB, MANAGER, PEER
from private_bus import SERVICE_USER

# The initial backup passes this point first.
HELD_IN_A_BACKUP = "snapshot-pinned:2"
# Past the copy, from where on an automatic backup runs lowered.
HELD_WHILE_LOWERED = "create-checked:2"
# No queue that is meant to be bounded holds as many.
FAR_BEYOND_THE_QUEUE = 1000


@pytest.fixture
def held(service, gate):
    """A service whose bulk lane waits at the gate in a backup: (client, job id, job path)."""
    client = service.start(**gate.at(HELD_IN_A_BACKUP))
    job_id, job = client.manager("Backup", {})
    gate.wait_reached()
    return client, job_id, job


def fill_queue(client):
    """Queues backups until the service refuses: (ids, the error)."""
    ids = []
    with pytest.raises(BusError) as caught:
        for _ in range(FAR_BEYOND_THE_QUEUE):
            ids.append(client.manager("Backup", {})[0])
    return ids, caught.value


def test_state_of_jobs_is_told(held, gate):
    client, job_id, job = held
    client.wait_property("State", "running", job, JOB)
    shown = client.get_all(job, JOB)
    assert shown["Id"] == job_id
    assert shown["Operation"] == "backup"
    assert shown["StartedUSec"] >= shown["QueuedUSec"] > 0
    assert shown["Step"]
    assert shown["Cancellable"]
    queued_id, queued = client.manager("Backup", {})
    shown = client.get_all(queued, JOB)
    assert (shown["State"], shown["StartedUSec"]) == ("queued", 0)
    assert client.get("NJobs") == 2
    gate.release()
    assert client.ended(job_id)[0] == client.ended(queued_id)[0] == "done"
    with pytest.raises(BusError) as caught:
        client.get("State", queued, JOB)
    assert caught.value.name == "org.freedesktop.DBus.Error.UnknownObject"


def test_jobs_of_one_lane_run_in_their_order(held, gate):
    client, first, _ = held
    others = [client.manager("Backup", {})[0] for _ in range(3)]
    gate.release()
    for job_id in (first, *others):
        client.ended(job_id)
    ended = [signal.body[0] for signal in client.signals if signal.member == "JobRemoved"]
    assert [job_id for job_id in ended if job_id in (first, *others)] == [first, *others]


def policies(process, name):
    """The scheduling policies (proc(5), field 41) of the threads of that name."""
    found = set()
    for thread in os.listdir(f"/proc/{process}/task"):
        # It may have ended meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{process}/task/{thread}/stat", encoding="utf-8") as file:
                _, _, rest = file.read().partition(" (")
            comm, _, fields = rest.rpartition(") ")
            if comm == name:
                found.add(int(fields.split()[41 - 3]))
    return found


def policy_after_coming_back():
    """What the kernel makes of a process that was lowered and wants to come back: RLIMIT_NICE may forbid it."""
    child = os.fork()
    if child == 0:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        try:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        finally:
            os._exit(os.sched_getscheduler(0))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_somebodys_job_does_not_wait_behind_a_lowered_one(service, gate):
    client = service.start(**gate.at(HELD_WHILE_LOWERED))
    automatic, _ = client.manager("Backup", {"automatic": ("b", True)})
    gate.wait_reached()
    again, _ = client.manager("Backup", {"automatic": ("b", True)})
    assert policies(service.process.pid, "background") == {os.SCHED_IDLE}
    attended, _ = client.manager("Verify", "", {})
    assert policies(service.process.pid, "background") == {policy_after_coming_back()}
    gate.release()
    assert [client.ended(one)[0] for one in (automatic, again, attended)] == ["done"] * 3


@pytest.mark.parametrize(("automatic", "lowered"), [(True, {os.SCHED_IDLE}), (False, set())])
def test_verification_is_lowered_when_a_timer_asks_for_it(service, gate, automatic, lowered):
    client = service.start(**gate.at("verify-unpacked"))
    job_id, _ = client.manager("Verify", "initial_backup", {"automatic": ("b", automatic)})
    gate.wait_reached()
    assert policies(service.process.pid, "background") == lowered
    gate.release()
    assert client.ended(job_id)[0] == "done"


def test_queue_is_bounded_and_says_busy(held, gate):
    client, first, _ = held
    ids, error = fill_queue(client)
    assert error.name == ERROR + "Busy"
    assert error.message
    # A caller that floods it does not shut the others out of what needs no queue.
    assert client.get("Health")
    assert client.names() == ["initial_backup"]
    for job_id in ids:
        client.manager("CancelJob", job_id)
    gate.release()
    assert client.ended(first)[0] == "done"
    assert {client.ended(job_id)[0] for job_id in ids} == {"cancelled"}
    # There is room again.
    client.back_up()


def test_one_caller_does_not_take_the_whole_queue(service, gate, bus):
    service.give_to(SERVICE_USER)
    client = service.start(user=SERVICE_USER, **gate.at(HELD_IN_A_BACKUP))
    ids, error = fill_queue(client)
    assert error.name == ERROR + "Busy"
    other = Client(bus.address, uid=pwd.getpwnam(SERVICE_USER).pw_uid)
    job_id, job = other.manager("Backup", {})
    assert other.get("CallerUID", job, JOB) == pwd.getpwnam(SERVICE_USER).pw_uid
    gate.wait_reached()
    gate.release()
    assert {client.ended(one)[0] for one in (*ids, job_id)} == {"done"}
    other.close()


def test_reads_are_answered_while_a_backup_runs(held, gate):
    client, job_id, _ = held
    assert client.get_all()["NJobs"] == 1
    assert client.backups() and client.objects()
    assert client.call(BUS_PATH, "org.freedesktop.DBus.Introspectable", "Introspect")
    assert not [signal for signal in client.signals if signal.member == "JobRemoved" and signal.body[0] == job_id]
    gate.release()
    assert client.ended(job_id)[0] == "done"


def test_quick_work_finishes_while_a_backup_runs(held, gate):
    client, job_id, _ = held
    assert client.manager("GetStatistics")["JournalMode"] == ("s", "wal")
    assert client.manager("Diagnose")
    assert not [signal for signal in client.signals if signal.member == "JobRemoved" and signal.body[0] == job_id]
    gate.release()
    assert client.ended(job_id)[0] == "done"


def test_backup_reports_its_progress_and_answers_meanwhile(service, gate):
    client = service.start(**gate.at("snapshot-half:2"))
    application = Application(service.database)
    application.add_bulk(8 * 1024 * 1024)
    application.close()
    job_id, job = client.manager("Backup", {})
    gate.wait_reached()
    # The first one may be told before the first byte.
    told = client.wait(
        lambda signal: signal.path == job
        and signal.member == "PropertiesChanged"
        and signal.body[1].get("DoneBytes", ("t", 0))[1] > 0
    ).body[1]
    assert told["DoneBytes"][1] < told["TotalBytes"][1]
    assert client.get("NJobs") == 1
    gate.release()
    assert client.ended(job_id)[0] == "done"


def test_running_job_is_cancelled_without_a_trace(service, held, gate):
    client, job_id, job = held
    before = service.stored()
    client.manager("CancelJob", job_id)
    assert client.job_state(job) == "cancelling"
    gate.release()
    result, error, message = client.ended(job_id)
    assert (result, error) == ("cancelled", ERROR + "Cancelled")
    assert message
    assert [name for name in service.stored() if name in before or not name.startswith(".")] == service.stored()
    assert client.names() == ["initial_backup"]
    assert service.temporary_files() == []
    client.back_up()


STEPS = "snapshot-half snapshot-copied create-copied create-checked create-stored create-read-back create-marked"


@pytest.mark.parametrize("point", [step + ":2" for step in [*STEPS.split(), "create-data-published"]])
def test_job_is_cancelled_at_any_step_without_a_trace(service, gate, point):
    client = service.start(**gate.at(point))
    before = service.stored()
    job_id, _ = client.manager("Backup", {})
    gate.wait_reached()
    client.manager("CancelJob", job_id)
    gate.release()
    result = client.ended(job_id)[0]
    # Past the point of no return a job may still finish, but never half.
    if result == "cancelled":
        assert service.stored() == before
    else:
        assert result == "done" and len(client.names()) == 2
        assert client.run("Verify", client.names()[0], {})[1] == "done"
    assert service.temporary_files() == []


def test_queued_job_is_cancelled_at_once(held, gate):
    client, first, _ = held
    job_id, job = client.manager("Backup", {})
    client.call(job, JOB, "Cancel")
    assert client.ended(job_id)[0] == "cancelled"
    # The one that runs is not touched by it.
    assert not [signal for signal in client.signals if signal.member == "JobRemoved" and signal.body[0] == first]
    gate.release()
    assert client.ended(first)[0] == "done"
    assert len(client.names()) == 2


def test_cancelling_twice_does_no_harm(held, gate):
    client, job_id, _ = held
    client.manager("CancelJob", job_id)
    client.manager("CancelJob", job_id)
    gate.release()
    assert client.ended(job_id)[0] == "cancelled"
    assert len([signal for signal in client.signals if signal.member == "JobRemoved" and signal.body[0] == job_id]) == 1


@pytest.mark.parametrize("job_id", [0, 99999, 4294967295])
def test_job_that_there_is_not_is_not_cancelled(client, job_id):
    with pytest.raises(BusError) as caught:
        client.manager("CancelJob", job_id)
    assert caught.value.name == ERROR + "NotFound"


def test_client_that_vanishes_before_its_reply_does_no_harm(service, bus, held, gate):
    client, job_id, _ = held
    leaving = Client(bus.address)
    leaving.send(BUS_PATH, MANAGER, "Cleanup", {})
    waiting = client.wait(lambda signal: signal.member == "JobNew" and signal.body[2] == "cleanup").body[0]
    leaving.send(BUS_PATH, MANAGER, "GetStatistics")
    leaving.close()
    gate.release()
    assert client.ended(job_id)[0] == client.ended(waiting)[0] == "done"
    client.back_up()


def test_jobs_outlive_the_client_that_asked(service, gate, bus, tmp_path):
    client = service.start(**gate.at(HELD_IN_A_BACKUP))
    leaving = Client(bus.address)
    job_id, _ = leaving.manager("Backup", {})
    gate.wait_reached()
    leaving.close()
    gate.release()
    assert client.ended(job_id)[0] == "done"
    stored = next(name for name in service.stored() if name.startswith("backup_") and name.endswith(".gz"))
    check(unpack(os.path.join(service.backups, stored), tmp_path / "image.db"))


def stop_held(service, gate):
    """Stops the service while a worker is held, and proves that its end is clean."""
    service.process.terminate()
    service.wait_notification("STOPPING=1")
    # The notification comes first, the cancelling after it, and this answer once the loop is through with both.
    service.client.call(BUS_PATH, PEER, "Ping")
    gate.release()
    assert service.wait() == 0
    assert service.temporary_files() == []


def test_stop_in_the_middle_of_a_backup_is_clean(service, held, gate):
    client, _, _ = held
    client.manager("Backup", {})
    stop_held(service, gate)
    client = service.start()
    assert client.names() == ["initial_backup"]
    assert client.get("Health") == "ok"
    client.back_up()


def test_stop_in_the_middle_of_a_big_backup_is_clean(service, gate):
    client = service.start(**gate.at("snapshot-half:2"))
    application = Application(service.database)
    application.add_bulk(8 * 1024 * 1024)
    application.close()
    client.manager("Backup", {})
    gate.wait_reached()
    stop_held(service, gate)
    assert service.start().names() == ["initial_backup"]


def test_stop_in_the_middle_of_the_start_is_clean(service, gate):
    service.launch(**gate.at("snapshot-pinned"))
    gate.wait_reached()
    stop_held(service, gate)
    assert "READY=1" not in service.notify.sent()
    assert service.start().names() == ["initial_backup"]


def test_stop_while_everything_is_queued_is_clean(service, held, gate):
    client, _, _ = held
    fill_queue(client)
    stop_held(service, gate)


def test_busctl_waits_for_no_backup(bus, held, gate):
    """The reply comes with the job's id, not with its end: busctl's time-out never counts."""
    client, _, _ = held
    done = subprocess.run(
        ["busctl", "--address=" + bus.address, "call", BUS_NAME, BUS_PATH, MANAGER, "Backup", "a{sv}", "0"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("uo ")
    gate.release()
    assert client.ended(int(done.stdout.split()[1]))[0] == "done"


def test_commits_go_on_while_the_snapshot_is_pinned(service, held, gate):
    client, job_id, _ = held
    application = Application(service.database)
    application.add_users(5)
    assert application.query("SELECT count(*) FROM users") == [(5,)]
    application.close()
    gate.release()
    assert client.ended(job_id)[0] == "done"
