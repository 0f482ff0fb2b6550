"""Memory of VMware's machines: a .vmem has the bytes, and the .vmss or .vmsn next to it has their addresses.

For the layout of a .vmss see crash's vmware_vmss.h (cptdumpheader, cptgroupdesc, the bits of a tag) and vmware_vmss.c, and volatility3's
framework/layers/vmware.py; that an arm64 guest without regions begins at 2 GiB is in LeechCore's device_file.c.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from io import BufferedReader
from itertools import pairwise

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import FileError
from hvrepl.hints import IO
from hvrepl.readers.images.memory import NO_END, Facts, Mapped, bytes_missing, cut_in_page
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import FARTHEST, Source, as_file, open_source, read
from hvrepl.readers.images.unpacked import plain_name
from hvrepl.record import record, replace

HEADER = struct.Struct("<4sII")  # magic, version, number of groups
GROUP = struct.Struct("<64sQQ")  # name, position, size
MOST_GROUPS = 1 << 12
OLD_MAGIC = b"\xd0\xbe\xd2\xbe"  # its blocks have sizes of 32 bits
# A tag: 6 bits are the size of its value, 2 how many indices of 32 bits it has, 8 the length of its name. Then name, indices and value.
BLOCK, PACKED_BLOCK = 63, 62  # sizes that announce a block: its size, its size in memory, 16 bits for the size of padding, padding, bytes
NO_INDEX = -1
MOST_TAGS = 1 << 17
MOST_REGIONS = 1 << 10
MOST_PAGES = 1 << 40

STATES = (".vmss", ".vmsn")
# Up to here an address equals the offset in the file. By default, a hole for devices begins here, and the rest of memory follows it.
LOW = 3 << 30
ARM64, ARM64_START = 3, 0x80000000  # "Platform" of the group "Checkpoint"; the first address there without regions


@record
class State:
    """The content of a .vmss: the addresses of memory (offsets count from where it begins), and its place in the file, if it is there."""

    regions: tuple[Range, ...]
    start: int | None = None
    size: int = 0
    arch: str = ""


@record
class Tag:
    """A short tag has a `value`; `offset` and `size` are the place of the bytes in the file."""

    name: bytes
    indices: tuple[int, ...]
    value: int
    offset: int
    size: int
    is_packed: bool = False


def open_state(source: Source) -> Mapped:
    """The memory of a .vmss or .vmsn: within it, or in the .vmem next to it."""
    state = read_state(source)
    if state.start is not None:
        return placed(source, state, state.start, state.start + state.size)
    path = os.path.splitext(plain_name(source))[0] + ".vmem"
    if not os.path.exists(path):
        raise FileError(
            f"{source.path}: a saved state of VMware; the memory belongs in {os.path.basename(path)} next to it, which is missing"
        )
    memory = open_source(path)
    try:
        opened = placed(memory, state, 0, memory.size)
    except FileError:
        memory.close()
        raise
    source.close()
    return opened


def open_vmem(source: Source) -> Mapped:
    """A .vmem with the addresses from the .vmss or .vmsn next to it; without one, memory above 3 GiB has no addresses."""
    stem = os.path.splitext(plain_name(source))[0]
    path = next((stem + end for end in STATES if os.path.exists(stem + end)), None)
    if path:
        state_source = open_source(path)
        try:
            state = read_state(state_source)
        finally:
            state_source.close()
        return placed(source, state, 0, source.size)
    size = source.size
    whole = Range(0, NO_END if size is None else size)
    rest = (size or 0) % PAGE_SIZE
    is_low = size is not None and size <= LOW
    facts = Facts(
        format="VMware memory",
        missing="" if is_low else "the addresses above 3 GiB; put its .vmss or .vmsn next to it",
        unplaced=None if is_low else LOW,
    )
    low = replace(whole, size=min(whole.size, LOW))
    return Mapped(source, facts, lambda: [low], size=size, searched=lambda: [whole], fault=cut_in_page(rest) if rest else "")


def placed(source: Source, state: State, start: int, end: int | None) -> Mapped:
    """The memory between two places of a file, by its regions; without regions, from the first address on."""
    facts = Facts(format="VMware memory", arch=state.arch)
    first = ARM64_START if state.arch == "arm64" else 0
    claimed = [replace(one, offset=start + one.offset) for one in state.regions]
    if not claimed and end is not None:
        claimed = [Range(first, end - start, start)]
    elif not claimed:
        return Mapped(source, facts, lambda: [Range(first, NO_END - first, start)], size=None)
    limit = end if source.size is None else min(source.size, end or source.size)
    ranges = [
        one if limit is None else replace(one, size=min(one.size, limit - one.offset))
        for one in claimed
        if limit is None or one.offset < limit
    ]
    size = sum(one.size for one in ranges)
    missing = sum(one.size for one in claimed) - size
    if not size:
        raise FileError(f"{source.path}: {'is truncated before the memory in it begins' if missing else 'has no memory in it'}")
    rest = size % PAGE_SIZE
    fault = bytes_missing(missing) if missing else cut_in_page(rest) if rest else ""
    in_file = sorted(ranges, key=lambda one: one.offset)
    return Mapped(source, facts, lambda: ranges, size=size, searched=lambda: in_file, fault=fault)


def read_state(source: Source) -> State:
    """Reads a .vmss or .vmsn. FileError if it is truncated or damaged."""
    magic, groups = read_groups(source)
    if "memory" not in groups:
        raise FileError(f"{source.path}: a saved state of VMware that says nothing about memory")
    numbers: dict[tuple[bytes, int], int] = {}
    block: Tag | None = None
    for tag in tags_of_memory(source, groups["memory"], is_old=magic == OLD_MAGIC):
        if tag.name == b"Memory" and tag.size:
            block = block or tag
        elif tag.name.startswith(b"region") and (index := (*tag.indices, NO_INDEX)[0]) < MOST_REGIONS:
            numbers[tag.name, index] = tag.value
    if block and block.is_packed:
        raise FileError(f"{source.path}: a saved state of VMware with compressed memory, which is not read")
    regions = read_regions(source, numbers)
    arch = "" if regions else read_arch(source, groups, is_old=magic == OLD_MAGIC)
    return State(regions, block.offset if block else None, block.size if block else 0, arch)


def tags_of_memory(source: Source, position: int, *, is_old: bool) -> Iterator[Tag]:
    """The tags of memory, even if the file ends within it: only regions can follow, and a small guest has none."""
    last: Tag | None = None
    try:
        for last in read_tags(source, position, is_old=is_old):
            yield last
    except FileError:
        if not last or last.name != b"Memory" or last.size > LOW:
            raise


def read_groups(source: Source) -> tuple[bytes, dict[str, int]]:
    """(magic, {name of each group: the place of its tags})."""
    header = read(source, 0, HEADER.size)
    if len(header) < HEADER.size:
        raise cut(source)
    magic, _, count = HEADER.unpack(header)
    if count > MOST_GROUPS:
        raise damaged(source, f"{count} groups")
    table = read(source, HEADER.size, count * GROUP.size)
    if len(table) < count * GROUP.size:
        raise cut(source)
    return magic, {name.partition(b"\0")[0].decode("latin-1"): position for name, position, _ in reversed(list(GROUP.iter_unpack(table)))}


def read_regions(source: Source, numbers: dict[tuple[bytes, int], int]) -> tuple[Range, ...]:
    """Regions in ascending order. FileError if they overlap, in memory or in the file."""
    count = numbers.get((b"regionsCount", NO_INDEX), 0)
    if count > MOST_REGIONS:
        raise damaged(source, f"{count} regions of memory")
    regions: list[Range] = []
    for number in range(count):
        values = [numbers.get((name, number), -1) for name in (b"regionPPN", b"regionSize", b"regionPageNum")]
        if min(values) < 0 or max(values) > MOST_PAGES:
            raise damaged(source, f"region {number} of {count}")
        page, size, place = values
        if size:
            regions.append(Range(page * PAGE_SIZE, size * PAGE_SIZE, place * PAGE_SIZE))
    regions.sort(key=lambda one: one.address)
    in_file = sorted(regions, key=lambda one: one.offset)
    is_double = any(one.end > other.address for one, other in pairwise(regions))
    if is_double or any(one.offset + one.size > other.offset for one, other in pairwise(in_file)):
        raise damaged(source, "its regions of memory overlap")
    return tuple(regions)


def read_arch(source: Source, groups: dict[str, int], *, is_old: bool) -> str:
    """arm64 if the file says so; the meaning of other values is unknown."""
    if "Checkpoint" not in groups:
        return ""
    platforms = (tag.value for tag in read_tags(source, groups["Checkpoint"], is_old=is_old) if tag.name == b"Platform")
    return "arm64" if next(platforms, 0) == ARM64 else ""


def read_tags(source: Source, position: int, *, is_old: bool) -> Iterator[Tag]:
    """The tags of a group, up to the empty one that ends it."""
    file = BufferedReader(as_file(source))  # type: ignore[type-var]
    sizes = struct.Struct("<IIH" if is_old else "<QQH")
    if position > (FARTHEST if source.size is None else source.size):
        raise cut(source)
    file.seek(position)
    for _ in range(MOST_TAGS):
        kind, length = take(source, file, 2)
        if not kind and not length:
            return
        name = take(source, file, length)
        indices = struct.unpack(f"<{kind >> 6}I", take(source, file, 4 * (kind >> 6)))
        size, value = kind & 0x3F, 0
        is_packed = size == PACKED_BLOCK
        if size in (BLOCK, PACKED_BLOCK):
            size, _, padding = sizes.unpack(take(source, file, sizes.size))
            offset = file.tell() + padding
            yield Tag(name, indices, 0, offset, size, is_packed)
            if offset + size > (FARTHEST if source.size is None else source.size):
                raise cut(source)
            file.seek(offset + size)
        else:
            offset = file.tell()
            value = int.from_bytes(take(source, file, size), "little")
            yield Tag(name, indices, value, offset, size)
    raise damaged(source, f"more than {MOST_TAGS} tags in a group")


def take(source: Source, file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise cut(source)
    return data


def cut(source: Source) -> FileError:
    return FileError(f"{source.path}: a saved state of VMware that ends before it says where its memory is")


def damaged(source: Source, what: str) -> FileError:
    return FileError(f"{source.path}: a saved state of VMware with a damaged header: {what}")
