# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for systemd on the private bus, as far as it is asked about units: what it says of them can be changed
while the service runs, with the signals that systemd sends."""

from jeepney import DBusAddress, HeaderFields, new_error, new_method_return, new_signal

from stand_in import AnsweringStandIn

SYSTEMD = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
PROPERTIES = "org.freedesktop.DBus.Properties"


def unit_path(unit):
    escaped = "".join(letter if letter.isalnum() else f"_{ord(letter):02x}" for letter in unit)
    return f"{PATH}/unit/{escaped}"


class Host(AnsweringStandIn):
    """Units that are not named are missing; a `silent` one answers nobody. It authorizes calls to stop or start a unit,
    except for `refused` (method, unit) pairs, before it looks at their job mode, as systemd does."""

    name = SYSTEMD

    def __init__(self, address):
        self.units = {}
        self.silent = False
        self.asked = []
        self.refused = set()
        self.modes = []
        super().__init__(address)

    def say(self, unit, active="active", file="enabled", sub="waiting"):
        """What it says of a unit when it is asked."""
        self.units[unit] = {
            "LoadState": ("s", "loaded"),
            "ActiveState": ("s", active),
            "SubState": ("s", sub),
            "UnitFileState": ("s", file),
            "NeedDaemonReload": ("b", False),
        }

    def change(self, unit, **said):
        """The same, with the signal that systemd sends when a unit starts or stops."""
        self.say(unit, **said)
        address = DBusAddress(unit_path(unit), interface=PROPERTIES)
        changed = {name: self.units[unit][name] for name in ("ActiveState", "SubState", "NeedDaemonReload")}
        body = (SYSTEMD + ".Unit", changed, [])
        self.connection.send(new_signal(address, "PropertiesChanged", "sa{sv}as", body))

    def change_files(self, unit, **said):
        """The same, with the signals of a reload, which `systemctl enable` and `disable` end with."""
        address = DBusAddress(PATH, interface=SYSTEMD + ".Manager")
        self.connection.send(new_signal(address, "Reloading", "b", (True,)))
        self.say(unit, **said)
        self.connection.send(new_signal(address, "Reloading", "b", (False,)))

    def answer(self, message):
        fields = message.header.fields
        member, path = fields[HeaderFields.member], fields[HeaderFields.path]
        self.asked.append((member, path))
        if self.silent or member == "Subscribe":
            return
        if member in ("StopUnit", "StartUnit"):
            self.modes.append((member, message.body[1]))
            refused = (member, message.body[0]) in self.refused
            error = "InteractiveAuthorizationRequired" if refused else "InvalidArgs"
            self.connection.send(new_error(message, f"org.freedesktop.DBus.Error.{error}", "s", (message.body[1],)))
            return
        if member != "GetAll":
            self.connection.send(new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", (member,)))
            return
        missing = {"LoadState": ("s", "not-found"), "ActiveState": ("s", "inactive"), "UnitFileState": ("s", "")}
        told = next((said for unit, said in self.units.items() if unit_path(unit) == path), missing)
        self.connection.send(new_method_return(message, "a{sv}", (told,)))
