"""Images packed with gzip or zstd are read like plain files, in little memory, whatever the format."""

from __future__ import annotations

import gzip
import os
import random
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images.formats import memory_in, open_memory, read_at
from hvrepl.readers.images.source import open_source
from hvrepl.readers.images.unpacked import KEPT_STREAMS, PACKINGS, Unpacked, packing_of
from tests.at_hand import need
from tests.fuzz import amount, sampled
from tests.images.core import PAGE, elf, write
from tests.images.hostile import all_samples, cuts, fields, survives, words
from tests.images.packed import LARGEST_BLOCK, NEEDED, PACK, RUN, STORED, frame, gzipped, skippable, zstd, zstd_zeros
from tests.images.source import BytesSource

A, B, C = (bytes([number]) * PAGE for number in (1, 2, 3))
NOISE = random.Random(20).randbytes(3 << 20)


def everything(path: str) -> tuple[bytes, str]:
    """The bytes of all pieces, and the error with which they ended."""
    found = bytearray()
    try:
        with closing(open_memory(path)) as memory:
            for _, data, _ in memory.chunks():
                found += bytes(data)
    except FileError as error:
        return bytes(found), str(error).removeprefix(f"{path}: ")
    return bytes(found), ""


def unpacked(data: bytes) -> Unpacked:
    packing = packing_of(data)
    assert packing
    return Unpacked(BytesSource(data), packing)


def read(source: Unpacked, offset: int, size: int) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: source.fill(buffer, offset)])


