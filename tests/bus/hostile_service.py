# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has the service's name and answers whatever is asked, by the introspection files, with texts that a terminal would
obey. Every job ends at once, as failed."""


import os
import re

from jeepney import DBusAddress, HeaderFields, new_error, new_method_return, new_signal

from contract import (
    BACKUP,
    BUS_NAME,
    BUS_PATH,
    ERROR,
    JOB,
    MANAGER,
    OBJECT_MANAGER,
    PROPERTIES,
    SOURCE,
    arguments,
    declared,
)
from stand_in import AnsweringStandIn

# A title, a colour by C1, what turns the direction of writing, a line of its own, and DEL.
HOSTILE = "owned\x1b]0;x\x07\x9b31m\u202e\u2028\n\r\x7f\u061c"
JOB_PATH = BUS_PATH + "/job/1"
BACKUP_PATH = BUS_PATH + "/backup/hostile"
INTERFACES = [BUS_NAME + "." + name for name in ("Manager", "Backup", "Job", "Accounts", "Audit", "Predictions")]
NUMBERS = "ynqiuxt"


def keys_that_verbs_read():
    """What the verbs look for in a dictionary, with the type of it."""
    kinds = {"text": "s", "number": "t", "flag": "b"}
    keys = {}
    for folder in ("verb", "view"):
        directory = os.path.join(SOURCE, "src/ctl", folder)
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                found = re.findall(r'document_(text|number|flag)\(\s*\w+,\s*"(\w+)"\)', file.read())
            keys.update({key: kinds[kind] for kind, key in found})
    return keys


KEYS = keys_that_verbs_read()


def arrays_documented(method):
    """What the description of a method says of arrays in the dictionary that it answers."""
    text = " ".join(note.get("value") for note in method.findall("annotation") if note.get("name").endswith("DocString"))
    return {key: (kind, value_of(kind)) for key, kind in re.findall(r"\b([A-Z]\w+) \((a\([a-z]+\)|as)", text)}


def value_of(signature):
    """A value of the one complete type that the signature is."""
    kind = signature[0]
    if kind == "s":
        return HOSTILE
    if kind == "o":
        return BACKUP_PATH
    if kind in NUMBERS:
        return 1
    if kind == "b":
        return True
    if kind == "d":
        return 0.5
    if kind == "v":
        return ("s", HOSTILE)
    if signature == "a{sv}":
        return {HOSTILE: ("s", HOSTILE), **{key: (kind, value_of(kind)) for key, kind in KEYS.items()}}
    if signature.startswith("a{"):
        key, value = split(signature[2:-1])
        return {value_of(key): value_of(value)}
    if kind == "a":
        return [value_of(signature[1:])]
    assert kind == "(", signature
    return tuple(value_of(part) for part in split(signature[1:-1]))


def split(signature):
    """The complete types that a signature is made of."""
    parts, start = [], 0
    while start < len(signature):
        end = start
        while signature[end] == "a":
            end += 1
        if signature[end] in "({":
            depth = 0
            while True:
                depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[end], 0)
                end += 1
                if depth == 0:
                    break
        else:
            end += 1
        parts.append(signature[start:end])
        start = end
    return parts


def properties_of(interface):
    return {
        element.get("name"): (element.get("type"), value_of(element.get("type")))
        for element in declared(interface).findall("property")
    }


class HostileService(AnsweringStandIn):
    name = BUS_NAME

    def __init__(self, address):
        self.methods = {
            (interface, element.get("name")): "".join(kind for _, kind in arguments(element, "out"))
            for interface in INTERFACES
            for element in declared(interface).findall("method")
        }
        self.arrays = {
            (interface, element.get("name")): arrays_documented(element)
            for interface in INTERFACES
            for element in declared(interface).findall("method")
        }
        for member in ("PlanRestoreFile", "PlanUndo"):  # "in the form of PlanRestore"
            self.arrays[MANAGER, member] = self.arrays[MANAGER, "PlanRestore"]
        super().__init__(address)

    def answer(self, message):
        fields = message.header.fields
        interface, member = fields.get(HeaderFields.interface), fields[HeaderFields.member]
        if interface == PROPERTIES and member == "GetAll":
            self._reply(message, "a{sv}", (properties_of(message.body[0]),))
        elif interface == PROPERTIES and member == "Get":
            self._reply(message, "v", (properties_of(message.body[0])[message.body[1]],))
        elif interface == OBJECT_MANAGER:
            objects = {BACKUP_PATH: {BACKUP: properties_of(BACKUP)}, JOB_PATH: {JOB: properties_of(JOB)}}
            self._reply(message, "a{oa{sa{sv}}}", (objects,))
        elif "h" in self.methods.get((interface, member), "h"):
            self.connection.send(new_error(message, ERROR + "Failed", "s", (HOSTILE,)))
        else:
            self._answer_method(message, self.methods[interface, member], self.arrays[interface, member])

    def _answer_method(self, message, signature, arrays):
        if signature == "a{sv}":
            self._reply(message, signature, (value_of(signature) | arrays,))
            return
        if not signature.endswith("o"):
            self._reply(message, signature, tuple(value_of(part) for part in split(signature)))
            return
        self._reply(message, signature, tuple(JOB_PATH if part == "o" else value_of(part) for part in split(signature)))
        signal = new_signal(
            DBusAddress(BUS_PATH, interface=MANAGER),
            "JobRemoved",
            "uossss",
            (1, JOB_PATH, HOSTILE, "failed", ERROR + "Failed", HOSTILE),
        )
        self.connection.send(signal)

    def emit_all(self):
        """Every signal that the Manager has."""
        for element in declared(MANAGER).findall("signal"):
            kinds = [argument.get("type") for argument in element.findall("arg")]
            signal = new_signal(
                DBusAddress(BUS_PATH, interface=MANAGER),
                element.get("name"),
                "".join(kinds),
                tuple(value_of(kind) for kind in kinds),
            )
            self.connection.send(signal)

    def _reply(self, message, signature, body):
        self.connection.send(new_method_return(message, signature, body))
