"""Windows MEMORY.DMP: full, bitmap and kernel dumps give their pages by physical address; truncated and damaged ones report it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images.bitmap import PIECE, count_set, runs_set
from hvrepl.readers.images.formats import memory_in, open_memory, read_at
from tests.fuzz import amount, sampled
from tests.images import windows
from tests.images.core import PAGE, write
from tests.images.source import BytesSource, is_part, pokes, read_all
from tests.paths import DATA

PAGES = {number: bytes([number % 251 + 1]) * PAGE for number in (1, 2, 3, 0x40, 0x7FF, 0x800, 0x3C5A)}
TRUTH = {number * PAGE: data for number, data in PAGES.items()}
WRITERS: dict[str, Callable[[], bytes]] = {
    "full": lambda: windows.full(PAGES),
    "bitmap": lambda: windows.bitmap(PAGES),
    "kernel": lambda: windows.bitmap(PAGES, windows.KERNEL),
    "summary with a bitmap of today": lambda: windows.bitmap(PAGES, windows.SUMMARY),
    "summary before Windows 8": lambda: windows.old_summary(PAGES),
    "runs": lambda: windows.listed(PAGES),
    "all runs": lambda: windows.listed(PAGES, windows.RUNS_COMPLETE),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("is_sized", [True, False], ids=["a file", "a stream"])
def test_pages_are_where_they_belong(kind: str, is_sized: bool) -> None:
    assert read_all(WRITERS[kind](), is_sized=is_sized) == (TRUTH, "")


@pytest.mark.parametrize("kind", WRITERS)
def test_an_address_is_read_out_of_a_dump(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "MEMORY.DMP", WRITERS[kind]())
    assert read_at(path, 0x3C5A004, 8) == PAGES[0x3C5A][:8]
    assert read_at(path, 0x7FFFFE, 4) == PAGES[0x7FF][:2] + PAGES[0x800][:2]
    with closing(open_memory(path)) as memory:
        assert [(one.address, one.size) for one in memory.ranges()] == [
            (0x1000, 0x3000),
            (0x40000, 0x1000),
            (0x7FF000, 0x2000),
            (0x3C5A000, 0x1000),
        ]
        assert memory.size == len(PAGES) * PAGE


@pytest.mark.parametrize("name", ["win_full.dmp", "win_bitmap.dmp"])
def test_dumps_that_others_wrote_are_read(name: str) -> None:
    path = str(DATA / "images" / name)
    assert read_at(path, 0x3C5A000, 4) == b"\x10\0\0\x80"
    with closing(open_memory(path)) as memory:
        assert (memory.facts.arch, memory.facts.kernel, memory.size) == ("x64", "Windows build 19041", 3 * PAGE)


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (windows.full(PAGES), ("Windows full memory dump", "x64", "Windows build 20348", "")),
        (windows.bitmap(PAGES, machine=windows.ARM64), ("Windows full memory dump", "arm64", "Windows build 20348", "")),
        (windows.bitmap(PAGES, windows.KERNEL), ("Windows kernel memory dump", "x64", "Windows build 20348", "user pages")),
        (windows.old_summary(PAGES), ("Windows kernel memory dump", "x64", "Windows build 7601", "user pages")),
        (bytes(windows.header(1, [(1, 1)], machine=0x200, major=0x45474150)) + bytes(PAGE), ("Windows full memory dump", "", "", "")),
    ],
    ids=["full", "arm64", "kernel", "Windows 7", "neither"],
)
def test_a_dump_says_what_it_is(data: bytes, facts: tuple[str, ...]) -> None:
    with closing(memory_in(BytesSource(data))) as memory:
        found = memory.facts
        assert (found.format, found.arch, found.kernel, found.missing) == facts


def test_an_address_that_a_kernel_dump_lacks_says_what_was_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "MEMORY.DMP", windows.bitmap(PAGES, windows.KERNEL))
    with pytest.raises(FileError, match=r"has nothing at 0x5000; it has 0x1000-0x3fff, .*; it lacks user pages$"):
        read_at(path, 0x5000, 1)


def test_runs_that_do_not_ascend_are_read_in_order_and_searched_as_they_are() -> None:
    data = windows.header(windows.FULL, [(0x50, 1), (0x10, 2)])
    data += b"\1" * PAGE + b"\2" * PAGE + b"\3" * PAGE
    with closing(memory_in(BytesSource(bytes(data)))) as memory:
        assert [one.address for one in memory.ranges()] == [0x10000, 0x50000]
        assert memory.read(0x10FFF, 2) == b"\2\3"
        assert [(address, piece[0]) for address, piece, _ in memory.chunks()] == [(0x50000, 1), (0x10000, 2)]


@sampled
@pytest.mark.parametrize("kind", WRITERS)
def test_a_dump_that_is_truncated_gives_what_is_there_and_says_so(kind: str) -> None:
    data = WRITERS[kind]()
    places = {*range(8, len(data), amount(37, 1)), *range(0x1000, len(data), 0x1000), 0x2007, 0x2037, len(data) - 1}
    for place in sorted(places):
        found, said = read_all(data[:place])
        assert said, place
        assert is_part(found, TRUTH), place
        whole = max(0, place - (len(data) - len(PAGES) * PAGE)) // PAGE
        assert sum(len(one) == PAGE for one in found.values()) == whole, place
        if whole:
            assert said == f"is truncated: {len(data) - place} bytes of the memory in it are missing"


@sampled
@pytest.mark.parametrize("kind", WRITERS)
def test_a_damaged_header_is_a_line_or_memory_and_never_more(kind: str) -> None:
    data = WRITERS[kind]()
    places = [*range(0x08, 0x38, 4), *range(0x88, 0x120, 4), 0xF98, *range(0x2000, 0x2060, 4), *range(0x27E0, 0x27F0)]
    pages = {data[at : at + PAGE] for at in range(0, len(data), PAGE)}
    harms = (poked for width in (4, 8) for place in places for _, poked in pokes(data, range(place, place + 1), width))
    for poked in islice(harms, 0, None, amount(3, 1)):
        found, _ = read_all(poked)
        assert set(found.values()) <= pages | {poked[at : at + PAGE] for at in (0, 0x1000, 0x2000)}


def test_contradictory_counts_of_pages_are_damage() -> None:
    data = windows.bitmap(PAGES)
    without_one = data[:0x2038] + bytes([data[0x2038] & ~2]) + data[0x2039:]
    assert read_all(without_one)[1] == "is damaged: its header counts 7 pages, its bitmap has 6"
    block = windows.full(PAGES)
    assert read_all(block[:0x90] + b"\x09" + block[0x91:])[1] == "is damaged: its header counts 9 pages, its runs have 7"


BITMAP = windows.bitmap(PAGES)
REFUSED = {
    "small": (bytes(windows.header(windows.TRIAGE, [])), "a small memory dump of Windows, without the memory itself; let Windows write a"),
    "header alone": (bytes(windows.header(3, [])), "the header of a Windows memory dump, without the memory itself"),
    "another type": (bytes(windows.header(99, [])), "a Windows MEMORY.DMP of type 99, which is not read"),
    "start": (windows.full(PAGES)[:0x1FFF], "a Windows MEMORY.DMP that ends within its header"),
    "no runs": (bytes(windows.header(1, [])), "a Windows MEMORY.DMP with a damaged header: 0 runs of memory"),
    "empty run": (bytes(windows.header(1, [(1, 0)])), "a Windows MEMORY.DMP without memory in it"),
    "runs that overlap": (
        bytes(windows.header(1, [(1, 2), (2, 1)])),
        "a Windows MEMORY.DMP with a damaged header: a run of 1 pages at 0x2000",
    ),
    "another second header": (BITMAP[:0x2000] + b"PAGE" * 99, "a Windows MEMORY.DMP with a damaged header: b'PAGEPAGE' where SDMPDUMP"),
    "first page elsewhere": (BITMAP[:0x2020] + b"\1" + BITMAP[0x2021:], "a Windows MEMORY.DMP with a damaged header: 7 of "),
    "32 bits": (b"PAGEDUMP" + BITMAP[8:], "the MEMORY.DMP of a 32-bit Windows, which is not read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_dump_that_cannot_be_read_says_why(name: str) -> None:
    data, reason = REFUSED[name]
    found, said = read_all(data)
    assert not found
    assert said.startswith(reason)


def test_a_bitmap_is_read_in_pieces_and_its_holes_are_passed_over(tmp_path: Path) -> None:
    """The bitmap of 64 TiB, 2 GiB of it, with a page at its start, at its end, and across two pieces."""
    bits = 1 << 34
    first = 0x3000 + bits // 8
    across = 8 * PIECE
    path = tmp_path / "MEMORY.DMP"
    second = bytearray(0x38)
    second[:8] = b"SDMPDUMP"
    for at, value in ((0x20, first), (0x28, 4), (0x30, bits)):
        windows.put(second, at, value, 8)
    with path.open("wb") as file:
        file.write(windows.header(windows.BITMAP, []) + second)
        for bit in (0, across - 1, across, bits - 1):
            file.seek(0x2038 + bit // 8)
            file.write(bytes([1 << bit % 8]))
        file.seek(first)
        file.write(b"".join(bytes([number]) * PAGE for number in (1, 2, 3, 4)))
    tracemalloc.start()
    try:
        with closing(open_memory(str(path))) as memory:
            assert memory.size == 4 * PAGE
            assert [(one.address // PAGE, one.size // PAGE) for one in memory.ranges()] == [(0, 1), (across - 1, 2), (bits - 1, 1)]
            assert memory.read((bits - 1) * PAGE, 1) == b"\4"
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_runs_continue_across_the_pieces_of_a_bitmap_and_end_with_it() -> None:
    ones = BytesSource(b"\xff" * (2 * PIECE + 1))
    bits = 16 * PIECE + 5
    assert list(runs_set(ones, 0, bits)) == [(0, bits)]
    assert count_set(ones, 0, bits) == bits
    assert list(runs_set(BytesSource(b"\x06\x80\x01"), 0, 17)) == [(1, 2), (15, 2)]
