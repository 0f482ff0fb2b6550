"""ELF cores as QEMU, Linux and makedumpfile write them, and as an attacker might."""

from __future__ import annotations

import struct
from contextlib import closing
from itertools import islice

import pytest

from hvrepl.readers.images.formats import memory_in
from hvrepl.readers.images.memory import Facts
from tests.fuzz import amount, sampled
from tests.images.core import LOAD, MANY, NOTE, NOTES, PAGE, TIMER, VERSION_RESPONSE, Segment, core, elf, note_of, page, samples
from tests.images.hostile import cuts, fields, survives, words
from tests.images.source import BytesSource

PAGES = {0x1000: page({0: TIMER}), 0x3C5A000: page({0: TIMER, 2: VERSION_RESPONSE})}
SAMPLES = samples()
KERNEL = "6.6.87-1.azl3"
A, B = bytes([1]) * PAGE, bytes([2]) * PAGE


def facts(data: bytes) -> Facts:
    with closing(memory_in(BytesSource(data))) as memory:
        return memory.facts


def fault(data: bytes) -> str:
    return survives(data).fault.removeprefix("image: ")


@pytest.mark.parametrize(
    ("name", "arch", "kernel"),
    [
        ("core", "x64", ""),
        ("notes", "x64", KERNEL),
        ("bits_32", "", KERNEL),
        ("big_endian", "", ""),
        ("long_headers", "x64", ""),
        ("extended", "x64", ""),
    ],
)
def test_a_core_of_each_kind_is_read(name: str, arch: str, kernel: str) -> None:
    found = survives(SAMPLES[name])
    assert (found.pages, found.fault) == (PAGES, "")
    said = facts(SAMPLES[name])
    assert (said.format, said.arch, said.kernel, said.missing, said.remark) == ("ELF core", arch, kernel, "", "")


def test_a_core_of_arm64_says_so() -> None:
    assert facts(elf([(0, 0x1000, A)], machine=183)).arch == "arm64"


@sampled
@pytest.mark.parametrize("name", SAMPLES)
def test_a_core_cut_anywhere_says_so_and_gives_what_there_is(name: str) -> None:
    for harm in cuts(SAMPLES[name], range(0, 512, amount(24, 1)), step=amount(256, 16)):
        found = survives(harm.data, truth=PAGES)
        assert found.fault or found.format == "raw", harm
        assert sum(map(len, found.pages.values())) <= len(harm.data), harm


@sampled
@pytest.mark.parametrize("name", ["core", "bits_32", "extended"])
def test_a_core_with_any_field_changed_does_no_harm(name: str) -> None:
    harms = fields(SAMPLES[name], words(0, 256))
    for harm in islice(harms, 0, None, amount(29, 1)):  # coprime to the numbers of values, so that each value has its turn
        try:
            survives(harm.data)
        except BaseException as error:
            raise AssertionError(str(harm)) from error


def loads(*segments: tuple[int, int, int, int]) -> list[Segment]:
    """(offset, physical address, bytes in the file, bytes of memory) of each."""
    return [(LOAD, offset, place, physical, size, memory) for place, (offset, physical, size, memory) in enumerate(segments)]


