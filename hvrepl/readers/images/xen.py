"""Xen cores, as `xl dump-core` writes them: ELF without program headers, with the pages in one section and their numbers in another.

The layout is in Xen's docs/misc/dump-core-format.txt and tools/libs/ctrl/xc_core.h.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import FileError
from hvrepl.hints import Any, Literal
from hvrepl.readers.images.memory import Facts, Mapped, bytes_missing
from hvrepl.readers.images.ranges import Range, in_order
from hvrepl.readers.images.source import FARTHEST, Source, as_file, read
from hvrepl.record import record, replace

PAGES, NOTES = ".xen_pages", ".note.Xen"
TABLES = {".xen_pfn": 8, ".xen_p2m": 16}  # bytes of an entry: a page's number, or that and its number on the machine
INVALID = (1 << 64) - 1  # XC_CORE_INVALID_PFN: the page is present, but belongs to nobody
NOTE = "III"  # length of the name, of the rest, and the type; then "Xen" in 4 bytes
HEADER_NOTE = 0x2000001  # XEN_ELFNOTE_DUMPCORE_HEADER: magic, number of VCPUs, of pages, and the size of a page
HEADER = "QQQQ"
LARGEST_PAGE = 1 << 16
MOST_SECTIONS = 1 << 8
MOST_NOTES = 1 << 16  # bytes
PIECE = 1 << 16  # bytes of the table that are read at once
END = 1 << 52  # of a processor's address space
ARCHES = {"EM_X86_64": "x64", "EM_AARCH64": "arm64"}


@record
class Table:
    """The numbers of the pages in the file, whose first is at `first`: `count` entries of `width` bytes."""

    start: int
    count: int
    width: int
    order: Literal["little", "big"]
    first: int
    page: int


def open_xen(source: Source) -> Mapped | None:
    """A Xen core; None for another ELF file. FileError if it is damaged, or truncated before it can be recognised."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        core = ELFFile(as_file(source))
        machine = core.header.e_machine
        sections = read_sections(core)
        names = core.get_section(core.get_shstrndx()).header if sections else None
    # Damage that the library's parsers do not report as an error of their own.
    except (ELFError, ValueError, OverflowError, AttributeError, KeyError, TypeError, AssertionError, IndexError) as error:
        raise FileError(f"{source.path}: begins as an ELF file but cannot be read as one: {str(error) or 'it is damaged'}") from None
    name = next((name for name in TABLES if name in sections), None)
    if PAGES not in sections or not name:
        if names and source.size is not None and names.sh_offset + names.sh_size > source.size:
            raise FileError(f"{source.path}: is truncated: the names of its sections are missing")
        return None
    order: Literal["little", "big"] = "little" if core.little_endian else "big"
    page = page_size(source, sections.get(NOTES), "<" if core.little_endian else ">")
    table = Table(sections[name].sh_offset, sections[name].sh_size // TABLES[name], TABLES[name], order, sections[PAGES].sh_offset, page)
    held = sections[PAGES].sh_size // page
    return open_pages(source, table, held, Facts(format="Xen core", arch=ARCHES.get(machine, "")))


def read_sections(core: Any) -> dict[str, Any]:
    """Name → header of each section."""
    sections = [core.get_section(number) for number in range(min(core.num_sections(), MOST_SECTIONS))]
    return {one.name: one.header for one in reversed(sections)}


def page_size(source: Source, notes: Any, order: str) -> int:
    """The page size in the note; FileError if it is impossible. Without a note, the usual size."""
    is_there = notes and notes.sh_offset < (FARTHEST if source.size is None else source.size)
    data = read(source, notes.sh_offset, min(notes.sh_size, MOST_NOTES)) if is_there else b""
    note, header = struct.Struct(order + NOTE), struct.Struct(order + HEADER)
    at = 0
    while at + note.size <= len(data):
        name, length, kind = note.unpack_from(data, at)
        body = at + note.size + -(-name // 4) * 4
        if kind == HEADER_NOTE and body + header.size <= len(data):
            size: int = header.unpack_from(data, body)[3]
            if not PAGE_SIZE <= size <= LARGEST_PAGE or size & (size - 1):
                raise FileError(f"{source.path}: a Xen core with a damaged header: {size} bytes per page")
            return size
        at = body + -(-length // 4) * 4
    return PAGE_SIZE


def open_pages(source: Source, table: Table, held: int, facts: Facts) -> Mapped:
    """The pages with addresses, as far as the file has both."""
    end = FARTHEST if source.size is None else source.size
    usable = min(table.count, held)
    readable = min(usable, max(0, end - table.start) // table.width)
    fault = "" if table.count == held else f"is damaged: it has {held} pages, and the addresses of {table.count}"
    table = replace(table, count=readable)

    def in_the_file() -> Iterator[Range]:
        return (replace(one, size=min(one.size, end - one.offset)) for one in placed(source, table) if one.offset < end)

    size, claimed, without = count_bytes(source, table, end)
    if usable > readable:
        fault = f"is truncated: the addresses of {usable - readable} of its pages are missing"
    elif claimed > size:
        fault = bytes_missing(claimed - size)
    elif without:
        fault = fault or f"is damaged: {without} of its pages have no address"
    if not size:
        raise FileError(f"{source.path}: {fault or 'a Xen core without memory in it'}")
    return Mapped(source, facts, in_order(source.path, in_the_file), size=size, searched=in_the_file, fault=fault)


def placed(source: Source, table: Table) -> Iterator[Range]:
    """Ranges with possible addresses, in the order of the table."""
    for first, place, count in numbered_runs(source, table):
        if (first + count) * table.page <= END:
            yield Range(first * table.page, count * table.page, table.first + place * table.page)


def count_bytes(source: Source, table: Table, end: int) -> tuple[int, int, int]:
    """(bytes with an address that are in the file, bytes with an address, pages that lack an address and should have one)."""
    size = claimed = 0
    without = table.count
    for first, place, count in numbered_runs(source, table):
        length = count * table.page
        is_addressed = (first + count) * table.page <= END
        if is_addressed:
            claimed += length
            size += min(length, max(0, end - table.first - place * table.page))
        if is_addressed or first == INVALID:
            without -= count
    return size, claimed, without


def numbered_runs(source: Source, table: Table) -> Iterator[tuple[int, int, int]]:
    """(number of the first page, its place among the pages of the file, count) of each run of consecutive page numbers.

    Holes of the file have no numbers.
    """
    first = place = count = 0
    for start, numbers in pieces(source, table):
        for at, number in enumerate(numbers, start):
            if number == first + count and at == place + count:
                count += 1
                continue
            if count:
                yield first, place, count
            first, place, count = number, at, 1
    if count:
        yield first, place, count


def pieces(source: Source, table: Table) -> Iterator[tuple[int, array[int]]]:
    """(place of the first number, numbers) of each piece of the table."""
    at, size = 0, table.count * table.width
    while at < size:
        at += source.hole(table.start + at, size - at) // table.width * table.width
        data = read(source, table.start + at, min(PIECE, size - at))
        words = array("Q", data[: len(data) // table.width * table.width])
        if not words:
            return
        if sys.byteorder != table.order:
            words.byteswap()
        yield at // table.width, words[:: table.width // 8]
        at += len(words) * 8
