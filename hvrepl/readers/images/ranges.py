"""Ranges of memory in a file: joined, sorted, without duplicates."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from hvrepl.errors import FileError
from hvrepl.record import record, replace

MOST_SORTED = 1 << 20  # unordered ranges that are held in memory to be sorted


@record(eq=True)
class Range:
    """`size` bytes at a guest physical address, and their place in the file."""

    address: int
    size: int
    offset: int = 0

    @property
    def end(self) -> int:
        return self.address + self.size


class PackedRanges:
    """Many ranges in little memory, 24 bytes each: a list takes eight times as much. Numbers have at most 64 bits."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self.addresses, self.sizes, self.offsets = array("Q"), array("Q"), array("Q")
        for one in ranges:
            self.append(one)

    def append(self, one: Range) -> None:
        self.addresses.append(one.address)
        self.sizes.append(one.size)
        self.offsets.append(one.offset)

    def __len__(self) -> int:
        return len(self.addresses)

    def __iter__(self) -> Iterator[Range]:
        return map(Range, self.addresses, self.sizes, self.offsets)

    def in_order(self) -> Iterator[Range]:
        """In ascending order; at the same address, the largest first."""
        addresses, sizes, offsets = self.addresses, self.sizes, self.offsets
        for place in sorted(range(len(addresses)), key=lambda place: addresses[place] << 64 | (1 << 64) - sizes[place]):
            yield Range(addresses[place], sizes[place], offsets[place])


def in_file_order(ranges: Iterable[Range]) -> PackedRanges:
    """Ranges in the order of the file."""
    by_offset = PackedRanges(Range(one.offset, one.size, one.address) for one in ranges)
    return PackedRanges(Range(one.offset, one.size, one.address) for one in by_offset.in_order())


def join_ordered(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ascending ranges without overlaps (a vmcore has the kernel's text twice), neighbours joined."""
    last: Range | None = None
    for one in ranges:
        double = max(0, last.end - one.address) if last else 0
        if double >= one.size:
            continue
        rest = Range(one.address + double, one.size - double, one.offset + double)
        if last and last.end == rest.address and last.offset + last.size == rest.offset:
            last = replace(last, size=last.size + rest.size)
            continue
        if last:
            yield last
        last = rest
    if last:
        yield last


def join_neighbours(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ascending ranges with neighbours joined; an error comes after everything before it."""
    last: Range | None = None
    error: FileError | None = None
    try:
        for one in ranges:
            if last and last.end == one.address:
                last = replace(last, size=last.size + one.size)
                continue
            if last:
                yield last
            last = Range(one.address, one.size, one.offset)
    except FileError as fault:
        error = fault
    if last:
        yield last
    if error:
        raise error


def each_byte_once(ranges: PackedRanges) -> PackedRanges:
    """Ascending ranges without bytes of the file that another range has too, at any address."""
    end = 0
    for one in ranges:
        if one.offset < end:
            break
        end = one.offset + one.size
    else:
        return ranges
    by_offset = PackedRanges(Range(one.offset, one.size, one.address) for one in ranges)
    once = PackedRanges(Range(one.offset, one.size, one.address) for one in join_ordered(by_offset.in_order()))
    return PackedRanges(once.in_order())


def in_order(path: str, ranges: Callable[[], Iterable[Range]]) -> Callable[[], Iterable[Range]]:
    """Ranges in any order → ranges in ascending order, each address once.

    Ranges that ascend already, as those from a real machine do, are streamed and never held. A limited number of others is sorted;
    beyond that, asking for them in order is a FileError.
    """
    end = 0
    for one in ranges():
        if one.address < end:
            break
        end = one.end
    else:
        return ranges
    held = PackedRanges(islice(ranges(), MOST_SORTED + 1))
    if len(held) > MOST_SORTED:
        return lambda: refuse_to_sort(path)
    joined = PackedRanges(join_ordered(held.in_order()))
    return lambda: joined


def refuse_to_sort(path: str) -> Iterable[Range]:
    raise FileError(
        f"{path}: its memory is in more than {MOST_SORTED} pieces out of order; `scan` can read it, but addresses cannot be looked up"
    )
