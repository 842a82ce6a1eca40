# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the name of a service that the tested one asks: of systemd, or of polkit."""

import threading

from jeepney import MessageType
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection


class StandIn:
    """Has `name` on a private bus until the end of the block, or close()."""

    name = None

    def __init__(self, address):
        self.connection = open_dbus_connection(address)
        assert self.connection.send_and_get_reply(message_bus.RequestName(self.name)).body == (1,)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Gone from the bus, with whatever was asked."""
        self.connection.close()


class AnsweringStandIn(StandIn):
    """Has a thread hand each call to answer(). What that needs is there before this is initialized."""

    def __init__(self, address):
        super().__init__(address)
        self.ending = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        self.ending = True
        self.thread.join()
        super().close()

    def answer(self, message):
        raise NotImplementedError

    def _serve(self):
        while not self.ending:
            try:
                message = self.connection.receive(timeout=0.05)
            except TimeoutError:
                continue
            if message.header.message_type == MessageType.method_call:
                self.answer(message)
