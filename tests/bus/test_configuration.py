# SPDX-License-Identifier: LGPL-2.1-or-later
"""A wrong line is told with file and line and ignored; the rest applies, at start and at a reload."""

import os
import signal
import subprocess

import pytest

from application import check
from client import BusError
from contract import ERROR, LOG_CONTROL, LOG_CONTROL_PATH, PROPERTIES

HOUR_USEC = 3_600_000_000
DAY_USEC = 24 * HOUR_USEC
# The exit code of the fault Configuration, as the documentation lists it.
EXIT_CONFIGURATION = 27
EXIT_USAGE = 2


def check_configuration(service):
    """(exit status, output) of --check-config."""
    done = subprocess.run(
        service.command("--check-config"),
        env=service.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def drop_in(service, name, text):
    directory = service.configuration + ".d"
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)


def test_empty_file_means_the_defaults(service):
    with open(service.configuration, "w", encoding="ascii"):
        pass
    client = service.start()
    assert client.get("ConfigurationFaults") == []
    assert client.get("CadenceUSec") == 6 * HOUR_USEC
    assert client.get("RetentionUSec") == 7 * DAY_USEC
    assert check_configuration(service)[0] == 0


def test_named_file_that_is_not_there_is_an_error(service):
    os.unlink(service.configuration)
    status, output = service.refuses()
    assert status == EXIT_CONFIGURATION
    assert service.configuration in output
    assert check_configuration(service)[0] == EXIT_CONFIGURATION


def test_empty_value_brings_the_default_back(service):
    service.configure("Retention=30d\n")
    drop_in(service, "10.conf", "[Persistence]\nRetention=\n")
    client = service.start()
    assert client.get("ConfigurationFaults") == []
    assert client.get("RetentionUSec") == 7 * DAY_USEC


def test_settings_apply(service):
    service.configure("# a comment\n; another\n\nRetention=2w\nCadence=1h 30min\n")
    client = service.start()
    assert client.get("ConfigurationFaults") == []
    assert client.get("RetentionUSec") == 14 * DAY_USEC
    assert client.get("CadenceUSec") == HOUR_USEC + HOUR_USEC // 2


def test_each_value_says_where_it_comes_from(service):
    service.configure("Retention=2w\nApplicationUnits=a.service\nCadence=never\n")
    drop_in(service, "10.conf", "[Persistence]\nApplicationUnits=b.service\nCompression=none\n")
    client = service.start()
    first, second = service.configuration, f"{service.configuration}.d/10.conf"
    settings = {name: (value, place) for name, value, place in client.get("Settings")}
    assert settings["Retention"] == ("2w", f"{first}:2")
    assert settings["ApplicationUnits"] == ("a.service b.service", f"{first}:3, {second}:2")
    assert settings["Compression"] == ("none", f"{second}:3")
    # What was ignored is not in force, and what nobody says is a default.
    assert settings["Cadence"] == ("6h", "") and settings["Threads"] == ("", "")

    service.configure("Retention=2w\n")
    drop_in(service, "10.conf", "[Persistence]\nRetention=\n")
    client.manager("Reload")
    settings = {name: (value, place) for name, value, place in client.get("Settings")}
    assert settings["Retention"] == ("7d", "") and settings["ApplicationUnits"] == ("", "")
    assert settings["Compression"] == ("gzip", "")


def test_drop_ins_override_in_their_order(service):
    service.configure("Retention=1d\nCadence=1h\n")
    drop_in(service, "20-late.conf", "[Persistence]\nRetention=3d\n")
    drop_in(service, "10-early.conf", "[Persistence]\nRetention=2d\n")
    drop_in(service, "30-ignored.conf.bak", "[Persistence]\nRetention=9d\n")
    client = service.start()
    assert client.get("RetentionUSec") == 3 * DAY_USEC
    assert client.get("CadenceUSec") == HOUR_USEC
    assert client.get("ConfigurationFaults") == []


WRONG = {
    "unknown-key": "Retentoin=7d",
    "bad-span": "Retention=sevendays",
    "zero-span": "Retention=0",
    "negative-span": "Cadence=-6h",
    "bad-word": "Compression=zip",
    "zero-minimum": "RetentionMinimumVerified=0",
    "bad-number": "RetentionMinimumVerified=three",
    "bad-size": "LowDiskSpace=1X",
    "relative-path": "Database=data/oracxpred.db",
    "no-equals-sign": "Retention",
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG.keys())
def test_wrong_line_is_told_with_file_and_line_and_ignored(service, line):
    service.configure(f"Cadence=2h\n{line}\n")
    if line.startswith("Cadence"):
        service.configure(f"\n{line}\n")
    client = service.start()
    faults = client.get("ConfigurationFaults")
    assert len(faults) == 1
    # The section's line is the first.
    assert f"{service.configuration}:3" in faults[0]
    assert f"{service.configuration}:3" in service.log()
    assert client.get("RetentionUSec") == 7 * DAY_USEC
    assert client.get("CadenceUSec") == (6 if line.startswith("Cadence") else 2) * HOUR_USEC

    status, output = check_configuration(service)
    assert status == EXIT_CONFIGURATION
    assert f"{service.configuration}:3" in output


