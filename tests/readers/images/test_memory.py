"""Memory images of all kinds: their memory by address, in bounded memory; and each unreadable one says why in a line."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images.formats import open_memory, read_at
from hvrepl.readers.images.memory import CHUNK, Facts, Mapped
from hvrepl.readers.images.ranges import PackedRanges, Range, join_ordered
from hvrepl.readers.images.source import open_source
from tests.at_hand import needs
from tests.images.core import PAGE, elf, write
from tests.images.kdump import kdump

A, B, C = (bytes([number]) * PAGE for number in (1, 2, 3))


def everything(path: str) -> dict[int, bytes]:
    """A whole image: address → the bytes of each piece."""
    with closing(open_memory(path)) as memory:
        return {address: bytes(data) for address, data, _ in memory.chunks() if data}


def fault(path: str) -> str:
    with pytest.raises(FileError) as raised:
        everything(path)
    assert raised.value.status == 4
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def test_a_raw_image_begins_at_0(tmp_path: Path) -> None:
    path = write(tmp_path / "image", A + B)
    assert everything(path) == {0: A + B}
    assert read_at(path, PAGE - 2, 4) == b"\1\1\2\2"


def test_a_large_image_comes_in_pieces_that_begin_at_pages(tmp_path: Path) -> None:
    data = os.urandom(2 * CHUNK + PAGE)
    found = everything(write(tmp_path / "image", data))
    assert list(found) == [0, CHUNK, 2 * CHUNK]
    assert b"".join(found.values()) == data


def test_holes_of_a_sparse_file_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(40 << 20)
        file.write(A)
    with closing(open_memory(str(path))) as memory:
        pieces = [(address, len(data), hole) for address, data, hole in memory.chunks()]
        assert memory.size == sum(size + hole for _, size, hole in pieces) == 64 << 20
    with closing(open_memory(str(path))) as memory:
        assert any(address <= 40 << 20 < address + len(data) and A in bytes(data) for address, data, _ in memory.chunks())


def test_a_large_image_is_read_in_a_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(256 << 20)
    tracemalloc.start()
    try:
        everything_passes = sum(len(data) + hole for _, data, hole in open_and_close(str(path)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert everything_passes == 256 << 20
    assert peak < 4 << 20


def open_and_close(path: str) -> list[tuple[int, bytes, int]]:
    with closing(open_memory(path)) as memory:
        memory.source.hole = lambda *_: 0  # type: ignore[attr-defined]  as where no system tells of holes
        return [(address, data[:0], hole + len(data)) for address, data, hole in memory.chunks()]  # type: ignore[misc]


def test_a_core_has_its_memory_by_physical_addresses(tmp_path: Path) -> None:
    high = 0xFFFF888000000000
    path = write(tmp_path / "core", elf([(high + 0x100000, 0x100000, B + C), (high, 0x1000, A)]))
    assert everything(path) == {0x1000: A, 0x100000: B + C}
    assert read_at(path, 0x100FFF, 2) == b"\2\3"


def test_a_core_without_physical_addresses_has_virtual_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "core", elf([(0x400000, 0, A), (0x7F0000000000, 0, B)]))
    assert everything(path) == {0x400000: A, 0x7F0000000000: B}


def test_bytes_that_are_twice_in_a_core_are_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "core", elf([(0xFFFFFFFF81000000, 0x2000, B), (0x1000, 0x1000, A + B + C), (1, (1 << 64) - 1, C)]))
    assert everything(path) == {0x1000: A + B + C}


def test_a_range_that_begins_within_a_page_is_read_from_the_next(tmp_path: Path) -> None:
    path = write(tmp_path / "core", elf([(0, 0x10, A + B), (0, 0x10000, C[:100])]))
    assert everything(path) == {0x1000: (A + B)[0x1000 - 0x10 :], 0x10000: C[:100]}
    assert read_at(path, 0x10, 3) == b"\1\1\1"


@pytest.mark.parametrize(
    ("ranges", "joined"),
    [
        ([Range(8, 8, 8), Range(0, 8, 0)], [Range(0, 16, 0)]),
        ([Range(8, 8, 100), Range(0, 8, 0)], [Range(0, 8, 0), Range(8, 8, 100)]),
        ([Range(0, 8, 0), Range(4, 8, 50)], [Range(0, 8, 0), Range(8, 4, 54)]),
        ([Range(0, 8, 0), Range(0, 4, 50), Range(2, 6, 60)], [Range(0, 8, 0)]),
    ],
    ids=["neighbours", "neighbours elsewhere in the file", "overlap", "within another"],
)
def test_ranges_are_joined(ranges: list[Range], joined: list[Range]) -> None:
    assert list(join_ordered(PackedRanges(ranges).in_order())) == joined


KDUMP = kdump({0: A})
REFUSED = {
    "empty": (b"", "is empty"),
    "cut.raw": (A + B[:5], "ends in the middle of a page; its last 5 bytes are not searched"),
    "cut core": (elf([(0, 0x1000, A)])[:-100], "is truncated: 100 bytes of the memory in it are missing"),
    "core that claims more": (elf([(0, 0x1000, A)], claimed=PAGE), "is truncated: 4096 bytes of the memory"),
    "core without its memory": (elf([(0, 0x1000, A)])[:120], "is truncated before the memory in it begins"),
    "core without memory": (elf([]), "an ELF core without memory in it"),
    "start of a core": (elf([(0, 0x1000, A)])[:40], "begins as an ELF file but cannot be read as one"),
    "four bytes": (b"\x7fELF", "begins as an ELF file but cannot be read as one"),
    "bad elf": (b"\x7fELF" + b"\xff" * 100, "begins as an ELF file but cannot be read as one"),
    "program": (elf([(0, 0x1000, A)], kind=2), "an ELF program or library; give a core"),
    "MEMORY.DMP": (b"PAGEDU64" + A, "a Windows MEMORY.DMP that ends within its header"),
    "MEMORY32.DMP": (b"PAGEDUMP" + A, "the MEMORY.DMP of a 32-bit Windows, which is not read; `!db ADDRESS L1000`"),
    "guest.vsv": (A, "a saved state of Hyper-V before Windows Server 2016, which is not read; start the guest"),
    "guest.VMRS": (A, "named like a saved state of Hyper-V, but does not begin like one"),
    "start of a vmcore": (KDUMP[:400], "a kdump-compressed vmcore that ends within its header"),
    "damaged vmcore": (
        KDUMP[:428] + b"\xff" * 4 + KDUMP[432:],
        "a kdump-compressed vmcore with a damaged header: 4294967295 bytes per block",
    ),
    "vmcore without a bitmap": (KDUMP[:436] + bytes(4) + KDUMP[440:], "a kdump-compressed vmcore with a damaged header"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_cannot_be_read_says_why(tmp_path: Path, name: str) -> None:
    data, reason = REFUSED[name]
    assert reason in fault(write(tmp_path / name, data))


def test_what_is_not_a_regular_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert fault(str(fifo)) == fault("/dev/null") == "is a pipe or device, which cannot be read at an offset; save it as a file first"
    assert fault(str(tmp_path)) == "is a directory"
    assert fault(str(tmp_path / "missing")) == "No such file or directory"


@needs(a_user_who_is_not_root=os.geteuid() != 0)
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "image", A))
    path.chmod(0)
    assert fault(str(path)) == "Permission denied"


def test_an_address_that_is_not_there_is_reported_with_those_that_are(tmp_path: Path) -> None:
    few = write(tmp_path / "few", elf([(0, 0x1000, A), (0, 0x8000, B[:16])]))
    many = write(tmp_path / "many", elf([(0, 0x10000 * number, A) for number in range(1, 9)]))
    with pytest.raises(FileError, match=r"few: has nothing at 0x5000; it has 0x1000-0x1fff, 0x8000-0x800f$"):
        read_at(few, 0x5000, 1)
    with pytest.raises(FileError, match=r"it has 0x10000-0x10fff, .*, 0x40000-0x40fff and more$"):
        read_at(many, 0, 1)


def test_millions_of_ranges_in_a_hole_are_passed_over_together(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(40 << 20)
        file.write(A)
    source = open_source(str(path))
    every_other = [Range(2 * at, PAGE, at) for at in range(0, 64 << 20, PAGE)]
    with closing(Mapped(source, Facts(format=""), lambda: every_other, size=64 << 20)) as memory:
        pieces = [(address, len(data), hole) for address, data, hole in memory.chunks()]
    assert sum(size + hole for _, size, hole in pieces) == 64 << 20
    assert any(address == 80 << 20 and size for address, size, _ in pieces)
    assert len(pieces) < len(every_other) // 4
