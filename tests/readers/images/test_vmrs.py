"""Saved states of Hyper-V: memory by guest physical address, packed or not; cut and damaged anywhere, in bounded time and memory."""

from __future__ import annotations

import gzip
import json
import os
import random
import struct
import tracemalloc
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images import vmrs
from hvrepl.readers.images.formats import memory_in, open_memory, read_at
from hvrepl.readers.images.memory import Mapped, Packed
from hvrepl.readers.images.xpress import decompress, unpack_pages
from tests.images.core import PAGE, write
from tests.images.vmrs import (
    HEADERS,
    MIB,
    OBJECT_TABLE,
    VALUE,
    arm64,
    chunk,
    object_entry,
    pack,
    partition,
    range_of,
    reseal,
    saved,
    store,
    summed,
    vp,
    x64,
    xpress,
)
from tests.paths import DATA
from tests.program import call

MEMORY_USED = 24 << 20
A, B, C = (bytes([number]) * PAGE for number in (1, 2, 3))
TEXT = (b"The quick brown fox jumps over the lazy dog, %d times. " * 80)[:PAGE]
NOISE = random.Random(20).randbytes(3 * PAGE)
LOW = A + TEXT + bytes(MIB - 2 * PAGE) + NOISE + bytes(3 * PAGE) + B + B + C
HIGH = C + TEXT + NOISE
GUEST = {0: LOW, 1 << 32: HIGH}
SMALL = {0x100000: A + TEXT, 0x400000: B}
STATE = partition([vp(0, *x64(0xFFFFF80012345678, 0x1AD000)), vp(1, *x64(0x1000, 0x2000))], os_id=0x8100000606570000)


class Bytes:
    """A source in memory."""

    def __init__(self, data: bytes, path: str = "x.vmrs") -> None:
        self.data = data
        self.path = path
        self.size: int | None = len(data)

    def fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        part = self.data[offset : offset + len(buffer)]
        memoryview(buffer)[: len(part)] = part
        return len(part)

    def hole(self, offset: int, size: int) -> int:  # noqa: ARG002
        return 0

    def close(self) -> None:
        pass


def small(**options: bool) -> bytes:
    """An image whose memory is packed in its key tables: 20 KB."""
    return store(saved(SMALL, is_packed=True), **options)


def pieces(data: bytes) -> tuple[dict[int, bytes], str]:
    """The readable memory of an image, and its error."""
    found: dict[int, bytes] = {}
    message = ""
    try:
        with closing(memory_in(Bytes(data))) as memory:
            for address, piece, _ in memory.chunks():
                found[address] = bytes(piece)
            list(memory.ranges())
            list(memory.facts.state())
    except FileError as error:
        message = str(error)
    assert "\n" not in message
    assert message.startswith("x.vmrs: ") or not message
    return found, message.removeprefix("x.vmrs: ")


def is_true(found: Mapping[int, bytes], guest: Mapping[int, bytes]) -> bool:
    """Whether all results are at their places in the guest."""
    return all(
        any(data[address - start :].startswith(piece) for start, data in guest.items() if start <= address)
        for address, piece in found.items()
    )


