# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pieces of work that put another database in force, each with the state it begins with: for killing them, and for
taking the disk's room away, at every step."""

import contextlib
import os
import random
import sqlite3

from application import read_all, write_at
from broken_database import wait_restored
from client import BusError, ServiceGone
from damage import FAMILIES, cut
from scene import fill
from verdict import content, judge

PAGE_SIZE_BYTES = 8192


def settled(client):
    """Waits until no job is left."""
    while True:
        since = client.mark()
        if client.get("NJobs") == 0:
            return
        client.wait(lambda signal: signal.member == "JobRemoved", since=since)


def counted(client):
    """Waits until nothing is left that the service does by itself after a start: its count of rows is no job."""
    settled(client)
    try:
        client.manager("GetStatistics")
    except BusError:
        pass  # a database that can't be counted is not being counted either


def comparable(rows):
    """Content without the log that the service writes into itself."""
    return None if rows is None else {table: found for table, found in rows.items() if table != "system_logs"}


class Scene:
    """A state directory, the work, and what the database may be afterwards."""

    # Whether the start alone does it, without being asked.
    by_itself = False

    # Whether the state tells its files by their inodes, so that it can't be put back from a copy.
    by_inode = False

    def __init__(self, service):
        self.service = service
        client = service.start()
        self.lay(client)
        if service.process is not None:
            service.stop()
        self.begun_with = judge(service.database)
        self.old = comparable(self.begun_with.content)

    def lay(self, client):
        """A backup, whose content is to come back, and commits since."""
        fill(self.service.database, share=0.1)
        self.backup = client.back_up()
        self.new = comparable(content(self.service.database))
        self.commit()

    def commit(self):
        connection = sqlite3.connect(self.service.database, isolation_level=None)
        connection.execute("UPDATE predictions SET confidence = confidence + 1")
        connection.execute("DELETE FROM collected_matches WHERE id % 3 = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def rebuild(self):
        """The same in pages of another size: what can't be restored in place."""
        connection = sqlite3.connect(self.service.database, isolation_level=None)
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute(f"PRAGMA page_size={PAGE_SIZE_BYTES}")
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()

    def restore(self, client):
        assert client.run("Restore", self.backup, {})[1:] == ("done", "", "")

    def work(self, service):
        settled(service.client)
        self.ask(service.client)
        settled(service.client)

    def ask(self, client):
        raise NotImplementedError

    def allowed(self):
        return [self.new] if self.by_itself else [self.old, self.new]


class RestoreInPlace(Scene):
    def ask(self, client):
        self.restore(client)


class RestoreByReplacing(Scene):
    def lay(self, client):
        super().lay(client)
        self.service.stop()
        self.rebuild()

    def ask(self, client):
        self.restore(client)


class UndoInPlace(Scene):
    def lay(self, client):
        super().lay(client)
        self.backup_of, self.new = self.new, comparable(content(self.service.database))
        self.restore(client)

    def ask(self, client):
        assert client.run("UndoRestore", {})[1:] == ("done", "", "")


class UndoByReplacing(UndoInPlace):
    def lay(self, client):
        Scene.lay(self, client)
        self.service.stop()
        self.rebuild()
        client = self.service.start()
        settled(client)
        self.new = comparable(content(self.service.database))
        self.restore(client)


class OfItself(Scene):
    by_itself = True

    def lay(self, client):
        super().lay(client)
        self.service.stop()
        self.damage(self.service.database)

    def ask(self, client):
        wait_restored(client)


class Repaired(OfItself):
    """Damage that costs no row: no commit goes."""

    def lay(self, client):
        Scene.lay(self, client)
        self.service.stop()
        self.new = comparable(content(self.service.database))
        self.damage(self.service.database)


class DamagedIndex(Repaired):
    def damage(self, path):
        FAMILIES["index-content"](path, random.Random(7), 0)


class DamagedFreelist(Repaired):
    def damage(self, path):
        FAMILIES["freelist"](path, random.Random(7), 0)


class DamagedHeader(Repaired):
    """All of its rows are rescued."""

    def damage(self, path):
        write_at(path, 0, b"no longer SQLite")


class DamagedTable(Repaired):
    """One page of a table, whose rows are in the backup as they were: they come back, into the rows that were committed
    since, while the application could stay connected."""

    def damage(self, path):
        image = bytearray(read_all(path))
        image[18:20] = b"\1\1"  # not WAL, which an image in memory can't be
        connection = sqlite3.connect(":memory:")
        connection.deserialize(bytes(image))
        (page,) = connection.execute(
            "SELECT max(pageno) FROM dbstat WHERE name = 'users' AND pagetype = 'leaf'"
        ).fetchone()
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.close()
        write_at(path, (page - 1) * page_size, bytes(page_size))


class Missing(OfItself):
    def damage(self, path):
        os.unlink(path)


class FromFile(Scene):
    def lay(self, client):
        super().lay(client)
        self.outside = os.path.join(self.service.directory, "outside.db")
        connection = sqlite3.connect(self.service.database)
        target = sqlite3.connect(self.outside)
        connection.backup(target)
        connection.close()
        target.execute("PRAGMA journal_mode=DELETE")
        target.execute("DELETE FROM predictions WHERE id % 2")
        target.commit()
        target.close()
        self.new = comparable(content(self.outside))

    def ask(self, client):
        with open(self.outside, "rb") as file:
            assert client.run("Restore", "", {"from": ("h", file)})[1:] == ("done", "", "")


class Import(Scene):
    """Builds a database beside the live one, which nothing may happen to."""

    def lay(self, client):
        super().lay(client)
        self.document = os.path.join(self.service.directory, "export.json")
        with open(self.document, "wb") as file:
            assert client.run("Export", file, {})[1:] == ("done", "", "")
        self.new = comparable(content(self.service.database))

    def ask(self, client):
        with open(self.document, "rb") as file:
            assert client.run("Import", file, {})[1:] == ("done", "", "")


class FinishForward(Scene):
    """A replacement that was cut off when the old files were gone: the start puts the new one there."""

    by_inode = True

    def lay(self, client):
        super().lay(client)
        self.service.stop()
        self.rebuild()
        self.replaced = comparable(content(self.service.database))
        self.service.start(point="replace-moved")
        with contextlib.suppress(ServiceGone):
            self.service.client.run("Restore", self.backup, {})
        self.service.killed_itself()

    def ask(self, client):
        """The start has done it."""

    def allowed(self):
        return [self.new]


class FinishBack(FinishForward):
    """The same, when the new file is of no use: the old ones come back."""

    def lay(self, client):
        super().lay(client)
        data = os.path.dirname(self.service.database)
        prepared = [name for name in os.listdir(data) if not name.startswith("oracxpred.db")]
        assert len(prepared) == 1
        cut(os.path.join(data, prepared[0]), 4096)
        self.new = self.replaced


SCENES = {
    "restore-in-place": RestoreInPlace,
    "restore-by-replacing": RestoreByReplacing,
    "undo-in-place": UndoInPlace,
    "undo-by-replacing": UndoByReplacing,
    "damaged-index": DamagedIndex,
    "damaged-freelist": DamagedFreelist,
    "damaged-header": DamagedHeader,
    "damaged-table": DamagedTable,
    "missing": Missing,
    "from-file": FromFile,
    "import": Import,
    "finish-forward": FinishForward,
    "finish-back": FinishBack,
}