@pytest.fixture(params=PACK)
def pack(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    need(*[NEEDED] if request.param == "zstd" else [])
    return PACK[request.param]


def test_a_packed_raw_image_ends_in_silence(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path / "image", pack(NOISE))
    assert everything(path) == (NOISE, "")
    assert read_at(path, len(NOISE) - 5, 16) == NOISE[-5:]
    with closing(open_memory(path)) as memory:
        assert memory.facts.format == "raw"
        assert memory.size is None
    with pytest.raises(FileError, match=r"image: has nothing at 0x300000; it has 0x0-0x2fffff$"):
        read_at(path, len(NOISE), 1)
    path = write(tmp_path / "cut", pack(NOISE[:-96]))
    assert everything(path) == (NOISE[:-96], "ends in the middle of a page; its last 4000 bytes are not searched")


PACKED_BY = {PACK[one.name]: one for one in PACKINGS}
FORMATS = {name: data for name, data in all_samples().items() if not packing_of(data)}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_as_from_a_plain_file(pack: Callable[[bytes], bytes], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need("module:cramjam", "module:lzallright")
    plain, packed = survives(FORMATS[name]), survives(pack(FORMATS[name]))
    assert plain.pages or plain.fault
    assert (packed.pages, packed.format, packed.fault) == (plain.pages, plain.format, plain.fault)
    # As with a large image, whose size is unknown before its end.
    for limit, value in {"FED": 64, "LEAST_AT_ONCE": 1, "MOST_AT_ONCE": 1 << 10}.items():
        monkeypatch.setattr(f"hvrepl.readers.images.unpacked.{limit}", value)
    with closing(Unpacked(BytesSource(pack(FORMATS[name])), PACKED_BY[pack])) as source:
        assert read(source, 0, 1)
        assert source.size is None
        found = pages_in(source)
    assert found == (plain.pages, plain.fault)


def pages_in(source: Unpacked) -> tuple[dict[int, bytes], str]:
    """The nonzero pages of an image, and the error with which they ended."""
    pages: dict[int, bytes] = {}
    try:
        for address, data, _ in memory_in(source).chunks():
            every = {address + at: bytes(data[at : at + PAGE]) for at in range(0, len(data), PAGE)}
            pages |= {at: one for at, one in every.items() if any(one)}
    except FileError as error:
        return pages, str(error)
    return pages, ""


def test_segments_in_any_order_are_unpacked_once() -> None:
    loads = [(0, PAGE * (64 - number), bytes([number]) * PAGE) for number in range(64)]
    with closing(memory_in(BytesSource(gzipped(elf(loads))))) as memory:
        source = memory.source  # type: ignore[attr-defined]
        assert b"".join(bytes(data) for _, data, _ in memory.chunks()) == b"".join(data for *_, data in loads)
        assert source._again == 0


MANY = [NOISE[at : at + 1000] for at in range(0, 1 << 18, 1000)]
PARTS = {
    "members": b"".join(map(gzipped, MANY)),
    "empty members": gzipped(b"") + b"".join(gzipped(b"") + gzipped(one) for one in MANY) + gzipped(b""),
    "members and zeros after them": b"".join(map(gzipped, MANY)) + bytes(100_000),
    "member with a name, a comment and a field": b"\x1f\x8b\x08\x1c" + bytes(6) + b"\3\0abcname\0comment\0" + gzipped(b"".join(MANY))[10:],
    "frames": b"".join(map(zstd, MANY)),
    "frames with others to be skipped": skippable(b"") + b"".join(zstd(one) + skippable(bytes(40_000)) for one in MANY),
    "blocks of a byte": b"".join(zstd(one, 1) for one in MANY),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_file_can_have_many_parts(name: str) -> None:
    need(*[] if PARTS[name].startswith(b"\x1f") else [NEEDED])
    source = unpacked(PARTS[name])
    whole = b"".join(MANY)
    assert read(source, 0, len(whole) + 1) == whole
    assert (source.size, source.fault) == (len(whole), "")
    assert read(source, len(whole), 1) == b""


@pytest.mark.parametrize("name", ["gzip", "zstd", "pigz", "pzstd"])
def test_what_a_tool_packs_is_read(tmp_path: Path, name: str) -> None:
    need(name, *[NEEDED] if "zstd" in name else [])
    data = NOISE + bytes(1 << 20) + NOISE
    path = write(tmp_path / "image", subprocess.run([name, "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout)
    assert everything(path) == (data, "")


def test_reads_in_any_order_give_the_same(pack: Callable[[bytes], bytes]) -> None:
    source, choose = unpacked(pack(NOISE)), random.Random(1)
    for _ in range(60):
        at, size = choose.randrange(len(NOISE) + 10), choose.choice([1, 16, PAGE, 1 << 18])
        assert read(source, at, size) == NOISE[at : at + size]
        assert len(source._streams) <= KEPT_STREAMS


def test_as_many_places_as_are_kept_are_read_in_turns_without_unpacking_anew(pack: Callable[[bytes], bytes]) -> None:
    data = NOISE * 4
    source = unpacked(pack(data))
    starts = [number * len(NOISE) for number in range(KEPT_STREAMS)]
    for at in range(0, len(NOISE), 1 << 16):
        for start in starts:
            assert read(source, start + at, 1 << 16) == NOISE[at : at + (1 << 16)]
    assert source._again < KEPT_STREAMS * len(data)


def test_what_is_read_in_no_order_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hvrepl.readers.images.unpacked.MOST_AGAIN_BESIDES", 0)
    source = unpacked(gzipped(NOISE))
    places = [at for _ in range(100) for at in range(len(NOISE) - PAGE, 0, -300_000)]
    with pytest.raises(FileError, match="image: its contents are out of order; unpack it first, with `gzip -d`"):
        assert [read(source, at, 1) for at in places] == []


def test_a_bomb_is_passed_in_a_little_memory(tmp_path: Path) -> None:
    need(NEEDED)
    size = 512 * LARGEST_BLOCK
    bombs = {"zstd": zstd_zeros(512), "gzip": gzip.compress(bytes(size // 8)) * 8}
    for name, data in bombs.items():
        path = write(tmp_path / name, data)
        tracemalloc.start()
        try:
            with closing(open_memory(path)) as memory:
                assert sum(len(piece) for _, piece, _ in memory.chunks()) == size
                assert memory.read(size - 4, 16) == bytes(4)
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


@sampled
def test_whatever_is_cut_gives_what_there_is_of_it_first(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(NOISE[: 1 << 17] + A + NOISE[: 1 << 17])
    whole = everything(write(tmp_path / "whole", packed))[0]
    lengths = []
    for length in sorted(
        [*range(4, 40, amount(5, 1)), *range(40, len(packed), amount(20_011, 997)), *range(len(packed) - 20, len(packed))]
    ):
        found, fault = everything(write(tmp_path / "cut", packed[:length]))
        assert found == whole[: len(found)]
        name = "gzip" if packed[0] == 0x1F else "zstd"
        assert fault == f"is truncated: it ends before its {name} data does"
        lengths.append(len(found))
    assert all(one <= other for one, other in pairwise(lengths))
    assert lengths[-1] >= len(whole) - LARGEST_BLOCK


def test_what_comes_before_a_damage_is_read_to_the_last_byte(tmp_path: Path) -> None:
    """A decoder that fails does not give out what it had unpacked, which the reader has to get in another way."""
    blocks = (struct.pack("<BHH", 0, 1000, 0xFFFF - 1000) + NOISE[at : at + 1000] for at in range(0, 200_000, 1000))
    found, fault = everything(write(tmp_path / "gzip", b"\x1f\x8b\x08".ljust(10, b"\0") + b"".join(blocks) + b"\6"))
    assert found == NOISE[:200_000]
    assert fault == "cannot be unpacked beyond byte 0x30d40 of what is in it: invalid block type"
    need(NEEDED)
    good = [(STORED, 1000, NOISE[at : at + 1000]) for at in range(0, 200_000, 1000)]
    found, fault = everything(write(tmp_path / "zstd", frame([*good, (3, 0, b"")])))
    assert found == NOISE[:200_000]
    assert fault.startswith("cannot be unpacked beyond byte 0x30d40 of what is in it: ")


FAULTS = {
    "checksum": (
        gzipped(A)[:-8] + b"\0" + gzipped(A)[-7:],
        A,
        "cannot be unpacked beyond byte 0x1000 of what is in it: incorrect data check",
    ),
    "length": (gzipped(A)[:-4] + bytes(4), A, "cannot be unpacked beyond byte 0x1000 of what is in it: incorrect length check"),
    "more": (gzipped(A) + b"more", A, "cannot be unpacked beyond byte 0x1000 of what is in it: what follows is not gzip data"),
    "zstd after gzip": (gzipped(A) + zstd(B), A, "beyond byte 0x1000 of what is in it: what follows is not gzip data"),
    "nothing": (gzipped(b""), b"", "unpacks to nothing"),
    "only to be skipped": (skippable(A), b"", "unpacks to nothing"),
    "skipped beyond the end": (zstd(A) + skippable(B)[:-1], A, "is truncated: it ends before its zstd data does"),
    "header": (b"\x1f\x8b\x08\xff" + A, b"", "cannot be unpacked beyond byte 0x0 of what is in it: unknown header flags set"),
    "wide": (frame([(RUN, PAGE, b"\1")], window_log=31), b"", "takes more than 128 MiB of memory; `zstd -d --long=31` unpacks it"),
    "packed twice": (gzipped(zstd(A)), b"", "packed with gzip, and what is in it is packed with zstd; `gzip -d "),
    "refused": (
        gzipped(b"PAGEDUMP" + A),
        b"",
        "packed with gzip, and what is in it is the MEMORY.DMP of a 32-bit Windows",
    ),
    "a disk": (zstd(b"QFI\xfb" + A), b"", "packed with zstd, and what is in it is a qcow2 disk image, not memory; `zstd -d "),
    "an archive": (gzipped(bytes(257) + b"ustar" + A), b"", "packed with gzip, and what is in it is a tar archive; `gzip -d "),
    "text": (gzipped(b"[    1.234567] a line of a log\n" * 200), b"", "unpacks to text, not to a memory image; `gzip -dc "),
    "little text": (zstd(b"sint2 0x200f3, not an image\n"), b"", "unpacks to text, not to a memory image; `zstd -dc "),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_is_said_after_what_is_there(tmp_path: Path, name: str) -> None:
    need(NEEDED)
    data, there, reason = FAULTS[name]
    found, fault = everything(write(tmp_path / "image", data))
    assert found == there
    assert reason in fault
    assert "\n" not in fault


@pytest.mark.parametrize("name", ["guest.vsv.gz", "guest.VSV.zst"])
def test_what_is_refused_by_its_name_is_refused_if_it_is_packed(tmp_path: Path, name: str) -> None:
    need(NEEDED)
    assert "and what is in it is a saved state of Hyper-V" in everything(write(tmp_path / name, (gzipped if "gz" in name else zstd)(A)))[1]


@pytest.mark.parametrize("cut", [1, 100, PAGE, PAGE + 1])
def test_a_packed_core_that_was_cut_says_what_is_missing(tmp_path: Path, pack: Callable[[bytes], bytes], cut: int) -> None:
    data = elf([(0, 0x1000, A), (0, 0x8000, B), (0, 0x20000, C)])
    found, fault = everything(write(tmp_path / "image", pack(data[:-cut])))
    assert found.rstrip(b"\3") == A + B[: PAGE if cut <= PAGE else -1]
    assert fault == f"is truncated: {cut} bytes of the memory in it are missing"


def test_without_a_library_for_zstd_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("backports", "compression"):
        monkeypatch.setitem(sys.modules, name, None)
    fault = everything(write(tmp_path / "image", zstd(A)))[1]
    lacking = "this Python is built without it" if sys.version_info >= (3, 14) else "install the package backports.zstd to read it"
    assert fault == f"packed with zstd; {lacking}, or unpack it with `zstd -d`"
    assert everything(write(tmp_path / "image", gzipped(A))) == (A, "")


HARMED = {
    "gzip": gzipped(NOISE[:100] + bytes(PAGE) + A),
    "zstd": skippable(b"pzstd") + zstd(NOISE[:100], 60) + zstd(bytes(PAGE)) + zstd(A),
}


@sampled
@pytest.mark.parametrize("name", HARMED)
def test_harm_ends_in_a_line(name: str) -> None:
    need(NEEDED)
    data = HARMED[name]
    every = fields(data, words(0, min(len(data), 64), (1, 2, 4)))
    for harm in [*cuts(data, step=amount(96, 1)), *islice(every, 0, None, amount(17, 1))]:
        try:
            survives(harm.data)
        except BaseException as error:
            raise AssertionError(str(harm)) from error


def test_a_file_that_is_closed_is_closed(tmp_path: Path) -> None:
    file = open_source(write(tmp_path / "image", gzipped(A)))
    memory_in(file).close()
    assert file.file.closed


@pytest.mark.parametrize("window_log", [20, 26])
def test_few_wide_windows_are_kept(window_log: int) -> None:
    need(NEEDED)
    source = unpacked(frame([(RUN, LARGEST_BLOCK, b"\1")] * 64, window_log))
    for number in range(64):
        read(source, (63 - number) * LARGEST_BLOCK, 1)
    assert len(source._streams) == (KEPT_STREAMS if window_log < 24 else 2)


def test_random_bytes_after_the_magic_are_survived() -> None:
    need(NEEDED)
    for magic in (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"):
        for _ in range(30):
            survives(magic + os.urandom(200))
