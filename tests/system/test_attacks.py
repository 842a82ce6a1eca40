# SPDX-License-Identifier: LGPL-2.1-or-later
"""A member of the group does its worst in the database's folder, against the installed units: the service never removes,
writes or publishes another file for it, starts and stops, answers the next call, and takes the next backup."""

import os
import time

import pytest

from product import BACKUPS, DATABASE, STATE, UNIT, backup_names, sql

PATIENCE_SECONDS = 60
MIB = 1024 * 1024
# What one row of the log may cost: far below what the trigger asks for.
PEAK_MAX_BYTES = 700 * MIB

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"
TRIGGERS = {
    "endless": f"INSERT INTO notifications(id) SELECT 1 FROM ({ENDLESS});",
    "memory": "INSERT INTO notifications(id) SELECT 1 WHERE length(hex(zeroblob(499999999)) || '.') = 5;",
}


@pytest.fixture
def attacked(service):
    """With a backup to lose, and the application's user as the attacker."""
    with open(os.path.join(os.path.dirname(__file__), "attacker.py"), encoding="utf-8") as program:
        service.write("/usr/local/bin/attacker", program.read(), mode=0o755)
    sql(service, "INSERT INTO users (username, password) VALUES ('ann', '-')", user="application")
    service.run(["oracxpredctl", "backup"])
    return service


def attack(service, *arguments):
    service.run(["/usr/bin/python3", "/usr/local/bin/attacker", *arguments], user="application")


def shell(service, command):
    service.run(["sh", "-c", f"umask 007; {command}"], user="application")


def backups(service):
    return set(service.run(["ls", BACKUPS]).stdout.split())


def works(service):
    """The next calls are served, and the next backup is taken and whole."""
    before = set(backup_names(service))
    service.run(["oracxpredctl", "backup"], timeout=PATIENCE_SECONDS)
    (newest,) = set(backup_names(service)) - before
    service.run(["oracxpredctl", "verify", newest], timeout=PATIENCE_SECONDS)
    assert service.unit(UNIT, "ActiveState") == {"ActiveState": "active"}


def test_journal_removes_no_backup(attacked):
    before = backups(attacked)
    for name in sorted(before):
        attacked.run(["systemctl", "stop", UNIT])
        attack(attacked, "journal", DATABASE, f"{BACKUPS}/{name}")
        attacked.run(["systemctl", "start", UNIT])
        attacked.run(["oracxpredctl", "verify"], check=False, timeout=PATIENCE_SECONDS)
    assert backups(attacked) >= before
    attacked.remove(DATABASE + "-journal")
    works(attacked)


@pytest.mark.parametrize("ending", ["-journal", "-wal"])
def test_fifo_beside_the_database_hangs_nothing(attacked, ending):
    attacked.run(["systemctl", "stop", UNIT])
    shell(attacked, f"rm -f {DATABASE}{ending}; mkfifo {DATABASE}{ending}")
    attacked.run(["systemctl", "start", UNIT], timeout=PATIENCE_SECONDS)
    for verb in (["backup"], ["verify"], ["restore", "--yes"], ["status"]):
        attacked.run(["oracxpredctl", *verb], check=False, timeout=PATIENCE_SECONDS)
    attacked.run(["systemctl", "stop", UNIT])
    assert attacked.unit(UNIT, "Result") == {"Result": "success"}
    attacked.remove(DATABASE + ending)
    attacked.run(["systemctl", "start", UNIT])
    works(attacked)


@pytest.mark.parametrize("kind", TRIGGERS)
def test_trigger_stops_nobody(attacked, kind):
    process = attacked.unit(UNIT, "MainPID")
    trigger = f"CREATE TRIGGER hostile AFTER INSERT ON system_logs BEGIN {TRIGGERS[kind]} END"
    sql(attacked, trigger, user="application")
    attacked.run(["oracxpredctl", "backup"], timeout=PATIENCE_SECONDS)
    attacked.run(["oracxpredctl", "restore", "initial_backup", "--yes"], timeout=PATIENCE_SECONDS)
    assert sql(attacked, "SELECT count(*) FROM sqlite_schema WHERE name = 'hostile'") == "0"
    assert attacked.unit(UNIT, "MainPID") == process
    group = attacked.unit(UNIT, "ControlGroup")["ControlGroup"]
    peak = attacked.run(["cat", f"/sys/fs/cgroup{group}/memory.peak"], check=False).stdout
    assert not peak or int(peak) < PEAK_MAX_BYTES
    works(attacked)


