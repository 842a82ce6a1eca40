# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages a database file in one precise way. Each function of FAMILIES takes the path of the main file, a random
generator whose seed names the case, and the case's number in its family; it says what it did.

Where things are is asked of SQLite itself (dbstat), on the main file alone: what the write-ahead log says may cover the
damage, and then nothing is lost."""

import gzip
import os
import sqlite3
import struct

from application import read_all, write_at

TYPE_INTERIOR_INDEX, TYPE_INTERIOR_TABLE, TYPE_LEAF_INDEX, TYPE_LEAF_TABLE = 2, 5, 10, 13

WAL_HEADER_BYTES = 32
WAL_FRAME_HEADER_BYTES = 24

HEADER_FREELIST = 32


class Layout:
    """What is where in the main file of a database."""

    def __init__(self, path):
        self.image = read_all(path)
        self.page_size = self.integer(16, 2)
        if self.page_size == 1:
            self.page_size = 65536
        image = bytearray(self.image)
        image[18:20] = b"\1\1"  # not WAL, which an image in memory can't be
        connection = sqlite3.connect(":memory:")
        connection.deserialize(bytes(image))
        # (kind of page, number) for every page that is in use
        self.pages = connection.execute("SELECT pagetype, pageno FROM dbstat ORDER BY pageno").fetchall()
        self.index_leaves = [
            number
            for (number,) in connection.execute(
                "SELECT pageno FROM dbstat WHERE pagetype = 'leaf' AND ncell > 0 "
                "AND name IN (SELECT name FROM sqlite_schema WHERE type = 'index') ORDER BY pageno"
            )
        ]
        self.table_leaves = [
            number
            for (number,) in connection.execute(
                "SELECT pageno FROM dbstat WHERE pagetype = 'leaf' AND ncell > 0 AND pageno > 1 "
                "AND name IN (SELECT name FROM sqlite_schema WHERE type = 'table') ORDER BY pageno"
            )
        ]
        connection.close()

    @property
    def n_pages(self):
        return len(self.image) // self.page_size

    def integer(self, offset, size):
        return int.from_bytes(self.image[offset : offset + size], "big")

    def offset(self, page):
        return (page - 1) * self.page_size

    def header_offset(self, page):
        """Where a b-tree page's own header is."""
        return self.offset(page) + (100 if page == 1 else 0)

    def trees(self):
        return [number for kind, number in self.pages if kind in ("leaf", "internal")]

    def overflow(self):
        return [number for kind, number in self.pages if kind == "overflow"]

    def cell_pointers(self, page):
        """(offset of the first pointer, how many)."""
        header = self.header_offset(page)
        is_interior = self.image[header] in (TYPE_INTERIOR_INDEX, TYPE_INTERIOR_TABLE)
        return header + (12 if is_interior else 8), self.integer(header + 3, 2)

    def any_cell(self, page, random):
        """Where one of its cells is."""
        first, count = self.cell_pointers(page)
        return self.offset(page) + self.integer(first + 2 * random.randrange(count), 2)

    def trunks(self):
        """The freelist's trunk pages, in its order."""
        found = []
        page = self.integer(HEADER_FREELIST, 4)
        while page:
            found.append(page)
            page = self.integer(self.offset(page), 4)
        return found


def cut(path, size):
    """As a program does it: by opening, cutting and closing."""
    with open(path, "r+b") as file:
        file.truncate(size)


def other_byte(random, byte):
    return bytes([byte ^ random.randint(1, 255)])


def change_byte(path, random, offset):
    byte = read_all(path)[offset]
    write_at(path, offset, other_byte(random, byte))
    return f"byte {offset} changed"


# The main file's structure.


def header(path, random, number):
    """Any byte of the 100; the magic and the fields that matter most first."""
    first = (0, 15, 18, 19, 20, 21, 28, 32, 36, 44, 47, 56, 59)
    return change_byte(path, random, first[number] if number < len(first) else random.randrange(100))


