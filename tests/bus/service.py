# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon under test: started on a state directory of its own and the test's bus, watched through sd_notify and its
process, and at its end asked to prove that it leaves nothing behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time

from client import PATIENCE_SECONDS, Client
from contract import BUS_PATH, PEER
from notify import NotifySocket

DISK_MARKER = ".oracxpred-backups"
SANITIZER_REPORT = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")


class Service:
    """One state directory and configuration, and the daemon on it, which may be started many times."""

    def __init__(self, executable, bus, directory):
        self.executable = executable
        self.bus = bus
        self.directory = str(directory)
        self.state = os.path.join(self.directory, "state")
        self.database = os.path.join(self.state, "data/oracxpred.db")
        self.backups = os.path.join(self.state, "backups")
        self.configuration = os.path.join(self.directory, "oracxpred.conf")
        self.log_file = os.path.join(self.directory, "log")
        self.clock_file = os.path.join(self.directory, "clock")
        self.boottime_file = os.path.join(self.directory, "boottime")
        self.clock = self.boottime = 0
        self.trace_file = os.path.join(self.directory, "trace")
        self.process = None
        self.client = None
        self.configure("")
        self.notify = NotifySocket(os.path.join(bus.directory, f"notify-{os.path.basename(self.directory)}"))

    # What a test lays down before the start.

    def configure(self, text):
        """Writes the section [Persistence]."""
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write("[Persistence]\n" + text)

    def set_clock(self, usec):
        """What the daemon takes for the time, when it was started with clock=True; until then time passes, unless it
        is set back."""
        self.boottime += max(usec - self.clock, 0) if self.clock else 1_000_000
        # In this order: a look in between sees a leap that is taken back, and not time that is missing.
        self.leap(usec)
        self._write(self.boottime_file, self.boottime)

    def leap(self, usec):
        """The same for a clock that is set, while no time passes."""
        self.clock = usec
        self._write(self.clock_file, usec)

    @staticmethod
    def _write(path, usec):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(str(usec))
        os.rename(path + ".new", path)

    def give_to(self, user):
        """Makes the directory one that a daemon run as another user can work in."""
        os.makedirs(self.state, exist_ok=True)
        shutil.chown(self.state, user, user)
        # pytest closes its own directories to other users.
        directory = self.directory
        while directory != "/tmp":
            os.chmod(directory, os.stat(directory).st_mode | 0o011)
            directory = os.path.dirname(directory)

    # Start and end.

    def command(self, *arguments):
        return [
            self.executable,
            "--state-directory=" + self.state,
            "--config=" + self.configuration,
            *arguments,
        ]

    def environment(self, clock=False, trace=False, point=None, action=None, gate=None, **more):
        environment = {
            **os.environ,
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "NOTIFY_SOCKET": self.notify.path,
            "LC_ALL": "C.UTF-8",
            # Whom it asks, a test plays: ten minutes, so that none is given up because the machine is slow.
            "ORACXPRED_TEST_ANSWER": "600000000",
            # A backup that nobody asked for would surprise every test but those of this one.
            "ORACXPRED_TEST_FIRST_ROWS": "600000000",
            # Each further backup in one second would wait for the next.
            "ORACXPRED_TEST_NAME_LEAD": "600000000",
            **more,
        }
        environment.setdefault("ASAN_OPTIONS", "abort_on_error=1:detect_stack_use_after_return=1")
        for name, value in {
            "ORACXPRED_TEST_CLOCK": self.clock_file if clock else None,
            "ORACXPRED_TEST_BOOTTIME": self.boottime_file if clock else None,
            "ORACXPRED_TEST_TRACE": self.trace_file if trace else None,
            "ORACXPRED_TEST_POINT": point,
            "ORACXPRED_TEST_ACTION": action,
            "ORACXPRED_TEST_GATE": gate,
        }.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        return environment

    def launch(self, *arguments, user=None, **hooks):
        """Starts the daemon without waiting for anything."""
        assert self.process is None, "it runs already"
        self.notify.forget()
        if self.client is None:
            self.client = Client(self.bus.address)
        extra_groups = [] if user else None
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                self.command(*arguments),
                env=self.environment(**hooks),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=extra_groups,
            )

    def start(self, *arguments, **hooks):
        """Starts the daemon and waits for READY=1."""
        self.launch(*arguments, **hooks)
        self.wait_notification("READY=1")
        # The answer comes after the signals of the start-up, which is a job like others.
        self.client.call(BUS_PATH, PEER, "Ping")
        return self.client

    def refuses(self, *arguments, **hooks):
        """Starts a daemon that must end by itself with an error: (exit status, what it wrote)."""
        before = len(self.log())
        self.launch(*arguments, **hooks)
        status = self.wait()
        assert "READY=1" not in self.notify.sent()
        assert status > 0, f"status {status}: {self.log()}"
        return status, self.log()[before:]

    def wait(self):
        """Waits for the process to end; its exit status, negative for a signal."""
        status = self.process.wait(PATIENCE_SECONDS)
        self.process = None
        return status

    def stop(self):
        """SIGTERM, and a clean end."""
        self.process.terminate()
        assert self.wait() == 0, self.log()
        assert self.temporary_files() == []

    def kill(self):
        self.process.kill()
        self.wait()

    def killed_itself(self):
        """Waits for the end at a test point."""
        assert self.wait() == -signal.SIGKILL, self.log()

    def finish(self):
        """At the end of a test: a daemon that still runs has to stop cleanly, and none may have been reported."""
        try:
            if self.process is not None and self.process.poll() is None:
                self.process.send_signal(signal.SIGCONT)
                self.stop()
        finally:
            if self.process is not None:
                self.kill()
            if self.client is not None:
                self.client.close()
            self.notify.close()
        assert not [line for line in self.log().splitlines() if any(word in line for word in SANITIZER_REPORT)]

    # Watching.

    def log(self):
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def wait_logged(self, text):
        """Waits for words in the log of a running service; for what is told nowhere else."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.log():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    def trace(self):
        """The points that were passed so far, in order."""
        if not os.path.exists(self.trace_file):
            return []
        with open(self.trace_file, encoding="ascii") as file:
            return file.read().split()

    def wait_notification(self, wanted):
        """Waits for a line from sd_notify."""
        told = self.notify.wait(wanted, self.process.pid, PATIENCE_SECONDS)
        assert told, f"no {wanted}, but {self.notify.lines}, exit status {self.process.poll()}: {self.log()}"

    def wait_stopped(self):
        """Waits until the process has stopped itself at a test point."""
        found = []
        waiter = threading.Thread(
            target=lambda: found.append(
                os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            ),
            daemon=True,
        )
        waiter.start()
        waiter.join(PATIENCE_SECONDS)
        assert found and found[0].si_code == os.CLD_STOPPED, self.log()

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def stopped(self):
        """All of it stands still for the length of the block; what is sent to it meanwhile waits."""
        self.process.send_signal(signal.SIGSTOP)
        self.wait_stopped()
        try:
            yield
        finally:
            self.resume()

    def temporary_files(self):
        """What a finished or cleanly stopped job must not leave."""
        if not os.path.isdir(self.backups):
            return []
        return sorted(name for name in os.listdir(self.backups) if name.startswith(".") and name != DISK_MARKER)

    def stored(self):
        """The names of all files in the backup directory."""
        return sorted(os.listdir(self.backups))


class Gate:
    """Holds one worker thread of a daemon at a test point, while its loop and its other threads go on."""

    def __init__(self, path):
        self.path = str(path)
        self.entry = None
        os.mkfifo(self.path)

    def at(self, point):
        """The hooks for Service.start()."""
        return {"point": point, "action": "wait", "gate": self.path}

    def wait_reached(self):
        """Opening the second end of a FIFO waits for the first."""
        opened = []
        waiter = threading.Thread(target=lambda: opened.append(open(self.path, "wb", buffering=0)), daemon=True)
        waiter.start()
        waiter.join(PATIENCE_SECONDS)
        assert opened, "the point was not reached"
        self.entry = opened[0]

    def release(self):
        if self.entry:
            self.entry.close()
            self.entry = None
