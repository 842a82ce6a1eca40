# SPDX-License-Identifier: LGPL-2.1-or-later
"""The README's first command where systemd is PID 1. It is run on an overlay of this very machine's system, which has
what the build needs, and of which nothing but the bare minimum is started."""

import os
import shutil
import subprocess

import pytest

from machine import ENVIRONMENT, Machine, check

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Inside the copy, whose /tmp and the like are its own.
COPY_OF_SOURCE = "/opt/oracxpred-source"
ETC = "etc/systemd/system"
QUICKSTART_SECONDS = 300


class CopyOfThisMachine(Machine):
    def tree(self):
        return "/"

    def _install(self):
        """What this machine's administrator has enabled, and what was installed before, stays out."""
        for path in (ETC, "var/lib/oracxpred", "etc/oracxpred"):
            check(["rm", "-rf", os.path.join(self.root, path)])
        os.makedirs(os.path.join(self.root, ETC))
        os.symlink("/lib/systemd/system/basic.target", os.path.join(self.root, ETC, "default.target"))
        source = os.path.join(self.root, COPY_OF_SOURCE.lstrip("/"))
        check(["rm", "-rf", source])
        shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("build*", ".git"))


@pytest.fixture(scope="module")
def copy():
    with CopyOfThisMachine(None) as booted:
        yield booted


def quickstart(copy):
    done = subprocess.run(
        copy.command([f"{COPY_OF_SOURCE}/packaging/quickstart"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
        text=True,
        timeout=QUICKSTART_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_quickstart_installs_what_stays_and_can_be_run_again(copy):
    said = quickstart(copy)
    assert "Health: ok" in said and "Next backup: " in said and "0 failed." in said
    for unit in ("oracxpredd.service", "oracxpred-backup.timer", "oracxpred-verify.timer"):
        assert copy.unit(unit, "ActiveState") == {"ActiveState": "active"}
        assert copy.run(["systemctl", "is-enabled", unit]).stdout == "enabled\n"
    # What was invented is in a directory of its own.
    state = copy.run(["sqlite3", "/var/lib/oracxpred/data/oracxpred.db", "SELECT count(*) FROM predictions"]).stdout
    assert state == "0\n" and "10000 predictions" in said
    said = quickstart(copy)
    assert "Health: ok" in said and "0 failed." in said