def page_type(path, random, number):
    layout = Layout(path)
    page = random.choice(layout.trees())
    at = layout.header_offset(page)
    value = random.choice([byte for byte in (0, 1, 2, 5, 10, 13, 77, 255) if byte != layout.image[at]])
    write_at(path, at, bytes([value]))
    return f"page {page} has the type {value}"


def cell_pointer(path, random, number):
    layout = Layout(path)
    page = random.choice([page for page in layout.trees() if layout.cell_pointers(page)[1] > 0])
    first, count = layout.cell_pointers(page)
    at = first + 2 * random.randrange(count)
    value = random.choice([0, 1, layout.page_size - 1, 0xFFFF, random.randrange(layout.page_size)])
    if value == layout.integer(at, 2):
        value ^= 1
    write_at(path, at, struct.pack(">H", value))
    return f"a cell pointer of page {page} is {value}"


def cell_count(path, random, number):
    layout = Layout(path)
    page = random.choice(layout.trees())
    at = layout.header_offset(page) + 3
    value = random.choice([0, layout.integer(at, 2) + 1, 0xFFFF])
    if value == layout.integer(at, 2):
        value = 1
    write_at(path, at, struct.pack(">H", value))
    return f"page {page} counts {value} cells"


def overflow_chain(path, random, number):
    layout = Layout(path)
    chain = layout.overflow()
    if number % 3 == 0:
        chain = [page for page in chain if layout.integer(layout.offset(page), 4) == 0]
    else:
        chain = [page for page in chain if layout.integer(layout.offset(page), 4) != 0]
    page = random.choice(chain)
    following = layout.integer(layout.offset(page), 4)
    choices = [0, 1, page, layout.n_pages + 1, 0xFFFFFFFF, random.choice(layout.trees())]
    value = random.choice([choice for choice in choices if choice != following])
    write_at(path, layout.offset(page), struct.pack(">I", value))
    return f"overflow page {page} goes on at {value} instead of {following}"


def index_content(path, random, number):
    """Inside an entry's key: the tree stays a tree, but no longer that of its table."""
    layout = Layout(path)
    page = random.choice(layout.index_leaves)
    cell = layout.any_cell(page, random)
    size, header_bytes = layout.image[cell], layout.image[cell + 1]
    at = cell + 1 + header_bytes + random.randrange(max(size - header_bytes, 1))
    write_at(path, at, bytes([layout.image[at] ^ (1 << random.randrange(7))]))
    return f"an entry of the index page {page} differs at {at}"


def row_content(path, random, number):
    """Inside a row: often nothing that any check could see."""
    layout = Layout(path)
    page = random.choice(layout.table_leaves)
    cell = layout.any_cell(page, random)
    return f"table page {page}: " + change_byte(path, random, min(cell + 40, layout.offset(page + 1) - 1))


def freelist(path, random, number):
    layout = Layout(path)
    trunk = random.choice(layout.trunks())
    at = layout.offset(trunk)
    leaves = layout.integer(at + 4, 4)
    used = random.choice(layout.trees())
    what, where, value = [
        ("the freelist's head is beyond the end", HEADER_FREELIST, layout.n_pages + 7),
        ("the freelist's length is wrong", HEADER_FREELIST + 4, layout.integer(HEADER_FREELIST + 4, 4) + 1),
        ("a trunk's next is beyond the end", at, 0xFFFFFFFF),
        ("a trunk counts too many leaves", at + 4, 0x7FFFFFFF),
        ("a leaf of the freelist is beyond the end", at + 8 + 4 * random.randrange(leaves), layout.n_pages + 99),
        ("a leaf of the freelist is in use", at + 8 + 4 * random.randrange(leaves), used),
        ("the freelist's head is in use", HEADER_FREELIST, used),
    ][number % 7]
    write_at(path, where, struct.pack(">I", value))
    return what


def page_lost(path, random, number):
    layout = Layout(path)
    page = random.choice(layout.trees() + layout.overflow())
    data = random.choice([bytes(layout.page_size), random.randbytes(layout.page_size), b"\xff" * layout.page_size])
    write_at(path, layout.offset(page), data)
    return f"page {page} is overwritten"


