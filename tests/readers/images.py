"""Memory images as tests need them: message pages, ELF cores and kdump-compressed vmcores, built byte by byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = 4096
SLOT = 256
TIMER = struct.pack("<IBBHQ IIQQ", 0x80000010, 24, 0, 0, 0, 0, 0, 0x1000, 0x1044)
VERSION_RESPONSE = struct.pack("<IBBHQ IIBBHI", 1, 16, 0, 0, 0x10001, 15, 0, 1, 0, 0, 0)
RESET_OF_ARM64 = struct.pack("<IBBHQ", 0x8001000C, 32, 0, 0, 1) + b"\1" + bytes(31)
STALE = bytes(16) + b"left from the last message"
MACHINE = 62  # EM_X86_64
SIGNATURE = b"KDUMP   "
# What drgn must know of a kernel before it reads a vmcore of it.
VMCOREINFO = b"""\
OSRELEASE=6.6.87
BUILD-ID=0123456789abcdef0123456789abcdef01234567
PAGESIZE=4096
SYMBOL(init_uts_ns)=ffffffff82a11b40
SYMBOL(swapper_pg_dir)=ffffffff8260a000
SYMBOL(_stext)=ffffffff81000000
KERNELOFFSET=0
NUMBER(phys_base)=0
NUMBER(pgtable_l5_enabled)=0
"""


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


def kdump(pages: Mapping[int, bytes]) -> bytes:
    """A kdump-compressed vmcore of format 6 with zlib pages: page number → its bytes. See makedumpfile's diskdump_mod.h."""
    frames = max(pages) + 1
    blocks = -(-frames // (8 * PAGE))  # of a bitmap
    bits = sum(1 << number for number in pages)
    bitmap = bits.to_bytes(blocks * PAGE, "little")
    names = b"".join(text.ljust(65, b"\0") for text in (b"Linux", b"guest", b"6.6.87", b"#1", b"x86_64", b"")).ljust(390, b"\0")
    header = struct.pack("<8si390s6x16sIiiIIIIIII", SIGNATURE, 6, names, bytes(16), 1, PAGE, 1, 2 * blocks, frames, 0, 0, 0, 0, 1)
    info_at = PAGE + 512
    note = struct.pack("<III12s", 11, len(VMCOREINFO), 0, b"VMCOREINFO") + VMCOREINFO
    places = (info_at + 24, len(VMCOREINFO), info_at, len(note))
    sub = struct.pack("<QiiQQQQQQQQQQQ", 0, 0, 0, 0, 0, *places, 0, 0, 0, frames, frames)
    sub = sub.ljust(512, b"\0") + note
    at = (2 + 2 * blocks) * PAGE + 24 * len(pages)
    descriptors, bodies = b"", b""
    for _, data in sorted(pages.items()):
        packed = zlib.compress(data)
        descriptors += struct.pack("<QIIQ", at + len(bodies), len(packed), 1, 0)
        bodies += packed
    return header.ljust(PAGE, b"\0") + sub.ljust(PAGE, b"\0") + bitmap + bitmap + descriptors + bodies


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
