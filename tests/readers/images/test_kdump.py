"""kdump-compressed vmcores of all makers, versions, page sizes and compressions; truncated, damaged and hostile ones end with a line."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images.formats import open_memory, read_at
from hvrepl.readers.images.kdump import Kdump
from hvrepl.readers.images.memory import CHUNK
from tests.at_hand import missing, need
from tests.fuzz import amount, sampled
from tests.images.core import PAGE, TIMER, VERSION_RESPONSE, elf, page, write
from tests.images.kdump import VMCOREINFO, Pack, as_it_is, kdump, table_of, with_lzo, with_snappy, with_zlib, with_zstd
from tests.paths import DATA
from tests.program import call
from tests.readers.images.test_memory import everything, fault

A, B, C = (bytes([number]) * PAGE for number in (1, 2, 3))
ZEROS = bytes(PAGE)
NOISE = random.Random(0).randbytes(PAGE)
MESSAGES = page({0: TIMER, 2: VERSION_RESPONSE})
PAGES = {0x10: A, 0x11: NOISE, 0x9000: C, 0x8000: ZEROS, 0x8001: B, 0x8003: ZEROS, 0x7FFF: A}
PACKS = {
    "zlib": (with_zlib,),
    "LZO": (with_lzo, "module:lzallright"),
    "snappy": (with_snappy, "module:cramjam"),
    "zstd": (with_zstd, "module:cramjam"),
    "nothing": (as_it_is,),
}


def pages_of(path: str, block: int = PAGE) -> dict[int, bytes]:
    """Page number → its content, without zero pages that were skipped."""
    found: dict[int, bytes] = {}
    for address, data in everything(path).items():
        found |= {(address + at) // block: data[at : at + block] for at in range(0, len(data), block)}
    return found


def not_zeros(pages: Mapping[int, bytes]) -> dict[int, bytes]:
    return {number: data for number, data in pages.items() if any(data)}


def opened(path: str) -> Kdump:
    memory = open_memory(path)
    assert isinstance(memory, Kdump)
    return memory


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("block", [4096, 16384, 65536])
def test_pages_of_each_size_are_unpacked(tmp_path: Path, name: str, block: int) -> None:
    pack: Pack
    pack, *needed = PACKS[name]  # type: ignore[assignment]
    need(*needed)
    pages = {number: (data * 16)[:block] for number, data in PAGES.items()}
    path = write(tmp_path / "vmcore", kdump(pages, pack, block=block))
    assert pages_of(path, block) == not_zeros(pages)
    for number, data in pages.items():
        assert read_at(path, number * block + 1, 8) == data[1:9]
    assert read_at(path, 0x12 * block - 3, 8) == pages[0x11][-3:]


@pytest.mark.parametrize("is_32", [False, True])
@pytest.mark.parametrize("version", range(1, 7))
def test_each_version_says_what_it_knows(tmp_path: Path, version: int, is_32: bool) -> None:
    names = ("Linux", "guest", "5.4.0", "#1", "x86_64", "")
    path = write(tmp_path / "vmcore", kdump(PAGES, version=version, is_32=is_32, names=names, level=16))
    assert pages_of(path) == not_zeros(PAGES)
    with closing(open_memory(path)) as memory:
        assert (memory.facts.format, memory.facts.arch, memory.size) == ("kdump", "x64", len(PAGES) * PAGE)
        assert memory.facts.kernel == ("6.6.87" if version >= 3 else "5.4.0")
        assert memory.facts.missing == "free pages (dump level 16)"


@pytest.mark.parametrize(
    ("level", "status", "said"),
    [
        (0, 1, ""),
        (1, 1, ""),
        (2, 1, "cache pages that are not private (dump level 2)"),
        (6, 1, "cache pages (dump level 6)"),
        (31, 1, "cache pages, user pages, free pages (dump level 31)"),
        (24, 0x11, "user pages, free pages (dump level 24), unused parts of the kernel's page map"),
        (0x7FFFFFFF, 1, ""),
    ],
)
def test_what_was_left_out_is_said(tmp_path: Path, level: int, status: int, said: str) -> None:
    with closing(open_memory(write(tmp_path / "vmcore", kdump(PAGES, level=level, status=status)))) as memory:
        assert memory.facts.missing == said


@pytest.mark.parametrize(
    ("machine", "release", "info", "arch", "kernel"),
    [
        ("aarch64", "6.1", b"", "arm64", "6.1"),
        ("", "", b"", "", ""),
        ("i686", "\x1b[31m", b"A=1\nOSRELEASE=6.12.8-azure\nB=2\n", "", "6.12.8-azure"),
        ("x86_64", "6.1", b"OSRELEASE=\x1b]0;x\x07\n", "x64", "6.1"),
        ("x86_64", "6.1", b"OSRELEASE=" + b"6" * 65 + b"\n", "x64", "6.1"),
        ("x86_64", "", b"XOSRELEASE=6.1\n", "x64", ""),
    ],
)
def test_kernel_and_arch_are_those_that_the_dump_names(
    tmp_path: Path, machine: str, release: str, info: bytes, arch: str, kernel: str
) -> None:
    names = ("Linux", "guest", release, "#1", machine, "")
    with closing(open_memory(write(tmp_path / "vmcore", kdump(PAGES, names=names, info=info)))) as memory:
        assert (memory.facts.arch, memory.facts.kernel) == (arch, kernel)


def test_a_dump_of_qemu_is_read_without_vmcoreinfo() -> None:
    path = str(DATA / "images/qemu.kdump")
    with closing(open_memory(path)) as memory:
        assert (memory.facts.format, memory.facts.arch, memory.facts.kernel, memory.facts.missing) == ("kdump", "x64", "", "")
    assert call("scan", path, "-f", "line").out.startswith(f"{path}:0x3c5a000  HV_MESSAGE_PAGE")
    assert call("decode", "page", f"@{path}:0x3c5a000", "-f", "line").status == 0
    with pytest.raises(FileError, match=r"has nothing at 0x3000; it has 0x1000-0x1fff, 0x3c5a000-0x3c5bfff$"):
        read_at(path, 0x3000, 8)


def test_parts_of_a_split_dump_are_read_each_by_itself(tmp_path: Path) -> None:
    numbers = sorted(PAGES)
    for version in (2, 5, 6):
        ends = [0, 0x12, 0x8001, numbers[-1] + 1]
        for first, end in pairwise(ends):
            path = write(tmp_path / "part", kdump(PAGES, version=version, part=(first, end), blocks=5))
            mine = {number: data for number, data in PAGES.items() if first <= number < end}
            assert pages_of(path) == not_zeros(mine)
            for number, data in mine.items():
                assert read_at(path, number * PAGE, 8) == data[:8]
            with closing(open_memory(path)) as memory:
                assert (memory.facts.format, memory.facts.missing) == ("kdump, a part of a split one", "")
                assert memory.size == len(mine) * PAGE
    empty = write(tmp_path / "part", kdump(PAGES, part=(0x20, 0x20)))
    assert everything(empty) == {}


def test_ranges_are_whole_across_pieces_of_the_bitmap(tmp_path: Path) -> None:
    pages = dict.fromkeys(range(8 * 65536 - 3, 8 * 65536 + 5), ZEROS) | {0: A, 0x100000: B}
    with closing(open_memory(write(tmp_path / "vmcore", kdump(pages)))) as memory:
        assert [(one.address, one.size) for one in memory.ranges()] == [
            (0, PAGE),
            ((8 * 65536 - 3) * PAGE, 8 * PAGE),
            (0x100000 * PAGE, PAGE),
        ]
        assert memory.read(0x100000 * PAGE, 2) == B[:2]


def test_pages_of_zeros_are_passed_over_and_counted(tmp_path: Path) -> None:
    pages = dict.fromkeys(range(5000), ZEROS) | {7: A, 4000: B, 4001: C}
    with closing(open_memory(write(tmp_path / "vmcore", kdump(pages)))) as memory:
        pieces = [(address, bytes(data), hole) for address, data, hole in memory.chunks()]
        assert [(address, data) for address, data, _ in pieces if data] == [(7 * PAGE, A), (4000 * PAGE, B + C)]
        assert sum(len(data) + hole for _, data, hole in pieces) == memory.size == 5000 * PAGE
        assert memory.read(5 * PAGE, 4 * PAGE) == ZEROS * 2 + A + ZEROS


def test_pages_that_share_what_they_are_packed_into_are_read_and_not_searched_again(tmp_path: Path) -> None:
    data = kdump(dict.fromkeys(range(2000), A))
    table = table_of(data)
    path = write(tmp_path / "vmcore", data[:table] + data[table : table + 24] * 2000 + data[table + 24 * 2000 :])
    with closing(open_memory(path)) as memory:
        pieces = [(len(data), hole) for _, data, hole in memory.chunks()]
    assert sum(size + hole for size, hole in pieces) == 2000 * PAGE
    assert 0 < sum(size for size, _ in pieces) <= 2 * CHUNK
    assert read_at(path, 100 * PAGE, 2 * PAGE) == A * 2


def test_where_the_page_of_zeros_is_missing_the_others_are_read(tmp_path: Path) -> None:
    """QEMU puts it where the first zero page is; a large part of a truncated dump refers to a missing page."""
    pages = {number: NOISE if number % 3 == 2 else ZEROS for number in range(3000)}
    data = kdump(pages, as_it_is)
    table, beyond = table_of(data), struct.pack("<QIIQ", 1 << 40, PAGE, 0, 0)
    table_end = table + 24 * 3000
    cut = b"".join(beyond if number % 3 < 2 else data[table + 24 * number :][:24] for number in range(3000))
    path = write(tmp_path / "vmcore", data[:table] + cut + data[table_end:])
    assert everything_but_fault(path, 32 << 20) == (NOISE * 1000, f"is truncated: {2000 * PAGE} bytes of the memory in it are missing")


def test_a_page_far_on_is_found_by_counting(tmp_path: Path) -> None:
    """Reading one page reads little of the file: two pieces of the bitmap, some descriptors, the page."""
    count = 20_000
    pages = {64 * number: (A, B, C)[number % 3] for number in range(count)}
    with closing(opened(write(tmp_path / "vmcore", kdump(pages)))) as memory:
        was_read = 0
        fill = memory.source.fill

        def count_bytes(buffer: Any, offset: int) -> int:
            nonlocal was_read
            got = fill(buffer, offset)
            was_read += got
            return got

        memory.source.fill = count_bytes  # type: ignore[method-assign]
        for number in (count - 1, count // 2, 0):
            was_read = 0
            assert memory.read(64 * number * PAGE, PAGE) == pages[64 * number]
            assert was_read < 300 << 10
        assert memory.read(8 * PAGE, PAGE) == b""


def test_drgn_reads_the_same(tmp_path: Path) -> None:
    need("module:drgn")
    import drgn

    path = write(tmp_path / "vmcore", kdump(PAGES))
    program = drgn.Program()
    program.set_core_dump(path)
    with closing(open_memory(path)) as memory:
        for number, data in PAGES.items():
            assert memory.read(number * PAGE, PAGE) == program.read(number * PAGE, PAGE, physical=True) == data


# Missing and damaged parts.


def subset_of_truth(path: str) -> str:
    """Reads everything readable, which must be true, and returns the report about the rest."""
    found: dict[int, bytes] = {}
    said = ""
    try:
        with closing(open_memory(path)) as memory:
            for address, data, _ in memory.chunks():
                found |= {(address + at) // PAGE: bytes(data[at : at + PAGE]) for at in range(0, len(data), PAGE)}
    except FileError as error:
        said = str(error).removeprefix(f"{path}: ")
    assert not said.startswith(path)
    assert "\n" not in said
    assert found.items() <= not_zeros(PAGES).items()
    return said


@sampled
def test_a_dump_cut_anywhere_says_so_after_what_is_there(tmp_path: Path) -> None:
    data = kdump(PAGES)
    table = table_of(data)
    assert subset_of_truth(write(tmp_path / "vmcore", data)) == ""
    places = [
        0,
        *range(8, 600, amount(40, 7)),
        *range(600, table, amount(3000, 31)),
        *range(table, len(data), amount(37, 1)),
        len(data) - 1,
    ]
    for size in places:
        path = write(tmp_path / "vmcore", data[:size])
        said = subset_of_truth(path)
        if size == 0:
            assert said == "is empty"
        elif size >= 464:
            assert said.startswith("is truncated"), size
    assert (
        fault(write(tmp_path / "vmcore", data[: table + 24 * 3]))
        == f"is truncated: {len(PAGES) * PAGE} bytes of the memory in it are missing"
    )
    assert fault(write(tmp_path / "vmcore", data[:-1])) == f"is truncated: {PAGE} bytes of the memory in it are missing"
    with pytest.raises(FileError, match="vmcore: is truncated; what it has at 0x9000000 is missing"):
        read_at(str(tmp_path / "vmcore"), 0x9000000, 8)


def test_a_dump_that_was_not_finished_says_so(tmp_path: Path) -> None:
    """If the disk was full, makedumpfile leaves descriptors of zeros."""
    data = kdump(PAGES, status=9)
    last = table_of(data) + 24 * (len(PAGES) - 1)
    path = write(tmp_path / "vmcore", data[:last] + bytes(24) + data[last + 24 :])
    assert subset_of_truth(path) == f"is truncated: {PAGE} bytes of the memory in it are missing"


def fields(table: int) -> Iterator[tuple[int, int]]:
    """(offset, size) of the fields in the headers and the first descriptors."""
    yield 8, 4
    yield from ((at, 4) for at in range(424, 464, 4))
    yield from ((PAGE + at, size) for at, size in [(0, 8), (8, 4), (12, 4), *((at, 8) for at in range(16, 104, 8))])
    yield from ((2 * PAGE + at, 8) for at in (0, PAGE, PAGE + 8, 2 * PAGE - 8))
    yield from ((table + 24 * number + at, size) for number in range(3) for at, size in ((0, 8), (8, 4), (12, 4), (16, 8)))


@sampled
@pytest.mark.parametrize("is_sparse", [False, True])
def test_damaged_fields_end_with_a_line_in_little_memory(tmp_path: Path, is_sparse: bool) -> None:
    """Only pages of the file are found, and a field's claimed size takes no memory."""
    data = kdump(PAGES)
    values = random.Random(1)
    known = {*PAGES.values()}
    path = tmp_path / "vmcore"
    for at, size in fields(table_of(data)):
        sizes = [bytes(size), b"\xff" * size, b"\xff" * (size - 1) + b"\x7f", (1 << 20).to_bytes(size, "little")]
        for value in [*sizes, *(values.randbytes(size) for _ in range(amount(2, 100)))]:
            write(path, data[:at] + value + data[at + size :])
            if is_sparse:
                os.truncate(path, 1 << 36)
            tracemalloc.start()
            with suppress(FileError), closing(open_memory(str(path))) as memory:
                for _, found, _ in memory.chunks():
                    assert {bytes(found[at : at + PAGE]) for at in range(0, len(found), PAGE)} <= known, (at, value)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 8 << 20, (at, value)