@pytest.mark.parametrize("tables_first", [True, False])
@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("room", [226, 2])
def test_memory_is_read_by_guest_physical_address(tmp_path: Path, tables_first: bool, is_packed: bool, room: int) -> None:
    path = write(tmp_path / "guest.vmrs", store(saved(GUEST, is_packed=is_packed), tables_first=tables_first, room=room))
    with closing(open_memory(path)) as memory:
        assert isinstance(memory, Packed if is_packed else Mapped)
        assert memory.facts.format == "Hyper-V saved state"
        assert memory.facts.missing == ""
        assert [(one.address, one.size) for one in memory.ranges()] == [(0, len(LOW)), (1 << 32, len(HIGH))]
        assert memory.size == len(LOW) + len(HIGH)
        image = bytearray(len(LOW) + len(HIGH))
        passed = 0
        for address, data, hole in memory.chunks():
            at = address if address < 1 << 32 else address - (1 << 32) + len(LOW)
            image[at : at + len(data)] = data
            passed += len(data) + hole
        assert bytes(image) == LOW + HIGH
        assert passed == memory.size
        assert memory.read((1 << 32) + PAGE - 2, 4) == b"\3\3" + TEXT[:2]
        assert memory.read(MIB - 1, 3) == b"\0" + NOISE[:2]
        assert memory.read(len(LOW) - 1, 5) == b"\3"
        assert memory.read(1 << 40, 5) == b""
    with pytest.raises(FileError, match=r"has nothing at 0x200000; it has 0x0-0x108fff, 0x100000000-0x100004fff$"):
        read_at(path, 0x200000, 1)


@pytest.mark.parametrize("arch", ["x64", "arm64"])
def test_what_the_writer_of_openvmm_makes_is_read(tmp_path: Path, arch: str) -> None:
    """Made by support/hvs_file and vmm_core/hyperv_dump of OpenVMM at the commit in specs/sources.toml: 1 MiB at 0, 5 pages at 4 GiB."""
    path = write(tmp_path / "x.vmrs", gzip.decompress((DATA / f"images/openvmm_{arch}.vmrs.gz").read_bytes()))
    with closing(open_memory(path)) as memory:
        assert memory.facts.arch == arch
        assert [(one.address, one.size) for one in memory.ranges()] == [(0, MIB), (1 << 32, 5 * PAGE)]
        used = [address + at for address, data, _ in memory.chunks() for at in range(0, len(data), PAGE) if any(data[at : at + PAGE])]
        assert used == [0x8000, 0x100003000]
        ids = [struct.unpack_from("<I", one)[0] for one in memory.facts.state()]
    assert ids[:2] == [0, 0x20001000]
    assert ids.count(0x30001000) == 2
    assert ids.count(0x3001A000) == ids.count(0x30005000) == 3


def test_a_range_that_begins_within_a_block_takes_its_part_of_it() -> None:
    values = saved({0: TEXT + NOISE})
    values["/savedstate/RamMemoryBlock0"] = range_of(1, 0, 0x100)
    values["/savedstate/RamMemoryBlock1"] = range_of(2, 1, 0x10)
    found, error = pieces(store(values))
    assert error == ""
    assert found == {0x10000: NOISE[: 2 * PAGE], 0x100000: TEXT}
    values["/savedstate/RamBlock0"] = pack((TEXT + NOISE).ljust(MIB, b"\0"))
    assert pieces(store(values)) == (found, "")


def test_blocks_that_were_not_saved_are_not_memory_and_are_reported() -> None:
    values = saved({0: A + bytes(MIB - PAGE) + B + bytes(MIB - PAGE) + C})
    del values["/savedstate/RamBlock1"]
    with closing(memory_in(Bytes(store(values)))) as memory:
        assert [(one.address, one.size) for one in memory.ranges()] == [(0, MIB), (2 * MIB, PAGE)]
        assert memory.facts.missing == f"{MIB} bytes of memory that were not saved"
        assert memory.read(MIB, 1) == b""
        assert memory.read(2 * MIB, 1) == b"\3"


def test_the_state_is_what_was_saved_up_to_its_epilog() -> None:
    with closing(memory_in(Bytes(store(saved(SMALL, state=STATE))))) as memory:
        assert memory.facts.arch == "x64"
        found = list(memory.facts.state())
    assert b"".join(found) == STATE[40:-16]
    for vendor, arch in ((0, "x64"), (0x10, "arm64"), (7, "")):
        state = partition([vp(0, *arm64(0x1000))], vendor=vendor)
        with closing(memory_in(Bytes(store(saved(SMALL, state=state))))) as memory:
            assert memory.facts.arch == arch


