# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests on a private bus share, in this folder and in others: the bus, the daemon, and the database as an
application would have it."""

import os
import pwd

import pytest

from application import Application
from authority import Authority
from client import Client
from private_bus import PrivateBus
from service import Gate, Service


def build_directory():
    return os.path.abspath(os.environ.get("ORACXPRED_BUILD", "build"))


@pytest.fixture(scope="session")
def daemon_executable():
    path = os.path.join(build_directory(), "src/daemon/oracxpredd")
    assert os.access(path, os.X_OK), f"{path} is not built; $ORACXPRED_BUILD names the build directory"
    return path


@pytest.fixture
def bus():
    with PrivateBus() as running:
        yield running


@pytest.fixture
def make_service(daemon_executable, bus, tmp_path):
    """Makes daemons, none of them started, each with a directory of its own: make_service("second")."""
    made = []

    def make(name="first"):
        directory = tmp_path / name
        directory.mkdir()
        made.append(Service(daemon_executable, bus, directory))
        return made[-1]

    yield make
    for one in made:
        one.finish()


@pytest.fixture
def service(make_service):
    """A daemon that is not started yet, on an empty directory."""
    return make_service()


@pytest.fixture
def client(service):
    """A connection to the service, which has started on an empty directory."""
    return service.start()


@pytest.fixture
def authority(bus):
    with Authority(bus.address) as made:
        yield made


@pytest.fixture
def connect(bus):
    """Connections of other users: connect(uid)."""
    made = []

    def connecting(uid=pwd.getpwnam("nobody").pw_uid):
        made.append(Client(bus.address, uid=uid))
        return made[-1]

    yield connecting
    for one in made:
        one.close()


@pytest.fixture
def stranger(connect, authority, client):
    """A caller for whom polkit, which is the test, decides."""
    return connect()


@pytest.fixture
def outsider(connect, client):
    """A caller without rights, where no polkit is that could give any."""
    return connect()


@pytest.fixture
def application(service, client):
    """A connection of the application's own to the database of the started service."""
    opened = Application(service.database)
    yield opened
    opened.close()


@pytest.fixture
def gate(tmp_path):
    """Holds a worker at a point: service.start(**gate.at("name")), gate.wait_reached(), gate.release()."""
    made = Gate(tmp_path / "gate")
    yield made
    made.release()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails says what the daemon wrote."""
    report = (yield).get_result()
    started = item.funcargs.get("service")
    if report.failed and isinstance(started, Service):
        report.sections.append(("the daemon's standard error", started.log()[-8000:]))
