"""Flattened dumps of makedumpfile, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.images.core import TIMER, page
from tests.images.kdump import kdump

END = (-1).to_bytes(8, "big", signed=True) * 2


def flattened(records: Iterable[tuple[int, bytes]], kind: int = 1, version: int = 1) -> bytes:
    """A flattened dump of (offset in the vmcore, bytes)."""
    start = b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", kind, version)
    return start.ljust(4096, b"\0") + b"".join(struct.pack(">qq", offset, len(data)) + data for offset, data in records) + END


def interleaved(data: bytes, size: int) -> Iterable[tuple[int, bytes]]:
    """Its records as makedumpfile writes them: parts from the front and from the middle in turn, and the header again at the end."""
    middle = len(data) // (2 * size) * size
    yield 0, bytes(min(size, len(data)))
    for at in range(0, len(data), size):
        if size <= at < middle:
            yield at, data[at : at + size]
        if middle + at < len(data):
            yield middle + at, data[middle + at : middle + at + size]
    yield 0, data[:size]


def samples() -> dict[str, bytes]:
    """A vmcore in records that are out of order."""
    return {"kdump": flattened(interleaved(kdump({0: page({0: TIMER}), 0x3C5A: page({2: TIMER})}), 512))}