@pytest.mark.parametrize("end", [0, 8, 24, 40, 50, 56, 5000, len(STATE) - 17, len(STATE) - 1])
def test_a_state_that_is_truncated_says_so_after_what_there_is(end: int) -> None:
    with closing(memory_in(Bytes(store(saved(SMALL, state=STATE[:end] or b"\0"))))) as memory:
        found = bytearray()
        with pytest.raises(FileError, match=r"x\.vmrs: is truncated or damaged: the state of its processors has no end"):
            found.extend(byte for one in memory.facts.state() for byte in one)
        assert STATE[40:].startswith(found)


@pytest.mark.parametrize("state", [chunk(0, b"") * 4, chunk(5, b""), struct.pack("<II8x", 0, 0xFFFFFFFF)])
def test_a_damaged_state_ends_where_it_makes_no_sense(state: bytes) -> None:
    for start in (struct.pack("<QQQ16x", 24, 24, 40 + len(state)), struct.pack("<QQQ16x", 24, (1 << 64) - 1, 40)):
        with closing(memory_in(Bytes(store(saved(SMALL, state=start + state))))) as memory:
            found: list[bytes] = []
            with pytest.raises(FileError, match="its processors"):
                found.extend(memory.facts.state())
            assert len(found) < 2


CONFIGURATION: dict[str, VALUE] = {"/configuration/properties/version": 0x0A00}
ONE = saved({0: A})
LOG = summed("<IIIBIBQII", 1, 0x01110003, 2, 0, 145, 0, 0, 0, 0)


def with_log(new: bytes, checksum: int = 0) -> bytes:
    """An image whose replay log has a change of its first page of memory, with a checksum that is off by some."""
    base = store(ONE)
    log_at = struct.unpack_from("<Q", base, 26)[0]
    memory_at = base.index(A)
    entry = summed("<IQIQI", 0, memory_at, len(new), 1000, zlib.crc32(new) + checksum)
    return store(ONE, log=(LOG + entry).ljust(1000, b"\0") + new) if log_at else b""