def test_bits_without_descriptors_are_counted_and_not_walked(tmp_path: Path) -> None:
    """A million pages in 260 KiB, and 200 times as many in a sparse file whose descriptors are a hole."""
    blocks = 32
    head = kdump({0: A}, blocks=blocks)[: 2 * PAGE]
    small = write(tmp_path / "small", head + b"\xff" * (2 * blocks * PAGE) + bytes(24))
    assert fault(small) == f"is truncated: {8 * blocks * PAGE * PAGE} bytes of the memory in it are missing"
    blocks = 6400
    head = kdump({0: A})[:PAGE]
    head = head[:436] + struct.pack("<I", 2 * blocks) + head[440:]
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.write(head)
        file.seek((2 + blocks) * PAGE)
        file.write(b"\x55" * (blocks * PAGE))
        file.truncate(1 << 36)
    if large.stat().st_blocks * 512 < 1 << 30:
        assert fault(str(large)) == f"is truncated: {4 * blocks * PAGE * PAGE} bytes of the memory in it are missing"
        assert "0x0-0xfff, 0x2000-0x2fff, " in reason_at(str(large), PAGE)


def reason_at(path: str, address: int) -> str:
    with pytest.raises(FileError) as raised:
        read_at(path, address, 8)
    return str(raised.value)


