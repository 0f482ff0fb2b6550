"""LiME images and AVML's: their memory, however the ranges are packed, and the report about a truncated or damaged one."""

from __future__ import annotations

import os
import struct
import sys
import tracemalloc
from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images.formats import open_memory, read_at
from hvrepl.readers.images.memory import CHUNK
from hvrepl.readers.images.ranges import Range
from tests.at_hand import need
from tests.fuzz import amount, sampled
from tests.images.core import PAGE, TIMER, page, write
from tests.images.hostile import cuts, fields, survives, words
from tests.images.lime import STREAM, avml, avml_range, checksum, chunk, compressed, lime, range_header, samples, stored
from tests.images.packed import gzipped
from tests.paths import DATA

A, B, C = (bytes([number]) * PAGE for number in (1, 2, 3))
NEEDED = "module:cramjam"


def everything(path: str) -> tuple[dict[int, bytes], str]:
    """Address → the bytes of each piece, and the error with which they ended."""
    found: dict[int, bytes] = {}
    try:
        with closing(open_memory(path)) as memory:
            for address, data, _ in memory.chunks():
                found[address] = bytes(data)
    except FileError as error:
        return found, str(error).removeprefix(f"{path}: ")
    return found, ""


def by_page(pieces: Mapping[int, bytes]) -> dict[int, bytes]:
    """Address → page, without pages of zeros."""
    pages = {address + at: data[at : at + PAGE] for address, data in pieces.items() for at in range(0, len(data), PAGE)}
    return {address: data for address, data in pages.items() if any(data)}


def test_a_lime_image_has_its_ranges(tmp_path: Path) -> None:
    path = write(tmp_path / "image", lime([(0x1000, A + B), (0x3C5A000, C)]))
    assert everything(path) == ({0x1000: A + B, 0x3C5A000: C}, "")
    assert read_at(path, 0x1FFF, 2) == b"\1\2"
    with closing(open_memory(path)) as memory:
        assert memory.facts.format == "LiME"
        assert memory.size == 3 * PAGE
        assert list(memory.ranges()) == [Range(0x1000, 2 * PAGE, 32), Range(0x3C5A000, PAGE, 64 + 2 * PAGE)]


def test_an_avml_image_has_its_ranges(tmp_path: Path) -> None:
    need(NEEDED)
    noise = os.urandom(3 * CHUNK + PAGE)
    path = write(tmp_path / "image", avml([(0x1000, A + B), (0x100000, noise)]))
    assert everything(path)[1] == ""
    assert by_page(everything(path)[0]) == by_page({0x1000: A + B, 0x100000: noise})
    assert read_at(path, 0x1FFF, 2) == b"\1\2"
    assert read_at(path, 0x100000 + 0xFFF8, 16) == noise[0xFFF8:0x10008]
    with closing(open_memory(path)) as memory:
        assert memory.facts.format == "AVML"
        assert memory.size == 2 * PAGE + len(noise)
        assert [(one.address, one.size) for one in memory.ranges()] == [(0x1000, 2 * PAGE), (0x100000, len(noise))]


def test_ranges_of_both_kinds_can_be_in_one_file(tmp_path: Path) -> None:
    need(NEEDED)
    packed = avml_range(0x3000, B + C, pack=stored, before=STREAM + chunk(0xFE, bytes(9)) + chunk(0x80, b"to be skipped"))
    path = write(tmp_path / "image", lime([(0x1000, A)]) + packed + lime([(0x5000, A)]))
    assert everything(path) == ({0x1000: A, 0x3000: B + C + A}, "")


def test_pieces_of_any_size_come_together(tmp_path: Path) -> None:
    need(NEEDED)
    data = os.urandom(5 * PAGE + 100)
    path = write(tmp_path / "image", avml_range(0x800, data[:1000], size=7) + avml_range(0x800 + 1000, data[1000:], size=999))
    assert everything(path) == ({0x1000: data[0x800:]}, "")
    assert read_at(path, 0x800, len(data)) == data
    path = write(tmp_path / "image", lime((0x800 + at, data[at : at + 100]) for at in range(0, len(data), 100)))
    assert everything(path) == ({0x1000: data[0x800:]}, "")
    assert read_at(path, 0x801, 250) == data[1:251]


