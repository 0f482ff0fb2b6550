"""The state of a ring, from its control page."""

from __future__ import annotations

import struct

import pytest

from hvrepl.analysis.channels import read_ring
from hvrepl.codec.targets import open_decoder
from hvrepl.errors import FileError
from tests.images.core import PAGE

DECODER = open_decoder("x64", None)


def refuse(address: int, _: int) -> bytes:
    raise FileError(f"{address:#x} cannot be read")


@pytest.mark.parametrize(
    ("written", "taken", "size", "used"),
    [(0, 0, 0x1000, 0), (0x10, 0, 0x1000, 0x10), (0xFF8, 0, 0x1000, 0xFF8), (0x10, 0xFF0, 0x1000, 0x20), (0x100, 0x108, 0x1000, 0xFF8)],
)
def test_a_ring_is_filled_from_where_it_is_read_to_where_it_is_written(written: int, taken: int, size: int, used: int) -> None:
    control = struct.pack("<IIII", written, taken, 1, 0x58).ljust(PAGE, b"\0")
    ring = read_ring(DECODER, lambda _, count: control[:count], 0x1000, size)
    assert ring is not None
    assert ring.to_dict() == {"size": size, "used": used, "interrupts_masked": True, "waits_for": 0x58}


@pytest.mark.parametrize("size", [0, 0x1000])
def test_a_ring_with_indices_outside_it_is_not_counted(size: int) -> None:
    control = struct.pack("<IIII", 0x2000, 0, 0, 0).ljust(PAGE, b"\0")
    ring = read_ring(DECODER, lambda _, count: control[:count], 0x1000, size)
    assert ring is not None
    assert ring.error == f"write_index 0x2000 and read_index 0x0 do not fit {size:#x} bytes"


def test_a_ring_that_cannot_be_read_says_so_and_one_that_is_not_there_is_none() -> None:
    ring = read_ring(DECODER, refuse, 0xDEAD000, 0x1000)
    assert ring is not None
    assert ring.to_dict() == {"size": 0x1000, "error": "0xdead000 cannot be read"}
    assert read_ring(DECODER, refuse, 0, 0) is None