def test_pages_that_share_more_than_the_file_has_are_damage(tmp_path: Path) -> None:
    """Each begins a byte after the one before it, so that a few KiB become hundreds of MiB."""
    count = 8000
    data = kdump(dict.fromkeys(range(count), A), as_it_is)
    table = table_of(data)
    at = table + 24 * count
    descriptors = b"".join(struct.pack("<QIIQ", at + number % PAGE, PAGE, 0, 0) for number in range(count))
    path = write(tmp_path / "vmcore", data[:table] + descriptors + NOISE * 2)
    assert fault(path).startswith("is damaged: the blocks up to ")


@pytest.mark.parametrize("name", ["zlib", "LZO", "snappy", "zstd"])
@pytest.mark.parametrize("size", [PAGE - 1, PAGE + 1, 32 << 20])
def test_a_page_that_unpacks_to_another_size_is_damage(tmp_path: Path, name: str, size: int) -> None:
    pack: Pack
    pack, *needed = PACKS[name]  # type: ignore[assignment]
    need(*needed)
    flags, packed = pack(bytes([7]) * size)
    packed = packed[: 2 * PAGE]  # longer ones are refused without reading
    path = write(tmp_path / "vmcore", kdump({0: A, 1: B}, lambda data: (flags, packed) if data == A else pack(data)))
    everything_before = everything_but_fault(path)
    assert everything_before == (B, f"is damaged: {PAGE} bytes of the memory in it cannot be unpacked, the first at 0x0")


