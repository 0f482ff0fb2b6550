"""kdump-compressed vmcores, byte by byte, after makedumpfile's IMPLEMENTATION and diskdump_mod.h."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence

from tests.images.core import PAGE, TIMER, page

SIGNATURE = b"KDUMP   "
# Facts about a kernel without which drgn does not read its vmcore.
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
NAMES = ("Linux", "guest", "6.6.87", "#1", "x86_64", "")
Pack = Callable[[bytes], tuple[int, bytes]]  # a page → the flags of its descriptor, and its bytes in the file


def with_zlib(page: bytes) -> tuple[int, bytes]:
    return 1, zlib.compress(page)


def with_lzo(page: bytes) -> tuple[int, bytes]:
    from lzallright import LZOCompressor

    return 2, bytes(LZOCompressor().compress(page))


def with_snappy(page: bytes) -> tuple[int, bytes]:
    from cramjam import snappy

    return 4, bytes(snappy.compress_raw(page))


def with_zstd(page: bytes) -> tuple[int, bytes]:
    from cramjam import zstd

    return 0x20, bytes(zstd.compress(page))


def as_it_is(page: bytes) -> tuple[int, bytes]:
    return 0, page


def kdump(
    pages: Mapping[int, bytes],
    pack: Pack = with_zlib,
    *,
    version: int = 6,
    block: int = PAGE,
    is_32: bool = False,
    names: Sequence[str] = NAMES,
    info: bytes = VMCOREINFO,
    level: int = 0,
    status: int = 1,
    part: tuple[int, int] | None = None,
    blocks: int = 0,
) -> bytes:
    """A vmcore of page number → bytes of the page; pages of zeros share one page of the file.

    `part` are the first page and the one after the last in this file of a split dump, `blocks` those of one bitmap if it has spare ones.
    """
    frames = max(pages, default=0) + 1
    blocks = max(blocks, -(-frames // (8 * block)))
    bitmap = bytearray(blocks * block)
    for number in pages:
        bitmap[number // 8] |= 1 << number % 8
    utsname = b"".join(name.encode().ljust(65, b"\0") for name in names)
    counts = (status, block, 1, 2 * blocks, min(frames, 0xFFFFFFFF), 0, 0, 0, 0, 1)
    header = SIGNATURE + struct.pack("<i", version) + utsname + bytes(2 + 8 if is_32 else 6 + 16) + struct.pack("<IiiIIIIIIi", *counts)
    info_at = block + 512
    note = struct.pack("<III12s", 11, len(info), 0, b"VMCOREINFO") + info if info else b""
    first, end = part or (0, 0)
    places = ((info_at + 24, len(info)) if version >= 3 and info else (0, 0), (info_at, len(note)) if version >= 4 else (0, 0), (0, 0))
    word = "I" if is_32 else "Q"
    old = (0, 0) if version >= 6 and part else (first, end)
    sub = struct.pack(f"<{word}ii{word}{word}", 0, level if version >= 1 else 0, bool(part) if version >= 2 else 0, *old)
    sub += b"".join(struct.pack(f"<Q{word}", *place) for place in places)
    if version >= 6:
        sub += struct.pack("<QQQ", first, end, frames)
    sub = sub.ljust(512, b"\0") + note
    held = [data for number, data in sorted(pages.items()) if part is None or first <= number < end]
    at = (2 + 2 * blocks) * block + 24 * len(held)
    zeros = 0
    descriptors, bodies = bytearray(), bytearray()
    for data in held:
        is_zero = not any(data)
        flags, packed = (0, data) if is_zero else pack(data)
        if not is_zero or not zeros:
            zeros = at + len(bodies) if is_zero else zeros
            place = at + len(bodies)
            bodies += packed
        descriptors += struct.pack("<QIIQ", zeros if is_zero else place, len(packed), flags, 0)
    return b"".join((header.ljust(block, b"\0"), sub.ljust(block, b"\0"), bitmap, bitmap, descriptors, bodies))


def table_of(data: bytes, block: int = PAGE) -> int:
    """The place of a vmcore's descriptors."""
    (blocks,) = struct.unpack_from("<I", data, 436)
    return (2 + int(blocks)) * block


def samples() -> dict[str, bytes]:
    """A small vmcore, with a gap between its pages."""
    return {"zlib": kdump({0: page({0: TIMER}), 1: bytes(PAGE), 0x3C5A: page({2: TIMER})})}
