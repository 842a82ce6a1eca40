# SPDX-License-Identifier: LGPL-2.1-or-later
"""A polkit whose answers the test gives, one by one, when it wants to."""

import collections
import time

from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus

from client import PATIENCE_SECONDS
from stand_in import StandIn

NAME = "org.freedesktop.PolicyKit1"
YES = (True, False)
NO = (False, False)
CHALLENGE = (False, True)

Question = collections.namedtuple("Question", "call sender action details interactive id")


class Authority(StandIn):
    name = NAME

    def __init__(self, address):
        self.cancelled = []  # ids
        self.questions = collections.deque()
        super().__init__(address)

    def _receive(self, deadline):
        message = self.connection.receive(timeout=max(deadline - time.monotonic(), 0))
        if message.header.message_type != MessageType.method_call:
            return message
        fields = message.header.fields
        if fields[HeaderFields.member] == "CancelCheckAuthorization":
            self.cancelled.append(message.body[0])
            return message
        assert fields[HeaderFields.member] == "CheckAuthorization", fields
        (kind, subject), action, details, flags, cancellation_id = message.body
        assert kind == "system-bus-name" and flags in (0, 1)
        name = subject["name"][1]
        self.questions.append(Question(message, name, action, details, flags == 1, cancellation_id))
        return message

    def asked(self):
        """The next question that the service asks."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.questions:
            self._receive(deadline)
        return self.questions.popleft()

    def wait_cancelled(self, question):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while question.id not in self.cancelled:
            self._receive(deadline)

    def open_questions(self):
        """What has been asked and not been taken by asked() so far. Everything that the service sent before whatever
        a test has seen of it is counted: the bus hands on in order, and its own answer comes after it."""
        serial = next(self.connection.outgoing_serial)
        self.connection.send(message_bus.GetId(), serial=serial)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._receive(deadline).header.fields.get(HeaderFields.reply_serial) != serial:
            pass
        return list(self.questions)

    def answer(self, question, verdict):
        self.connection.send(new_method_return(question.call, "(bba{ss})", ((*verdict, {}),)))

    def fail(self, question):
        error = new_error(question.call, NAME + ".Error.Failed", "s", ("It broke",))
        self.connection.send(error)
