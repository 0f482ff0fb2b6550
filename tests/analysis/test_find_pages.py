"""Message pages in memory: planted ones are found at the beginning of pages, and nothing else is."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from hvrepl.analysis.find_pages import PageFinder
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from tests.images.core import PAGE, RESET_OF_ARM64, STALE, TIMER, VERSION_RESPONSE, page

MIB = 1 << 20


def numbers(width: int, below: int) -> bytes:
    values = random.Random(width)
    return b"".join(values.randrange(below).to_bytes(width, "little") for _ in range(MIB // 4 // width))


BACKGROUNDS = {
    "random": random.Random(0).randbytes(MIB // 4),
    "zeros": bytes(MIB // 4),
    "ones": b"\xff" * (MIB // 4),
    "text": (b"It was a dark and stormy night in the data centre.\n" * 6000)[: MIB // 4],
    "small integers of 4 bytes": numbers(4, 16),
    "small integers of 8 bytes": numbers(8, 256),
    "pointers": b"".join((0xFFFF888000000000 + 64 * i).to_bytes(8, "little") for i in range(MIB // 32)),
}


@pytest.fixture(scope="module", params=ARCHES)
def finder(request: pytest.FixtureRequest) -> PageFinder:
    return PageFinder(Decoder(Catalog(open_index(None), request.param)))


def found(finder: PageFinder, data: bytes) -> list[tuple[int, int]]:
    return [(one.at, one.score) for one in finder.find(data)]


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_a_page_is_found_in_anything_where_a_page_starts(finder: PageFinder, name: str) -> None:
    memory = bytearray(BACKGROUNDS[name])
    assert found(finder, bytes(memory)) == []
    memory[5 * PAGE : 6 * PAGE] = page({0: TIMER, 2: VERSION_RESPONSE})
    memory[-PAGE:] = page({15: TIMER})
    assert found(finder, bytes(memory)) == [(5 * PAGE, 2), (len(memory) - PAGE, 1)]
    assert [one.at for one in finder.find(memory)] == [5 * PAGE, len(memory) - PAGE]


def test_pages_are_found_wherever_they_are_among_everything(finder: PageFinder) -> None:
    memory = bytearray(b"".join(BACKGROUNDS.values()) + bytes(3 * PAGE))
    places = range(0, len(memory), 7 * PAGE)
    for at in places:
        memory[at : at + PAGE] = page({at // PAGE % 16: TIMER})
    assert found(finder, bytes(memory)) == [(at, 1) for at in places]


@pytest.mark.parametrize("name", ["random", "text", "ones"])
@pytest.mark.parametrize("shift", [1, 16, 256, 2048, 4095])
def test_a_page_elsewhere_is_not_found(finder: PageFinder, name: str, shift: int) -> None:
    memory = bytearray(BACKGROUNDS[name])
    memory[3 * PAGE + shift : 4 * PAGE + shift] = page({0: TIMER})
    assert found(finder, bytes(memory)) == []


def test_an_incomplete_last_page_is_not_searched(finder: PageFinder) -> None:
    assert found(finder, page({0: TIMER}) + page({0: TIMER})[:-1]) == [(0, 1)]
    assert found(finder, b"") == []


BAD = {
    "a page of zeros": bytes(PAGE),
    "a slot of a type that has no name": page({0: TIMER, 3: struct.pack("<IBBHQ", 0x80000099, 8, 0, 0, 0) + bytes(8)}),
    "a type that a partition posted": page({0: TIMER, 3: struct.pack("<IBBHQ", 0x1234, 8, 0, 0, 0) + bytes(8)}),
    "a size over 240": page({0: TIMER, 3: struct.pack("<IBBHQ", 1, 241, 0, 0, 0)}),
    "reserved bytes": page({0: TIMER, 3: struct.pack("<IBBHQ", 1, 0, 0, 1, 0)}),
    "reserved bytes of a free slot": page({0: TIMER, 3: struct.pack("<IBBHQ", 0, 0, 0, 0x100, 0)}),
    "a reserved flag": page({0: TIMER, 3: struct.pack("<IBBHQ", 1, 0, 2, 0, 0)}),
    "a payload that is too short": page({0: TIMER[:4] + b"\x10" + TIMER[5:]}),
    "a payload that is too long": page({0: TIMER[:4] + b"\x28" + TIMER[5:]}),
    "a payload that cannot be": page({0: TIMER[:16] + b"\x07" + TIMER[17:]}),
    "a type that nobody lays out": page({0: struct.pack("<IBBHQ", 0x80000023, 8, 0, 0, 0) + b"12345678"}),
    "a payload of zeros": page({0: struct.pack("<IBBHQ", 1, 8, 0, 0, 0)}),
    "a VMBus message that nobody lays out": page({0: struct.pack("<IBBHQ II8s", 1, 16, 0, 0, 0, 29, 0, b"whatever")}),
    "more behind free slots than messages": page({0: TIMER, 1: STALE, 2: STALE}),
    "no payload": page({0: struct.pack("<IBBHQ", 1, 0, 1, 0, 0)}),
}


@pytest.mark.parametrize("name", BAD)
def test_no_page_has(finder: PageFinder, name: str) -> None:
    assert found(finder, BAD[name]) == []


def test_a_page_counts_the_messages_that_fit(finder: PageFinder) -> None:
    unfit = TIMER[:16] + b"\x07" + TIMER[17:]
    one = next(finder.find(page({0: TIMER, 4: unfit, 5: VERSION_RESPONSE})))
    assert (one.used, one.score) == (3, 2)


def test_a_message_of_another_arch_is_found_and_decoded_as_such(finder: PageFinder) -> None:
    one = next(finder.find(page({1: RESET_OF_ARM64})))
    assert one.node.arch == "arm64"
    assert "HVMSG_ARM64_RESET_INTERCEPT" in str(one.node.to_dict())


def test_a_page_that_fits_on_both_archs_is_decoded_on_the_current_one(finder: PageFinder) -> None:
    assert next(finder.find(page({1: TIMER}))).node.arch == finder.catalog.arch


def test_stale_payloads_after_free_slots_are_not_a_fault(finder: PageFinder) -> None:
    memory = page({0: TIMER, 1: STALE, 2: STALE[:4] + b"\x20" + STALE[5:]})
    one = next(finder.find(memory))
    assert one.score == 1
    assert {finding.code for finding in one.node.findings} == {"stale_payload"}


def code() -> Iterator[Path]:
    """Other contents of a machine's memory than data: programs and libraries."""
    return (Path(module).resolve() for module in (random.__file__, struct.__file__) if module)


def test_programs_have_no_message_pages(finder: PageFinder) -> None:
    import _ctypes
    import sys

    for path in (*code(), Path(sys.executable).resolve(), Path(_ctypes.__file__ or sys.executable)):
        assert found(finder, path.read_bytes()) == [], path
