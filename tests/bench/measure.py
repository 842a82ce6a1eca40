# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times of several repetitions, and the tables that they are told in."""

import os
import statistics
import subprocess
import time

MIB = 1024 * 1024


class Series:
    """What one side of a comparison took, in seconds unless the table says otherwise."""

    def __init__(self, values):
        self.values = list(values)

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, unit="s"):
        if not self.values:
            return "–"
        scale, digits = {"s": (1, 2), "ms": (1000, 1), "MiB": (1 / MIB, 1)}[unit]
        least, most = min(self.values) * scale, max(self.values) * scale
        middle = f"{self.median * scale:.{digits}f} {unit}"
        return middle if len(self.values) == 1 else f"{middle} ({least:.{digits}f}–{most:.{digits}f})"


class Table:
    """Rows: what, ours, the peer's, ratio, goal."""

    def __init__(self):
        self.rows = []

    def compare(self, work, ours, peer, peer_name, goal, unit="s"):
        if not ours.values or not peer.values:
            self.rows.append((work, ours.text(unit), f"{peer_name}: {peer.text(unit)}", "–", f"≤ {goal}", "not measured"))
            return
        ratio = ours.median / peer.median
        self.rows.append(
            (work, ours.text(unit), f"{peer_name}: {peer.text(unit)}", f"{ratio:.2f}", f"≤ {goal}", "met" if ratio <= goal else "missed")
        )

    def bound(self, work, value, goal_text, met):
        self.rows.append((work, value, "–", "–", goal_text, "met" if met else "missed"))

    def tell(self, work, value, other="–"):
        """A row without a goal."""
        self.rows.append((work, value, other, "–", "–", "–"))

    def show(self, title):
        print(f"\n### {title}\n\n| work | this service | peer | ratio | goal | |\n|---|---|---|---|---|---|")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")
        print(flush=True)


def settle_disk():
    """So that nobody's writing is counted with somebody else's."""
    os.sync()


def timed(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def shell(command):
    """A peer's command line."""
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", command], check=True, stdout=subprocess.DEVNULL)


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else float("nan")


def disk_use(directory):
    """Bytes that the files of a directory take on the disk."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_blocks * 512
        for folder, _, names in os.walk(directory)
        for name in names
    )
