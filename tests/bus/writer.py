#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the application under load: writer.py DATABASE [COMMITS].

Moves amounts between the rows of a ledger whose sum is always 0, and numbers its transactions. After each commit that
SQLite acknowledged, prints the transaction's number; ends when standard input is closed, printing "end". After COMMITS
transactions it stays connected and writes no more. Whatever SQLite raises, but for a lock that did not come free in
time, is printed as "error" and ends it."""

import math
import random
import select
import sqlite3
import sys


def main():
    connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
    connection.execute("CREATE TABLE IF NOT EXISTS ledger (id INTEGER PRIMARY KEY, amount INTEGER, padding TEXT)")
    connection.execute("CREATE TABLE IF NOT EXISTS moves (number INTEGER PRIMARY KEY, amount INTEGER)")
    if not connection.execute("SELECT count(*) FROM ledger").fetchone()[0]:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO ledger VALUES (?, 0, ?)", [(row, "x" * 500) for row in range(200)])
        connection.execute("COMMIT")
    number = connection.execute("SELECT coalesce(max(number), 0) FROM moves").fetchone()[0]
    last = number + int(sys.argv[2]) if len(sys.argv) > 2 else math.inf

    while not select.select([sys.stdin], [], [], None if number == last else 0)[0]:
        number += 1
        amount = random.randint(1, 1000)
        giver, taker = random.sample(range(200), 2)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE ledger SET amount = amount - ? WHERE id = ?", (amount, giver))
        connection.execute("UPDATE ledger SET amount = amount + ? WHERE id = ?", (amount, taker))
        connection.execute("INSERT INTO moves VALUES (?, ?)", (number, amount))
        connection.execute("COMMIT")
        print(number, flush=True)
        if number % 50 == 0:
            (total,) = connection.execute("SELECT sum(amount) FROM ledger").fetchone()
            if total != 0:
                raise sqlite3.DatabaseError(f"the ledger's sum is {total}")
    connection.close()
    print("end", flush=True)


try:
    main()
except sqlite3.Error as error:
    print("error", error, flush=True)
    sys.exit(1)
