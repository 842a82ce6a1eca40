# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of the product as its users know them, and what the tests of it do again and again."""

import json
import os

BUS_NAME = "org.oracxpred.Persistence1"
BUS_PATH = "/org/oracxpred/Persistence1"
MANAGER = f"{BUS_NAME}.Manager"
STATE = "/var/lib/oracxpred"
DATABASE = f"{STATE}/data/oracxpred.db"
BACKUPS = f"{STATE}/backups"
QUARANTINE = f"{STATE}/quarantine"
CONFIGURATION = "/etc/oracxpred/oracxpred.conf"
UNIT = "oracxpredd.service"
TIMERS = ["oracxpred-backup.timer", "oracxpred-verify.timer"]
UNITS = [
    *TIMERS,
    "oracxpred-backup.service",
    "oracxpred-verify.service",
    UNIT,
]


def backup_names(machine):
    """The backups' names, newest first, as the command line lists them."""
    return [backup["Name"] for backup in machine.run_json(["oracxpredctl", "--json=short", "list"])]


def configure(machine, text):
    """Gives the running service this configuration."""
    machine.write(CONFIGURATION, f"[Persistence]\n{text}")
    machine.run(["systemctl", "reload", UNIT])


def sql(machine, statements, user="oracxpred"):
    """What sqlite3 prints, run as the application would be: in a process that is not the daemon."""
    return machine.run(["sqlite3", "-cmd", ".timeout 10000", DATABASE, statements], user=user).stdout.rstrip("\n")


def fill(machine, rows, bytes_per_row=0):
    """Writes predictions. What fills them up can't be compressed, so that a backup of many takes its time."""
    sql(
        machine,
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
        "INSERT INTO predictions (match_id, team1, team2, league, consensus_type, consensus_result, "
        "consensus_probability, confidence, recommended_action, extra_data) "
        "SELECT i, 'Home', 'Away', 'Ligue 1', '1X2', '1', 61.5, 72.0, 'play', "
        f"hex(randomblob({bytes_per_row // 2})) FROM n",
    )


def destroy_header(machine):
    """Leaves a database that no SQLite can open, and returns the bytes of its file."""
    sql(machine, "PRAGMA wal_checkpoint(TRUNCATE)")
    with open(machine.path(DATABASE), "r+b") as file:
        file.write(b"\0" * 100)
        file.seek(0)
        return file.read()


def add_unit(machine, name, text, program=None):
    """A unit of the machine's own, with a file of this folder as the program that it runs."""
    if program:
        with open(os.path.join(os.path.dirname(__file__), program)) as file:
            machine.write(f"/usr/local/bin/{program.removesuffix('.py')}", file.read(), mode=0o755)
    machine.write(f"/run/systemd/system/{name}", text)
    machine.run(["systemctl", "daemon-reload"])


def forget_journal(machine):
    """What was said so far is no matter of what follows; the journal may still have to read some of it."""
    machine.run(["journalctl", "--sync"])
    shown = machine.run(["journalctl", "--lines=0", "--show-cursor", "--quiet"]).stdout
    machine.cursor = shown.partition("-- cursor: ")[2].strip()


def journal(machine, **fields):
    """The entries since the test's beginning that have these fields. They are chosen here, since journalctl leaves out
    the first one when it is given a match and a cursor that does not meet it."""
    machine.run(["journalctl", "--sync"])
    shown = machine.run(["journalctl", f"--after-cursor={machine.cursor}", "--output=json"]).stdout
    entries = [json.loads(line) for line in shown.splitlines()]
    return [entry for entry in entries if all(entry.get(name) == value for name, value in fields.items())]


def explained_journal(machine):
    """All since the test's beginning, as an operator reads it with `journalctl -x`."""
    machine.run(["journalctl", "--sync"])
    return machine.run(["journalctl", f"--after-cursor={machine.cursor}", "--catalog"]).stdout
