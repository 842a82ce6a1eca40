# SPDX-License-Identifier: LGPL-2.1-or-later
"""oracxpredctl as an operator has it: at the end of a pipe, or on a terminal of a given width."""

import codecs
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pytest

from client import PATIENCE_SECONDS
from fixtures import build_directory


class CommandLine:
    """Runs the tool against one bus, in a known locale and time zone and with no pager but what a test names."""

    def __init__(self, executable, address):
        self.executable = executable
        self.environment = {
            "PATH": os.environ["PATH"],
            "DBUS_SYSTEM_BUS_ADDRESS": address,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "xterm",
        }
        self.environment.update({name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})

    def run(self, *arguments, status=0, stdin=subprocess.DEVNULL, **environment):
        """Piped. Checks the exit status; returns what was printed, standard error in `stderr`."""
        done = subprocess.run(
            [self.executable, *arguments],
            env={**self.environment, **environment},
            stdin=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments, status=0):
        """The one document that --json prints."""
        return json.loads(self.run("--json=short", *arguments, status=status).stdout)

    def start(self, *arguments, **environment):
        return subprocess.Popen(
            [self.executable, *arguments],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def terminal(self, *arguments, columns=100, typed="", **environment):
        """On a terminal, where somebody has typed ahead: (exit status, all that was written to it)."""
        main, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        # Before anything runs there: once the last one has closed the terminal, nobody can type any more.
        os.write(main, typed.encode())
        process = subprocess.Popen(
            [self.executable, *arguments],
            env={**self.environment, **environment},
            stdin=end,
            stdout=end,
            stderr=end,
        )
        os.close(end)
        written = bytearray()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert select.select([main], [], [], max(deadline - time.monotonic(), 0))[0], bytes(written)
            try:
                part = os.read(main, 65536)
            except OSError:  # EIO: nobody has the terminal any more
                part = b""
            if not part:
                break
            written += part
        os.close(main)
        return process.wait(PATIENCE_SECONDS), written.decode().replace("\r\n", "\n")


class Dialogue:
    """The tool with a terminal of its own, and somebody who reads before they type."""

    def __init__(self, ctl, *arguments, user=None):
        self.main, end = pty.openpty()
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.written = ""
        self.process = subprocess.Popen(
            [ctl.executable, *arguments],
            env=ctl.environment,
            stdin=end,
            stdout=end,
            stderr=end,
            user=user,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(end)

    def _read(self):
        """More of the output, which comes in parts that may end within a letter or a line's end; false at its end."""
        assert select.select([self.main], [], [], PATIENCE_SECONDS)[0], self.written
        try:
            part = os.read(self.main, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            part = b""
        self.written = (self.written + self.decoder.decode(part, final=not part)).replace("\r\n", "\n")
        return bool(part)

    def wait_for(self, text):
        while text not in self.written:
            assert self._read(), self.written

    def answer(self, prompt, text):
        """Waits for the prompt, and types."""
        self.wait_for(prompt)
        os.write(self.main, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.main)[3] & termios.ECHO)

    def end(self):
        """(exit status, all that was written to the terminal)"""
        while self._read():
            pass
        os.close(self.main)
        return self.process.wait(PATIENCE_SECONDS), self.written


@pytest.fixture
def ctl(bus):
    path = os.path.join(build_directory(), "src/ctl/oracxpredctl")
    assert os.access(path, os.X_OK), f"{path} is not built; $ORACXPRED_BUILD names the build directory"
    return CommandLine(path, bus.address)
