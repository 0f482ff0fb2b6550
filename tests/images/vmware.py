"""VMware's .vmss, byte by byte, from crash's vmware_vmss.h and vmware_vmss.c."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tests.images.core import TIMER, page

SUSPENDED, RESTORED, PARTIAL, OLD = (struct.pack("<I", magic) for magic in (0xBED2BED2, 0xBAD1BAD1, 0xBED3BED3, 0xBED2BED0))


def tag(name: str, value: int, *indices: int, width: int = 4) -> bytes:
    kind = width | len(indices) << 6 | len(name) << 8
    return struct.pack(f"<H{len(name)}s{len(indices)}I", kind, name.encode(), *indices) + value.to_bytes(width, "little")


def block(name: str, data: bytes, *indices: int, padding: int = 0, size: int = 63, magic: bytes = SUSPENDED) -> bytes:
    """A tag with bytes after it; size 62 says that they are compressed."""
    kind = size | len(indices) << 6 | len(name) << 8
    sizes = struct.pack("<IIH" if magic == OLD else "<QQH", len(data), len(data), padding)
    return struct.pack(f"<H{len(name)}s{len(indices)}I", kind, name.encode(), *indices) + sizes + bytes(padding) + data


def regions(places: Sequence[tuple[int, int, int]]) -> bytes:
    """(the guest's first page, first page in the .vmem, number of pages) of each region."""
    tags = tag("regionsCount", len(places))
    for number, (first, place, size) in enumerate(places):
        tags += tag("regionPPN", first, number) + tag("regionPageNum", place, number) + tag("regionSize", size, number)
    return tags


def state(groups: Mapping[str, bytes], magic: bytes = SUSPENDED) -> bytes:
    """Groups of tags, each ended by an empty one."""
    at = 12 + 80 * len(groups)
    table, bodies = b"", b""
    for name, tags in groups.items():
        table += struct.pack("<64sQQ", name.encode(), at + len(bodies), len(tags) + 2)
        bodies += tags + bytes(2)
    return magic + struct.pack("<II", 8, len(groups)) + table + bodies


def samples() -> dict[str, bytes]:
    """A .vmss with its memory, in two regions."""
    memory = page({0: TIMER}) + page({2: TIMER})
    return {"vmss": state({"memory": regions([(0, 0, 1), (0x3C5A, 1, 1)]) + block("Memory", memory, 0, 0)})}
