"""Windows MEMORY.DMP of 64-bit machines: runs of pages or a bitmap of them, followed by the pages.

The layouts are published in QEMU's include/qemu/win_dump_defs.h (WinDumpHeader64), in kdmp-parser's src/lib/kdmp-parser-structs.h
(HEADER64, BMP_HEADER64, RDMP_HEADER64), in volatility3's symbols/windows/crash64.json and crash_common.json (_SUMMARY_DUMP), and, for
the older kernel dump, in Microsoft's public symbols (_SUMMARY_DUMP64).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import FileError
from hvrepl.readers.images.bitmap import count_set, runs_set
from hvrepl.readers.images.memory import Facts, Mapped, bytes_missing
from hvrepl.readers.images.ranges import Range, in_order
from hvrepl.readers.images.source import FARTHEST, Source, read
from hvrepl.record import record

HEADER_SIZE = 0x2000  # of DUMP_HEADER64; what follows depends on the type
VERSION = struct.Struct("<II")  # at 8: MajorVersion, MinorVersion; Windows calls the minor one the build
MACHINE = struct.Struct("<I")  # at 0x30: MachineImageType
MEMORY_BLOCK = struct.Struct("<I4xQ")  # at 0x88: NumberOfRuns, NumberOfPages; then the runs
RUN = struct.Struct("<QQ")  # BasePage, PageCount
MOST_RUNS = 43  # as many as fit between the block and the context record at 0x348
TYPE = struct.Struct("<I")  # at 0xf98: DumpType
AT_VERSION, AT_MACHINE, AT_BLOCK, AT_TYPE = 8, 0x30, 0x88, 0xF98

FREE_BUILD, CHECKED_BUILD = 0xF, 0xC  # the MajorVersion of every Windows NT
ARCHES = {0x8664: "x64", 0xAA64: "arm64"}  # IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64

FULL, SUMMARY, HEADER_ONLY, TRIAGE, BITMAP_FULL, BITMAP_KERNEL = 1, 2, 3, 4, 5, 6
RUNS_KERNEL, RUNS_KERNEL_AND_USER, RUNS_COMPLETE = 8, 9, 10  # of `.dump /k`, `/ka` and `/f` since Windows 11
KINDS = {
    FULL: "full",
    SUMMARY: "kernel",
    BITMAP_FULL: "full",
    BITMAP_KERNEL: "kernel",
    RUNS_KERNEL: "kernel",
    RUNS_KERNEL_AND_USER: "kernel and user",
    RUNS_COMPLETE: "full",
}
WITHOUT_USER_PAGES = (SUMMARY, BITMAP_KERNEL, RUNS_KERNEL)
NO_MEMORY = {
    TRIAGE: "a small memory dump of Windows, without the memory itself; let Windows write a kernel or complete memory dump",
    HEADER_ONLY: "the header of a Windows memory dump, without the memory itself",
}

BITMAP_MAGICS = (b"SDMPDUMP", b"FDMPDUMP")
BITMAP = struct.Struct("<QQQ")  # at 0x20 of it: FirstPage, TotalPresentPages, Pages; then the bitmap, with one bit per page
AT_BITMAP = 0x38
OLD_SUMMARY = struct.Struct(
    "<III"
)  # at 0xc of it: HeaderSize, BitmapSize, Pages, which newer ones call FirstPage, Pages, TotalPresentPages
AT_OLD_BITMAP = 0x28
RUNS_MAGIC = b"\x40\0\0\0RDMPDUMP"
RUNS = struct.Struct("<QQ")  # at 0x10 of it: MetadataSize, FirstPageOffset
AT_RUNS = 0x30

MOST_PAGES = 1 << 40  # the addresses of a processor have up to 52 bits

Runs = Callable[[], Iterable[tuple[int, int]]]  # called for each pass: (first page, count), in the order of the file


@record
class Layout:
    """The place of the first page in the file, the number of pages, their runs, and a contradiction if there is one."""

    first: int
    pages: int
    runs: Runs
    fault: str = ""
    ascends: bool = False


def open_dump(source: Source) -> Mapped:
    """A dump of any type with memory in it. FileError if it has none, or its header is damaged."""
    path = source.path
    header = read(source, 0, HEADER_SIZE)
    if len(header) < HEADER_SIZE:
        raise FileError(f"{path}: a Windows MEMORY.DMP that ends within its header")
    (kind,) = TYPE.unpack_from(header, AT_TYPE)
    if kind in NO_MEMORY:
        raise FileError(f"{path}: {NO_MEMORY[kind]}")
    if kind not in KINDS:
        raise FileError(f"{path}: a Windows MEMORY.DMP of type {kind}, which is not read")
    layout = read_block(source, header) if kind == FULL else read_second_header(source, kind)
    claimed = layout.pages * PAGE_SIZE
    size = claimed if source.size is None else min(claimed, max(0, source.size - layout.first))
    if not size:
        raise FileError(
            f"{path}: {'is truncated before the memory in it begins' if claimed else 'a Windows MEMORY.DMP without memory in it'}"
        )
    fault = bytes_missing(claimed - size) if claimed > size else layout.fault

    def in_the_file() -> Iterator[Range]:
        return lay_out(layout.runs(), layout.first, size)

    ranges = in_the_file if layout.ascends else in_order(path, in_the_file)
    return Mapped(source, facts_of(header, kind), ranges, size=size, searched=in_the_file, fault=fault)


def facts_of(header: bytes, kind: int) -> Facts:
    major, build = VERSION.unpack_from(header, AT_VERSION)
    (machine,) = MACHINE.unpack_from(header, AT_MACHINE)
    return Facts(
        format=f"Windows {KINDS[kind]} memory dump",
        arch=ARCHES.get(machine, ""),
        kernel=f"Windows build {build}" if major in (FREE_BUILD, CHECKED_BUILD) else "",
        missing="user pages" if kind in WITHOUT_USER_PAGES else "",
    )


def lay_out(runs: Iterable[tuple[int, int]], first: int, size: int) -> Iterator[Range]:
    """Ranges of runs whose pages follow one another in the file, up to a number of bytes."""
    at = 0
    for page, count in runs:
        if at >= size:
            return
        if count:
            length = min(count * PAGE_SIZE, size - at)
            yield Range(page * PAGE_SIZE, length, first + at)
            at += length


def damaged(source: Source, what: str) -> FileError:
    return FileError(f"{source.path}: a Windows MEMORY.DMP with a damaged header: {what}")


def read_block(source: Source, header: bytes) -> Layout:
    """The runs of a full dump, all from its header."""
    count, total = MEMORY_BLOCK.unpack_from(header, AT_BLOCK)
    if not 0 < count <= MOST_RUNS:
        raise damaged(source, f"{count} runs of memory")
    runs = [RUN.unpack_from(header, AT_BLOCK + MEMORY_BLOCK.size + number * RUN.size) for number in range(count)]
    end = 0
    for page, pages in sorted(runs):
        if page < end or page + pages > MOST_PAGES:
            raise damaged(source, f"a run of {pages} pages at {page * PAGE_SIZE:#x}")
        end = page + pages
    pages = sum(pages for _, pages in runs)
    return Layout(HEADER_SIZE, pages, lambda: runs, contradiction(total, pages, "runs have"))


def read_second_header(source: Source, kind: int) -> Layout:
    """The second header, with a bitmap or with runs."""
    second = read(source, HEADER_SIZE, AT_BITMAP)
    if len(second) < AT_BITMAP:
        raise FileError(f"{source.path}: is truncated before the memory in it begins")
    if second.startswith(BITMAP_MAGICS):
        return read_bitmap(source, second, kind)
    if second.startswith(RUNS_MAGIC):
        return read_runs(source, second, kind)
    raise damaged(source, f"{second[:8]!r} where SDMPDUMP, FDMPDUMP or RDMPDUMP belongs")


def read_bitmap(source: Source, second: bytes, kind: int) -> Layout:
    first, total, bits = BITMAP.unpack_from(second, 0x20)
    at = HEADER_SIZE + AT_BITMAP
    # Before Windows 8 the numbers had 32 bits, and other places. Nothing marks the form, but only one of them makes sense.
    if kind == SUMMARY and not is_bitmap(first, total, bits, at):
        first, bits, total = OLD_SUMMARY.unpack_from(second, 0xC)
        at = HEADER_SIZE + AT_OLD_BITMAP
    if not is_bitmap(first, total, bits, at):
        raise damaged(source, f"{total} of {bits} pages, the first at {first:#x} of the file")
    if source.size is not None and first >= source.size:
        raise FileError(f"{source.path}: is truncated before the memory in it begins")
    pages = count_set(source, at, bits)
    return Layout(first, pages, lambda: runs_set(source, at, bits), contradiction(total, pages, "bitmap has"), ascends=True)


def is_bitmap(first: int, total: int, bits: int, at: int) -> bool:
    """Whether a bitmap of so many bits fits between its place and the first page, whose offset is a multiple of the page size.

    Where the newer header has that offset, the older one has a kernel address.
    """
    return total <= bits <= MOST_PAGES and first % PAGE_SIZE == 0 and at + -(-bits // 8) <= first < FARTHEST


def read_runs(source: Source, second: bytes, kind: int) -> Layout:
    size, first = RUNS.unpack_from(second, 0x10)
    start = HEADER_SIZE + AT_RUNS
    if first != HEADER_SIZE + 0x20 + size or first < start:
        raise damaged(source, f"{size} bytes of runs, the first page at {first:#x} of the file")
    if source.size is not None and first >= source.size:
        raise FileError(f"{source.path}: is truncated before the memory in it begins")
    total = struct.unpack_from("<Q", second, 0x28)[0] if kind == RUNS_COMPLETE else MOST_PAGES
    pages = 0
    for page, count in runs_listed(source, start, first, total):
        if page + count > MOST_PAGES:
            raise damaged(source, f"a run of {count} pages at {page * PAGE_SIZE:#x}")
        pages += count
    fault = contradiction(total, pages, "runs have") if kind == RUNS_COMPLETE else ""
    return Layout(first, pages, lambda: runs_listed(source, start, first, total), fault)


def runs_listed(source: Source, start: int, end: int, total: int) -> Iterator[tuple[int, int]]:
    """The runs between two places of the file, up to a total of pages. A run at page 0 ends them."""
    for at in range(start, end, PAGE_SIZE):
        for page, count in RUN.iter_unpack(whole(read(source, at, min(PAGE_SIZE, end - at)))):
            if not page or total <= 0:
                return
            yield page, count
            total -= count


def whole(data: bytes) -> bytes:
    return data[: len(data) // RUN.size * RUN.size]


def contradiction(total: int, pages: int, what: str) -> str:
    return "" if total == pages else f"is damaged: its header counts {total} pages, its {what} {pages}"
