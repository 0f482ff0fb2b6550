"""LiME images and AVML's, byte by byte, with a small snappy of our own that packs runs of a byte."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from functools import cache

from tests.images.core import PAGE, TIMER, VERSION_RESPONSE, page

LARGEST = 1 << 16  # bytes of memory in a chunk
RUN = re.compile(rb"(.)\1{7,}", re.DOTALL)


def range_header(magic: bytes, version: int, address: int, size: int) -> bytes:
    """LiME's doc: magic, version, first and last address, reserved."""
    return magic + struct.pack("<IQQQ", version, address, address + size - 1, 0)


def lime(ranges: Iterable[tuple[int, bytes]]) -> bytes:
    """(address, bytes) of each range."""
    return b"".join(range_header(b"EMiL", 1, address, len(data)) + data for address, data in ranges)


def pack_run(data: bytes) -> bytes:
    """The raw format of snappy's format_description.txt: literals, and copies of the byte before."""
    packed = varint(len(data))
    at = 0
    for run in RUN.finditer(data):
        packed += literals(data[at : run.start() + 1]) + copies(run.end() - run.start() - 1)
        at = run.end()
    return packed + literals(data[at:])


def varint(value: int) -> bytes:
    """7 bits per byte, the lowest first; the highest bit announces more."""
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def literals(data: bytes) -> bytes:
    """Tag 00 with the length less 1 in two bytes after it."""
    return bytes([61 << 2]) + struct.pack("<H", len(data) - 1) + data if data else b""


def copies(count: int) -> bytes:
    """Tag 10 with the length less 1, and an offset of 1."""
    whole, rest = divmod(count, 64)
    return bytes([63 << 2 | 2, 1, 0]) * whole + (bytes([rest - 1 << 2 | 2, 1, 0]) if rest else b"")


@cache
def crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def checksum(data: bytes) -> bytes:
    """CRC-32C, rotated and offset as in framing_format.txt."""
    table, value = crc_table(), 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    value ^= 0xFFFFFFFF
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def chunk(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + len(data).to_bytes(3, "little") + data


def compressed(data: bytes) -> bytes:
    return chunk(0x00, checksum(data) + pack_run(data))


def stored(data: bytes) -> bytes:
    return chunk(0x01, checksum(data) + data)


STREAM = chunk(0xFF, b"sNaPpY")


def avml_range(
    address: int, data: bytes, *, pack: Callable[[bytes], bytes] = compressed, before: bytes = STREAM, size: int = LARGEST
) -> bytes:
    """A range as AVML's image.rs and snappy.rs write it: a header, chunks of at most 64 KiB, and the length of these."""
    body = before + b"".join(pack(data[at : at + size]) for at in range(0, len(data), size))
    return range_header(b"AVML", 2, address, len(data)) + body + struct.pack("<Q", len(body))


def avml(ranges: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(avml_range(address, data) for address, data in ranges)


def samples() -> dict[str, bytes]:
    """Small images, including one of AVML with ranges of both kinds."""
    ranges = [(0x1000, page({0: TIMER}) + bytes(PAGE)), (0x3C5A000, page({0: TIMER, 2: VERSION_RESPONSE}))]
    mixed = lime(ranges[:1]) + avml_range(0x8000, page({3: TIMER}), pack=stored) + avml(ranges[1:])
    return {"lime": lime(ranges), "avml": avml(ranges), "mixed": mixed}
