# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units' sandbox, as systemd itself rates it, and as the running process finds it."""

import pytest

from product import BUS_NAME, BUS_PATH, MANAGER, configure, fill

EXPOSURE_MAX = 10  # tenths


# Who pings a URL needs the network.
EXPOSURE_MAX_OF = {"oracxpred-ping@success:oracxpred-backup.service.service": 11}


@pytest.mark.parametrize(
    "unit",
    [
        "oracxpredd.service",
        "oracxpred-backup.service",
        "oracxpred-metrics.service",
        "oracxpred-verify.service",
        *EXPOSURE_MAX_OF,
    ],
)
def test_exposure_is_low(machine, unit):
    threshold = EXPOSURE_MAX_OF.get(unit, EXPOSURE_MAX)
    command = ["systemd-analyze", "security", f"--threshold={threshold}", "--no-pager", unit]
    rated = machine.run(command, check=False)
    assert rated.returncode == 0, rated.stdout


@pytest.mark.parametrize("unit", ["oracxpredd.service", "oracxpred-backup.timer", "oracxpred-metrics.timer", "oracxpred-verify.timer"])
def test_units_are_without_fault(machine, unit):
    checked = machine.run(["systemd-analyze", "verify", f"/usr/lib/systemd/system/{unit}"], check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def daemon(service):
    return service.unit("oracxpredd.service", "MainPID")["MainPID"]


def test_daemon_has_no_privilege(service):
    status = service.run(["cat", f"/proc/{daemon(service)}/status"]).stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[capabilities], 16) == 0, capabilities
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert "0" not in fields["Uid"].split()


@pytest.mark.parametrize("owner", [None, "oracxpred"], ids=["new", "inherited"])
def test_daemon_can_not_write_what_it_is_told_to_do(service, owner):
    """A directory that an earlier start gave to the service's user is root's again."""
    service.remove("/etc/oracxpred")
    if owner:
        service.run(["install", "-d", f"--owner={owner}", "/etc/oracxpred"])
    service.run(["systemctl", "restart", "oracxpredd.service"])
    assert service.run(["stat", "--format=%U %a", "/etc/oracxpred"]).stdout == "root 755\n"
    made = service.run(["nsenter", f"--target={daemon(service)}", "--mount", "touch", "/etc/oracxpred/x"], check=False)
    assert "Read-only file system" in made.stderr


def test_points_of_the_tests_are_not_compiled_in(service):
    found = service.run(["grep", "--count", "ORACXPRED_TEST_", f"/proc/{daemon(service)}/exe"], check=False)
    assert found.stdout.strip() == "0"


SCHED_OTHER, SCHED_IDLE = "0", "5"
# The kernel lets a thread out of the idle class for RLIMIT_NICE or for this. That limit nobody can raise in a container
# without CAP_SYS_RESOURCE, so that a test of its own looks whether the unit asks for it.
MAY_COME_BACK = """\
[Service]
CapabilityBoundingSet=CAP_SYS_NICE
AmbientCapabilities=CAP_SYS_NICE
"""


def policies(service):
    """The scheduling policies of the threads that a backup started (proc(5), field 41), without those that have ended."""
    shown = service.run(["sh", "-c", f"cat /proc/{daemon(service)}/task/*/stat 2>/dev/null"], check=False).stdout
    threads = [line.partition(" (")[2].rpartition(") ") for line in shown.splitlines()]
    return {fields.split()[41 - 3] for comm, _, fields in threads if comm in ("background", "parallel")}


def test_backups_get_out_of_the_way_until_somebody_waits(service):
    """What follows the copy, in a backup that nobody waits for, runs in the idle class of the CPU; it leaves that when a
    person's job is queued behind it. The filter of system calls lets a thread be lowered, and come back."""
    fill(service, rows=1000, bytes_per_row=100_000)
    # The 50 MB that are left when they are compressed take most of a minute.
    configure(service, "BandwidthLimit=1M\nThreads=2\n")
    with service.drop_in("oracxpredd.service", MAY_COME_BACK):
        service.run(["systemctl", "restart", "oracxpredd.service"])
        with service.signals(MANAGER, "JobNew") as next_job:
            service.run(["systemctl", "start", "--no-block", "oracxpred-backup.service"])
            while next_job()[2] != "backup":
                pass
        while policies(service) != {SCHED_IDLE}:
            assert service.unit("oracxpred-backup.service", "ActiveState")["ActiveState"] == "activating"
        service.run(["busctl", "call", BUS_NAME, BUS_PATH, MANAGER, "Verify", "sa{sv}", "", "0"])
        assert policies(service) == {SCHED_OTHER}
        service.run(["systemctl", "stop", "oracxpred-backup.service", "oracxpredd.service"])


def test_lowered_thread_may_come_back_without_privilege(service):
    """sched(7): to a nice value that RLIMIT_NICE permits, which counts from 20 for nice 0."""
    assert service.unit("oracxpredd.service", "LimitNICE", "Nice") == {"LimitNICE": "20", "Nice": "0"}


def test_daemon_sees_no_network(service):
    shown = service.run(["nsenter", f"--target={daemon(service)}", "--net", "cat", "/proc/self/net/dev"]).stdout
    assert [line.split(":")[0].strip() for line in shown.splitlines()[2:]] == ["lo"]


def test_daemon_writes_no_core(service):
    limits = service.run(["cat", f"/proc/{daemon(service)}/limits"]).stdout
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
