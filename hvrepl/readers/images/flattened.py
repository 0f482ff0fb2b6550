"""makedumpfile's flattened dumps (makedumpfile -F, QEMU): a vmcore as it was written to a pipe, piece by piece.

A header of 4096 bytes is followed by records: an offset in the vmcore and a count of bytes, as big-endian 64-bit numbers, then the bytes;
-1 and -1 end them. See rearrange_dumpdata() and makedumpfile.h of makedumpfile.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from struct import Struct

from hvrepl.errors import FileError
from hvrepl.readers.images.formats import SNIFFED, memory_in
from hvrepl.readers.images.memory import Memory
from hvrepl.readers.images.source import Source, read

HEADER = Struct(">16sqq")  # signature, type, version
FLATTENED = (1, 1)
HEADER_SIZE = 4096
RECORD = Struct(">qq")
END = (-1, -1)
INSIDE = (b"KDUMP   ", b"\x7fELF")  # what makedumpfile and QEMU flatten

# Records are kept in ascending runs. makedumpfile and QEMU write to two or three places in turn, and rewrite the headers.
MOST_RUNS = 16
MOST_RECORDS = 1 << 24
LEAST_RECORD = 512  # bytes, on average
FEW_RECORDS = 1 << 12  # up to here their size does not matter


class Run:
    """Ascending records: their offsets in the vmcore, their offsets in the file, and their sizes."""

    def __init__(self) -> None:
        self.offsets = array("Q")
        self.places = array("Q")
        self.sizes = array("Q")
        self.end = 0

    def add(self, offset: int, place: int, size: int) -> None:
        self.offsets.append(offset)
        self.places.append(place)
        self.sizes.append(size)
        self.end = offset + size


class FlattenedSource:
    """The vmcore that the records make up. Where they overlap, the later one counts; bytes without a record are zeros."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.path = source.path
        self.runs: list[Run] = []
        self.fault = ""
        self._read_records()
        self.size: int | None = max((run.end for run in self.runs), default=0)

    def _read_records(self) -> None:
        """Reads the headers of all records once, as far as possible."""
        at, count, size = HEADER_SIZE, 0, self.source.size
        head = bytearray(RECORD.size)
        while True:
            if self.source.fill(head, at) < RECORD.size:
                self.fault = "is truncated: it ends before its last record"
                return
            offset, length = RECORD.unpack(head)
            if (offset, length) == END:
                return
            at += RECORD.size
            if offset < 0 or length <= 0 or offset + length > 1 << 63:
                self.fault = f"is damaged: its record at {at - RECORD.size:#x} is for {length} bytes at offset {offset}"
                return
            there = length if size is None else min(length, max(size - at, 0))
            if there:
                self._add(offset, at, there)
            at += length
            count += 1
            if count > MOST_RECORDS or (count > FEW_RECORDS and at < count * LEAST_RECORD):
                raise FileError(f"{self.path}: a flattened dump of too many records; `makedumpfile -R FILE < DUMP` makes a vmcore of it")

    def _add(self, offset: int, place: int, size: int) -> None:
        fitting = [run for run in self.runs if run.end <= offset]
        if not fitting:
            if len(self.runs) == MOST_RUNS:
                raise FileError(f"{self.path}: a flattened dump that is out of order; `makedumpfile -R FILE < DUMP` makes a vmcore of it")
            self.runs.append(Run())
            fitting = self.runs[-1:]
        max(fitting, key=lambda run: run.end).add(offset, place, size)

    def _find(self, offset: int) -> tuple[int | None, int]:
        """(the byte's place in the file, or None if no record has it; the offset up to which this answer holds)."""
        place, latest, until = None, -1, self.size or 0
        for run in self.runs:
            number = bisect_right(run.offsets, offset) - 1
            if number + 1 < len(run.offsets):
                until = min(until, run.offsets[number + 1])
            if number >= 0 and (end := run.offsets[number] + run.sizes[number]) > offset:
                until = min(until, end)
                if run.places[number] > latest:
                    latest = run.places[number]
                    place = latest + offset - run.offsets[number]
        return place, until

    def fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        view, filled = memoryview(buffer), 0
        while filled < len(view) and offset + filled < (self.size or 0):
            place, until = self._find(offset + filled)
            part = view[filled : filled + until - offset - filled]
            if place is None:
                part[:] = bytes(len(part))
            elif self.source.fill(part, place) < len(part):
                break
            filled += len(part)
        return filled

    def hole(self, offset: int, size: int) -> int:
        place, until = self._find(offset)
        size = min(size, until - offset) if offset < (self.size or 0) else 0
        return size if place is None else self.source.hole(place, size)

    def close(self) -> None:
        self.source.close()


def open_flattened(source: Source) -> Memory:
    """The vmcore in a flattened dump. FileError if it has none, or its records are out of order."""
    start = read(source, 0, HEADER.size)
    if len(start) < HEADER.size:
        raise FileError(f"{source.path}: a flattened dump that ends within its header")
    _, kind, version = HEADER.unpack(start)
    if (kind, version) != FLATTENED:
        raise FileError(f"{source.path}: a flattened dump of type {kind} and version {version}; only type 1 and version 1 are read")
    inside = FlattenedSource(source)
    if not read(inside, 0, SNIFFED).startswith(INSIDE):
        raise FileError(f"{source.path}: {inside.fault or 'a flattened dump without a vmcore in it'}")
    memory = memory_in(inside)
    memory.fault = memory.fault or inside.fault
    return memory
