# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of the product as its users know them, and what the tests of it do again and again."""

BUS_NAME = "org.oracxpred.Persistence1"
BUS_PATH = "/org/oracxpred/Persistence1"
DATABASE = "/var/lib/oracxpred/data/oracxpred.db"
UNITS = [
    "oracxpred-backup.timer",
    "oracxpred-verify.timer",
    "oracxpred-backup.service",
    "oracxpred-verify.service",
    "oracxpredd.service",
]


def backup_names(machine):
    """The stored files' names, newest first, as the command line lists them."""
    return [backup["name"] for backup in machine.run_json(["oracxpredctl", "--json=short", "list"])]


def fill(machine, rows, bytes_per_row=0):
    """Writes predictions as the application would, from a process that is not the daemon. What fills them up can't be
    compressed, so that a backup of many takes its time."""
    machine.run(
        [
            "sqlite3",
            "-cmd",
            ".timeout 10000",
            DATABASE,
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
            "INSERT INTO predictions (match_id, team1, team2, league, consensus_type, consensus_result, "
            "consensus_probability, confidence, recommended_action, extra_data) "
            "SELECT i, 'Home', 'Away', 'Ligue 1', '1X2', '1', 61.5, 72.0, 'play', "
            f"hex(randomblob({bytes_per_row // 2})) FROM n",
        ],
        user="oracxpred",
    )