BEYOND = 1 << 40
DAMAGED = {
    "class": (b"\x7fELF\x03\x01\x01".ljust(64, b"\0"), "its class is 3 and its byte order 1; each is 1 or 2"),
    "byte order": (b"\x7fELF\x02\x00\x01".ljust(64, b"\0"), "its class is 2 and its byte order 0; each is 1 or 2"),
    "half a header": (elf([(0, 0x1000, A)])[:20], "it ends within its header"),
    "object": (elf([(0, 0x1000, A)], kind=1), "an ELF program or library; give a core, the memory of a machine"),
    "type": (elf([(0, 0x1000, A)], kind=0xFE00), "its type is 65024; that of a core is 4"),
    "header of 0 bytes": (core(loads((0, 0, 64, 64)), stride=0), "a program header has 56 bytes, not 0"),
    "header of 1 byte": (core(loads((0, 0, 64, 64)), stride=1), "a program header has 56 bytes, not 1"),
    "header of 31 bytes": (core(loads((0, 0, 64, 64)), bits=32, stride=31), "a program header has 32 bytes, not 31"),
    "huge header": (core(loads((0, 0, 64, 64)), stride=0xFFFF), "is truncated after 0 of its 1 program headers"),
    "headers beyond the end": (core(loads((0, 0, 64, 64)), start=BEYOND), "is truncated after 0 of its 1 program headers"),
    "headers where none can be": (core(loads((0, 0, 64, 64)), start=1 << 63), "is truncated after 0 of its 1 program headers"),
    "memory beyond the end": (core(loads((BEYOND, 0, 64, 64))), "is truncated before the memory in it begins"),
    "memory where none can be": (core(loads(((1 << 64) - 1, 0, 64, 64))), "is truncated before the memory in it begins"),
    "no memory at an address": (core(loads((0, (1 << 64) - 1, 64, 64))), "an ELF core without memory in it"),
    "no headers, of some size": (core([], stride=1), "an ELF core without memory in it"),
    "65535 headers": (core([], count=MANY), "is truncated after 0 of its 65535 program headers"),
    "section beyond the end": (
        core([], count=MANY, sections=BEYOND),
        "is truncated after 0 of its 65535 program headers",
    ),
    "4 billion headers": (core([], count=MANY, info=(1 << 32) - 1), "is truncated after 0 of its 4294967295 program headers"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_core_without_memory_is_refused(name: str) -> None:
    data, reason = DAMAGED[name]
    assert fault(data).removeprefix("begins as an ELF file but cannot be read as one: ").startswith(reason)


HEAD = 64 + 2 * 56


def test_a_range_beyond_the_last_address_is_read_up_to_there() -> None:
    found = survives(core(loads((HEAD, 0x1000, PAGE, PAGE), (HEAD + PAGE, (1 << 64) - PAGE, 2 * PAGE, 2 * PAGE)), A + B + A))
    assert found.pages == {0x1000: A, (1 << 64) - PAGE: B}
    assert found.fault == f"image: is damaged: {PAGE} bytes of the memory in it have addresses of more than 64 bits"


def test_a_core_with_a_header_missing_gives_the_memory_of_the_others() -> None:
    data = core(loads((64, 0, PAGE, PAGE), (BEYOND, 0x5000, PAGE, PAGE)), start=64 + PAGE)
    data = data[:64] + A + data[64:]
    found = survives(data[:-1])
    assert found.pages == {0: A}
    assert found.fault == "image: is truncated after 1 of its 2 program headers"
    assert survives(data).fault == f"image: is truncated: {PAGE} bytes of the memory in it are missing"


def test_more_in_the_file_than_in_memory_is_read() -> None:
    assert survives(core(loads((HEAD - 56, 0x1000, PAGE, 1)), A)).pages == {0x1000: A}


def test_memory_that_was_left_out_is_a_fact() -> None:
    """As makedumpfile -E omits pages."""
    data = core(loads((HEAD, 0x1000, PAGE, 4 * PAGE), (HEAD + PAGE, 0x9000, 0, PAGE)), A)
    assert survives(data).pages == {0x1000: A}
    assert survives(data).fault == ""
    assert facts(data).missing == f"{4 * PAGE} bytes of its memory"
    # Memory that one header omits and another has is not missing.
    assert facts(core(loads((HEAD, 0x1000, PAGE, 2 * PAGE), (HEAD + PAGE, 0x2000, PAGE, PAGE)), A + B)).missing == ""


def test_bytes_at_several_addresses_are_searched_at_one_and_read_at_each() -> None:
    segments = loads(*((64 + 3 * 56, address, 2 * PAGE, 2 * PAGE) for address in (0x5000, 0x1000, 0x9000)))
    data = core(segments, A + B)
    found = survives(data)
    assert (found.pages, found.fault) == ({0x1000: A, 0x2000: B}, "")
    with closing(memory_in(BytesSource(data))) as memory:
        assert [memory.read(address, PAGE) for address in (0x1000, 0x5000, 0x9000, 0xA000)] == [A, A, A, B]
        assert [one.address for one in memory.ranges()] == [0x1000, 0x5000, 0x9000]
        assert memory.size == 2 * PAGE
        assert memory.facts.remark == "some of its memory is at several addresses; pages in it are shown at one of them"


def test_memory_in_any_order_in_the_file_is_at_one_address() -> None:
    data = core(loads((HEAD, 0x5000, PAGE, PAGE), (HEAD + PAGE, 0x1000, PAGE, PAGE)), A + B)
    assert survives(data).pages == {0x1000: B, 0x5000: A}
    assert facts(data).remark == ""


def test_overlapping_bytes_of_the_file_are_searched_once() -> None:
    segments = loads((HEAD, 0x5000, 2 * PAGE, 2 * PAGE), (HEAD + PAGE, 0x1000, 2 * PAGE, 2 * PAGE))
    found = survives(core(segments, A + B + A))
    assert found.pages == {0x5000: A, 0x6000: B, 0x2000: A}


@sampled
def test_65534_segments_over_one_mebibyte_are_one_mebibyte_of_work() -> None:
    table = loads(*((0, number << 32, 1 << 20, 1 << 20) for number in range(amount(1000, 0xFFFE))))
    data = core(table, A * 256)
    found = survives(data)
    assert found.fault == ""
    assert sum(map(len, found.pages.values())) == 1 << 20
    assert found.filled <= 4 * len(data)


def test_headers_in_a_hole_are_passed_over() -> None:
    count = 100_000
    start = 1 << 16
    data = core([], count=MANY, info=count, start=start).ljust(start, b"\0") + bytes(56 * count)
    assert survives(data).calls < count / 100
    first = struct.pack("<IIQQQQQQ", LOAD, 7, start + 56 * count, 0, 0x1000, PAGE, PAGE, 0)
    data = data[: start + 56 * 90_000] + first + data[start + 56 * 90_001 :] + A
    found = survives(data)
    assert (found.pages, found.fault) == ({0x1000: A}, "")
    assert found.filled < 1 << 18


def test_more_memory_than_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hvrepl.readers.images.elf.MOST_LOADS", 1024)
    table = loads(*((0, PAGE * number, number % 2, 1) for number in range(1025)))
    assert fault(core(table)) == "an ELF core of 1,025 pieces of memory; at most 1,024 are read"
    assert fault(core(table[1:])) == ""


def with_notes(*notes: bytes, order: str = "<") -> bytes:
    return elf([(0, 0x1000, A)], note=b"".join(notes), order=order)


INFO = note_of(b"VMCOREINFO", b"OSRELEASE=5.15.0\n")
KERNELS = {
    "after others": (with_notes(NOTES), KERNEL),
    "alone": (with_notes(INFO), "5.15.0"),
    "of another order": (with_notes(note_of(b"CORE", b"12345", ">"), note_of(b"VMCOREINFO", b"OSRELEASE=4.4\n", ">"), order=">"), "4.4"),
    "one without a name ends them": (with_notes(bytes(12), INFO), ""),
    "one that goes on beyond the file": (with_notes(struct.pack("<III", 5, (1 << 32) - 1, 0) + b"CORE\0\0\0\0", INFO), ""),
    "a name that does": (with_notes(struct.pack("<III", (1 << 32) - 1, 0, 0), INFO), ""),
    "info that does": (with_notes(struct.pack("<III", 11, (1 << 32) - 1, 0) + b"VMCOREINFO\0\0OSRELEASE=5.4\n"), "5.4"),
    "not printable": (with_notes(note_of(b"VMCOREINFO", b"OSRELEASE=5\x1b[8m\n")), ""),
    "half a note": (with_notes(b"\1\0\0\0"), ""),
    "beyond the end": (core([(NOTE, BEYOND, 0, 0, 64, 64), *loads((HEAD, 0, PAGE, PAGE))], A), ""),
    "at no offset": (core([(NOTE, (1 << 64) - 1, 0, 0, 64, 64), *loads((HEAD, 0, PAGE, PAGE))], A), ""),
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_names_its_release_in_a_note(name: str) -> None:
    data, kernel = KERNELS[name]
    found = survives(data)
    assert (list(found.pages.values()), found.fault) == ([A], "")
    assert facts(data).kernel == kernel


@sampled
def test_notes_without_end_are_looked_at_for_a_while() -> None:
    empty = struct.pack("<III", 1, 0, 0) + b"A\0\0\0"
    assert survives(with_notes(empty * amount(2000, 200_000))).fault == ""
