# SPDX-License-Identifier: LGPL-2.1-or-later
"""The logs as a caller of .Audit has them."""

import collections

from contract import AUDIT, BUS_PATH

# The bus itself allows a connection 128 calls without an answer.
IN_FLIGHT = 100


class Audit:
    """The interface, with rows as dictionaries without their signatures."""

    def __init__(self, client):
        self.client = client

    def send_system(self, kind, message, **options):
        """Without waiting; what result() takes."""
        return self.client.send(BUS_PATH, AUDIT, "AppendSystem", kind, message, options)

    def append_system(self, kind, message, **options):
        return self.client.result(self.send_system(kind, message, **options))

    def append_many(self, n, kind="t"):
        """Rows with the messages "0", "1", …, many at a time; yields their ids, in order."""
        in_flight = collections.deque()
        for i in range(n):
            in_flight.append(self.send_system(kind, str(i)))
            if len(in_flight) == IN_FLIGHT:
                yield self.client.result(in_flight.popleft())
        while in_flight:
            yield self.client.result(in_flight.popleft())

    def append_access(self, kind, user, **options):
        return self.client.call(BUS_PATH, AUDIT, "AppendAccess", kind, user, options)

    def page(self, member="ListSystem", **options):
        """One page: (rows, next)."""
        rows, following = self.client.call(BUS_PATH, AUDIT, member, options)
        return [{name: value for name, (_, value) in row.items()} for row in rows], following

    def rows(self, member="ListSystem", **options):
        """All rows, page by page."""
        found, before = [], 0
        while True:
            page, before = self.page(member, before=("x", before), **options)
            found += page
            if before == 0:
                return found
