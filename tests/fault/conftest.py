# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon and the bus of tests/bus, with a scene that is laid once and put back for each case."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../bus"))

from fixtures import (  # noqa: E402, F401
    application,
    bus,
    client,
    daemon_executable,
    gate,
    make_service,
    pytest_runtest_makereport,
    service,
)
from private_bus import PrivateBus  # noqa: E402
from restore_scenes import counted  # noqa: E402
from scene import Saved, commit_later, files, fill  # noqa: E402
from service import Service  # noqa: E402
from verdict import content  # noqa: E402


class Laid:
    """One service, and the state directories that its cases begin with."""

    def __init__(self, service):
        self.service = service
        client = service.start()
        counted(client)
        fill(service.database)
        # What the backup holds: before the service adds its row about it.
        self.content = content(service.database)
        self.backup = client.back_up()
        self.names = client.names()
        # With that row written, at the stop: the seeds of the cases choose among what is in the log.
        service.stop()
        later = commit_later(service.database)
        # The commits in the log, as a power cut leaves them.
        self.with_log = Saved(service, "with-log")
        self.stored = files(service.backups)
        # The same, checkpointed and closed.
        later.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        later.close()
        self.closed = Saved(service, "closed")


@pytest.fixture(scope="session")
def laid(daemon_executable, tmp_path_factory):
    with PrivateBus() as running:
        laid = Laid(Service(daemon_executable, running, tmp_path_factory.mktemp("laid")))
        yield laid
        laid.service.finish()


@pytest.fixture(autouse=True)
def nothing_left_running(request):
    """A case that failed must not spoil the next one."""
    yield
    if "laid" in request.fixturenames:
        service = request.getfixturevalue("laid").service
        if service.process is not None:
            service.kill()
