# SPDX-License-Identifier: LGPL-2.1-or-later
"""A message bus of its own for each test, with the policy that the product installs. Never the host's bus."""

import os
import shutil
import subprocess
import tempfile

from contract import SOURCE

# The account that stands for the product's own in the policy, and that tests without root's powers run it as.
SERVICE_USER = "daemon"

# What Debian's system bus allows by default: nothing but talk to the bus itself, until a policy file says more.
CONFIGURATION = """<busconfig>
 <type>system</type>
 <listen>unix:path={socket}</listen>
 <auth>EXTERNAL</auth>
 <policy context="default">
  <allow user="*"/>
  <deny own="*"/>
  <deny send_type="method_call"/>
  <allow send_type="signal"/>
  <allow send_requested_reply="true" send_type="method_return"/>
  <allow send_requested_reply="true" send_type="error"/>
  <allow receive_type="method_call"/>
  <allow receive_type="method_return"/>
  <allow receive_type="error"/>
  <allow receive_type="signal"/>
  <allow send_destination="org.freedesktop.DBus"/>
 </policy>
 <policy user="root">
  <allow own="org.freedesktop.systemd1"/>
  <allow send_destination="org.freedesktop.systemd1"/>
  <allow own="org.freedesktop.PolicyKit1"/>
 </policy>
 <policy context="default">
  <allow send_destination="org.freedesktop.PolicyKit1"/>
 </policy>
 <include>{policy}</include>
 {limits}
</busconfig>
"""


class PrivateBus:
    """A dbus-daemon that answers at `address` from the start of the block to its end."""

    def __init__(self, limits=""):
        """`limits` are lines of its configuration in the place of what a system bus has by default."""
        self.limits = limits
        # Not below pytest's directory: its path is too long for a socket's address, and closed to other users.
        self.directory = tempfile.mkdtemp(prefix="oracxpred-bus.", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.socket = os.path.join(self.directory, "bus")
        self.address = "unix:path=" + self.socket
        self.process = None

    def __enter__(self):
        policy = os.path.join(self.directory, "policy.conf")
        with open(os.path.join(SOURCE, "dbus/org.oracxpred.Persistence1.conf.in"), encoding="utf-8") as template:
            with open(policy, "w", encoding="utf-8") as file:
                file.write(template.read().replace("@SERVICE_USER@", SERVICE_USER))
        configuration = os.path.join(self.directory, "bus.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(socket=self.socket, policy=policy, limits=self.limits))

        log = os.path.join(self.directory, "log")
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                ["dbus-daemon", "--nofork", "--print-address", f"--config-file={configuration}"],
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self.process.stdout.readline(), f"dbus-daemon did not start, see {log}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.directory)
