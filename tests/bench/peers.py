# SPDX-License-Identifier: LGPL-2.1-or-later
"""What this service is compared with: Debian's own tools, and litestream from npm. Each function leaves the result on
the disk, as its side's user would have it; none of them is made slower than its manual suggests."""

import glob
import os
import shutil
import subprocess
import time

from corpus import DIRECTORY

PACKAGES = {"zstd": "zstd", "pigz": "pigz", "sqlite3": "sqlite3", "restic": "restic", "borg": "borgbackup"}
NPM_PACKAGE = "@flydotio/litestream-linux-x64"
LITESTREAM = os.path.join(DIRECTORY, f"npm/node_modules/{NPM_PACKAGE}/litestream")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def install():
    """What is missing; litestream is left out where npm is."""
    missing = [package for command, package in PACKAGES.items() if not shutil.which(command)]
    if missing:
        subprocess.run(["apt-get", "-qq", "update"], check=True, **QUIET)
        subprocess.run(["apt-get", "-qq", "--yes", "--no-install-recommends", "install", *missing], check=True, **QUIET)
    if not os.path.exists(LITESTREAM) and shutil.which("npm"):
        prefix = os.path.join(DIRECTORY, "npm")
        os.makedirs(prefix, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", prefix, NPM_PACKAGE], check=False, **QUIET)


def tables(database):
    command = ["sqlite3", "-readonly", database, "SELECT name FROM sqlite_schema WHERE type='table' ORDER BY rowid"]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.split()


class Litestream:
    """A litestream that replicates a database into a directory, until closed."""

    def __init__(self, database, replica):
        shutil.rmtree(replica, ignore_errors=True)
        self.replica = replica
        self.begun = time.monotonic()
        self.process = subprocess.Popen([LITESTREAM, "replicate", database, "file://" + replica], **QUIET)

    def wait_snapshot(self, patience=300):
        """Until the first snapshot has its final name; the seconds since the start."""
        deadline = self.begun + patience
        while not glob.glob(self.replica + "/generations/*/snapshots/*.snapshot.lz4"):
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
        return time.monotonic() - self.begun

    def close(self):
        self.process.terminate()
        self.process.wait()


class Restic:
    def __init__(self, directory):
        shutil.rmtree(directory, ignore_errors=True)
        self.environment = {**os.environ, "RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": directory}
        subprocess.run(["restic", "init"], env=self.environment, check=True, **QUIET)

    def back_up(self, path):
        subprocess.run(["restic", "backup", "--no-cache", path], env=self.environment, check=True, **QUIET)


class Borg:
    def __init__(self, directory):
        shutil.rmtree(directory, ignore_errors=True)
        self.directory = directory
        self.count = 0
        self.environment = {**os.environ, "BORG_BASE_DIR": directory + ".base"}
        shutil.rmtree(directory + ".base", ignore_errors=True)
        subprocess.run(["borg", "init", "-e", "none", directory], env=self.environment, check=True, **QUIET)

    def back_up(self, path):
        self.count += 1
        archive = f"{self.directory}::{self.count}"
        subprocess.run(["borg", "create", archive, path], env=self.environment, check=True, **QUIET)
