"""Saved states of Hyper-V (.vmrs): the guest's memory in blocks of 1 MiB, packed or plain, and what the hypervisor saved.

The values and their layout are those of OpenVMM's support/hvs_file/FORMAT.md, appendix A, and vmm_core/hyperv_dump/src/defs.rs:
/savedstate/RamMemoryBlockN describe the ranges of guest pages and their place among the pages of all blocks, /savedstate/RamBlockN are the
blocks, /savedstate/savedVM/partition_state is the state of the partition.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.digits import to_int
from hvrepl.errors import FileError
from hvrepl.readers.images.hvs import INT, Store, Value, overlap
from hvrepl.readers.images.memory import NO_END, Block, Facts, Mapped, Memory, Packed, bytes_missing
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import Source, read
from hvrepl.readers.images.xpress import is_filled, unpack_pages
from hvrepl.record import record, replace

MIB = 1 << 20
PAGES = MIB // PAGE_SIZE  # of a block
SAVED, STATE = b"/savedstate", b"/savedstate/savedVM"
BLOCK, RANGE, VERSION, PARTITION = b"RamBlock", b"RamMemoryBlock", b"VmVersion", b"partition_state"
OLDEST = 0x0500  # the last configuration version whose saved states had another layout
# version, flags, count of pages, index of the first among those of all blocks, its guest page, NUMA node, padding, id
RANGE_LAYOUT = struct.Struct("<IIQQQIIQ")
RANGE_VERSION = 3
MOST_RANGES = 1 << 16
MOST_DIGITS = 12
LAST_PAGE = 1 << 52
LARGEST_FILLED = 12 * PAGES + 4  # bytes of a block whose pages are all filled with patterns

# vmm_core/hyperv_dump/src/defs.rs, VidSavedStateDescriptor: sizes of the descriptor, of the part before the chunks, of all; then 16 bytes.
DESCRIPTOR = struct.Struct("<QQQ")
BEFORE_CHUNKS = 16
# vm/hv1/hvdef/src/save_restore.rs: VmSaveChunkHeader, and the vendor in ObSaveChunkProlog.
CHUNK_HEADER = struct.Struct("<II8x")
PROLOG, EPILOG = 0, 0xF0000000
VENDOR_AT = 8
ARCHES = {0: "x64", 1: "x64", 2: "x64", 0x10: "arm64"}  # AMD, Intel, Hygon, Arm
LARGEST_CHUNK = 1 << 16
USUAL_CHUNK = 512
MOST_CHUNKS = 1 << 18  # 2,048 processors with three VTLs have fewer


@record
class Region:
    """Guest pages: the first one, their count, and the index of the first among the pages of all blocks."""

    page: int
    count: int
    index: int


class Blocks:
    """The blocks of 1 MiB in the file, by number. Compact, as a large machine has a million."""

    def __init__(self) -> None:
        self.numbers, self.offsets, self.sizes = array("Q"), array("Q"), array("Q")

    def add(self, number: int, offset: int, size: int) -> None:
        self.numbers.append(number)
        self.offsets.append(offset)
        self.sizes.append(size)

    def sort(self, path: str) -> None:
        """Sorts by number. FileError if two blocks have the same number, or overlap in the file."""
        order = sorted(range(len(self.numbers)), key=self.numbers.__getitem__)
        for name in ("numbers", "offsets", "sizes"):
            old = getattr(self, name)
            setattr(self, name, array(old.typecode, (old[index] for index in order)))
        for index in range(1, len(order)):
            if self.numbers[index - 1] == self.numbers[index]:
                raise FileError(f"{path}: is damaged: two of its blocks of memory have the number {self.numbers[index]}")
        if overlap(self.offsets, self.sizes):
            raise FileError(f"{path}: is damaged: its blocks of memory overlap in the file")


class Layout:
    """The place of each part of a guest's memory in the file."""

    def __init__(self, source: Source, regions: list[Region], blocks: Blocks) -> None:
        self.limit = NO_END if source.size is None else source.size
        self.regions = regions
        self.blocks = blocks
        self.is_packed = any(size != MIB for size in blocks.sizes)
        self.size = sum(one.size for one in self.pieces(0))
        claimed = sum(one.size for one in self.pieces(0, NO_END))
        self.cut = claimed - self.size
        self.unsaved = PAGE_SIZE * sum(one.count for one in regions) - claimed

    def pieces(self, address: int, limit: int | None = None) -> Iterator[Block]:
        """The parts of blocks that the file holds, up to `limit`, in ascending order, from the one with an address, or the next one, on.

        `method` is the number of unpacked bytes of a block to skip.
        """
        limit = self.limit if limit is None else limit
        numbers, offsets, sizes = self.blocks.numbers, self.blocks.offsets, self.blocks.sizes
        for region in self.regions:
            if (region.page + region.count) * PAGE_SIZE <= address:
                continue
            end = region.index + region.count
            first = region.index + max(0, address // PAGE_SIZE - region.page)
            for at in range(bisect_left(numbers, first // PAGES), len(numbers)):
                start = numbers[at] * PAGES
                if start >= end:
                    break
                low, high = max(start, region.index), min(start + PAGES, end)
                skip, size = (low - start) * PAGE_SIZE, (high - low) * PAGE_SIZE
                offset, length = offsets[at], sizes[at]
                if length == MIB:
                    size = min(size, limit - offset - skip)
                elif offset + length > limit:
                    continue
                if size > 0:
                    yield Block((region.page + low - region.index) * PAGE_SIZE, size, offset, length, skip)

    def ranges(self) -> Iterator[Range]:
        """Ranges with neighbours joined; if blocks are packed, wherever they are in the file."""
        last: Range | None = None
        for one in self.pieces(0):
            offset = one.offset + one.method
            if last and last.end == one.address and (self.is_packed or last.offset + last.size == offset):
                last = replace(last, size=last.size + one.size)
                continue
            if last:
                yield last
            last = Range(one.address, one.size, 0 if self.is_packed else offset)
        if last:
            yield last


class PackedState(Packed):
    """A saved state with packed blocks."""

    def __init__(self, source: Source, facts: Facts, layout: Layout, fault: str) -> None:
        super().__init__(source, facts, layout.size)
        self.layout = layout
        self.fault = fault

    def ranges(self) -> Iterator[Range]:
        return self.layout.ranges()

    def blocks(self, address: int) -> Iterator[Block]:
        return self.layout.pieces(address)

    def is_nothing(self, block: Block) -> bool:
        # 8 repeated bytes are not a message page: its messages would all consist of their own headers.
        return block.length <= LARGEST_FILLED and is_filled(read(self.source, block.offset, block.length), MIB)

    def unpack(self, block: Block) -> bytes:
        if block.length == MIB:
            data = read(self.source, block.offset + block.method, block.size)
        else:
            packed = read(self.source, block.offset, block.length)
            data = unpack_pages(packed, MIB)[block.method : block.method + block.size]
        if len(data) < block.size:
            raise ValueError("ends before its block does")
        return data


class Contents:
    """The values that describe what was saved."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.version = 0
        self.blocks = Blocks()
        self.ranges: dict[int, Value] = {}
        self.partition: Value | None = None
        for value in store.values():
            if value.kind == INT:
                self._take_version(value)
            else:
                self._take(value)

    def _take_version(self, value: Value) -> None:
        if value.name == VERSION and self.store.path(value.parent) in (SAVED, b""):
            self.version = int.from_bytes(read(self.store.source, value.offset, value.size), "little")

    def _take(self, value: Value) -> None:
        number = number_of(value.name, BLOCK)
        if number is not None and self.store.path(value.parent) == SAVED:
            if 0 < value.size <= MIB:
                self.blocks.add(number, value.offset, value.size)
            else:
                self.store.damaged += 1
            return
        number = number_of(value.name, RANGE)
        if number is not None and self.store.path(value.parent) == SAVED:
            if len(self.ranges) == MOST_RANGES or number in self.ranges:
                fault = f"more than {MOST_RANGES} ranges of memory, or two with the number {number}"
                raise FileError(f"{self.store.source.path}: is damaged: {fault}")
            self.ranges[number] = value
        elif value.name == PARTITION and self.store.path(value.parent) == STATE:
            self.partition = value


def open_vmrs(source: Source) -> Memory:
    """A saved state, as much of it as is in the file."""
    store = Store(source)
    contents = Contents(store)
    if 0 < contents.version <= OLDEST:
        raise FileError(f"{source.path}: {old(contents.version)}")
    regions = read_regions(contents)
    if not regions or not contents.blocks.numbers:
        raise FileError(f"{source.path}: {store.fault or nothing_in(bool(contents.version))}")
    contents.blocks.sort(source.path)
    layout = Layout(source, regions, contents.blocks)
    fault = bytes_missing(layout.cut) if layout.cut else store.fault
    if not layout.size:
        raise FileError(f"{source.path}: {fault or nothing_in(True)}")
    facts = Facts(
        format="Hyper-V saved state",
        arch=arch_of(source, contents.partition),
        missing=f"{layout.unsaved} bytes of memory that were not saved" if layout.unsaved and not fault else "",
        state=lambda: chunks_of(source, contents.partition),
    )
    if layout.is_packed:
        return PackedState(source, facts, layout, fault)
    return Mapped(source, facts, layout.ranges, size=layout.size, fault=fault)


def number_of(name: bytes, prefix: bytes) -> int | None:
    """The number after a prefix; None if there is none, or if it is not written as Hyper-V writes it."""
    digits = name.removeprefix(prefix)
    if digits == name or not digits.isdigit() or len(digits) > MOST_DIGITS or (digits[:1] == b"0" and len(digits) > 1):
        return None
    return to_int(digits.decode())


def old(version: int) -> str:
    name = f"{version >> 8}.{version & 0xFF}"
    return f"a saved state of a virtual machine of version {name}; only versions above 5.0 are documented and can be read"


def nothing_in(is_saved: bool) -> str:
    if is_saved:
        return "a saved state of Hyper-V without memory in it"
    return "a file of Hyper-V without a saved state in it, such as a configuration, or the state of a running machine"


def read_regions(contents: Contents) -> list[Region]:
    """The guest's pages in ascending order. Ranges are numbered from 0, and end at the first missing number."""
    store, found = contents.store, contents.ranges
    source = store.source
    regions: list[Region] = []
    for number in range(len(found)):
        value = found.get(number)
        if value is None:
            break
        data = read(source, value.offset, RANGE_LAYOUT.size) if value.size == RANGE_LAYOUT.size else b""
        if len(data) < RANGE_LAYOUT.size:
            store.damaged += 1
            continue
        version, _, count, index, page, *_ = RANGE_LAYOUT.unpack(data)
        if version != RANGE_VERSION:
            raise FileError(f"{source.path}: a saved state whose ranges of memory are of version {version}; only 3 is documented")
        if not count or max(page, index) + count > LAST_PAGE:
            raise FileError(f"{source.path}: is damaged: range {number} of its memory has {count} pages from {page:#x}")
        regions.append(Region(page, count, index))
    pages = [one.count for one in regions]
    if overlap([one.page for one in regions], pages) or overlap([one.index for one in regions], pages):
        raise FileError(f"{source.path}: is damaged: ranges of its memory overlap")
    return sorted(regions, key=lambda one: one.page)


def arch_of(source: Source, partition: Value | None) -> str:
    """The arch by the vendor in the first chunk; "" if unknown."""
    first = next(chunks_of(source, partition, whole=False), b"")
    if len(first) < CHUNK_HEADER.size + VENDOR_AT + 4 or CHUNK_HEADER.unpack_from(first)[0] != PROLOG:
        return ""
    return ARCHES.get(int.from_bytes(first[CHUNK_HEADER.size + VENDOR_AT :][:4], "little"), "")


def chunks_of(source: Source, partition: Value | None, *, whole: bool = True) -> Iterator[bytes]:
    """The hypervisor's chunks, each with its header, up to the epilog. FileError if the epilog is missing, unless not `whole`."""
    if partition is None:
        return
    end = partition.size
    head = read(source, partition.offset, min(DESCRIPTOR.size, end))
    fault = "is truncated or damaged: the state of its processors has no end"
    if len(head) == DESCRIPTOR.size:
        at = DESCRIPTOR.unpack(head)[1] + BEFORE_CHUNKS
        for number in range(MOST_CHUNKS):
            data = read(source, partition.offset + at, min(USUAL_CHUNK, end - at)) if at + CHUNK_HEADER.size <= end else b""
            if len(data) < CHUNK_HEADER.size:
                break
            kind, length = CHUNK_HEADER.unpack_from(data)
            if kind == EPILOG:
                return
            if (kind == PROLOG) != (not number) or at + CHUNK_HEADER.size + length > end:
                break
            size = CHUNK_HEADER.size + min(length, LARGEST_CHUNK)
            data = data[:size] if size <= USUAL_CHUNK else read(source, partition.offset + at, size)
            if len(data) < size:
                break
            yield data
            at += CHUNK_HEADER.size + length
    if whole:
        raise FileError(f"{source.path}: {fault}")