def truncation(path, random, number):
    size = os.path.getsize(path)
    page_size = Layout(path).page_size
    kept = [0, 1, 100, page_size, size - page_size, size - 1][number] if number < 6 else random.randrange(size)
    cut(path, kept)
    return f"cut to {kept} of {size} bytes"


def truncated_behind(path, random, number):
    """With truncate(2), which closes nothing."""
    size = os.path.getsize(path)
    kept = [0, 1, size // 2][number] if number < 3 else random.randrange(size)
    os.truncate(path, kept)
    return f"truncate(2) to {kept} of {size} bytes"


def zeroed_tail(path, random, number):
    size = os.path.getsize(path)
    last = len(read_all(path).rstrip(b"\0")) - 1
    kept = last // 4096 * 4096 if number == 0 else random.randrange(last)
    write_at(path, kept, bytes(size - kept))
    return f"zeros from {kept} of {size} bytes on"


# The write-ahead log.


def frames(log, page_size):
    return (len(log) - WAL_HEADER_BYTES) // (WAL_FRAME_HEADER_BYTES + page_size)


def frame_offset(page_size, frame):
    return WAL_HEADER_BYTES + frame * (WAL_FRAME_HEADER_BYTES + page_size)


def log_of(path):
    """(path of the log, its content, page size, frames)."""
    log = read_all(path + "-wal")
    page_size = int.from_bytes(log[8:12], "big")
    return path + "-wal", log, page_size, frames(log, page_size)


def checksum(log_magic, data, first, second):
    """SQLite's, over pairs of 32-bit words."""
    order = ">" if log_magic & 1 else "<"
    for one, two in struct.iter_unpack(order + "II", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def wal_header(path, random, number):
    target, _, _, _ = log_of(path)
    first = (0, 3, 7, 10, 12, 24, 31)
    return "log: " + change_byte(path + "-wal", random, first[number] if number < 7 else random.randrange(32))


def wal_salt(path, random, number):
    """The log's own, or that of one frame: SQLite ignores what doesn't match."""
    target, log, page_size, count = log_of(path)
    start = 16 if number % 2 == 0 else frame_offset(page_size, random.randrange(count)) + 8
    return "log: the salt, " + change_byte(target, random, start + random.randrange(8))


def wal_frame_header(path, random, number):
    target, log, page_size, count = log_of(path)
    start = frame_offset(page_size, random.randrange(count))
    return "log: " + change_byte(target, random, start + random.choice([0, 3, 4, 7, 16, 23]))


def wal_frame(path, random, number):
    target, log, page_size, count = log_of(path)
    start = frame_offset(page_size, random.randrange(count)) + WAL_FRAME_HEADER_BYTES
    return "log: the page, " + change_byte(target, random, start + random.randrange(page_size))


def wal_cut(path, random, number):
    target, log, page_size, count = log_of(path)
    kept = [0, 31, WAL_HEADER_BYTES][number] if number < 3 else random.randrange(len(log))
    cut(target, kept)
    return f"log: cut to {kept} of {len(log)} bytes"


def wal_believed(path, random, number):
    """A page that is wrong under a checksum that is right: written so, by a bug or a broken memory."""
    target, log, page_size, count = log_of(path)
    log = bytearray(log)
    layout = Layout(path)
    trees = set(layout.trees())
    candidates = [
        frame
        for frame in range(count)
        if int.from_bytes(log[frame_offset(page_size, frame) :][:4], "big") in trees
    ]
    victim = random.choice(candidates)
    page = int.from_bytes(log[frame_offset(page_size, victim) :][:4], "big")
    # The last frame of a page is the one that counts.
    victim = max(f for f in candidates if int.from_bytes(log[frame_offset(page_size, f) :][:4], "big") == page)
    data = frame_offset(page_size, victim) + WAL_FRAME_HEADER_BYTES
    log[data + (100 if page == 1 else 0)] = 77
    magic = int.from_bytes(log[0:4], "big")
    sums = struct.unpack(">II", log[24:32])
    for frame in range(count):
        start = frame_offset(page_size, frame)
        if log[start + 8 : start + 16] != log[16:24]:
            break
        sums = checksum(magic, log[start : start + 8], *sums)
        sums = checksum(magic, log[start + WAL_FRAME_HEADER_BYTES :][:page_size], *sums)
        log[start + 16 : start + 24] = struct.pack(">II", *sums)
    write_at(target, 0, bytes(log))
    return f"log: page {page} has the type 77, and the checksum agrees"


# Whole files.


def unlink(*paths):
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)


def deleted(path, random, number):
    if number % 4 == 0:
        unlink(path)
        return "the main file is deleted"
    if number % 4 == 1:
        unlink(path, path + "-wal", path + "-shm")
        return "the three files are deleted"
    if number % 4 == 2:
        unlink(path + "-wal", path)
        return "the main file and the log are deleted"
    os.rename(path, path + ".away")
    return "the main file is moved away"


def wal_deleted(path, random, number):
    unlink(path + "-wal", *([path + "-shm"] if number % 2 else []))
    return "the log is deleted"


def swapped_for_database(path, random, number):
    """Another application's database, renamed over it; half of the time its log goes, too."""
    new = path + ".new"
    connection = sqlite3.connect(new)
    if number % 2:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE other (id INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO other (text) VALUES (?)", [(str(random.random()),) for _ in range(1000)])
    connection.commit()
    connection.close()
    unlink(path + "-wal", path + "-shm")
    os.chmod(new, 0o660)
    os.rename(new, path)
    return "another database is in its place"


def swapped_for_rubbish(path, random, number):
    new = path + ".new"
    data = [
        b"this is no database\n" * 1000,
        random.randbytes(50000),
        gzip.compress(read_all(path)),
        b"SQLite format 3\0" + b"\xff" * 8176,
        bytes(65536),
        b"\0",
        read_all(path)[::-1],
    ][number % 7]
    with open(new, "wb") as file:
        file.write(data)
    os.chmod(new, 0o660)
    os.rename(new, path)
    return f"something of {len(data)} bytes that is no database is in its place"


def page_size_field(path, random, number):
    layout = Layout(path)
    sizes = [512, 1024, 2048, 8192, 32768, 1, 0, 3, 4095]
    write_at(path, 16, struct.pack(">H", sizes[number % len(sizes)]))
    return f"the page size is said to be {sizes[number % len(sizes)]}"


def page_size_rebuilt(path, random, number):
    """The same rows in pages of another size: nothing is lost. Every second one is then damaged."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute(f"PRAGMA page_size={[1024, 8192, 16384, 65536][number // 2 % 4]}")
    connection.execute("VACUUM")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    return "rebuilt with another page size" + ("; " + page_type(path, random, number) if number % 2 else "")


FAMILIES = {
    "header": header,
    "page-type": page_type,
    "cell-pointer": cell_pointer,
    "cell-count": cell_count,
    "overflow-chain": overflow_chain,
    "index-content": index_content,
    "row-content": row_content,
    "freelist": freelist,
    "page-lost": page_lost,
    "truncation": truncation,
    "truncated-behind": truncated_behind,
    "zeroed-tail": zeroed_tail,
    "wal-header": wal_header,
    "wal-salt": wal_salt,
    "wal-frame-header": wal_frame_header,
    "wal-frame": wal_frame,
    "wal-cut": wal_cut,
    "wal-believed": wal_believed,
    "wal-deleted": wal_deleted,
    "deleted": deleted,
    "swapped-for-database": swapped_for_database,
    "swapped-for-rubbish": swapped_for_rubbish,
    "page-size-field": page_size_field,
    "page-size-rebuilt": page_size_rebuilt,
}

# These need a log with commits in it.
OF_THE_LOG = tuple(name for name in FAMILIES if name.startswith("wal-"))