def test_directories_in_place_of_leftovers_are_passed_by(attacked):
    attacked.run(["systemctl", "stop", UNIT])
    folder, name = os.path.split(DATABASE)
    shell(attacked, f"mkdir {folder}/.{name}.restore.tmp {folder}/.{name}.tmp && touch {folder}/.{name}.tmp/x")
    attacked.run(["systemctl", "start", UNIT])
    works(attacked)


def test_truncated_shm_ends_in_a_clean_restart(attacked):
    """It can't be survived by a process that has mapped it; systemd starts the next one, which says why."""
    with attacked.unit_job(UNIT):
        attack(attacked, "shm", DATABASE)
        attacked.run(["oracxpredctl", "backup"], check=False, timeout=PATIENCE_SECONDS)
    attacked.run(["systemctl", "start", UNIT], timeout=PATIENCE_SECONDS)
    assert int(attacked.unit(UNIT, "NRestarts")["NRestarts"]) < 5
    works(attacked)
    assert sql(attacked, "SELECT username FROM users") == "ann"


def locks(service):
    process = service.unit(UNIT, "MainPID")["MainPID"]
    lines = service.run(["cat", "/proc/locks"]).stdout.splitlines()
    inside = service.run(["cat", f"/proc/{process}/status"]).stdout
    host = next(line.split()[1] for line in inside.splitlines() if line.startswith("NSpid:"))
    return {tuple(line.split()[3:4] + line.split()[5:]) for line in lines if line.split()[4] in (process, host)}


def has_open(service):
    """Whether the service has the database open."""
    process = service.unit(UNIT, "MainPID")["MainPID"]
    return DATABASE in service.run(["find", f"/proc/{process}/fd", "-printf", "%l\n"], check=False).stdout.split()


def test_descriptors_drop_no_locks(attacked):
    """The connection that writes the logs lingers after a backup. The locks go when it does, and not before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not locks(attacked):
        assert time.monotonic() < deadline
    attack(attacked, "descriptors", DATABASE)
    was_open, held = has_open(attacked), locks(attacked)
    assert held or not (was_open and has_open(attacked))
    works(attacked)


@pytest.mark.parametrize("how", ["ln -s", "ln"])
def test_link_in_the_databases_place_is_not_followed(attacked, how):
    """To a database of the application's own (ln), or of the service's that nobody else may write (ln -s)."""
    attacked.run(["systemctl", "stop", UNIT])
    shell(attacked, f"mv {DATABASE} {DATABASE}.mine; rm -f {DATABASE}-wal {DATABASE}-shm")
    victim = f"{STATE}/sign-in-failures.db" if how == "ln -s" else f"{DATABASE}.second"
    shell(attacked, f"[ -e {victim} ] || sqlite3 {victim} 'CREATE TABLE t(a)'; {how} {victim} {DATABASE}")
    before = attacked.run(["sha256sum", victim], check=False).stdout
    names = backups(attacked)
    attacked.run(["systemctl", "start", UNIT], check=False, timeout=PATIENCE_SECONDS)
    attacked.run(["oracxpredctl", "restore", "--yes"], check=False, timeout=PATIENCE_SECONDS)
    tried = attacked.run(["oracxpredctl", "backup"], check=False, timeout=PATIENCE_SECONDS)
    assert attacked.run(["sha256sum", victim], check=False).stdout == before
    if how == "ln -s":
        assert tried.returncode != 0 and backups(attacked) == names
    attacked.run(["systemctl", "stop", UNIT])
    shell(attacked, f"rm -f {DATABASE} {DATABASE}-wal {DATABASE}-shm; mv {DATABASE}.mine {DATABASE}")
    attacked.run(["systemctl", "reset-failed", UNIT], check=False)
    attacked.run(["systemctl", "start", UNIT])
    works(attacked)
