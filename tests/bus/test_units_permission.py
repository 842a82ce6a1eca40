# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service proves that it may stop and start the application's units, before a restore needs it."""

import pytest

from command_line import ctl  # noqa: F401
from host import Host

WEB = "oracxpred-web.service"
JOBS = "oracxpred\\x2djobs.service"


@pytest.fixture
def host(bus):
    with Host(bus.address) as made:
        for unit in ("oracxpred-backup.timer", "oracxpred-verify.timer", WEB, JOBS):
            made.say(unit)
        yield made


@pytest.fixture
def configured(service, host):
    service.configure(f"ApplicationUnits={WEB} {JOBS}\n")
    return service


def units_row(client):
    (row,) = [row for row in client.manager("Diagnose") if row[0] == "units"]
    return row


def test_units_that_may_be_managed_are_no_reason(configured):
    client = configured.start()
    assert units_row(client)[1] == "ok"
    assert client.reasons() == []


@pytest.mark.parametrize("method", ["StopUnit", "StartUnit"])
def test_unit_that_may_not_be_managed_degrades_until_it_may(configured, host, method):
    host.refused = {(method, JOBS)}
    client = configured.start()
    client.wait_property("Health", "degraded")
    ((code, text),) = client.get("HealthReasons")
    assert code == "units-refused" and JOBS in text and "units-rule" in text
    _, level, finding, way_out = units_row(client)
    assert level == "fault" and JOBS in finding and "units-rule" in way_out

    # Each diagnosis asks again.
    host.refused = set()
    assert units_row(client)[1] == "ok"
    client.wait_property("Health", "ok")


def test_reload_asks_about_the_units_that_it_brings(service, host):
    host.refused = {("StopUnit", WEB)}
    client = service.start()
    assert client.reasons() == []
    service.configure(f"ApplicationUnits={WEB}\n")
    client.manager("Reload")
    client.wait_property("Health", "degraded")
    assert client.reasons() == ["units-refused"]
    service.configure("")
    client.manager("Reload")
    client.wait_property("Health", "ok")


def test_nothing_is_stopped_or_started_by_asking(configured, host):
    client = configured.start()
    units_row(client)
    modes = {mode for _, mode in host.modes}
    assert modes == {"isolate", "triggering"}
    assert ("StopUnit", "isolate") in host.modes and ("StartUnit", "triggering") in host.modes


def test_rule_names_exactly_the_units(configured, ctl):
    configured.start()
    printed = ctl.run("units-rule").stdout
    assert f'\n        "{WEB}",\n        "oracxpred\\\\x2djobs.service",\n];' in printed
    assert 'lookup("unit")' in printed


def test_rule_without_units_says_what_to_configure(service, ctl):
    service.start()
    refused = ctl.run("units-rule", status=10)
    assert "ApplicationUnits=" in refused.stderr and refused.stdout == ""
