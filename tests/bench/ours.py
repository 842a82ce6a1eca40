# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service that is measured: the real daemon of an optimized build without test hooks, on a private bus, asked over
it as every caller asks."""

import os
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "../..")
sys.path[:0] = [os.path.join(HERE, "../bus"), os.path.join(HERE, "../fault")]
# The first backup of a large database takes longer than any test waits.
os.environ.setdefault("ORACXPRED_TEST_PATIENCE", "600")

from client import BusError  # noqa: E402
from contract import JOB  # noqa: E402
from corpus import DIRECTORY  # noqa: E402
from measure import timed  # noqa: E402
from private_bus import PrivateBus  # noqa: E402
from restore_scenes import counted  # noqa: E402
from service import Service  # noqa: E402


def build():
    """The build directory: ORACXPRED_BUILD, or one of the bench's own, as the package is built."""
    directory = os.environ.get("ORACXPRED_BUILD")
    if directory:
        return os.path.abspath(directory)
    directory = os.path.join(DIRECTORY, "build")
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        command = ["meson", "setup", directory, SOURCE, "--buildtype=release"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "--quiet", "-C", directory], check=True, stdout=sys.stderr)
    return directory


class Ours:
    """One daemon on one database, which it was started with, and on a bus of its own."""

    running = set()

    def __init__(self, build_directory, name, corpus, configuration=""):
        self.bus = PrivateBus().__enter__()
        self.directory = os.path.join(DIRECTORY, name)
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self.service = Service(os.path.join(build_directory, "src/daemon/oracxpredd"), self.bus, self.directory)
        Ours.running.add(self)
        self.database = self.service.database
        self.backups = self.service.backups
        self.control = os.path.join(build_directory, "src/ctl/oracxpredctl")
        os.makedirs(os.path.dirname(self.database))
        if corpus:
            shutil.copyfile(corpus, self.database)
        self.configure(configuration)
        self.client = None

    def configure(self, text):
        # The rows of the corpus are old; their removal is not what is measured.
        self.service.configure(text + "LogRetentionSec=10000d\n")
        if self.service.process is not None:
            self.client.manager("Reload")

    def start(self):
        self.client = self.service.start()
        counted(self.client)
        return self.client

    def restart(self):
        self.service.stop()
        self.start()

    def finish(self):
        Ours.running.discard(self)
        self.service.finish()
        self.bus.__exit__(None, None, None)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self):
        return self.service.process.pid

    def back_up(self):
        """As the timer does it. What a person asks for leaves a row in the logs, and is a change of the database."""
        return self.client.back_up(automatic=("b", True))

    def forget_backups(self):
        """So that the next one is a first one: nothing to compare with."""
        # By hand, since the initial one is kept for good; the service watches its directory.
        for name in sorted(os.listdir(self.backups), key=lambda name: not name.endswith(".meta")):
            os.unlink(os.path.join(self.backups, name))
        while self.client.names():
            time.sleep(0.01)

    def first_backup(self):
        self.forget_backups()
        os.sync()
        return timed(self.back_up)

    def run(self, member, *arguments):
        end = self.client.run(member, *arguments)[1:]
        assert end == ("done", "", ""), end

    def restore(self, name):
        """Seconds until the restored database is in force and checked, and until the job has ended: with what was
        replaced stored as a backup."""
        begun = time.monotonic()
        job_id, path = self.client.manager("Restore", name, {})
        steps, checked = [], 0
        while True:
            try:
                step = self.client.get("Step", path, JOB)
            except BusError:
                break  # the job is gone
            if "restoring" in steps and step == "copying" and not checked:
                checked = time.monotonic()
            if not steps or steps[-1] != step:
                steps.append(step)
            time.sleep(0.005)
        assert self.client.ended(job_id)[0] == "done" and checked, steps
        return checked - begun, time.monotonic() - begun

    def status(self, field):
        """A size out of the kernel's account of the process, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field + ":"))


class PeakMemory:
    """Watches the anonymous memory of a process while something is done."""

    def __init__(self, ours):
        self.ours = ours
        self.peak = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.ended.wait(0.01):
            self.peak = max(self.peak, self.ours.status("RssAnon"))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


class Writer:
    """The application under load, in a process of its own."""

    def __init__(self, database, rate):
        self.process = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, "load.py"), database, str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="ascii",
        )
        assert self.process.stdout.readline() == "ready\n"
        self.commits = []

    def finish(self):
        out, _ = self.process.communicate("", 600)
        assert self.process.returncode == 0
        self.commits = [tuple(map(float, line.split())) for line in out.splitlines()]

    def latencies(self, begun, ended):
        """Of the commits that were under way at some time in between."""
        return [end - begin for begin, end in self.commits if end > begun and begin < ended]
