# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill -9 at a step: the steps of a piece of work are the test points that a run of it passes."""

import collections
import os
import re

from client import BusError, ServiceGone
from contract import SOURCE


def take(service, work, **hooks):
    """Starts the service and does the work; false when the service went away on the way."""
    service.launch(clock=True, **hooks)
    try:
        service.wait_notification("READY=1")
        work(service)
    except (ServiceGone, BusError, AssertionError, ConnectionError):
        if service.process is not None and service.process.poll() is None and "point" not in hooks:
            raise
        return False
    return True


def passed_points(service, work):
    """name:N for every passing of a point in a run that is not killed."""
    before = len(service.trace())
    assert take(service, work, trace=True), service.log()
    service.stop()
    counts = collections.Counter()
    points = []
    for name in service.trace()[before:]:
        counts[name] += 1
        points.append(f"{name}:{counts[name]}")
    return points


def names_of(points):
    return {point.partition(":")[0] for point in points}


def declared_points():
    """The names of all test points in the source."""
    declared = set()
    for directory, _, names in os.walk(os.path.join(SOURCE, "src")):
        for name in names:
            if name.endswith(".c"):
                with open(os.path.join(directory, name), encoding="utf-8") as file:
                    declared |= set(re.findall(r'TEST_POINT\("([^"]+)"\)', file.read()))
    return declared
