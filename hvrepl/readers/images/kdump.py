"""Which pages a kdump-compressed vmcore holds: its header and second bitmap, as makedumpfile writes them. drgn reads the pages."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import FileError
from hvrepl.readers.images.memory import CHUNK, Chunk, Facts
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import Source, read
from hvrepl.record import record

SIGNATURE = b"KDUMP   "
# struct disk_dump_header of makedumpfile's diskdump_mod.h on 64-bit machines: signature, version, utsname, timestamp, status,
# block_size, sub_hdr_size (in blocks), bitmap_blocks.
HEADER = struct.Struct("<8si390s6x16sIiiI")
PIECE = 4096  # bytes of the bitmap that are looked at together
LARGEST_BLOCK = 1 << 16
MOST_BITMAP = 1 << 31  # bytes: the pages of 32 TiB, twice


@record
class Bitmap:
    """Where in the file it stands that a page was dumped: bytes, a bit for each page of `block` bytes."""

    start: int
    size: int
    block: int


def read_bitmap(source: Source) -> Bitmap:
    """Where the second bitmap is; the first says what memory there was. FileError if the header is damaged."""
    data = read(source, 0, HEADER.size)
    if len(data) < HEADER.size:
        raise FileError(f"{source.path}: a kdump-compressed vmcore that ends within its header")
    *_, block, sub_blocks, bitmap_blocks = HEADER.unpack(data)
    size = bitmap_blocks * block
    if not (0 < block <= LARGEST_BLOCK and block % 4096 == 0 and sub_blocks > 0 and 0 < size <= MOST_BITMAP):
        raise FileError(
            f"{source.path}: a kdump-compressed vmcore with a damaged header: {block} bytes per block, {bitmap_blocks} bitmap blocks"
        )
    return Bitmap((1 + sub_blocks) * block + size // 2, size // 2, block)


def dumped_runs(source: Source, bitmap: Bitmap) -> Iterator[tuple[int, int]]:
    """(address, size) of each run of pages that were dumped, low to high. One across two pieces of the bitmap comes in two."""
    for at in range(0, bitmap.size, PIECE):
        data = read(source, bitmap.start + at, min(PIECE, bitmap.size - at))
        if not data:
            return
        digits = f"{int.from_bytes(data, 'little'):0{8 * len(data)}b}"[::-1]
        for run in re.finditer("1+", digits):
            yield (8 * at + run.start()) * bitmap.block, len(run[0]) * bitmap.block


def dumped_size(source: Source, bitmap: Bitmap) -> int:
    """How many bytes were dumped."""
    return sum(size for _, size in dumped_runs(source, bitmap))


class DrgnMemory:
    """A kdump-compressed vmcore, whose pages drgn unpacks."""

    def __init__(self, source: Source, program: Any) -> None:
        self.source = source
        self.facts = Facts(format="kdump")
        self.program = program
        self.bitmap = read_bitmap(source)
        self.size: int | None = dumped_size(source, self.bitmap)

    def ranges(self) -> Iterator[Range]:
        return (Range(address, size) for address, size in dumped_runs(self.source, self.bitmap))

    def read(self, address: int, size: int) -> bytes:
        whole = self._read(address, size)
        if whole:
            return whole
        found = b""
        while len(found) < size:
            at = address + len(found)
            piece = self._read(at, min(size - len(found), PAGE_SIZE - at % PAGE_SIZE))
            if not piece:
                break
            found += piece
        return found

    def chunks(self) -> Iterator[Chunk]:
        missing, first = 0, 0
        for one in self.ranges():
            at = one.address
            while at < one.end:
                data = self.read(at, min(CHUNK, one.end - at))
                yield at, data, 0
                at += len(data)
                if len(data) < CHUNK and at < one.end:
                    missing, first = missing + 1, first if missing else at
                    at += PAGE_SIZE
        if missing:
            raise FileError(f"{self.source.path}: is damaged: {missing} of its pages cannot be read, the first at {first:#x}")

    def _read(self, address: int, size: int) -> bytes:
        try:
            return bytes(self.program.read(address, size, physical=True))
        except Exception:  # drgn.FaultError, and plain Exception for what libkdumpfile cannot unpack
            return b""

    def close(self) -> None:
        self.source.close()


def open_kdump(source: Source) -> DrgnMemory:
    """A kdump-compressed vmcore through drgn, which knows its compressions."""
    path = source.path
    try:
        import drgn
    except ImportError:
        raise FileError(f"{path}: a kdump-compressed vmcore; install hvrepl[vmcore] to read it, or make an ELF core of it") from None
    read_bitmap(source)
    program = drgn.Program()
    try:
        program.set_core_dump(path)
    except Exception as error:  # also plain Exception; the text says what is wrong
        raise FileError(f"{path}: drgn cannot read it: {error}; `makedumpfile -E -d 0` makes an ELF core of a vmcore") from None
    return DrgnMemory(source, program)
