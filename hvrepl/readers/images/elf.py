"""ELF cores: their program headers give the guest physical addresses of the memory.

Structures: the System V gABI (ELF header, program header, note section) and Linux' include/uapi/linux/elf.h. pyelftools reads them too,
but makes objects for each header, which takes some 20 microseconds; a core may have a million headers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice

from hvrepl.errors import FileError
from hvrepl.readers.images.memory import Facts, Mapped, bytes_missing
from hvrepl.readers.images.ranges import PackedRanges, Range, each_byte_once, in_file_order, join_ordered
from hvrepl.readers.images.source import Source, read
from hvrepl.readers.images.vmcoreinfo import MOST_INFO, kernel_of
from hvrepl.readers.images.xen import open_xen
from hvrepl.record import record, replace

IDENT = 16  # e_ident
CLASSES, ORDERS = {1: 32, 2: 64}, {1: "<", 2: ">"}  # EI_CLASS, EI_DATA, at 4 and 5 of it
HEADS = {32: "HH4x4xII4x2xHH", 64: "HH4x8xQQ4x2xHH"}  # e_type, e_machine, e_phoff, e_shoff, e_phentsize, e_phnum
CORE, PROGRAMS = 4, (1, 2, 3)  # e_type
ARCHES = {62: "x64", 183: "arm64"}  # e_machine
EXTENDED = 0xFFFF  # PN_XNUM: the number of program headers is sh_info of the first section header
SECTION_INFO = {32: 28, 64: 44}  # offset of sh_info in it
ENTRIES = {32: "IIIIII8x", 64: "I4xQQQQQ8x"}  # p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz
LOAD, NOTE = 1, 4  # p_type
NO_ADDRESS = {32: (1 << 32) - 1, 64: (1 << 64) - 1}  # p_paddr of segments without one, in /proc/kcore
NOTE_HEAD = "II4x"  # n_namesz, n_descsz, n_type
LONGEST_NAME = 16  # that is read
INFO = b"VMCOREINFO"  # the name of its note
PIECE = 1 << 16  # bytes of program headers that are read at once
MOST_LOADS = 1 << 20
MOST_SEGMENTS = 1 << 12  # of notes: a dump has one, or one for each CPU
MOST_NOTES = 1 << 16  # a kernel writes one for each CPU, QEMU two
OFFSETS, ADDRESSES = 1 << 63, 1 << 64  # how many are possible

Entry = tuple[int, int, int, int, int, int]


@record
class Head:
    """The header of a core. `bits` and `order` are those of its numbers; `count` program headers begin at `start`."""

    bits: int
    order: str
    machine: int
    start: int
    stride: int
    count: int


@record
class Survey:
    """The result of a first pass over the program headers: which addresses to use, and (offset, size) of each segment of notes."""

    is_physical: bool
    notes: list[tuple[int, int]]


@record
class Loads:
    """The memory that the headers place in the file, and memory that they describe but the file lacks in whole or in part; both in order.

    `wrapped` counts the bytes whose addresses exceed 64 bits.
    """

    claimed: PackedRanges
    named: PackedRanges
    wrapped: int


def open_core(source: Source) -> Mapped:
    """An ELF core, as much of it as is in the file."""
    head = read_head(source)
    survey = survey_entries(source, head)
    loads = read_loads(source, head, survey)
    if not head.count and (xen := open_xen(source)):
        return xen
    ranges = PackedRanges(join_ordered(within(source, loads.claimed)))
    size = sum(ranges.sizes)
    if not size and len(loads.claimed):
        raise FileError(f"{source.path}: is truncated before the memory in it begins")
    missing, held = total_size(loads.claimed) - size, headers_held(source, head)
    faults = [bytes_missing(missing)] if missing else []
    if held < head.count:
        faults.append(f"is truncated after {held} of its {head.count} program headers")
    if loads.wrapped:
        faults.append(f"is damaged: {loads.wrapped} bytes of the memory in it have addresses of more than 64 bits")
    fault = "; ".join(faults)
    if not size:
        raise FileError(f"{source.path}: {fault or 'an ELF core without memory in it'}")
    searched = each_byte_once(ranges)
    once = sum(searched.sizes)
    left_out = total_size(merge(loads.claimed, loads.named, key=lambda one: one.address)) - total_size(loads.claimed)
    facts = Facts(
        format="ELF core",
        arch=ARCHES.get(head.machine, ""),
        kernel=read_kernel(source, head, survey),
        missing=f"{left_out} bytes of its memory" if left_out else "",
        remark="some of its memory is at several addresses; pages in it are shown at one of them" if once < size else "",
    )
    in_turn = searched if source.size is not None else in_file_order(searched)  # a step back in a packed file unpacks it again
    return Mapped(source, facts, lambda: ranges, size=once, searched=lambda: in_turn, fault=fault)


def read_head(source: Source) -> Head:
    """The header. FileError if it is damaged or does not belong to a core."""
    start = read(source, 0, IDENT)
    if len(start) < IDENT:
        raise damaged(source, "it ends within its header")
    bits, order = CLASSES.get(start[4]), ORDERS.get(start[5])
    if not bits or not order:
        raise damaged(source, f"its class is {start[4]} and its byte order {start[5]}; each is 1 or 2")
    layout = struct.Struct(order + HEADS[bits])
    data = read(source, IDENT, layout.size)
    if len(data) < layout.size:
        raise damaged(source, "it ends within its header")
    kind, machine, at, sections, stride, count = layout.unpack(data)
    if kind in PROGRAMS:
        raise FileError(f"{source.path}: an ELF program or library; give a core, the memory of a machine")
    if kind != CORE:
        raise damaged(source, f"its type is {kind}; that of a core is {CORE}")
    if count == EXTENDED and sections:
        # As readelf does: without a number there, the one in the header counts.
        info = read_any(source, sections + SECTION_INFO[bits], 4)
        count = struct.unpack(order + "I", info)[0] or count if len(info) == 4 else count
    least = struct.calcsize(order + ENTRIES[bits])
    if count and stride < least:
        raise damaged(source, f"a program header has {least} bytes, not {stride}")
    return Head(bits, order, machine, at, stride, count)


def damaged(source: Source, reason: str) -> FileError:
    return FileError(f"{source.path}: begins as an ELF file but cannot be read as one: {reason}")


def read_any(source: Source, offset: int, size: int) -> bytes:
    """The bytes at an offset that may be larger than any file."""
    return read(source, offset, size) if offset < (OFFSETS if source.size is None else source.size) else b""


def headers_held(source: Source, head: Head) -> int:
    """The number of program headers that are in the file."""
    return head.count if source.size is None else min(head.count, max(0, source.size - head.start) // max(1, head.stride))


def entries(source: Source, head: Head) -> Iterator[Entry]:
    """The program headers, except those in a hole of the file, whose type is 0."""
    if not head.count:  # then their size is meaningless
        return
    form = head.order + ENTRIES[head.bits]
    layout = struct.Struct(f"{form}{head.stride - struct.calcsize(form)}x")
    piece = max(1, PIECE // head.stride) * head.stride
    at = head.start
    end = min(at + head.count * head.stride, OFFSETS if source.size is None else source.size)
    while end - at >= head.stride:
        at += source.hole(at, end - at) // head.stride * head.stride
        data = read(source, at, min(piece, (end - at) // head.stride * head.stride))
        yield from layout.iter_unpack(data[: len(data) // head.stride * head.stride])
        if len(data) < piece:
            return
        at += piece


def survey_entries(source: Source, head: Head) -> Survey:
    """A first pass. Physical addresses count unless several headers have the same one: then the core only has virtual addresses."""
    count, loads, first, are_several = 0, 0, 0, False
    notes: list[tuple[int, int]] = []
    for kind, offset, _, physical, size, memory in entries(source, head):
        if kind == LOAD:
            count += bool(size or memory)
            if size:
                are_several |= bool(loads) and physical != first
                loads, first = loads + 1, physical
        elif kind == NOTE and len(notes) < MOST_SEGMENTS:
            notes.append((offset, size))
    if count > MOST_LOADS:
        raise FileError(f"{source.path}: an ELF core of {count:,} pieces of memory; at most {MOST_LOADS:,} are read")
    return Survey(loads == 1 or are_several, notes)


def read_loads(source: Source, head: Head, survey: Survey) -> Loads:
    claimed, named, wrapped = PackedRanges(), PackedRanges(), 0
    for kind, offset, virtual, physical, size, memory in entries(source, head):
        address = physical if survey.is_physical else virtual
        if kind != LOAD or address == NO_ADDRESS[head.bits]:
            continue
        room = min(size, ADDRESSES - address)
        wrapped += size - room
        if room:
            claimed.append(Range(address, room, offset))
        if memory > size:
            named.append(Range(address, min(memory, ADDRESSES - address)))
    return Loads(PackedRanges(claimed.in_order()), PackedRanges(named.in_order()), wrapped)


def within(source: Source, ranges: Iterable[Range]) -> Iterator[Range]:
    """The parts of the ranges that are in the file."""
    length = OFFSETS if source.size is None else source.size
    for one in ranges:
        if one.offset < length:
            yield one if one.offset + one.size <= length else replace(one, size=length - one.offset)


def total_size(ranges: Iterable[Range]) -> int:
    """The bytes in ascending ranges; overlapping bytes count once."""
    return sum(one.size for one in join_ordered(ranges))


def read_kernel(source: Source, head: Head, survey: Survey) -> str:
    """The release of the kernel, from the note that a Linux guest leaves for dumps; "" without one."""
    all_notes = (note for offset, size in survey.notes for note in notes(source, head, offset, size))
    for name, offset, size in islice(all_notes, MOST_NOTES):
        if name == INFO:
            return kernel_of(read_any(source, offset, min(size, MOST_INFO)))
    return ""


def notes(source: Source, head: Head, at: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, offset, size) of each note in a segment, padded to 4 bytes as in all cores; a note without a name ends them."""
    layout, end = struct.Struct(head.order + NOTE_HEAD), at + size
    while at < end:
        data = read_any(source, at, layout.size + LONGEST_NAME)
        if len(data) < layout.size:
            return
        name_size, note_size = layout.unpack_from(data)
        if not name_size:
            return
        body = at + layout.size + padded(name_size)
        yield data[layout.size :][:name_size].rstrip(b"\0"), body, note_size
        at = body + padded(note_size)


def padded(size: int) -> int:
    return -(-size // 4) * 4
