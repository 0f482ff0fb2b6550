"""Xen cores, byte by byte, from Xen's docs/misc/dump-core-format.txt."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.images.core import TIMER, page

NOBODY = -1  # the number of a page without an owner


def note(kind: int, body: bytes, order: str) -> bytes:
    return struct.pack(f"{order}III4s", 4, len(body), kind, b"Xen") + body


def xen(
    pages: Sequence[tuple[int, bytes]],
    *,
    table: str = ".xen_pfn",
    page: int = 4096,
    order: str = "<",
    machine: int = 62,
    names_last: bool = False,
    noted: int | None = None,
) -> bytes:
    """(page number, its bytes) in the order of the file. `noted` is the page size in the note, if it differs."""
    numbers = [number % (1 << 64) for number, _ in pages]
    if table == ".xen_p2m":
        numbers = [value for number in numbers for value in (number, number ^ 0x5000)]
    header = struct.pack(f"{order}QQQQ", 0xF00FEBEE, 1, len(pages), page if noted is None else noted)
    notes = note(0x2000000, b"", order) + note(0x2000001, header, order) + note(0x2000003, struct.pack(f"{order}Q", 1), order)
    contents = {
        ".note.Xen": (7, notes),
        ".xen_prstatus": (1, bytes(5168)),
        ".xen_pages": (1, b"".join(data for _, data in pages)),
        table: (1, struct.pack(f"{order}{len(numbers)}Q", *numbers)),
    }
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (".shstrtab", *contents))
    order_in_file = [*contents, ".shstrtab"] if names_last else [".shstrtab", *contents]
    contents[".shstrtab"] = (3, names)
    at = 64 + 64 * (1 + len(contents))
    bodies, places = b"", {}
    for name in order_in_file:
        if name == ".xen_pages":
            bodies += bytes(-(at + len(bodies)) % page)
        places[name] = at + len(bodies)
        bodies += contents[name][1]
    sections = bytes(64)
    for name, (kind, data) in contents.items():
        entry = {".xen_pages": page, ".xen_pfn": 8, ".xen_p2m": 16}.get(name, 0)
        sections += struct.pack(f"{order}IIQQQQIIQQ", names.index(name.encode()), kind, 0, 0, places[name], len(data), 0, 0, 8, entry)
    start = b"\x7fELF\2" + bytes([1 if order == "<" else 2]) + b"\1" + bytes(9)
    start += struct.pack(f"{order}HHIQQQIHHHHHH", 4, machine, 1, 0, 0, 64, 0, 64, 56, 0, 64, 1 + len(contents), len(contents))
    return start + sections + bodies


def samples() -> dict[str, bytes]:
    """A core with each kind of table."""
    pages = [(1, page({0: TIMER})), (NOBODY, bytes(4096)), (0x3C5A, page({2: TIMER}))]
    return {"pfn": xen(pages), "p2m": xen(pages, table=".xen_p2m")}
