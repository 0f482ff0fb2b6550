"""Which pages a kdump-compressed vmcore holds: its header and second bitmap, as makedumpfile writes them. drgn reads the pages."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from hvrepl.errors import FileError
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


def read_bitmap(path: str, file: BinaryIO) -> Bitmap:
    """Where the second bitmap is; the first says what memory there was. FileError if the header is damaged."""
    file.seek(0)
    data = file.read(HEADER.size)
    if len(data) < HEADER.size:
        raise FileError(f"{path}: a kdump-compressed vmcore that ends within its header")
    *_, block, sub_blocks, bitmap_blocks = HEADER.unpack(data)
    size = bitmap_blocks * block
    if not (0 < block <= LARGEST_BLOCK and block % 4096 == 0 and sub_blocks > 0 and 0 < size <= MOST_BITMAP):
        raise FileError(f"{path}: a kdump-compressed vmcore with a damaged header: {block} bytes per block, {bitmap_blocks} bitmap blocks")
    return Bitmap((1 + sub_blocks) * block + size // 2, size // 2, block)


def dumped_runs(file: BinaryIO, bitmap: Bitmap) -> Iterator[tuple[int, int]]:
    """(address, size) of each run of pages that were dumped, low to high. One across two pieces of the bitmap comes in two."""
    for at in range(0, bitmap.size, PIECE):
        file.seek(bitmap.start + at)
        data = file.read(min(PIECE, bitmap.size - at))
        if not data:
            return
        digits = f"{int.from_bytes(data, 'little'):0{8 * len(data)}b}"[::-1]
        for run in re.finditer("1+", digits):
            yield (8 * at + run.start()) * bitmap.block, len(run[0]) * bitmap.block


def dumped_size(file: BinaryIO, bitmap: Bitmap) -> int:
    """How many bytes were dumped."""
    return sum(size for _, size in dumped_runs(file, bitmap))
