# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the system tests share: one booted machine for all of them, and a service that each finds as new."""

import os
import signal

import pytest

from machine import Machine
from product import TIMERS, UNITS, forget_journal

# A timer elapses by the wall clock, which may be that of a test.
AT_NO_TIME = """\
[Timer]
OnCalendar=
OnCalendar=2100-01-01
"""


def pytest_configure():
    """A run that is ended by a time-out powers its machines off, too: nobody else would."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--build-directory",
        default=os.environ.get("ORACXPRED_BUILD", "build"),
        help="the compiled meson build that is tested (default: $ORACXPRED_BUILD, else build)",
    )


@pytest.fixture(scope="session")
def machine(request):
    with Machine(os.path.abspath(request.config.getoption("--build-directory"))) as booted:
        booted.boot_state = booted.run(["systemctl", "is-system-running"], check=False).stdout.strip()
        booted.boot_units = {unit: booted.unit(unit, "ActiveState")["ActiveState"] for unit in UNITS}
        booted.boot_timers = {
            timer: booted.unit(timer, "TimersCalendar", "Persistent", "RandomizedDelayUSec") for timer in TIMERS
        }
        for timer in TIMERS:
            # Before test.conf, which a test may lay down.
            booted.write(f"/run/systemd/system/{timer}.d/at-no-time.conf", AT_NO_TIME)
        booted.run(["systemctl", "daemon-reload"])
        booted.run(["useradd", "visitor"])
        booted.run(["useradd", "--groups=oracxpred", "application"])
        yield booted


@pytest.fixture
def service(machine, request):
    """The machine, with an empty state directory, the daemon started on it, and the timers stopped."""
    machine.run(["systemctl", "stop", *UNITS])
    machine.run(["systemctl", "reset-failed"])
    machine.remove("/var/lib/oracxpred")
    machine.remove("/etc/oracxpred")
    forget_journal(machine)
    machine.run(["systemctl", "start", "oracxpredd.service"])
    return machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails says what the journal had."""
    report = (yield).get_result()
    booted = item.funcargs.get("machine") or item.funcargs.get("service")
    if report.failed and booted and booted.leader:
        journal = booted.run(["journalctl", "--lines=60", "--no-pager", "--output=short-precise"], check=False).stdout
        report.sections.append(("the last of the machine's journal", journal))
