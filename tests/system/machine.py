# SPDX-License-Identifier: LGPL-2.1-or-later
"""One booted system: systemd as PID 1 in a container, on a throw-away overlay of the cached tree.

It needs root and nothing else: no machined, no systemd on the host. Every mount is made in a mount name space that
belongs to the test process, so that the kernel removes them all, however the run ends. The container gets an own,
pure cgroup v2 hierarchy, as Debian 12 boots with, even where the host's is the old or the mixed one."""

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from jeepney import DBusAddress, MatchRule, Properties, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg

from tree import cached_tree

CLONE_NEWNS = 0x00020000
BOOT_SECONDS = 120
COMMAND_SECONDS = 120
EVENT_SECONDS = 60
CGROUP = "/sys/fs/cgroup"
SYSTEMD = "org.freedesktop.systemd1"
SYSTEMD_PATH = "/org/freedesktop/systemd1"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
}


def host_has_systemd():
    return os.path.isdir("/run/systemd/system")


class Machine:
    """Boot with `with Machine(build_directory) as machine:`. `build_directory` is a configured and compiled meson
    build; it is installed into the system before the boot, and its units are enabled as a package would."""

    numbers = itertools.count()

    def __init__(self, build_directory):
        self.build_directory = build_directory
        self.name = f"oracxpred-test-{os.getpid()}-{next(self.numbers)}"
        self.leader = None
        self.process = None
        self.cleanup = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._own_mounts()
            self.directory = tempfile.mkdtemp(prefix="oracxpred-machine-")
            stack.callback(os.rmdir, self.directory)
            self._mount_overlay(stack)
            self._install()
            self._boot(stack)
            self.cleanup = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self.cleanup.close()

    # Setting up, in the order of the calls

    def _own_mounts(self):
        """Leaves the host's mount name space. A second machine of the same process only nests deeper, harmlessly."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS) < 0:
            error = ctypes.get_errno()
            raise OSError(error, f"The system tests need root: unshare: {os.strerror(error)}")
        mount("--make-rprivate", "/")
        if not os.path.exists(f"{CGROUP}/cgroup.controllers"):
            mount("-t", "cgroup2", "cgroup2", CGROUP)

    def _mount_overlay(self, stack):
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.directory)
        stack.callback(umount, self.directory)
        paths = {name: os.path.join(self.directory, name) for name in ("upper", "work", "root")}
        for path in paths.values():
            os.mkdir(path)
        self.root = paths["root"]
        layers = f"lowerdir={self.tree()},upperdir={paths['upper']},workdir={paths['work']}"
        mount("-t", "overlay", "-o", layers, "overlay", self.root)
        stack.callback(umount, self.root)

    def tree(self):
        """What is booted, through an overlay."""
        return cached_tree()

    def _install(self):
        check(["meson", "install", "--quiet", "--no-rebuild", "--destdir", self.root, "-C", self.build_directory])
        check(["systemctl", f"--root={self.root}", "preset", "oracxpredd.service"])
        check(["systemctl", f"--root={self.root}", "preset", "oracxpred-backup.timer", "oracxpred-verify.timer"])
        check(["chroot", self.root, "journalctl", "--update-catalog"])

    def _boot(self, stack):
        notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        stack.callback(notifications.close)
        notifications.bind(os.path.join(self.directory, "notify"))
        notifications.settimeout(BOOT_SECONDS)

        command = ["setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "--quiet", "--boot", "--register=no"]
        if not host_has_systemd():
            command.append("--keep-unit")
        command += [
            f"--directory={self.root}",
            f"--machine={self.name}",
            "--private-network",
            "--notify-ready=yes",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=pipe",
        ]
        console = stack.enter_context(open(os.path.join(self.directory, "console"), "w+"))
        group = self._control_group(stack)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            env={**ENVIRONMENT, "NOTIFY_SOCKET": notifications.getsockname()},
            preexec_fn=group,
        )
        stack.callback(self._power_off)
        self._await_ready(notifications, console)
        # Nobody reads on: were it left open, it would fill up and hold up the container's systemd.
        notifications.close()

    def _control_group(self, stack):
        """Makes a group for the container, returns what moves the calling process into it. None under systemd, where
        systemd-nspawn asks it for a scope."""
        if host_has_systemd():
            return None
        path = os.path.join(CGROUP, self.name)
        os.mkdir(path)
        stack.callback(remove_control_group, path)

        def enter():
            with open(os.path.join(path, "cgroup.procs"), "w") as processes:
                processes.write("0")

        return enter

    def _await_ready(self, notifications, console):
        """systemd-nspawn tells the leader's PID first, then READY=1 once the container's own systemd has booted."""
        while True:
            try:
                lines = notifications.recv(4096).decode().splitlines()
            except TimeoutError:
                lines = None
            if lines is None or self.process.poll() is not None:
                console.seek(0)
                raise RuntimeError(f"The container did not boot within {BOOT_SECONDS} s:\n{console.read()}")
            for line in lines:
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    self.leader = int(line.partition("=")[2])
            if "READY=1" in lines:
                return

    def _power_off(self):
        """SIGTERM makes systemd-nspawn ask the container for an orderly shutdown."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    # Using it

    def path(self, path):
        """Where the host finds the container's file `path` (also those on the container's own mounts)."""
        return f"/proc/{self.leader}/root{path}"

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w") as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    def remove(self, path):
        """Removes a file or a folder, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            if os.path.isdir(self.path(path)):
                shutil.rmtree(self.path(path))
            else:
                os.unlink(self.path(path))

    def command(self, arguments, user=None):
        """What the host runs to run `arguments` in the container, as root or as `user`."""
        if user:
            arguments = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--", *arguments]
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root"]
        return ["nsenter", f"--target={self.leader}", *spaces, "--wdns=/", "--", *arguments]

    def run(self, arguments, user=None, check=True, timeout=COMMAND_SECONDS):
        """Runs a command to its end, with its output as text. A failure is an error unless `check` is false."""
        done = subprocess.run(
            self.command(arguments, user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    @contextlib.contextmanager
    def running(self, arguments, user=None):
        """A command that runs for the length of a `with`, until its standard input ends."""
        with subprocess.Popen(
            self.command(arguments, user),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
            text=True,
        ) as process:
            yield process
            process.stdin.close()
            assert process.wait(COMMAND_SECONDS) == 0

    def run_json(self, arguments, user=None):
        """What a command that must succeed prints, read as JSON."""
        return json.loads(self.run(arguments, user).stdout)

    def unit(self, name, *properties):
        """The named properties of a unit, as `systemctl show` spells them."""
        shown = self.run(["systemctl", "show", name, *(f"--property={p}" for p in properties)]).stdout
        return dict(line.split("=", 1) for line in shown.splitlines())

    @contextlib.contextmanager
    def drop_in(self, unit, text):
        """A drop-in for a unit, in force for the length of a `with`."""
        path = f"/run/systemd/system/{unit}.d/test.conf"
        self.write(path, text)
        self.run(["systemctl", "daemon-reload"])
        try:
            yield
        finally:
            self.remove(path)
            self.run(["systemctl", "daemon-reload"])

    @contextlib.contextmanager
    def bus(self):
        """A connection of root's to the container's system bus."""
        with open_dbus_connection(f"unix:path={self.path('/run/dbus/system_bus_socket')}") as connection:
            yield connection

    @contextlib.contextmanager
    def signals(self, interface, member, sender=None):
        """Yields a function that waits for the next such signal and returns its arguments. What arrives between the
        beginning of the `with` and the call is kept, so nothing can be missed."""
        with self.bus() as connection:
            rule = MatchRule(type="signal", interface=interface, member=member, sender=sender)
            unwrap_msg(connection.send_and_get_reply(message_bus.AddMatch(rule)))
            if interface.startswith(SYSTEMD):
                # It sends its signals only while somebody has subscribed.
                subscribe = new_method_call(DBusAddress(SYSTEMD_PATH, SYSTEMD, f"{SYSTEMD}.Manager"), "Subscribe")
                unwrap_msg(connection.send_and_get_reply(subscribe))
            # The name in the rule is for the bus; messages carry the sender's unique name.
            arrived = MatchRule(type="signal", interface=interface, member=member)
            with connection.filter(arrived, bufsize=100) as queue:
                yield lambda: connection.recv_until_filtered(queue, timeout=EVENT_SECONDS).body

    @contextlib.contextmanager
    def unit_job(self, name):
        """Yields a function that waits until systemd has done a job for the unit, and returns the job's result."""
        with self.signals(f"{SYSTEMD}.Manager", "JobRemoved") as next_job:

            def ended():
                unit = None
                while unit != name:
                    _, _, unit, result = next_job()
                return result

            yield ended

    def call(self, service, path, interface, method, signature=None, arguments=()):
        """Calls a method as root; returns the reply's arguments."""
        with self.bus() as connection:
            message = new_method_call(DBusAddress(path, service, interface), method, signature, tuple(arguments))
            return unwrap_msg(connection.send_and_get_reply(message, timeout=EVENT_SECONDS))

    def property(self, service, path, interface, name):
        with self.bus() as connection:
            message = Properties(DBusAddress(path, service, interface)).get(name)
            return unwrap_msg(connection.send_and_get_reply(message, timeout=EVENT_SECONDS))[0][1]


def check(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command} failed with {done.returncode}:\n{done.stdout}")


def mount(*arguments):
    check(["mount", *arguments])


def umount(path):
    check(["umount", "--lazy", path])


def remove_control_group(path):
    """A group goes once its groups are gone. The processes in it have ended with the container's PID name space."""
    for directory, _, _ in os.walk(path, topdown=False):
        os.rmdir(directory)
