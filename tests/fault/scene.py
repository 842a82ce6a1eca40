# SPDX-License-Identifier: LGPL-2.1-or-later
"""The database that the faults happen to, and a state directory that can be put back to what it was."""

import os
import shutil
import sqlite3

from application import read_all

USERS = 200
LATER_USERS = 40


def fill(path, share=1):
    """Rows with indexes on them, rows that overflow their page, and free pages: 1.6 MB, or a share of that."""

    def several(count):
        return range(round(count * share))

    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO users (username, email, password, unique_id) VALUES (?, ?, 'x', ?)",
        [(f"user{n}", f"user{n}@example.org", f"{n:032x}") for n in several(USERS)],
    )
    connection.executemany(
        "INSERT INTO predictions (match_id, team1, team2, league, consensus_type, consensus_result, "
        "consensus_probability, confidence, recommended_action) VALUES (?, ?, ?, ?, '1X2', ?, 50.5, 75, 'play')",
        [(n * 7 % 1009, f"team {n % 50}", f"team {n % 49}", f"league {n % 9}", "1" * (n % 90)) for n in several(2500)],
    )
    connection.executemany(
        "INSERT INTO system_logs (action_type, message) VALUES ('test', ?)",
        [(f"{n} " * (2000 + n * 100),) for n in several(20)],
    )
    connection.executemany(
        "INSERT INTO collected_matches (unique_match_id, jeu, equipe_domicile, equipe_exterieur, heure_debut) "
        "VALUES (?, 'football', 'a', 'b', '2026-01-24 01:46:21.000000')",
        [(f"match-{n:08}",) for n in several(1500)],
    )
    connection.execute("CREATE TABLE discarded (id INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO discarded (text) VALUES (?)", [("x" * 900,) for n in several(400)])
    connection.execute("COMMIT")
    connection.execute("DROP TABLE discarded")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def commit_later(path):
    """Commits that no backup has. Returns the connection: while it is open, they stay in the log."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    for number in range(LATER_USERS):
        connection.execute(
            "INSERT INTO users (username, password, unique_id) VALUES (?, 'y', ?)",
            (f"later{number}", f"{number:036x}"),
        )
        connection.execute("UPDATE predictions SET confidence = ? WHERE id = ?", (number, 50 * number + 1))
        connection.execute("DELETE FROM collected_matches WHERE id = ?", (30 * number + 1,))
    return connection


class Saved:
    """What is in a service's state directory, to be put back there as often as it is needed."""

    def __init__(self, service, name="saved"):
        self.service = service
        self.copy = os.path.join(service.directory, name)
        copy_tree(service.state, self.copy)

    def put_back(self):
        # The directory itself may be where a file system is mounted.
        for name in os.listdir(self.service.state):
            path = os.path.join(self.service.state, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        copy_tree(self.copy, self.service.state)


def copy_tree(source, target):
    """With owners, modes and times; an -shm is nothing that outlives a crash."""

    def without_shm(_, names):
        return [name for name in names if name.endswith("-shm")]

    shutil.copytree(source, target, symlinks=True, ignore=without_shm, dirs_exist_ok=True)
    for directory, _, names in os.walk(source):
        where = os.path.join(target, os.path.relpath(directory, source))
        status = os.stat(directory)
        os.chown(where, status.st_uid, status.st_gid)
        os.chmod(where, status.st_mode & 0o7777)
        for name in names:
            if not name.endswith("-shm"):
                status = os.lstat(os.path.join(directory, name))
                os.chown(os.path.join(where, name), status.st_uid, status.st_gid, follow_symlinks=False)


def files(directory):
    """Every file below a directory: its path there to its content."""
    found = {}
    for here, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(here, name)
            found[os.path.relpath(path, directory)] = read_all(path)
    return found
