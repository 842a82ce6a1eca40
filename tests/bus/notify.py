# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other end of sd_notify, as systemd has it: reads at once, since a daemon waits when the socket is full."""

import os
import select
import socket
import threading
import time

# No line that a service sends, told apart from those that do.
BARRIER = b"X_TEST_BARRIER"
END = b"X_TEST_END"


class NotifySocket:
    """Collects the lines in `lines`, from a thread, until close()."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        self.barriers = threading.Semaphore(0)
        self.arrived = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        while (message := self.socket.recv(65536)) != END:
            if message == BARRIER:
                self.barriers.release()
                continue
            self.lines += message.decode().split("\n")
            os.eventfd_write(self.arrived, 1)

    def _send(self, message):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(message, self.path)

    def close(self):
        self._send(END)
        self.reader.join()
        self.socket.close()
        os.close(self.arrived)
        os.unlink(self.path)

    def forget(self):
        """Drops everything that was sent so far."""
        self.sent()
        del self.lines[:]

    def sent(self):
        """All lines that were sent before this call."""
        self._send(BARRIER)
        self.barriers.acquire()
        return list(self.lines)

    def wait(self, wanted, pid, patience_seconds):
        """Waits for a line. False when the process ended, or the time was up, without it."""
        deadline = time.monotonic() + patience_seconds
        pidfd = os.pidfd_open(pid)
        poller = select.poll()
        poller.register(self.arrived, select.POLLIN)
        poller.register(pidfd, select.POLLIN)
        try:
            while wanted not in self.lines:
                happened = dict(poller.poll(max(deadline - time.monotonic(), 0) * 1000))
                if self.arrived in happened:
                    os.eventfd_read(self.arrived)
                elif not happened or pidfd in happened:
                    return wanted in self.sent()
            return True
        finally:
            os.close(pidfd)