REFUSED = {
    "a configuration": (store(CONFIGURATION), "a file of Hyper-V without a saved state in it, such as a configuration, or the state of"),
    "no memory": (store({"/savedstate/VmVersion": 0x0A00}), "a saved state of Hyper-V without memory in it"),
    "ranges alone": (
        store({key: one for key, one in ONE.items() if "RamBlock" not in key}),
        "a saved state of Hyper-V without memory in it",
    ),
    "an old machine": (
        store(saved({0: A}, version=0x500)),
        "a saved state of a virtual machine of version 5.0; only versions above 5.0 are documented",
    ),
    "an old machine's path": (store({"/VmVersion": 0x200}), "a saved state of a virtual machine of version 2.0; only versions above 5.0"),
    "an old file": (store(ONE, version=0x301), "a file of Hyper-V in format 3.1; only 4.0 is documented and can be read"),
    "a newer file": (store(ONE, version=0x500), "a file of Hyper-V in format 5.0; only 4.0"),
    "newer ranges": (
        store(ONE | {"/savedstate/RamMemoryBlock0": range_of(1, 0, 0, 4)}),
        "ranges of memory are of version 4; only 3 is documented",
    ),
    "pages without an end": (
        store(ONE | {"/savedstate/RamMemoryBlock0": range_of(1 << 60, 0, 5)}),
        "is damaged: range 0 of its memory has",
    ),
    "no pages": (store(ONE | {"/savedstate/RamMemoryBlock0": range_of(0, 0, 5)}), "is damaged: range 0 of its memory has 0 pages from 0x5"),
    "one page twice": (store(ONE | {"/savedstate/RamMemoryBlock1": range_of(1, 1, 0)}), "is damaged: ranges of its memory overlap"),
    "one block twice": (store(ONE | {"/savedstate/RamMemoryBlock1": range_of(1, 0, 9)}), "is damaged: ranges of its memory overlap"),
    "another file": (A * 3, "named like a saved state of Hyper-V, but does not begin like one"),
    "two broken headers": (
        store(ONE)[:8] + b"\1" + store(ONE)[9:4104] + b"\1" + store(ONE)[4105:],
        "is damaged: both copies of its header",
    ),
    "a range of another size": (store(ONE | {"/savedstate/RamMemoryBlock0": bytes(40)}), "is damaged: 1 of its tables and entries fail"),
    "a block above 1 MiB": (store(ONE | {"/savedstate/RamBlock0": bytes(MIB + 1)}), "is damaged: 1 of its tables and entries fail"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_says_why(name: str) -> None:
    data, reason = REFUSED[name]
    found, error = pieces(data)
    assert not found
    assert reason in error


def test_one_good_copy_of_the_header_is_enough() -> None:
    data = store(ONE)
    for at in HEADERS:
        assert pieces(data[:at] + bytes(46) + data[at + 46 :]) == pieces(data)


def test_changes_that_were_not_made_are_said() -> None:
    assert pieces(with_log(A[:100])) == pieces(store(ONE))
    assert pieces(with_log(B[:100], checksum=1)) == pieces(store(ONE))
    found, error = pieces(with_log(B[:100]))
    assert found == {0: A}
    assert error == "was not closed: its replay log has changes that are not in the file (1), so parts of it are old"


def test_blocks_that_share_bytes_or_a_number_are_refused() -> None:
    data = bytearray(store(saved({0: LOW})))
    first, second = (data.index(b"RamBlock%d\0" % number) for number in (0, 1))
    same = bytearray(data)
    same[second : second + 22] = same[first : first + 9] + same[second + 9 : second + 22]
    assert pieces(reseal(bytes(same)))[1] == "is damaged: two of its blocks of memory have the number 0"
    data[second + 14 : second + 22] = data[first + 14 : first + 22]
    assert pieces(reseal(bytes(data)))[1] == "is damaged: its blocks of memory overlap in the file"


def test_tables_that_lead_back_are_read_once() -> None:
    data = bytearray(store(ONE))
    last = OBJECT_TABLE + 8 + 18 * 226
    data[last : last + 18] = object_entry(1, OBJECT_TABLE, 4096)
    found, error = pieces(bytes(data))
    assert found == {0: A}
    assert error == "is damaged: 1 of its tables and entries fail their checks"


def test_a_duplicate_key_table_is_refused() -> None:
    data = bytearray(store(ONE))
    second = OBJECT_TABLE + 8 + 18
    data[second : second + 18] = data[second - 18 : second]
    assert pieces(bytes(data))[1] == "is damaged: two of its key tables have the number 1"


def test_a_node_that_is_its_own_parent_has_no_path() -> None:
    data = bytearray(store(ONE))
    node = data.index(b"savedstate\0") - 21
    data[node + 6 : node + 12] = struct.pack("<HI", 1, node - 12288)
    assert pieces(reseal(bytes(data)))[1].startswith("a file of Hyper-V without a saved state in it")


def test_a_file_cut_anywhere_says_so_after_what_is_readable() -> None:
    for tables_first in (True, False):
        data = small(tables_first=tables_first)
        assert pieces(data)[1] == ""
        for end in range(4, len(data), 13):
            found, error = pieces(data[:end])
            assert is_true(found, SMALL)
            assert error.startswith("is truncated"), (end, error)


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_large_file_cut_anywhere_gives_the_blocks_before_the_cut(is_packed: bool) -> None:
    data = store(saved(GUEST, is_packed=is_packed))
    log_at = struct.unpack_from("<Q", data, 26)[0]
    counts = []
    for end in range(16384, log_at, 9973):
        found, error = pieces(data[:end])
        assert is_true(found, GUEST)
        size = sum(len(one) for one in found.values())
        assert error == f"is truncated: {error.split()[2]} bytes of the memory in it are missing" or not size or end > log_at - 4096 * 256
        counts.append(size)
    assert counts == sorted(counts)
    assert counts[-1] > MIB // 2 or is_packed


FIELDS = [
    *((at + field, size) for at in HEADERS for field, size in ((0, 4), (4, 4), (8, 2), (10, 4), (22, 4), (26, 8), (34, 8), (42, 4))),
    *((OBJECT_TABLE + field, 4) for field in (0, 4)),
    *((OBJECT_TABLE + 8 + 18 * entry + field, size) for entry in (0, 1, 226) for field, size in ((0, 1), (1, 4), (5, 8), (13, 4), (17, 1))),
    *((12288 + field, size) for field, size in ((0, 2), (2, 2), (4, 2), (6, 4))),
]
KEY_FIELDS = ((0, 1), (1, 1), (2, 4), (6, 2), (8, 4), (12, 4), (16, 4), (20, 1))


def changed(data: bytes, *others: bytes) -> Iterator[bytes]:
    """The image with each field set to all ones, and to the beginning of the others."""
    fields = list(FIELDS)
    at = 12288 + 10
    while at < 12288 + 4096 - 21:
        fields += [(at + field, size) for field, size in KEY_FIELDS]
        fields += [(at + 21 + data[at + 20] + place, 4) for place in (0, 4, 8)]
        at += struct.unpack_from("<I", data, at + 2)[0]
    for place, size in fields:
        for value in (b"\xff" * 8, *others):
            yield data[:place] + value[:size] + data[place + size :]


def test_damaged_fields_are_a_line_or_less_memory() -> None:
    for image in changed(small(), bytes(8), b"\1".ljust(8, b"\0"), random.Random(4).randbytes(8)):
        found, _ = pieces(image)
        assert is_true(found, SMALL)
        pieces(reseal(image))


def test_fields_of_all_ones_take_little_memory() -> None:
    images = [reseal(image) for image in changed(small())]
    tracemalloc.start()
    try:
        for image in images:
            pieces(image)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_USED
    finally:
        tracemalloc.stop()


def test_random_damage_is_a_line_or_less_memory() -> None:
    data = small()
    rng = random.Random(9)
    for _ in range(400):
        image = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(image) - 8)
            image[at : at + 8] = rng.choice((bytes(8), b"\xff" * 8, rng.randbytes(8)))
        pieces(bytes(image))
        pieces(reseal(bytes(image)))


def test_a_file_that_claims_much_takes_little(tmp_path: Path) -> None:
    path = tmp_path / "x.vmrs"
    data = bytearray(small())
    struct.pack_into("<I", data, OBJECT_TABLE + 4, 0xFFFFFFFF)
    path.write_bytes(data)
    with path.open("r+b") as file:
        file.truncate(1 << 38)
    tracemalloc.start()
    try:
        with suppress(FileError), closing(open_memory(str(path))) as memory:
            list(memory.chunks())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_USED


def test_blocks_of_patterns_are_passed_over_and_can_be_read() -> None:
    values: dict[str, VALUE] = {"/savedstate/VmVersion": 0x0A00, "/savedstate/RamMemoryBlock0": range_of(256 * 300, 0, 0)}
    mixed = A * 3 + bytes(MIB - 6 * PAGE) + b"abcdefgh" * 512 + B * 2
    values |= {f"/savedstate/RamBlock{number}": pack(mixed if number % 2 else bytes(MIB)) for number in range(300)}
    with closing(memory_in(Bytes(store(values)))) as memory:
        chunks = [(len(data), hole) for _, data, hole in memory.chunks()]
        assert memory.size == 300 * MIB
        assert memory.read(4 * MIB - 2 * PAGE - 8, 9) == b"abcdefgh\2"
    assert sum(hole for _, hole in chunks) == 300 * MIB
    assert not any(size for size, _ in chunks)


# [MS-XCA] 3.2
EXAMPLES = {"3f000000" + b"abcdefghijklmnopqrstuvwxyz".hex(): b"abcdefghijklmnopqrstuvwxyz", "ffffff1f61626317000fff2601": b"abc" * 100}


@pytest.mark.parametrize("packed", EXAMPLES)
def test_xpress_unpacks_what_its_document_has(packed: str) -> None:
    assert decompress(bytes.fromhex(packed), len(EXAMPLES[packed])) == EXAMPLES[packed]


def test_xpress_unpacks_what_was_packed() -> None:
    rng = random.Random(1)
    for number in range(400):
        data = bytes(rng.randrange(1 + number % 9) for _ in range(rng.randrange(1, PAGE // 4)))
        packed = xpress(data)
        assert decompress(packed, len(data)) == data
        if len(data) > 40:
            with pytest.raises(ValueError, match=r"match|literals"):
                decompress(packed[: len(packed) // 2], len(data))


def test_a_block_has_pages_of_all_kinds() -> None:
    short = struct.pack("<III", 0xFFFFFFFC, 100, 100) + bytes(range(100)) + struct.pack("<III", 0xFFFFFFFC, 300, 13)
    short += bytes.fromhex("ffffff1f61626317000fff2601")
    assert unpack_pages(short, 400) == bytes(range(100)) + b"abc" * 100
    block = (A + TEXT + NOISE + B + B + TEXT).ljust(MIB, b"\0")
    assert unpack_pages(pack(block), MIB) == block
    assert unpack_pages(pack(block)[:-4], MIB) == block  # without its end


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        struct.pack("<I8sI", 0xFFFFFFFD, b"12345678", 0xFFFFFFFF),
        struct.pack("<I8sI", 0xFFFFFFFD, b"12345678", 255),
        struct.pack("<I", 0xFFFFFFFE),
        struct.pack("<III", 0xFFFFFFFC, 0xFFFFFFFF, 5),
        struct.pack("<II", 5, 0),
        struct.pack("<I", 5000),
        # a match of 4 GiB
        struct.pack("<I", 17) + struct.pack("<IBHB", 0x10000000, 65, 7, 15) + b"\xff\0\0" + b"\xff\xff\xff\xff" + bytes(2),
    ],
)
def test_a_block_that_is_not_full_or_too_full_is_refused(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r".+"):
            unpack_pages(data, MIB)
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


def test_random_blocks_are_refused() -> None:
    for _ in range(500):
        with suppress(ValueError):
            unpack_pages(os.urandom(100), MIB)
        with suppress(ValueError):
            decompress(os.urandom(100), PAGE)


def test_a_block_that_cannot_be_unpacked_is_passed_over_and_counted() -> None:
    values = saved({0: LOW}, is_packed=True)
    values["/savedstate/RamBlock0"] = b"\5\0\0\0damaged"
    found, error = pieces(store(values))
    assert found == {MIB: LOW[MIB:]}
    assert error.startswith("is damaged: 1")
    assert error.endswith("cannot be unpacked, the first at 0x0")


def test_what_frames_a_state_is_what_the_specs_say(tmp_path: Path) -> None:
    """The reader splits a state into chunks without a definition; it must agree with the specs."""

    def fields(*words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(call("decode", *words, "-f", "json").out)["fields"]
        return found

    assert [fields("VM_SAVE_CHUNK_ID", f"{number:#x}")[0]["meaning"] for number in (vmrs.PROLOG, vmrs.EPILOG)] == ["PROLOG", "EPILOG"]
    arm64_vendors = [number for number in vmrs.ARCHES if fields("HV_PROCESSOR_VENDOR", f"{number:#x}")[0]["meaning"] == "Arm"]
    assert arm64_vendors == [number for number, arch in vmrs.ARCHES.items() if arch == "arm64"]
    prolog = fields("OB_SAVE_CHUNK_PROLOG", f"@{write(tmp_path / 'prolog', bytes(4064))}")
    assert [field["offset"] for field in prolog if field["name"] == "vendor"] == [vmrs.VENDOR_AT]