def everything_but_fault(path: str, memory_for_it: int = 4 << 20) -> tuple[bytes, str]:
    """Everything that is read in little memory, and the report about the rest."""
    found, said = bytearray(), ""
    tracemalloc.start()
    try:
        with closing(open_memory(path)) as memory:
            for _, data, _ in memory.chunks():
                found += data
    except FileError as error:
        said = str(error).removeprefix(f"{path}: ")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < memory_for_it
    return bytes(found), said


@pytest.mark.parametrize(
    ("flags", "packed"),
    [
        (1, b"junk"),
        (2, b"\0" * 60),
        (4, b"\x80\x20\xff"),
        (4, b"\xff" * 12),
        (0x20, b""),
        (0x20, b"junk" * 4),
        (0x20, b"\x28\xb5\x2f\xfd\x00\xf8" + bytes(40)),
        (0x20, b"\x28\xb5\x2f\xfd\xa0\x00\x10\x00\x01\x01\x00\x00"),
        (0x40, A),
        (3, zlib.compress(A)),
        (0, A[:-1]),
        (1, zlib.compress(NOISE) + bytes(PAGE)),
    ],
)
def test_what_is_not_a_packed_page_is_passed_over(tmp_path: Path, flags: int, packed: bytes) -> None:
    need(*(["module:lzallright"] if flags == 2 else ["module:cramjam"] if flags in (4, 0x20) else []))
    path = write(tmp_path / "vmcore", kdump({0: A, 1: B}, lambda data: (flags, packed) if data == A else with_zlib(data)))
    found, said = everything_but_fault(path)
    assert found == B
    wrong, what = ("damaged", "cannot be unpacked") if packed else ("truncated", "is missing")
    assert said.startswith(f"is {wrong}: {PAGE} bytes of the memory in it ")
    with pytest.raises(FileError, match=f"vmcore: is {wrong}; what it has at 0x10 {what}"):
        read_at(path, 0x10, 8)


