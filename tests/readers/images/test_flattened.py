"""makedumpfile's flattened dumps: the vmcore in their records is read like a file; a damaged one ends with a line."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images.flattened import MOST_RUNS, FlattenedSource
from hvrepl.readers.images.formats import open_memory, read_at
from hvrepl.readers.images.source import open_source, read
from tests.fuzz import amount, sampled
from tests.images.core import PAGE, elf, write
from tests.images.flattened import flattened, interleaved
from tests.images.kdump import kdump
from tests.paths import DATA
from tests.program import call
from tests.readers.images.test_memory import everything, fault

A, B, C = (bytes([number]) * PAGE for number in (1, 2, 3))
PAGES = {1: A, 2: B, 0x100: C, 0x101: bytes(PAGE)}
VMCORE = kdump(PAGES)
FOUND = {PAGE: A + B, 0x100000: C}


def whole(path: str) -> bytes:
    with closing(FlattenedSource(open_source(path))) as source:
        return read(source, 0, source.size or 0)


@pytest.mark.parametrize("size", [16, 100, 512, 4096, 1 << 20])
@pytest.mark.parametrize("data", [VMCORE, elf([(0, PAGE, A + B), (0, 0x100000, C)])], ids=["kdump", "elf"])
def test_a_vmcore_is_put_together_from_its_records(tmp_path: Path, data: bytes, size: int) -> None:
    path = write(tmp_path / "flat", flattened(interleaved(data, size)))
    assert whole(path) == data
    assert everything(path) == FOUND
    assert read_at(path, 0x2FFF, 2) == b"\2"
    assert read_at(path, 0x100000 + PAGE - 1, 2)[:1] == b"\3"


def test_the_dump_of_qemu_is_read() -> None:
    path = str(DATA / "images/qemu_flattened.kdump")
    assert whole(path) == (DATA / "images/qemu.kdump").read_bytes()
    assert call("scan", path, "-f", "line").out.startswith(f"{path}:0x3c5a000  HV_MESSAGE_PAGE")
    assert call("decode", "page", f"@{path}:0x3c5a000").status == 0


@pytest.mark.parametrize(
    ("records", "data"),
    [
        ([(0, b"aaaa"), (4, b"bb"), (0, b"cc")], b"ccaabb"),
        ([(0, b"aaaa"), (0, b"bbbb"), (2, b"c")], b"bbcb"),
        ([(2, b"aaaa"), (0, b"bbbb"), (5, b"ccc")], b"bbbbaccc"),
        ([(4, b"aa"), (0, b"b")], b"b\0\0\0aa"),
        ([(0, b"aaaaaaaa"), (1, b"b"), (3, b"c"), (5, b"d"), (2, b"eee")], b"abeeedaa"),
    ],
)
def test_the_later_record_counts_and_what_none_has_is_zeros(tmp_path: Path, records: Sequence[tuple[int, bytes]], data: bytes) -> None:
    path = write(tmp_path / "flat", flattened(records))
    assert whole(path) == data
    with closing(FlattenedSource(open_source(path))) as source:
        assert [read(source, at, 1) for at in range(len(data))] == [data[at : at + 1] for at in range(len(data))]


@sampled
def test_records_in_any_order_are_as_they_would_be_written(tmp_path: Path) -> None:
    values = random.Random(2)
    for _ in range(amount(30, 1000)):
        records = [(values.randrange(60), values.randbytes(values.randrange(1, 30))) for _ in range(values.randrange(1, MOST_RUNS))]
        data = bytearray(max(at + len(part) for at, part in records))
        for at, part in records:
            data[at : at + len(part)] = part
        assert whole(write(tmp_path / "flat", flattened(records))) == data, records


def test_what_lies_between_records_is_a_hole(tmp_path: Path) -> None:
    with closing(FlattenedSource(open_source(write(tmp_path / "flat", flattened([(0, b"a"), (1 << 40, b"b")]))))) as source:
        assert source.hole(1, 1 << 50) == (1 << 40) - 1
        assert source.hole(1 << 20, 100) == 100
        assert source.hole(0, 100) == source.hole(1 << 40, 100) == 0


REFUSED = {
    "start": (flattened([])[:20], "a flattened dump that ends within its header"),
    "type": (flattened([], kind=2), "a flattened dump of type 2 and version 1; only type 1 and version 1 are read"),
    "version": (flattened([], version=7), "a flattened dump of type 1 and version 7; "),
    "nothing in it": (flattened([]), "a flattened dump without a vmcore in it"),
    "raw memory in it": (flattened([(0, A)]), "a flattened dump without a vmcore in it"),
    "flattened in it": (flattened([(0, flattened([(0, VMCORE)]))]), "a flattened dump without a vmcore in it"),
    "no records": (flattened([])[:4096], "is truncated: it ends before its last record"),
    "bad record": (
        flattened([(0, VMCORE)])[:-16] + struct.pack(">qq", -7, 5),
        "is damaged: its record at 0x60c1 is for 5 bytes at offset -7",
    ),
    "no end": (flattened([(0, VMCORE)])[:-16], "is truncated: it ends before its last record"),
    "no order": (
        flattened((1000 - at, b"x") for at in range(100)),
        "a flattened dump that is out of order; `makedumpfile -R FILE < DUMP` makes",
    ),
    "small records": (flattened((at, b"x") for at in range(5000)), "a flattened dump of too many records; `makedumpfile -R"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_put_together_says_why(tmp_path: Path, name: str) -> None:
    data, reason = REFUSED[name]
    assert fault(write(tmp_path / "flat", data)).startswith(reason)


def read_into(found: dict[int, bytes], path: str) -> None:
    """The pages of an image, by their address, until an error ends it."""
    with closing(open_memory(path)) as memory:
        for address, piece, _ in memory.chunks():
            found |= {address + at: bytes(piece[at : at + PAGE]) for at in range(0, len(piece), PAGE)}


@sampled
def test_a_dump_cut_anywhere_says_so_after_what_is_there(tmp_path: Path) -> None:
    data = flattened(interleaved(VMCORE, 512))
    counts = []
    for size in [*range(12, 4200, amount(200, 50)), *range(4200, len(data), amount(300, 7)), len(data) - 1]:
        path = write(tmp_path / "flat", data[:size])
        found: dict[int, bytes] = {}
        with pytest.raises(FileError, match=f"^{path}: (is truncated|is damaged|a flattened dump|a kdump-compressed vmcore)"):
            read_into(found, path)
        assert found.items() <= {PAGE: A, 2 * PAGE: B, 0x100000: C}.items()
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] == 3


def test_damaged_records_end_with_a_line_in_little_memory(tmp_path: Path) -> None:
    data = flattened(interleaved(VMCORE, 4096))
    values = random.Random(3)
    places = [16, 24, *(4096 + at * 4112 + half for at in range(4) for half in (0, 8))]
    for at in places:
        for value in (bytes(8), b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x7f" + bytes(7), *(values.randbytes(8) for _ in range(5))):
            path = write(tmp_path / "flat", data[:at] + value + data[at + 8 :])
            tracemalloc.start()
            with suppress(FileError), closing(open_memory(path)) as memory:
                for _ in memory.chunks():
                    pass
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 8 << 20, (at, value)
