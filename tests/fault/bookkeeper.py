# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the application (ledger.py) beside a test, and reads what it was told."""

import collections
import os
import sqlite3
import subprocess
import sys
import time

import ledger

PATIENCE_SECONDS = 60

Commit = collections.namedtuple("Commit", "number begun ended")


class Bookkeeper:
    """One process of the application. All times are of the monotonic clock."""

    def __init__(self, database, journal, name, rate=0):
        self.journal = str(journal)
        self.process = subprocess.Popen(
            [sys.executable, "-B", ledger.__file__, database, self.journal, name, str(rate)],
            stdin=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"},
        )

    def lines(self):
        """What is in the journal, in words; the last line may still be being written."""
        if not os.path.exists(self.journal):
            return []
        with open(self.journal, encoding="utf-8") as file:
            return [line.split() for line in file.read().split("\n")[:-1]]

    def tried(self):
        return {words[1] for words in self.lines() if words[0] == "try"}

    def commits(self):
        """The acknowledged ones."""
        return [
            Commit(words[1], float(words[2]), float(words[3])) for words in self.lines() if words[0] == "done"
        ]

    def reads(self):
        return [(float(words[1]), float(words[2])) for words in self.lines() if words[0] == "read"]

    def errors(self):
        return [" ".join(words) for words in self.lines() if words[0] == "error"]

    def wait(self, commits=0, reads=0):
        """Waits until it has done so much more."""
        wanted = len(self.commits()) + commits, len(self.reads()) + reads
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (len(self.commits()), len(self.reads())) < wanted or len(self.reads()) < wanted[1]:
            assert self.process.poll() is None and not self.errors(), self.errors()
            assert time.monotonic() < deadline, f"{wanted} not reached: {self.lines()[-5:]}"
            time.sleep(0.01)

    def finish(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_SECONDS) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


def numbers(path):
    """The moves that a database has, after it was proved that its books agree."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute(ledger.WRONG_ACCOUNTS).fetchall() == []
        assert connection.execute("SELECT sum(amount) FROM accounts").fetchone() == (0,)
        return {number for (number,) in connection.execute("SELECT number FROM moves")}
    finally:
        connection.close()