@pytest.mark.parametrize(("flags", "name", "module"), [(2, "LZO", "lzallright"), (4, "snappy", "cramjam"), (0x20, "zstd", "cramjam")])
def test_a_compression_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    path = write(tmp_path / "vmcore", kdump({0: A, 1: B, 2: C}, lambda data: (flags, data[:9]) if data == B else with_zlib(data)))
    assert everything_but_fault(path) == (A, f"has pages packed with {name}; install the package {module} to read them")


# Dumps by the tools themselves.


def run(*words: str, cwd: Path, stdin: bytes = b"") -> bytes:
    done = subprocess.run(words, cwd=cwd, input=stdin, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, (words, done.stdout[-500:], done.stderr[-500:])
    return done.stdout


def core_with_note(loads: list[tuple[int, int, bytes]]) -> bytes:
    """An ELF core with the registers of a CPU, which makedumpfile requires."""
    note = struct.pack("<III8s", 5, 336, 1, b"CORE") + bytes(336)
    data = bytearray(elf([(0, 0, note), *loads]))
    data[64:68] = struct.pack("<I", 4)
    return bytes(data)


TEXT = b"It was a dark and stormy night in the data centre.\n" * 81
LOADS = [
    (0xFFFF888000100000, 0x100000, (NOISE + TEXT[:PAGE] + 2 * ZEROS) * 300 + MESSAGES + TEXT[:PAGE]),
    (0xFFFF888003C00000, 0x3C00000, bytes(0x5A000) + MESSAGES + TEXT[:PAGE] * 50),
]
PLANTED = [0x100000 + 1200 * PAGE, 0x3C5A000]


def scanned(*paths: Path) -> list[int]:
    ended = call("scan", *map(str, paths), "-f", "line")
    assert (ended.status, ended.err) == (0, "")
    return [int(line.split("  ")[0].rpartition(":")[2], 16) for line in ended.out.splitlines()]


@pytest.mark.parametrize(
    "options", [["-c", "-d", "0"], ["-c", "-d", "1"], ["-l", "-d", "1"], ["-d", "1"], ["-c", "-d", "1", "--num-threads=2"]]
)
def test_what_makedumpfile_writes_is_read(tmp_path: Path, options: list[str]) -> None:
    need("makedumpfile", *(["module:lzallright"] if "-l" in options else []))
    write(tmp_path / "core", core_with_note(LOADS))
    run("makedumpfile", *options, "core", "vmcore", cwd=tmp_path)
    assert scanned(tmp_path / "vmcore") == PLANTED
    for _, address, data in LOADS:
        with closing(open_memory(str(tmp_path / "vmcore"))) as memory:
            assert memory.read(address, len(data)) == data
    if "--num-threads=2" not in options:
        (tmp_path / "flat").write_bytes(run("makedumpfile", "-F", *options, "core", cwd=tmp_path))
        assert scanned(tmp_path / "flat") == PLANTED


def test_what_makedumpfile_splits_is_read_part_by_part(tmp_path: Path) -> None:
    need("makedumpfile")
    write(tmp_path / "core", core_with_note(LOADS))
    run("makedumpfile", "--split", "--splitblock-size=64", "-c", "-d", "0", "core", "a", "b", "c", cwd=tmp_path)
    assert scanned(tmp_path / "a", tmp_path / "b", tmp_path / "c") == PLANTED


def test_what_qemu_dumps_is_read(tmp_path: Path) -> None:
    qemu = "qemu-system-x86_64"
    need(qemu)
    write(tmp_path / "page.bin", MESSAGES)
    planted = "loader,file=page.bin,addr=0x3c5a000,force-raw=on"
    run(
        *(qemu, "-M", "pc", "-m", "64", "-display", "none", "-S", "-monitor", "stdio", "-device", planted),
        cwd=tmp_path,
        stdin=b"dump-guest-memory -z vmcore\nquit\n",
    )
    assert scanned(tmp_path / "vmcore") == [0x3C5A000]
    if not missing(["makedumpfile"]):
        run("makedumpfile", "-R", "whole", cwd=tmp_path, stdin=(tmp_path / "vmcore").read_bytes())
        assert scanned(tmp_path / "whole") == [0x3C5A000]


def test_a_dump_with_vmcoreinfo_alone_is_not_searched_for_it(tmp_path: Path) -> None:
    """VMCOREINFO is where the sub header says; beyond a page of it, nothing is read."""
    data = bytearray(kdump({0: A}))
    struct.pack_into("<Q", data, PAGE + 40, 1 << 62)
    with closing(open_memory(write(tmp_path / "vmcore", bytes(data)))) as memory:
        assert memory.facts.kernel == "6.6.87"
    assert VMCOREINFO in data
