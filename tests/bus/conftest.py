# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of these tests are in fixtures.py, where the other folders find them, too."""

from fixtures import (  # noqa: F401
    application,
    build_directory,
    bus,
    client,
    daemon_executable,
    gate,
    make_service,
    pytest_runtest_makereport,
    service,
)
