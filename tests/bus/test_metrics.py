# SPDX-License-Identifier: LGPL-2.1-or-later
"""`oracxpredctl metrics`: valid in both formats, as Prometheus' own tools judge it, and honest when nobody answers."""

import os
import re
import shutil
import stat
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from client import BusError
from command_line import ctl  # noqa: F401
from contract import BUS_PATH, PREDICTIONS, SOURCE

RULES = os.path.join(SOURCE, "packaging/prometheus")
NOT_RUNNING = 28


@pytest.fixture(scope="session")
def promtool():
    path = shutil.which(os.environ.get("ORACXPRED_PROMTOOL", "promtool"))
    assert path, "promtool is missing; packaging/run-tests says where it comes from"
    return path


def samples(families):
    """(Name, labels as a frozen set) to value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples
    }


def value(found, name, **labels):
    return found[name, frozenset(labels.items())]


def test_openmetrics_is_valid_and_true(ctl, client, application):
    application.add_users(3)
    with pytest.raises(BusError):
        client.call(BUS_PATH, PREDICTIONS, "Get", 4711, {})
    name = client.back_up()
    text = ctl.run("metrics").stdout
    assert text.endswith("# EOF\n")
    found = samples(read_openmetrics(text))
    assert value(found, "oracxpred_up") == 1
    assert value(found, "oracxpred_health", state="ok") == 1
    assert value(found, "oracxpred_health", state="corrupt") == 0
    assert value(found, "oracxpred_retention_held") == 0
    assert value(found, "oracxpred_table_rows", table="users") == 3
    assert value(found, "oracxpred_backups", kind="manual") == 1
    assert value(found, "oracxpred_jobs_ended_total", operation="backup", result="done") >= 1
    assert value(found, "oracxpred_cache_misses_total") == 1
    assert value(found, "oracxpred_disk_size_bytes") == client.get("DiskTotalBytes")
    made = next(backup["created"] for backup in client.backups() if backup["name"] == name)
    assert value(found, "oracxpred_last_backup_timestamp_seconds") == pytest.approx(made / 1e6, abs=1e-5)
    assert value(found, "oracxpred_response_seconds_count", method="Manager.Backup") == 1
    assert value(found, "oracxpred_build_info", version=client.get("Version"), sqlite_version=client.get("SQLiteVersion"))


def test_both_formats_have_the_same_samples(ctl, client):
    client.back_up()
    new = samples(read_openmetrics(ctl.run("metrics").stdout))
    old = samples(read_prometheus(ctl.run("metrics", "--format=prometheus").stdout))
    moving = {"oracxpred_disk_free_bytes"}
    assert {key: value for key, value in new.items() if key[0] not in moving} == {
        key: value for key, value in old.items() if key[0] not in moving
    }


def test_promtool_has_nothing_against_it(ctl, client, promtool):
    client.back_up()
    text = ctl.run("metrics", "--format=prometheus").stdout
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_names_from_elsewhere_stay_labels(ctl, client, application):
    hostile = 'a"b\\c\nd{} 1'
    application.connection.execute('CREATE TABLE "{}" (id INTEGER)'.format(hostile.replace('"', '""')))
    client.manager("GetStatistics")
    found = samples(read_openmetrics(ctl.run("metrics").stdout))
    assert value(found, "oracxpred_table_rows", table=hostile) == 0


def test_file_is_replaced_whole_and_others_may_read_it(ctl, client, tmp_path):
    target = tmp_path / "oracxpred.prom"
    target.write_text("what was there before")
    before = os.stat(target).st_ino
    done = ctl.run("metrics", "--format=prometheus", str(target))
    assert (done.stdout, done.stderr) == ("", "")
    assert value(samples(read_prometheus(target.read_text())), "oracxpred_up") == 1
    assert os.stat(target).st_ino != before
    assert stat.S_IMODE(os.stat(target).st_mode) == 0o644
    assert set(os.listdir(tmp_path)) == {"first", "oracxpred.prom"}


def test_service_that_does_not_answer_is_down_and_not_started(ctl, bus, tmp_path):
    target = tmp_path / "oracxpred.prom"
    done = ctl.run("metrics", status=NOT_RUNNING)
    assert value(samples(read_openmetrics(done.stdout)), "oracxpred_up") == 0
    assert "not running" in done.stderr
    ctl.run("metrics", "--format=prometheus", str(target), status=NOT_RUNNING)
    assert samples(read_prometheus(target.read_text())) == {("oracxpred_up", frozenset()): 0}
    without_bus = ctl.run("metrics", status=NOT_RUNNING, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
    assert "oracxpred_up 0" in without_bus.stdout


def test_what_can_not_be_written_is_a_fault(ctl, client, tmp_path):
    ctl.run("metrics", str(tmp_path / "nothing" / "file.prom"), status=18)
    assert "openmetrics or prometheus" in ctl.run("metrics", "--format=csv", status=2).stderr
    assert "stats" in ctl.run("--json=short", "metrics", status=2).stderr


def test_example_rules_are_valid_and_raise_the_alarms(promtool):
    for arguments in (("check", "rules", "oracxpred.rules.yml"), ("test", "rules", "oracxpred.rules-test.yml")):
        done = subprocess.run([promtool, *arguments], cwd=RULES, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_rules_name_metrics_that_there_are(ctl, client):
    """An alert on a name that nothing has never fires."""
    told = {name for name, _ in samples(read_openmetrics(ctl.run("metrics").stdout))}
    with open(os.path.join(RULES, "oracxpred.rules.yml"), encoding="utf-8") as file:
        named = set(re.findall(r"\boracxpred_[a-z_]+", file.read()))
    # Without reasons there is no sample of one.
    assert named - told <= {"oracxpred_health_reason"} and named
