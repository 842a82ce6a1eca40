# SPDX-License-Identifier: LGPL-2.1-or-later
"""The machine itself: were it not a whole system, the other tests would prove nothing."""


def test_boots_to_the_end(machine):
    """A unit that a test has let fail is no matter of the boot."""
    assert machine.boot_state == "running"


def test_journal_keeps_what_is_sent(machine):
    machine.run(["systemd-cat", "--identifier=smoke", "echo", "a line for the journal"])
    machine.run(["journalctl", "--sync"])
    shown = machine.run(["journalctl", "--identifier=smoke", "--output=cat"]).stdout
    assert shown == "a line for the journal\n"


def test_events_are_awaited_on_the_bus(machine):
    with machine.signals("org.freedesktop.systemd1.Manager", "UnitNew") as next_signal:
        machine.run(["systemd-run", "--wait", "--quiet", "--unit=smoke", "true"])
        name = ""
        while name != "smoke.service":
            name = next_signal()[0]


def test_user_and_state_directory_are_made_at_boot(machine):
    entry = machine.run(["getent", "passwd", "oracxpred"]).stdout
    assert entry.split(":")[5:] == ["/var/lib/oracxpred", "/usr/sbin/nologin\n"]
    shown = machine.run(
        ["find", "/var/lib/oracxpred", "-maxdepth", "1", "-type", "d", "-printf", "%P %m %u %g\n"]
    ).stdout
    assert sorted(shown.splitlines()) == [
        " 750 oracxpred oracxpred",
        "backups 700 oracxpred oracxpred",
        "data 2770 oracxpred oracxpred",
        "quarantine 750 oracxpred oracxpred",
    ]


