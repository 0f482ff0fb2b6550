"""Message pages, and ELF cores that hold them, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = 4096
SLOT = 256
TIMER = struct.pack("<IBBHQ IIQQ", 0x80000010, 24, 0, 0, 0, 0, 0, 0x1000, 0x1044)
VERSION_RESPONSE = struct.pack("<IBBHQ IIBBHI", 1, 16, 0, 0, 0x10001, 15, 0, 1, 0, 0, 0)
RESET_OF_ARM64 = struct.pack("<IBBHQ", 0x8001000C, 32, 0, 0, 1) + b"\1" + bytes(31)
STALE = bytes(16) + b"left from the last message"
MACHINE = 62  # EM_X86_64


def page(slots: Mapping[int, bytes]) -> bytes:
    """A message page with messages in slots."""
    return b"".join(slots.get(number, b"").ljust(SLOT, b"\0") for number in range(PAGE // SLOT))


def elf(loads: Sequence[tuple[int, int, bytes]], kind: int = 4, claimed: int = 0) -> bytes:
    """An ELF file with (virtual address, physical address, bytes) loaded; kind 4 is a core. Each claims some bytes more than it has."""
    head, entry = 64, 56
    at = head + entry * len(loads)
    headers, bodies = b"", b""
    for virtual, physical, data in loads:
        size = len(data) + claimed
        headers += struct.pack("<IIQQQQQQ", 1, 7, at, virtual, physical, size, size, 0)
        bodies += data
        at += len(data)
    start = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", kind, MACHINE, 1, 0, head, 0, 0, head, entry, len(loads), 0, 0, 0
    )
    return start + headers + bodies


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