@pytest.mark.parametrize("name", ["guest.lime", "guest.avml"])
def test_a_page_is_at_its_address(name: str) -> None:
    need(NEEDED)
    path = str(DATA / "images" / name)
    with closing(open_memory(path)) as memory:
        assert list(by_page({address: bytes(data) for address, data, _ in memory.chunks()})) == [0x3C5A000]
    assert read_at(path, 0x3C5A000, PAGE)[:4] == TIMER[:4]
    with pytest.raises(FileError, match=r"has nothing at 0x0; it has 0x3c59000-0x3c5bfff$"):
        read_at(path, 0, 1)


def test_millions_of_ranges_take_a_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as file:
        for number in range(1 << 13):
            file.write(range_header(b"EMiL", 1, 2 * PAGE * number, 16) + b"16 bytes of them")
    tracemalloc.start()
    try:
        with closing(open_memory(str(path))) as memory:
            assert memory.size is None
            assert sum(len(data) for _, data, _ in memory.chunks()) == 16 << 13
            assert memory.read(2 * PAGE * 8191, 2) == b"16"
            assert memory.read(PAGE, 2) == b""
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


LIME = lime([(0x1000, A), (0x3000, B)])
AVML = avml([(0x1000, A), (0x3000, B)])
SECOND = len(AVML) // 2
FAULTS = {
    "cut": (LIME[:-100], "is truncated: 100 bytes of the memory in it are missing"),
    "cut after a header": (LIME[: PAGE + 64], "is truncated: 4096 bytes of the memory in it are missing"),
    "cut in a header": (LIME[: PAGE + 40], "is truncated: it ends within the header at byte 0x1020"),
    "magic": (LIME[: PAGE + 32] + b"emil" + LIME[PAGE + 36 :], "is damaged: there is no LiME header of a known version at byte 0x1020"),
    "version": (LIME[: PAGE + 36] + b"\2" + LIME[PAGE + 37 :], "is damaged: there is no LiME header of a known version at byte 0x1020"),
    "turned": (lime([(0x1000, A)]) + range_header(b"EMiL", 1, 0x3000, -1), "is for 0x3000-0x2ffe, which is out of order"),
    "twice": (lime([(0x1000, A), (0x1800, A)]), "is damaged: the header at byte 0x1020 is for 0x1800-0x27ff, which is out of order"),
    "zeros after it": (lime([(0x1000, A)]) + bytes(512), "is damaged: there is no LiME header of a known version at byte 0x1020"),
    "to the end": (lime([(0x1000, A)]) + range_header(b"EMiL", 1, 0x3000, (1 << 64) - 0x3000), "is truncated: 18446744073709539328 bytes"),
    "packed, cut": (AVML[:-20], "is truncated: 4096 bytes of the memory in it are missing"),
    "packed, cut in a chunk header": (AVML[: SECOND + 44], "is truncated: 4096 bytes of the memory in it are missing"),
    "packed, cut in the length after it": (AVML[:-1], "is truncated: it ends within what follows the memory before 0x4000"),
    "packed, a bit": (
        AVML[: SECOND + 54] + b"\7" + AVML[SECOND + 55 :],
        "is damaged: what it has of 0x3000-0x3fff cannot be unpacked",
    ),
    "packed, unknown chunk": (
        avml_range(0x1000, A) + avml_range(0x3000, B, before=STREAM + chunk(0x02, b"")),
        "is damaged: there is no piece of packed memory at byte 0x",
    ),
    "packed, nothing": (
        avml_range(0x1000, A) + avml_range(0x3000, B, before=STREAM + chunk(0xFE, b"") * 1000),
        "is damaged: there is no memory in 64 pieces up to byte 0x",
    ),
    "packed, too large": (
        avml_range(0x1000, A) + range_header(b"AVML", 2, 0x3000, PAGE) + STREAM + compressed(B + B),
        "is damaged: there is no piece of packed memory at byte 0x",
    ),
    "packed, claims more": (
        avml_range(0x1000, A) + avml_range(0x3000, B, pack=lambda data: chunk(0, checksum(data) + b"\x80\x20\4A\xfe\1\0")),
        "is damaged: what it has of 0x3000-0x3fff cannot be unpacked",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_can_be_read_comes_before_what_is_wrong(tmp_path: Path, name: str) -> None:
    need(NEEDED)
    data, reason = FAULTS[name]
    found, fault = everything(write(tmp_path / "image", data))
    assert reason in fault
    assert by_page(found)[0x1000] == A
    # If the size is unknown before the end, the report is the same.
    found, fault = everything(write(tmp_path / "image", gzipped(data)))
    assert reason in fault
    assert by_page(found)[0x1000] == A


def test_each_piece_that_is_damaged_is_passed_over(tmp_path: Path) -> None:
    need(NEEDED)
    data = bytearray(avml_range(0, A + B + C, pack=stored, size=PAGE))
    for place in (0, 2):
        data[32 + len(STREAM) + place * (PAGE + 8) + 100] ^= 1
    found, fault = everything(write(tmp_path / "image", bytes(data)))
    assert found == {PAGE: B}
    assert fault.endswith("what it has of 0x0-0xfff cannot be unpacked, and 1 more of its ranges cannot be read")


@sampled
@pytest.mark.parametrize("name", samples())
def test_harm_ends_in_a_line_and_gives_nothing_that_was_not_there(name: str) -> None:
    need(NEEDED)
    was = samples()[name]
    harms = [*cuts(was, step=amount(320, 20)), *islice(fields(was, [*words(0, 32), *words(32, 64, (4,))]), 0, None, amount(17, 1))]
    pages = survives(was).pages
    for harm in harms:
        result = survives(harm.data)
        # Neither an image that is read as raw, nor a first range at another address.
        if result.format == "raw" or harm.data[8:16] != was[8:16]:
            continue
        assert all(pages.get(address, b"")[: len(data)] == data for address, data in result.pages.items() if address >= 0x8000), harm
        assert result.fault or len(harm.data) in {len(was), *boundaries(was)}, harm


def boundaries(data: bytes) -> set[int]:
    """The places of headers: an image that ends there lacks nothing that it describes."""
    return {at for at in range(len(data)) if data[at : at + 4] in (b"EMiL", b"AVML")}


def test_without_cramjam_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cramjam", None)
    said = "packed with snappy; install the package cramjam to read it"
    found, fault = everything(write(tmp_path / "image", avml([(0x1000, A)])))
    assert (found, said in fault) == ({}, True)
    found, fault = everything(write(tmp_path / "image", lime([(0x1000, A)]) + avml([(0x3000, page({0: TIMER}))])))
    assert (found, said in fault) == ({0x1000: A}, True)


def test_a_range_without_an_end_in_the_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.write(range_header(b"EMiL", 1, 0, 1 << 62) + A)
        file.truncate(64 << 30)  # a hole
    with closing(open_memory(str(path))) as memory:
        assert memory.size == (64 << 30) - 32
        assert memory.read(0x1000 - 1, 2) == b"\1\0"
        with pytest.raises(FileError, match="is truncated"):
            assert sum(len(data) for _, data, _ in memory.chunks()) < 1 << 20


def test_an_address_is_found_without_a_walk_to_the_end(tmp_path: Path) -> None:
    data = lime([(0x1000, A), (0x3000, B)])
    path = write(tmp_path / "image", data[:-8] + struct.pack("<Q", 0))
    assert read_at(path, 0x1000, PAGE) == A
    path = write(tmp_path / "image", data + b"not a header")
    assert read_at(path, 0x3000, PAGE) == B
