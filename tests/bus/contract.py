# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract as the XML under dbus/ states it: what the daemon is compared with, and where the client looks up how a
method is called."""

import os
import xml.etree.ElementTree

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

BUS_NAME = "org.oracxpred.Persistence1"
BUS_PATH = "/org/oracxpred/Persistence1"
MANAGER = BUS_NAME + ".Manager"
BACKUP = BUS_NAME + ".Backup"
ACCOUNTS = BUS_NAME + ".Accounts"
AUDIT = BUS_NAME + ".Audit"
JOB = BUS_NAME + ".Job"
PREDICTIONS = BUS_NAME + ".Predictions"
LOG_CONTROL = "org.freedesktop.LogControl1"
LOG_CONTROL_PATH = "/org/freedesktop/LogControl1"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PEER = "org.freedesktop.DBus.Peer"

DOC_STRING = "org.gtk.GDBus.DocString"
EMITS_CHANGED = "org.freedesktop.DBus.Property.EmitsChangedSignal"

ERROR = BUS_NAME + ".Error."
BUSY = ERROR + "Busy"
INTERACTION_REQUIRED = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
ACCESS_DENIED = "org.freedesktop.DBus.Error.AccessDenied"


def interfaces_in(text):
    """The interface elements of an introspection document, by name."""
    return {element.get("name"): element for element in xml.etree.ElementTree.fromstring(text).iter("interface")}


def declared(interface):
    with open(os.path.join(SOURCE, "dbus", interface + ".xml"), encoding="utf-8") as file:
        return interfaces_in(file.read())[interface]


def annotations(element):
    return {note.get("name"): note.get("value") for note in element.findall("annotation")}


def arguments(member, direction):
    """(name, signature) of each. A signal's arguments have no direction, and a method's default to in."""
    return [
        (argument.get("name"), argument.get("type"))
        for argument in member.findall("arg")
        if argument.get("direction", "in") == direction
    ]


def method_signatures():
    """The signature of a call's arguments, for every method that a test may call."""
    signatures = {
        (PROPERTIES, "Get"): "ss",
        (PROPERTIES, "GetAll"): "s",
        (PROPERTIES, "Set"): "ssv",
        (OBJECT_MANAGER, "GetManagedObjects"): "",
        (INTROSPECTABLE, "Introspect"): "",
        (PEER, "Ping"): "",
    }
    for interface in (ACCOUNTS, AUDIT, MANAGER, BACKUP, JOB, PREDICTIONS):
        for method in declared(interface).findall("method"):
            signature = "".join(kind for _, kind in arguments(method, "in"))
            signatures[interface, method.get("name")] = signature
    return signatures
