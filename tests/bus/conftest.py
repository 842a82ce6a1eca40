# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of these tests are in fixtures.py, where the other folders find them, too."""

import signal

from fixtures import (  # noqa: F401
    application,
    authority,
    build_directory,
    bus,
    client,
    connect,
    daemon_executable,
    gate,
    make_service,
    outsider,
    pytest_runtest_makereport,
    service,
    stranger,
)


def pytest_configure():
    """A shell that starts the tests in the background has them ignore this, and with them every program they run; some
    of the tests interrupt one."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.default_int_handler)
