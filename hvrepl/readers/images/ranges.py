"""Where memory lies in a file."""

from __future__ import annotations

from collections.abc import Iterable

from hvrepl.record import record, replace


@record(eq=True)
class Range:
    """`size` bytes at a guest physical address, and where they are in the file."""

    address: int
    size: int
    offset: int = 0

    @property
    def end(self) -> int:
        return self.address + self.size


def join_ranges(ranges: Iterable[Range]) -> list[Range]:
    """In ascending order, without what an earlier one has (the kernel's text stands twice in a vmcore), neighbours as one."""
    joined: list[Range] = []
    for one in sorted(ranges, key=lambda one: (one.address, -one.size)):
        double = max(0, joined[-1].end - one.address) if joined else 0
        if double >= one.size:
            continue
        rest = Range(one.address + double, one.size - double, one.offset + double)
        last = joined[-1] if joined else None
        if last and last.end == rest.address and last.offset + last.size == rest.offset:
            joined[-1] = replace(last, size=last.size + rest.size)
        else:
            joined.append(rest)
    return joined
