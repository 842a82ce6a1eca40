# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units' sandbox, as systemd itself rates it, and as the running process finds it."""

import pytest

from product import fill

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


def test_points_of_the_tests_are_not_compiled_in(service):
    found = service.run(["grep", "--count", "ORACXPRED_TEST_", f"/proc/{daemon(service)}/exe"], check=False)
    assert found.stdout.strip() == "0"


def test_backups_get_out_of_the_way(service):
    """What follows the copy, in a backup that nobody waits for, runs in the idle class of the CPU: the sandbox lets a thread be lowered."""
    policy_field, sched_idle = 41 - 3, "5"  # proc(5); those before the last ")" are not counted here
    fill(service, 20000, 2000)
    look = f"cut -d')' -f2- /proc/{daemon(service)}/task/*/stat 2>/dev/null"
    seen = service.run(["sh", "-c", f"systemctl start oracxpred-backup.service & while kill -0 $! 2>/dev/null; do {look}; done"]).stdout
    policies = {line.split()[policy_field] for line in seen.splitlines() if line}
    assert policies == {"0", sched_idle}


def test_daemon_sees_no_network(service):
    shown = service.run(["nsenter", f"--target={daemon(service)}", "--net", "cat", "/proc/self/net/dev"]).stdout
    assert [line.split(":")[0].strip() for line in shown.splitlines()[2:]] == ["lo"]


def test_daemon_writes_no_core(service):
    limits = service.run(["cat", f"/proc/{daemon(service)}/limits"]).stdout
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
