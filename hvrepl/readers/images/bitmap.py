"""Bitmaps of pages: runs of set bits, without a list of the bits. Bit 0 is the lowest bit of the first byte."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.patterns import regex
from hvrepl.readers.images.source import Source, read

PIECE = 1 << 18  # bytes that are read at once: the pages of 8 GiB
ONES = regex("1+")


def pieces(source: Source, offset: int, bits: int) -> Iterator[tuple[int, int, int]]:
    """(number of the first bit, count, the bits) of each piece of a bitmap, as far as the source goes. Holes are skipped."""
    at, size = 0, -(-bits // 8)
    while at < size:
        at += source.hole(offset + at, size - at)
        data = read(source, offset + at, min(PIECE, size - at))
        if not data:
            return
        count = min(8 * len(data), bits - 8 * at)
        yield 8 * at, count, int.from_bytes(data, "little") & (1 << count) - 1
        at += len(data)


def count_set(source: Source, offset: int, bits: int) -> int:
    return sum(piece.bit_count() for _, _, piece in pieces(source, offset, bits))


def runs_set(source: Source, offset: int, bits: int) -> Iterator[tuple[int, int]]:
    """(first bit, count) of each run of set bits, in ascending order."""
    first = count = 0
    for start, width, piece in pieces(source, offset, bits):
        if not piece:
            continue
        for found in ONES.finditer(f"{piece:0{width}b}"[::-1]):
            at, length = start + found.start(), found.end() - found.start()
            if count and at == first + count:  # only if a run spans two pieces
                count += length
                continue
            if count:
                yield first, count
            first, count = at, length
    if count:
        yield first, count
