"""Message pages, and ELF cores that contain them, byte by byte."""

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
MACHINE = 62  # EM_X86_64; 3 is EM_386, 21 EM_PPC64, 183 EM_AARCH64


def page(slots: Mapping[int, bytes]) -> bytes:
    """A message page with messages in slots."""
    return b"".join(slots.get(number, b"").ljust(SLOT, b"\0") for number in range(PAGE // SLOT))


# For each class: the ELF header after e_ident (e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize,
# e_phnum, e_shentsize, e_shnum, e_shstrndx), a program header, and a section header of zeros up to sh_info. See elf(5).
HEADERS = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
ENTRIES = {32: "IIIIIIII", 64: "IIQQQQQQ"}
SECTIONS = {32: "28xI8x", 64: "44xI16x"}
LOAD, NOTE = 1, 4
MANY = 0xFFFF  # PN_XNUM

Segment = tuple[int, int, int, int, int, int]  # type, offset, virtual address, physical address, bytes in the file, bytes of memory


def core(
    segments: Sequence[Segment],
    data: bytes = b"",
    *,
    bits: int = 64,
    order: str = "<",
    kind: int = 4,
    machine: int = MACHINE,
    count: int | None = None,
    stride: int | None = None,
    start: int | None = None,
    info: int | None = None,
    sections: int | None = None,
    spare: int = 0,
) -> bytes:
    """An ELF file with the given headers: the ELF header, a section header if there is `info` for one, segments, and data.

    `spare` bytes come after each program header.
    """
    head, entry = 16 + struct.calcsize(order + HEADERS[bits]), struct.calcsize(order + ENTRIES[bits]) + spare
    section = b"" if info is None else struct.pack(order + SECTIONS[bits], info)
    numbers = {
        "e_type": kind,
        "e_machine": machine,
        "e_version": 1,
        "e_entry": 0,
        "e_phoff": head + len(section) if start is None else start,
        "e_shoff": (head if section else 0) if sections is None else sections,
        "e_flags": 0,
        "e_ehsize": head,
        "e_phentsize": entry if stride is None else stride,
        "e_phnum": len(segments) if count is None else count,
        "e_shentsize": len(section),
        "e_shnum": bool(section),
        "e_shstrndx": 0,
    }
    ident = bytes([0x7F, *b"ELF", 1 if bits == 32 else 2, 1 if order == "<" else 2, 1]).ljust(16, b"\0")
    form = order + ENTRIES[bits]
    table = b"".join(
        (struct.pack(form, what, *places, 7, 0) if bits == 32 else struct.pack(form, what, 7, *places, 0)) + bytes(spare)
        for what, *places in segments
    )
    return ident + struct.pack(order + HEADERS[bits], *numbers.values()) + section + table + data


def elf(
    loads: Sequence[tuple[int, int, bytes]],
    kind: int = 4,
    claimed: int = 0,
    note: bytes = b"",
    bits: int = 64,
    order: str = "<",
    machine: int = MACHINE,
    spare: int = 0,
) -> bytes:
    """An ELF file with (virtual address, physical address, bytes) loaded; kind 4 is a core. Each claims `more` bytes than it has."""
    blank = (NOTE, 0, 0, 0, 0, 0)
    at = len(core([blank] * (len(loads) + bool(note)), bits=bits, order=order, spare=spare))
    segments: list[Segment] = []
    if note:
        segments.append((NOTE, at, 0, 0, len(note), len(note)))
    bodies = note
    for virtual, physical, data in loads:
        size = len(data) + claimed
        segments.append((LOAD, at + len(bodies), virtual, physical, size, size))
        bodies += data
    return core(segments, bodies, bits=bits, order=order, kind=kind, machine=machine, spare=spare)


def note_of(name: bytes, data: bytes, order: str = "<") -> bytes:
    """A note of a core."""
    return struct.pack(order + "III", len(name) + 1, len(data), 0) + b"".join(part + bytes(-len(part) % 4) for part in (name + b"\0", data))


# As QEMU writes them for two CPUs, with Linux' own at the end.
NOTES = (
    note_of(b"CORE", bytes(336)) * 2
    + note_of(b"QEMU", bytes(432)) * 2
    + note_of(b"VMCOREINFO", b"OSRELEASE=6.6.87-1.azl3\nPAGESIZE=4096\n")
)


def samples() -> dict[str, bytes]:
    """Small cores of all kinds."""
    pages = [(0xFFFF888000001000, 0x1000, page({0: TIMER})), (0xFFFF888003C5A000, 0x3C5A000, page({0: TIMER, 2: VERSION_RESPONSE}))]
    low = [(0xC0000000 + physical, physical, data) for _, physical, data in pages]
    many = [(LOAD, 0x1000 + PAGE * place, 0, physical, PAGE, PAGE) for place, (_, physical, _) in enumerate(pages)]
    return {
        "core": elf(pages),
        "notes": elf(pages, note=NOTES),
        "bits_32": elf(low, note=NOTES, bits=32, machine=3),
        "big_endian": elf(pages, order=">", machine=21),
        "long_headers": elf(pages, spare=8),
        "extended": core(many, count=MANY, info=len(many)).ljust(0x1000, b"\0") + b"".join(data for *_, data in pages),
    }


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)
