"""Xen cores: each page by its number, in any order; pages without an owner are skipped."""

from __future__ import annotations

import os
import struct
import tracemalloc
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images import ranges
from hvrepl.readers.images.formats import memory_in, open_memory, read_at
from hvrepl.readers.images.xen import PIECE
from tests.fuzz import amount, sampled
from tests.images.core import PAGE, elf
from tests.images.source import BytesSource, is_part, pokes, read_all
from tests.images.xen import NOBODY, xen
from tests.paths import DATA

NUMBERS = (1, 2, 3, 0x40, 0x7FF, 0x800, 0x3C5A)
PAGES = [(number, bytes([number % 251 + 1]) * PAGE) for number in NUMBERS]
TRUTH = {number * PAGE: data for number, data in PAGES}


@pytest.mark.parametrize("table", [".xen_pfn", ".xen_p2m"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_pages_are_where_their_numbers_say(table: str, order: str) -> None:
    assert read_all(xen(PAGES, table=table, order=order)) == (TRUTH, "")


@pytest.mark.parametrize("machine", [(62, "x64"), (183, "arm64"), (3, "")])
def test_a_core_says_what_it_is(machine: tuple[int, str]) -> None:
    with closing(memory_in(BytesSource(xen(PAGES, machine=machine[0])))) as memory:
        assert (memory.facts.format, memory.facts.arch, memory.size) == ("Xen core", machine[1], len(PAGES) * PAGE)
        assert [(one.address, one.size) for one in memory.ranges()] == [
            (0x1000, 0x3000),
            (0x40000, 0x1000),
            (0x7FF000, 0x2000),
            (0x3C5A000, 0x1000),
        ]


def test_a_core_that_others_wrote_is_read() -> None:
    path = str(DATA / "images" / "xen_pfn.core")  # without a note
    assert read_at(path, 0x3C5A000, 4) == b"\x10\0\0\x80"
    with pytest.raises(FileError, match=r"has nothing at 0x0; it has 0x1000-0x1fff, 0x3c5a000-0x3c5bfff$"):
        read_at(path, 0, 1)


def test_large_pages_are_of_the_size_that_the_note_gives() -> None:
    data = os.urandom(1 << 14)
    found, said = read_all(xen([(5, data)], page=1 << 14))
    assert (b"".join(found.values()), min(found), said) == (data, 5 << 14, "")


def test_pages_in_no_order_are_read_in_order_and_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = [PAGES[place] for place in (6, 3, 0, 1, 5, 2, 4)] + [(NOBODY, b"x" * PAGE), PAGES[0]]
    data = xen(mixed, table=".xen_p2m")
    with closing(memory_in(BytesSource(data))) as memory:
        assert [one.address for one in memory.ranges()] == [0x1000, 0x3000, 0x40000, 0x7FF000, 0x800000, 0x3C5A000]
        assert memory.read(0x7FFFFF, 2) == PAGES[4][1][:1] + PAGES[5][1][:1]
        pieces = [address for address, _, _ in memory.chunks()]
    assert pieces == [0x3C5A000, 0x40000, 0x1000, 0x800000, 0x3000, 0x7FF000, 0x1000]
    monkeypatch.setattr(ranges, "MOST_SORTED", 3)
    with closing(memory_in(BytesSource(data))) as memory:
        assert len(list(memory.chunks())) == len(pieces)
        with pytest.raises(FileError, match="image: its memory is in more than 3 pieces out of order"):
            memory.read(0x1000, 1)


def test_pages_of_nobody_are_passed_over() -> None:
    nobody = [(NOBODY, b"x" * PAGE)]
    assert read_all(xen(nobody + PAGES[:3] + nobody * 2 + PAGES[3:] + nobody)) == (TRUTH, "")


@sampled
def test_a_core_that_is_truncated_gives_what_is_there_and_says_so() -> None:
    data = xen(PAGES)
    table = len(data) - 8 * len(PAGES)
    for size in {*range(4, len(data), amount(211, 1)), *range(table - 9, len(data)), 64, 128}:
        found, said = read_all(data[:size])
        assert said, size
        assert is_part(found, TRUTH), size
        if size > table + 7:
            missing = -(-(len(data) - size) // 8)
            assert said == f"is truncated: the addresses of {missing} of its pages are missing"
            assert len(found) == len(PAGES) - missing
    named = xen(PAGES, names_last=True)
    assert read_all(named[:-1]) == ({}, "is truncated: the names of its sections are missing")


def test_pages_that_are_cut_say_how_much_is_missing() -> None:
    """With the table before the pages, as sections may come in any order."""
    data = bytearray(xen(PAGES))
    sections = [64 + 64 * number for number in range(6)]
    at_pages, at_table = (next(at for at in sections if struct.unpack_from("<Q", data, at + 56)[0] == width) for width in (PAGE, 8))
    place = struct.unpack_from("<Q", data, at_table + 24)[0]
    pages = bytes(data[struct.unpack_from("<Q", data, at_pages + 24)[0] :][: len(PAGES) * PAGE])
    struct.pack_into("<Q", data, at_pages + 24, place + 8 * len(PAGES))
    data += pages
    assert read_all(bytes(data)) == (TRUTH, "")
    found, said = read_all(bytes(data[:-5000]))
    assert said == "is truncated: 5000 bytes of the memory in it are missing"
    assert is_part(found, TRUTH)
    assert sum(map(len, found.values())) == len(PAGES) * PAGE - 5000


@sampled
def test_a_damaged_header_is_a_line_or_memory_and_never_more() -> None:
    data = xen(PAGES)
    harms = (poked for width in (1, 4, 8) for _, poked in pokes(data, range(5 + width - 1, 64 + 64 * 6 + 200), width))
    for poked in islice(harms, 0, None, amount(31, 1)):
        found, _ = read_all(poked)
        assert sum(map(len, found.values())) <= len(data)


def test_damaged_numbers_say_so() -> None:
    far = [(1 << 50, b"x" * PAGE)]
    assert read_all(xen(PAGES + far)) == (TRUTH, "is damaged: 1 of its pages have no address")
    data = bytearray(xen(PAGES))
    at = next(at for at in range(64, 64 + 64 * 6, 64) if struct.unpack_from("<Q", data, at + 56)[0] == 8)
    struct.pack_into("<Q", data, at + 32, 8 * 4)
    found, said = read_all(bytes(data))
    assert said == "is damaged: it has 7 pages, and the addresses of 4"
    assert found == dict(list(TRUTH.items())[:4])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (xen([]), "a Xen core without memory in it"),
        (xen(PAGES, noted=0), "a Xen core with a damaged header: 0 bytes per page"),
        (xen(PAGES, noted=12288), "a Xen core with a damaged header: 12288 bytes per page"),
        (xen(PAGES, table=".xen_p3m"), "an ELF core without memory in it"),
        (elf([]), "an ELF core without memory in it"),
    ],
    ids=["no pages", "pages of nothing", "odd pages", "no table", "no sections"],
)
def test_a_core_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    assert read_all(data) == ({}, reason)


def test_a_table_is_read_in_pieces_and_its_holes_are_passed_over(tmp_path: Path) -> None:
    """A sparse file that claims 2 TiB of pages, one of which has a number other than 0."""
    data = bytearray(xen(PAGES[:1]))
    count = 1 << 29
    first, table = 1 << 20, 1 << 42
    for at in range(64, 64 + 64 * 6, 64):
        width = struct.unpack_from("<Q", data, at + 56)[0]
        if width in (PAGE, 8):
            struct.pack_into("<QQ", data, at + 24, first if width == PAGE else table, count * width)
    path = tmp_path / "core"
    with path.open("wb") as file:
        file.write(data)
        file.truncate(table + 8 * count)
        file.seek(table + 8 * (count // 2))
        file.write(struct.pack("<2Q", 7, 8))
        file.seek(first + count // 2 * PAGE)
        file.write(b"\7" * PAGE)
    tracemalloc.start()
    try:
        with closing(open_memory(str(path))) as memory:
            assert 7 in {one.address // PAGE for one in memory.ranges()}
            assert memory.read(7 * PAGE, 1) == b"\7"
            with pytest.raises(FileError, match="of its pages have no address"):
                list(memory.chunks())
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_numbers_that_follow_each_other_across_pieces_are_one_range() -> None:
    count = PIECE // 8 + 3
    with closing(memory_in(BytesSource(xen([(number, bytes(PAGE)) for number in range(count)])))) as memory:
        assert [(one.address, one.size) for one in memory.ranges()] == [(0, count * PAGE)]