def test_unknown_section_is_told(service):
    with open(service.configuration, "w", encoding="ascii") as file:
        file.write("[Persistence]\nCadence=2h\n[Persistance]\nRetention=1d\n")
    client = service.start()
    assert client.get("ConfigurationFaults")
    assert f"{service.configuration}:" in client.get("ConfigurationFaults")[0]
    assert client.get("RetentionUSec") == 7 * DAY_USEC
    assert client.get("CadenceUSec") == 2 * HOUR_USEC


def test_binary_rubbish_as_configuration_does_no_harm(service):
    with open(service.configuration, "wb") as file:
        file.write(bytes(range(256)) * 64)
    client = service.start()
    assert client.get("ConfigurationFaults")
    assert client.get("RetentionUSec") == 7 * DAY_USEC
    assert all(ord(letter) >= 32 for fault in client.get("ConfigurationFaults") for letter in fault)
    assert check_configuration(service)[0] == EXIT_CONFIGURATION


def test_misspelt_setting_never_weakens_another(service):
    """The wrong value of a drop-in leaves what the file before it said."""
    service.configure("RetentionMinimumVerified=5\nRetention=30d\n")
    drop_in(service, "10.conf", "[Persistence]\nRetention=0.1d\n")
    client = service.start()
    assert client.get("RetentionUSec") == 30 * DAY_USEC
    assert f"{service.configuration}.d/10.conf:2" in client.get("ConfigurationFaults")[0]


def reload_by_method(service, client):
    client.manager("Reload")


def reload_by_signal(service, client):
    service.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("ask", [reload_by_method, reload_by_signal])
def test_reload_applies(service, client, ask):
    service.configure("Retention=3d\n")
    ask(service, client)
    client.wait_property("RetentionUSec", 3 * DAY_USEC)
    service.configure("Cadence=1h\n")
    ask(service, client)
    client.wait_property("CadenceUSec", HOUR_USEC)
    # What is not set any more goes back to its default.
    assert client.get("RetentionUSec") == 7 * DAY_USEC
    assert client.get("ConfigurationFaults") == []


def test_reload_of_wrong_lines_fails_and_takes_the_others(service, client):
    """It is what `systemctl reload` runs, and what an operator sees."""
    service.configure("Retention=3d\nWhat=ever\n")
    with pytest.raises(BusError) as caught:
        client.manager("Reload")
    assert caught.value.name == ERROR + "Configuration"
    assert f"{service.configuration}:3" in caught.value.message
    assert f"{service.configuration}:3" in client.get("ConfigurationFaults")[0]
    assert client.get("RetentionUSec") == 3 * DAY_USEC
    service.configure("")
    client.manager("Reload")
    assert client.get("ConfigurationFaults") == []


def test_database_elsewhere_is_created_and_backed_up(service, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = str(elsewhere / "site.db")
    service.configure(f"Database={path}\n")
    client = service.start()
    assert client.get("DatabasePath") == path
    assert not os.path.exists(service.database)
    client.back_up()
    check(path)


def test_unknown_option_on_the_command_line_is_refused(service):
    status, output = service.refuses("--no-such-option")
    assert status == EXIT_USAGE
    assert "--no-such-option" in output


def log_control(client, name):
    return client.get(name, LOG_CONTROL_PATH, LOG_CONTROL)


def set_log_control(client, name, value):
    client.call(LOG_CONTROL_PATH, PROPERTIES, "Set", LOG_CONTROL, name, ("s", value))


def test_log_level_can_be_read_and_set(client):
    assert log_control(client, "SyslogIdentifier") == "oracxpredd"
    for level in ("debug", "warning", "info"):
        set_log_control(client, "LogLevel", level)
        assert log_control(client, "LogLevel") == level


def test_log_level_decides_what_is_written(service, client):
    set_log_control(client, "LogLevel", "err")
    before = len(service.log())
    client.back_up()
    assert service.log()[before:] == ""
    set_log_control(client, "LogLevel", "info")
    name = client.back_up()
    client.manager("ListBackups")
    assert name in service.log()[before:]


def test_log_target_can_be_read_and_set(client):
    assert log_control(client, "LogTarget") == "console"
    set_log_control(client, "LogTarget", "auto")
    assert log_control(client, "LogTarget") in ("console", "journal")


@pytest.mark.parametrize("name, value", [("LogLevel", "loud"), ("LogTarget", "paper")])
def test_log_control_refuses_what_it_does_not_know(client, name, value):
    before = log_control(client, name)
    with pytest.raises(BusError):
        set_log_control(client, name, value)
    assert log_control(client, name) == before
