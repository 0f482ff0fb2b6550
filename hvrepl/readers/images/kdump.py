"""kdump-compressed vmcores, as makedumpfile, QEMU and virsh write them: pages that are packed one by one.

After a header and a sub header come two bitmaps with a bit per page frame, the first for all frames that exist and the second for the
dumped ones; then a descriptor for each dumped page, in order; then the pages. See IMPLEMENTATION and diskdump_mod.h of makedumpfile, and
dump.h of QEMU.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from struct import Struct

from hvrepl.errors import FileError
from hvrepl.hints import Any
from hvrepl.readers.images.memory import CHUNK, Block, CutError, Facts, Packed
from hvrepl.readers.images.packing import Unpack, lzo_unpacker, snappy_unpacker, unpack_nothing, zlib_unpacker, zstd_unpacker
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import ReadAhead, Source, read
from hvrepl.readers.images.vmcoreinfo import MOST_INFO, arch_of, kernel_of, plain
from hvrepl.record import record

# struct disk_dump_header: signature, version, utsname of six names, timestamp, status, block_size, sub_hdr_size (in blocks),
# bitmap_blocks. struct kdump_sub_header: phys_base, dump_level, split, start_pfn, end_pfn, then offset and size of vmcoreinfo, of notes
# and of eraseinfo, then start_pfn_64, end_pfn_64, max_mapnr_64. Both have a 32-bit and a 64-bit form.
HEADER_32, SUB_32 = Struct("<8si390s2x8sIIII"), Struct("<IIIIIQIQIQIQQQ")
HEADER_64, SUB_64 = Struct("<8si390s6x16sIIII"), Struct("<QIIQQQQQQQQQQQ")
NAME = 65  # bytes of a name in utsname
RELEASE, MACHINE = 2, 4  # their places among the names
DESCRIPTOR = Struct("<QIIQ")  # struct page_desc: offset, size, flags, page_flags (not used)
# The version of the header since which the sub header has these.
HAS_LEVEL, HAS_SPLIT, HAS_INFO, HAS_64 = 1, 2, 3, 6
EXCLUDED_VMEMMAP = 0x10  # in the status of the header

# DUMP_DH_COMPRESSED_* in the flags of a descriptor → its name, and the function that makes its unpacker.
PACKINGS: dict[int, tuple[str, Callable[[], Unpack]]] = {
    0x0: ("nothing", lambda: unpack_nothing),
    0x1: ("zlib", zlib_unpacker),
    0x2: ("LZO", lzo_unpacker),
    0x4: ("snappy", snappy_unpacker),
    0x20: ("zstd", zstd_unpacker),
}
# DL_EXCLUDE_* in dump_level → the pages left out. Zero pages (1) are not: they have descriptors that share one page.
LEFT_OUT = {0x2: "cache pages that are not private", 0x4: "cache pages", 0x8: "user pages", 0x10: "free pages"}
MOST_LEVEL = 31

BLOCKS = tuple(1 << bits for bits in range(12, 17))  # sizes of pages
MOST_BITMAP = 1 << 36  # bytes of both bitmaps: the pages of 1 PiB
PIECE = 1 << 16  # bytes of the bitmap that are read at once
FRAMES = 8 * PIECE
FIRST_TABLE, LARGEST_TABLE = 1 << 7, 1 << 14  # descriptors that are read at once: few for a single page
NO_OFFSET = 1 << 63


@record(kw_only=True)
class Header:
    """The layout of the file and its facts. `first` and `end` bound the frames in this file of a split dump."""

    block: int
    bitmap: int
    bitmap_size: int
    table: int
    is_part: bool
    first: int
    end: int
    facts: Facts


def open_kdump(source: Source) -> Kdump:
    """A kdump-compressed vmcore, or one file of a split one. FileError if its headers are damaged or its bitmap is incomplete."""
    return Kdump(source, read_header(source))


def read_header(source: Source) -> Header:
    start = read(source, 0, HEADER_64.size)
    if len(start) < HEADER_64.size:
        raise FileError(f"{source.path}: a kdump-compressed vmcore that ends within its header")
    # A 32-bit header has the number of sub header blocks where a 64-bit one has the upper half of microseconds, which is zero.
    header, sub = (HEADER_32, SUB_32) if is_header(HEADER_32.unpack_from(start)) else (HEADER_64, SUB_64)
    fields = header.unpack_from(start)
    _, version, utsname, _, status, block, sub_blocks, bitmap_blocks = fields
    if not is_header(fields):
        raise FileError(
            f"{source.path}: a kdump-compressed vmcore with a damaged header: {block} bytes per block, {bitmap_blocks} bitmap blocks"
        )
    more = sub.unpack(read(source, block, sub.size).ljust(sub.size, b"\0"))
    _, level, split, first, end, info_at, info_size, *_, first_64, end_64, _ = more
    half = bitmap_blocks * block // 2
    bitmap = (1 + sub_blocks) * block
    is_part = version >= HAS_SPLIT and split != 0
    first, end = (first_64, end_64) if version >= HAS_64 else (first, end)
    first, end = (first, min(end, 8 * half)) if is_part else (0, 8 * half)
    if first > end:
        raise FileError(f"{source.path}: a kdump-compressed vmcore with a damaged header: a part from page {first:#x} to {end:#x}")
    names = [utsname[at : at + NAME] for at in range(0, len(utsname), NAME)]
    info = read(source, info_at, min(info_size, MOST_INFO)) if version >= HAS_INFO and 0 < info_at < NO_OFFSET else b""
    facts = Facts(
        format="kdump, a part of a split one" if is_part else "kdump",
        arch=arch_of(names[MACHINE]),
        kernel=kernel_of(info) or plain(names[RELEASE]),
        missing=", ".join(say_left_out(level if version >= HAS_LEVEL else 0, status)),
    )
    table = bitmap + bitmap_blocks * block
    return Header(block=block, bitmap=bitmap + half, bitmap_size=half, table=table, is_part=is_part, first=first, end=end, facts=facts)


def is_header(fields: tuple[Any, ...]) -> bool:
    """Whether the fields of a header are plausible."""
    *_, block, sub_blocks, bitmap_blocks = fields
    return block in BLOCKS and sub_blocks != 0 and 2 <= bitmap_blocks <= MOST_BITMAP // block


def say_left_out(level: int, status: int) -> Iterator[str]:
    """The kinds of pages that makedumpfile left out, by its dump level and the status in the header."""
    if 0 < level <= MOST_LEVEL:
        names = [name for bit, name in LEFT_OUT.items() if level & bit and not (bit == 0x2 and level & 0x4)]
        if names:
            yield f"{', '.join(names)} (dump level {level})"
    if status & EXCLUDED_VMEMMAP:
        yield "unused parts of the kernel's page map"


class Kdump(Packed):
    """The dumped pages; in a truncated file only the first `count` have descriptors.

    The set bits before a page's bit give the place of its descriptor. `totals` counts the bits before each piece of the bitmap.
    """

    def __init__(self, source: Source, header: Header) -> None:
        self.header = header
        self.totals = array("Q", [0])
        super().__init__(source, header.facts, None)
        self._count_bits()
        self.count = self.all = self.totals[-1]
        if source.size is not None:
            self.count = min(self.all, (source.size - header.table) // DESCRIPTOR.size)
        if not self.all and not header.is_part:
            raise FileError(f"{source.path}: a kdump-compressed vmcore without memory in it")
        self.size = self.count * header.block
        self.ahead = ReadAhead(source)
        self.unpackers: dict[int, Unpack] = {}

    def _count_bits(self) -> None:
        """Counts the bits of the whole bitmap once. FileError if the file ends before it does."""
        header, source = self.header, self.source
        is_there = source.size is None or source.size >= header.table
        at = 0
        while is_there and at < header.bitmap_size:
            hole = source.hole(header.bitmap + at, header.bitmap_size - at)
            empty = -(-hole // PIECE) if hole == header.bitmap_size - at else hole // PIECE
            self.totals.extend([self.totals[-1]] * empty)
            at += empty * PIECE
            if at < header.bitmap_size:
                bits = self._bits(at // PIECE)
                is_there = bits is not None
                self.totals.append(self.totals[-1] + (bits or 0).bit_count())
                at += PIECE
        if not is_there:
            raise FileError(f"{source.path}: is truncated before the memory in it begins")

    def _bits(self, piece: int) -> int | None:
        """A piece of the bitmap as an integer, only with frames of this file; None if the file ends before the piece."""
        header = self.header
        size = min(PIECE, header.bitmap_size - piece * PIECE)
        data = read(self.source, header.bitmap + piece * PIECE, size)
        if len(data) < size:
            return None
        low, high = (min(max(frame - piece * FRAMES, 0), FRAMES) for frame in (header.first, header.end))
        return int.from_bytes(data, "little") >> low << low & (1 << high) - 1

    def _runs(self, frame: int) -> Iterator[tuple[int, int]]:
        """(frame, count) of each run of dumped frames, from a frame on. A run across two pieces may come in two."""
        for piece in range(frame // FRAMES, len(self.totals) - 1):
            if self.totals[piece] < self.totals[piece + 1]:
                low = max(frame - piece * FRAMES, 0)
                digits = f"{(self._bits(piece) or 0) >> low:b}"[::-1]
                for run in re.finditer("1+", digits):
                    yield piece * FRAMES + low + run.start(), run.end() - run.start()

    def _rank(self, frame: int) -> int:
        """The number of dumped frames before a frame."""
        piece, rest = divmod(frame, FRAMES)
        if piece >= len(self.totals) - 1:
            return self.all
        return self.totals[piece] + ((self._bits(piece) or 0) & (1 << rest) - 1).bit_count()

    def _frame(self, rank: int) -> int:
        """The frame with `rank` dumped frames before it."""
        piece = bisect_right(self.totals, rank) - 1
        left = rank - self.totals[piece]
        for frame, count in self._runs(piece * FRAMES):
            if left < count:
                return frame + left
            left -= count
        return self.header.end  # only if the file changes while it is read

    def ranges(self) -> Iterator[Range]:
        block, left = self.header.block, self.count
        start = count = 0
        for frame, more in self._runs(0):
            taken = min(more, left)
            left -= taken
            if frame == start + count:
                count += taken
            else:
                if count:
                    yield Range(start * block, count * block)
                start, count = frame, taken
            if not left:
                break
        if count:
            yield Range(start * block, count * block)

    def blocks(self, address: int) -> Iterator[Block]:
        """Blocks from an address on. Pages whose descriptor is missing come as one block, at the address of the first."""
        size = self.header.block
        frame = address // size
        rank = self._rank(frame)
        frames = self._frames(frame)
        for hole, table in self._tables(rank):
            if hole:
                yield Block(self._frame(rank) * size, hole * size, 0, 0, 0)
                frames = self._frames(self._frame(rank + hole)) if rank + hole < self.count else iter(())
            yield from self._join(zip(DESCRIPTOR.iter_unpack(table), frames, strict=False))
            rank += hole + len(table) // DESCRIPTOR.size
        if rank < self.all:
            yield Block(self._frame(rank) * size, (self.all - rank) * size, 0, 0, 0)

    def _frames(self, frame: int) -> Iterator[int]:
        return chain.from_iterable(range(start, start + count) for start, count in self._runs(frame))

    def _tables(self, rank: int) -> Iterator[tuple[int, bytes]]:
        """(count of descriptors in a hole of the file, the descriptors after it) piece by piece, from a rank on."""
        each, amount = DESCRIPTOR.size, FIRST_TABLE
        while rank < self.count:
            at, left = self.header.table + rank * each, self.count - rank
            hole = self.source.hole(at, left * each) // each
            data = read(self.source, at + hole * each, min(amount, left - hole) * each)
            whole = len(data) // each
            yield hole, data[: whole * each]
            rank += hole + whole
            if not hole + whole:
                break
            amount = min(2 * amount, LARGEST_TABLE)

    def _join(self, pages: Iterable[tuple[tuple[int, int, int, int], int]]) -> Iterator[Block]:
        """Blocks from (descriptor, frame): neighbouring pages with the same data become one block, up to the size of a chunk."""
        block = self.header.block
        most = CHUNK // block
        start, count, held = 0, 0, (0, 0, 0, 0)
        for descriptor, frame in pages:
            if descriptor[0] == held[0] and frame == start + count and count < most and descriptor[1:3] == held[1:3]:
                count += 1
                continue
            if count:
                yield Block(start * block, count * block, held[0], held[1], held[2])
            start, count, held = frame, 1, descriptor
        if count:
            yield Block(start * block, count * block, held[0], held[1], held[2])

    def unpack(self, block: Block) -> bytes:
        size = self.header.block
        if not block.offset or not block.length:  # makedumpfile did not get here before the disk was full
            raise CutError("was never written")
        if block.length > 2 * size:  # a page never becomes so large; this bounds the work of unpacking
            raise ValueError(f"a page of {block.length} bytes")
        if block.offset >= NO_OFFSET:
            raise ValueError(f"a page at {block.offset:#x}")
        packed = self.ahead.at(block.offset, block.length)
        if len(packed) < block.length:
            raise CutError("ends within a page")
        unpack = self.unpackers.get(block.method) or self._unpacker(block.method)
        return unpack(packed, size) * (block.size // size)

    def _unpacker(self, flags: int) -> Unpack:
        name, make = PACKINGS.get(flags, ("", None))
        if make is None:
            raise ValueError(f"packed in an unknown way {flags:#x}")
        try:
            self.unpackers[flags] = made = make()
        except ImportError as error:
            raise FileError(f"{self.source.path}: has pages packed with {name}; install the package {error.name} to read them") from None
        return made
