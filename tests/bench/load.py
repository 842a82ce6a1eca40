#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The application under load: load.py DATABASE RATE, with the settings that SQLAlchemy leaves as they are. RATE is in
commits a second; 0 commits all the time. Until standard input is closed; then prints begin and end of each commit, in
seconds of the monotonic clock."""

import random
import select
import sqlite3
import sys
import time


def main():
    connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
    rate = float(sys.argv[2])
    source = random.Random(1)
    (users,) = connection.execute("SELECT max(id) FROM users").fetchone()
    (matches,) = connection.execute("SELECT max(id) FROM matches_archive").fetchone()
    commits = []
    due = time.monotonic()
    print("ready", flush=True)
    while True:
        if rate:
            due += 1 / rate
            if select.select([sys.stdin], [], [], max(due - time.monotonic(), 0))[0]:
                break
        elif len(commits) % 16 == 0 and select.select([sys.stdin], [], [], 0)[0]:
            break
        begun = time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO access_logs (user_id, action_type, match_id, ip_address, created_at) VALUES (?, ?, ?, ?, ?)",
            (source.randint(1, users), "view_prediction", 1000000 + source.randint(1, matches), "41.0.0.1", "2026-01-01"),
        )
        connection.execute(
            "UPDATE matches_archive SET cote_1 = ? WHERE id = ?", (source.random(), source.randint(1, matches))
        )
        connection.execute("COMMIT")
        commits.append((begun, time.monotonic()))
    connection.close()
    for begun, ended in commits:
        print(begun, ended)


main()
