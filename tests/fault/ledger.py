#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the application: ledger.py DATABASE JOURNAL NAME RATE, on SQLAlchemy, with a pool of connections and threads.

Two threads move amounts between accounts, each move a transaction of its own; a third reads all of it in one
transaction and recomputes every account from the moves. JOURNAL is written outside of the database:

    try NUMBER                before a commit is asked for
    done NUMBER BEGUN ENDED   after it was acknowledged (monotonic seconds; locks were waited for in between)
    read BEGUN ENDED          the books agree
    locked WHAT               a lock did not come free in time; tried again
    error WHAT                anything else that SQLite or the books said

It ends when standard input is closed. NUMBERs begin with NAME; RATE is commits a second for each thread, 0 for as many
as there can be."""

import os
import random
import sys
import threading
import time

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

ACCOUNTS = 100
WRITERS = 2

metadata = MetaData()
accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("amount", Integer, nullable=False),
    Column("padding", String(400)),
)
moves = Table(
    "moves",
    metadata,
    Column("number", String(40), primary_key=True),
    Column("giver", Integer, nullable=False, index=True),
    Column("taker", Integer, nullable=False, index=True),
    Column("amount", Integer, nullable=False),
)

# No row when every account is what its moves make it.
WRONG_ACCOUNTS = """
SELECT a.id, a.amount, coalesce(t.total, 0) - coalesce(g.total, 0)
  FROM accounts a
  LEFT JOIN (SELECT taker AS id, sum(amount) AS total FROM moves GROUP BY taker) t ON t.id = a.id
  LEFT JOIN (SELECT giver AS id, sum(amount) AS total FROM moves GROUP BY giver) g ON g.id = a.id
 WHERE a.amount <> coalesce(t.total, 0) - coalesce(g.total, 0)
"""


def open_books(path, begin="BEGIN IMMEDIATE"):
    """The engine, with a pool that keeps its connections open."""
    engine = create_engine(
        "sqlite:///" + path,
        future=True,
        poolclass=QueuePool,
        pool_size=WRITERS,
        connect_args={"timeout": 60, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection, _):
        # The driver would begin a transaction only at the first write, and leave its reads outside of it; SQLAlchemy's
        # manual has this way out.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin_transaction(connection):
        connection.exec_driver_sql(begin)

    return engine


def make_books(path):
    engine = open_books(path)
    with engine.begin() as connection:
        metadata.create_all(connection)
        if connection.execute(text("SELECT count(*) FROM accounts")).scalar() == 0:
            connection.execute(
                accounts.insert(), [{"id": number, "amount": 0, "padding": "x" * 400} for number in range(ACCOUNTS)]
            )
    engine.dispose()


class Ledger:
    def __init__(self, path, journal, name, rate):
        self.writing = open_books(path)
        self.reading = open_books(path, "BEGIN")
        self.journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.name = name
        self.rate = rate
        self.ending = threading.Event()

    def note(self, *words):
        os.write(self.journal, (" ".join(map(str, words)) + "\n").encode())

    def fault(self, error):
        """Notes what went wrong; true when it is only a lock."""
        is_lock = isinstance(error, OperationalError) and "locked" in str(error.orig)
        self.note("locked" if is_lock else "error", repr(error.orig))
        return is_lock

    def move(self, number):
        giver, taker = random.sample(range(ACCOUNTS), 2)
        amount = random.randint(1, 1000)
        change = text("UPDATE accounts SET amount = amount + :amount WHERE id = :id")
        with self.writing.begin() as connection:
            connection.execute(change, {"amount": -amount, "id": giver})
            connection.execute(change, {"amount": amount, "id": taker})
            connection.execute(moves.insert(), {"number": number, "giver": giver, "taker": taker, "amount": amount})
            self.note("try", number)

    def write(self, writer):
        count = 0
        due = time.monotonic()
        while not self.ending.is_set():
            count += 1
            number = f"{self.name}-{writer}-{count}"
            begun = time.monotonic()
            try:
                self.move(number)
                self.note("done", number, begun, time.monotonic())
            except DBAPIError as error:
                if not self.fault(error):
                    return
            if self.rate:
                due = max(due + 1 / self.rate, time.monotonic() - 1)
                self.ending.wait(max(due - time.monotonic(), 0))

    def read(self):
        while not self.ending.wait(0.05):
            begun = time.monotonic()
            try:
                with self.reading.begin() as connection:
                    total = connection.execute(text("SELECT sum(amount) FROM accounts")).scalar()
                    wrong = connection.execute(text(WRONG_ACCOUNTS)).fetchall()
            except DBAPIError as error:
                if not self.fault(error):
                    return
                continue
            if total != 0 or wrong:
                self.note("error", "the books disagree:", total, wrong[:3])
            self.note("read", begun, time.monotonic())

    def run(self):
        threads = [threading.Thread(target=self.write, args=(writer,)) for writer in range(WRITERS)]
        threads.append(threading.Thread(target=self.read))
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self.ending.set()
        for thread in threads:
            thread.join()
        self.writing.dispose()
        self.reading.dispose()


if __name__ == "__main__":
    Ledger(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])).run()
