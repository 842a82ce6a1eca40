# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bare Debian, as the system tests boot it.

Made once by debootstrap from the mirror that this machine's apt uses, then kept under /var/cache and never written
to: every run boots a throw-away overlay of it. The name of the cached tree is a digest of what went into it, so
that another package list makes another tree."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile

CACHE = "/var/cache/oracxpred-tests"

# The init system and its bus as a server has them, what the service links to, and what the application needs.
PACKAGES = [
    "systemd-sysv",
    "dbus",
    "polkitd",
    "curl",
    "libpam-systemd",
    "libsqlite3-0",
    "libjson-c5",
    "zlib1g",
    "libzip4",
    "libisal2",
    "libinih1",
    "libssl3",
    "libcrypt1",
    "libisal2",
    "sqlite3",
    "python3",
    "python3-jeepney",
    "python3-sqlalchemy",
]


def mirror():
    """The (address, suite) that apt takes this release's main component from; Debian's own when apt has no lists."""
    suite = "bookworm"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT)", "Created-By: Packages"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    for line in listed.stdout.splitlines():
        site, codename, component = line.split()
        if codename == suite and component == "main":
            return site, suite
    return "http://deb.debian.org/debian", suite


def cached_tree():
    """The path of the tree, made first when it is not there."""
    site, suite = mirror()
    key = hashlib.sha256("\n".join([site, suite, *PACKAGES]).encode()).hexdigest()[:16]
    tree = os.path.join(CACHE, f"{suite}-{key}")

    os.makedirs(CACHE, mode=0o755, exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(tree):
            build(tree, site, suite)
    return tree


def build(tree, site, suite):
    """Makes the tree beside its place and renames it there, so that a killed run leaves nothing half-made behind."""
    print(f"Making the Debian {suite} tree for the system tests from {site} (about a minute, kept for later runs)...")
    partial = tempfile.mkdtemp(prefix="partial-", dir=CACHE)
    try:
        log = os.path.join(CACHE, "debootstrap.log")
        with open(log, "w") as output:
            made = subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, partial, site],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if made.returncode != 0:
            with open(log) as output:
                tail = "".join(output.readlines()[-20:])
            raise RuntimeError(f"debootstrap failed with {made.returncode}; see {log}:\n{tail}")
        shutil.rmtree(os.path.join(partial, "var/cache/apt/archives"), ignore_errors=True)
        os.chmod(partial, 0o755)
        os.rename(partial, tree)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
