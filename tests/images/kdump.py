"""kdump-compressed vmcores, byte by byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from tests.images.core import PAGE, TIMER, page

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


def samples() -> dict[str, bytes]:
    """A small vmcore, with a gap between its pages."""
    return {"zlib": kdump({0: page({0: TIMER}), 1: bytes(PAGE), 0x3C5A: page({2: TIMER})})}
