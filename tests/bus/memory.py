# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a process has in its memory, looked through for secrets that it should have wiped."""


def memory_of(pid):
    """All that a core of the process would hold."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(address, 16) for address in span.split("-"))
            if end - start > 1 << 30:
                continue  # a sanitizer's own
            try:
                memory.seek(start)
                yield line, memory.read(end - start)
            except OSError:
                pass  # [vvar] and the like


def traces_in_memory(pid, secret):
    """Where parts of it are, and which. What is freed without being wiped loses its first bytes to the allocator."""
    parts = [secret[begin : begin + 12] for begin in range(0, len(secret) - 11, 4)]
    return [(line, part) for line, content in memory_of(pid) for part in parts if part in content]
