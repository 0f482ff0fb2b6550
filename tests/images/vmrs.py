"""Saved states of Hyper-V, byte by byte after OpenVMM's support/hvs_file/FORMAT.md and vm/hv1/hvdef/src/save_restore.rs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

from tests.images.core import PAGE, TIMER, page

MIB = 1 << 20
VALUE = int | str | bytes  # an Int, a String or an Array

# Places of fields in an image from `store` with the tables first: for tests that change them.
HEADERS = (0, 4096)
OBJECT_TABLE = 8192


def summed(layout: str, checksum: int, *fields: int) -> bytes:
    """A packed struct whose field number `checksum` is the CRC-32 of the struct with that field zero."""
    values = list(fields)
    values.insert(checksum, 0)
    values[checksum] = zlib.crc32(struct.pack(layout, *values))
    return struct.pack(layout, *values)


def header(sequence: int, log: int, version: int = 0x400) -> bytes:
    return summed("<IIHIIIIQQI", 1, 0x01282014, sequence, version, 0, 0, 4096, log, 4096, 4096).ljust(4096, b"\0")


def object_entry(kind: int, offset: int, size: int, flags: int = 0) -> bytes:
    return summed("<BIQIB", 1, kind, offset, size, flags)


def key_entry(kind: int, flags: int, parent: tuple[int, int], order: int, name: str, data: bytes) -> bytes:
    named = name.encode() + b"\0"
    size = 21 + len(named) + len(data)
    head = struct.pack("<BBIHIIIB", kind, flags, size, *parent, 0, order, len(named))
    checksum = zlib.crc32(head + named + data)
    return head[:12] + struct.pack("<I", checksum) + head[16:] + named + data


def store(values: Mapping[str, VALUE], *, tables_first: bool = True, log: bytes = b"", room: int = 226, version: int = 0x400) -> bytes:
    """A file with values under paths; arrays of 2048 bytes and more are separate objects.

    `room`: entries of an object table, without the one that leads to the next.
    """
    entries: list[tuple[str, str, int, VALUE]] = []  # path of the parent, name, kind, value
    nodes: set[str] = set()
    for path, value in values.items():
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts)):
            node = "/".join(parts[:depth])
            if node not in nodes:
                nodes.add(node)
                entries.append(("/".join(parts[: depth - 1]), parts[depth - 1], 9, 0))
        entries.append(("/".join(parts[:-1]), parts[-1], {int: 3, str: 6, bytes: 7}[type(value)], value))
    large = [value for _, _, kind, value in entries if kind == 7 and isinstance(value, bytes) and len(value) >= 2048]
    sizes = [len(value) + -len(value) % 4096 for value in large]
    table_count = len(split(entries, [0] * len(entries)))
    object_count = 1 + (table_count + len(large) - 1) // room
    tables_at = 8192 + 4096 if tables_first else 8192 + 4096 + sum(sizes)
    large_at = tables_at + 4096 * table_count if tables_first else 8192 + 4096
    log_at = max(tables_at + 4096 * table_count, large_at + sum(sizes))
    offsets = [large_at + sum(sizes[:index]) for index in range(len(sizes))]
    tables = split(entries, offsets)
    objects = [object_entry(2, tables_at + 4096 * index, 4096, 1) for index in range(table_count)]
    objects += [object_entry(3, offset, size) for offset, size in zip(offsets, sizes, strict=True)]
    places = [8192, *(log_at + 4096 * (1 + index) for index in range(object_count - 1))]
    image = bytearray(log_at + 4096 * object_count)
    image[:8192] = header(7, log_at, version) + header(6, log_at, version)
    for index, at in enumerate(places):
        part = objects[room * index : room * (index + 1)]
        chain = object_entry(1, places[index + 1], 4096) if index + 1 < object_count else object_entry(0, 0, 0)
        part += [object_entry(0, 0, 0)] * (room - len(part)) + [chain]
        table = struct.pack("<II", 0x01110001, room + 1) + b"".join(part)
        image[at : at + len(table)] = table
    for index, table in enumerate(tables):
        image[tables_at + 4096 * index : tables_at + 4096 * (index + 1)] = table
    for offset, value in zip(offsets, large, strict=True):
        image[offset : offset + len(value)] = value
    image[log_at : log_at + 4096] = (log or summed("<IIIBIBQII", 1, 0x01110003, 0, 0, 145, 0, 0, 0, 0)).ljust(4096, b"\0")
    return bytes(image)


def split(entries: Sequence[tuple[str, str, int, VALUE]], offsets: Sequence[int]) -> list[bytes]:
    """The entries in key tables of 4096 bytes, each with its header, filled to its end."""
    tables: list[bytearray] = []
    places: dict[str, tuple[int, int]] = {"": (0, 0)}
    order: dict[str, int] = {}
    waiting = iter(offsets)
    for parent, name, kind, value in entries:
        order[parent] = order.get(parent, 0) + 1
        flags = 0
        if kind == 9:
            data = struct.pack("<QI", 0, 1)
        elif isinstance(value, int):
            data = struct.pack("<q", value)
        elif isinstance(value, str):
            text = (value + "\0").encode("utf-16-le")
            data = struct.pack("<I", len(text)) + text
        elif len(value) >= 2048:
            flags, data = 1, struct.pack("<IQ", len(value), next(waiting))
        else:
            data = struct.pack("<I", len(value)) + value
        entry = key_entry(kind, flags, places[parent], order[parent], name, data)
        if not tables or len(tables[-1]) + len(entry) > 4096 - 22:
            tables.append(bytearray(summed("<HHHI", 3, 2, len(tables) + 1, 1)))
        if kind == 9:
            places[f"{parent}/{name}".strip("/")] = len(tables), len(tables[-1])
        tables[-1] += entry
    return [bytes(fill(table)) for table in tables]


def fill(table: bytearray) -> bytearray:
    """A key table with a free entry up to its end."""
    rest = 4096 - len(table)
    return table + struct.pack("<BBIHIIIB", 1, 0, rest, 0, 0, 0, 0, 0).ljust(rest, b"\0")


def range_of(pages: int, index: int, page: int, version: int = 3) -> bytes:
    return struct.pack("<IIQQQIIQ", version, 0, pages, index, page, 0, 0, 0)


def saved(memory: Mapping[int, bytes], *, state: bytes = b"", is_packed: bool = False, version: int = 0x0A00) -> dict[str, VALUE]:
    """The values of a saved state: guest physical address → the memory there. The last block is filled up with zeros."""
    values: dict[str, VALUE] = {
        "/savedstate/VmVersion": version,
        "/configuration/properties/version": version,
        "/savedstate/type": "Normal",
    }
    if state:
        values["/savedstate/savedVM/partition_state"] = state
    block = 0
    for number, (address, data) in enumerate(memory.items()):
        values[f"/savedstate/RamMemoryBlock{number}"] = range_of(len(data) // PAGE, 256 * block, address // PAGE)
        for at in range(0, len(data), MIB):
            whole = data[at : at + MIB].ljust(MIB, b"\0")
            packed = pack(whole) if is_packed else whole
            values[f"/savedstate/RamBlock{block}"] = packed if len(packed) < MIB else whole
            block += 1
    return values


def pack(block: bytes) -> bytes:
    """A block as Hyper-V packs it: runs of equally filled pages, plain pages, and pages packed by Xpress, each after its size."""
    found = b""
    at = 0
    while at < len(block):
        page = block[at : at + PAGE]
        if page == page[:8] * (PAGE // 8):
            count = 1
            while block[at + PAGE * count : at + PAGE * (count + 1)] == page:
                count += 1
            found += struct.pack("<I8sI", 0xFFFFFFFD, page[:8], count) if count > 1 else struct.pack("<I8s", 0xFFFFFFFE, page[:8])
            at += PAGE * count
            continue
        packed = xpress(page)
        best = packed if len(packed) < PAGE else page
        found += struct.pack("<I", len(best)) + best
        at += PAGE
    return found + struct.pack("<I", 0xFFFFFFFF)


def xpress(data: bytes) -> bytes:
    """Plain LZ77 of [MS-XCA], with the nearest match for each three bytes."""
    out = bytearray(4)
    flags, count, flags_at, half = 0, 0, 0, 0
    seen: dict[bytes, int] = {}
    at = 0
    while at < len(data):
        if count == 32:
            struct.pack_into("<I", out, flags_at, flags)
            flags, count, flags_at = 0, 0, len(out)
            out += bytes(4)
        start = seen.get(data[at : at + 3], -1) if at + 3 <= len(data) else -1
        length = 0
        while start >= 0 and at + length < len(data) and data[start + length] == data[at + length]:
            length += 1
        for place in range(at, at + max(1, length)):
            seen[data[place : place + 3]] = place
        flags = flags << 1 | (length >= 3)
        count += 1
        if length < 3:
            out.append(data[at])
            at += 1
            continue
        rest = length - 3
        out += struct.pack("<H", at - start - 1 << 3 | min(rest, 7))
        if rest >= 7:
            more = rest - 7
            if half:
                out[half] |= min(more, 15) << 4
                half = 0
            else:
                half = len(out)
                out.append(min(more, 15))
            if more >= 15:
                out += bytes([more - 15]) if more < 15 + 255 else b"\xff" + struct.pack("<H", rest)
        at += length
    flags = flags << (32 - count) | (1 << (32 - count)) - 1
    struct.pack_into("<I", out, flags_at, flags)
    return bytes(out)


def chunk(number: int, data: bytes) -> bytes:
    return struct.pack("<II8x", number, len(data)) + data


def partition(chunks: Iterable[bytes], vendor: int = 1, os_id: int = 0) -> bytes:
    """The state of a partition: its descriptor, the prolog, the guest OS id, the chunks and the epilog."""
    prolog = chunk(0, struct.pack("<IB3xI", 0x50546475, 0, vendor).ljust(4064, b"\0"))
    body = prolog + chunk(0x20001000, struct.pack("<Q8x", os_id)) + b"".join(chunks) + chunk(0xF0000000, b"")
    return struct.pack("<QQQ16x", 24, 24, 40 + len(body)) + body


def vp(index: int, *chunks: bytes, vtl: int = 0) -> bytes:
    """The chunks of a processor in a VTL."""
    return chunk(0x30001000, struct.pack("<I12x", index)) + chunk(0x3001A000, struct.pack("<B15x", vtl)) + b"".join(chunks)


def x64(rip: int, cr3: int) -> tuple[bytes, ...]:
    """The registers of a processor, of each documented kind."""
    general = [number << 8 | 1 for number in range(16)] + [rip, 2]
    segment = struct.pack("<QIHH", 0, 0xFFFFFFFF, 0x10, 0x209B)
    return (
        chunk(0x30005000, struct.pack("<18Q", *general)),
        chunk(0x30007000, struct.pack("<6Q", 0x80050033, 0, cr3, 0x370678, 0, 0xD01)),
        chunk(0x30009000, segment * 8 + bytes(16)),
        chunk(0x3000A000, struct.pack("<6xHQ6xHQ", 0xFFF, 0xFFFFF80000000000, 0x6F, 0xFFFFF80000001000)),
        chunk(0x30008000, struct.pack("<6Q", 0, 0, 0, 0, 0xFFFF0FF0, 0x400)),
        chunk(0x30006000, bytes(16 * 24) + struct.pack("<HHBBHQ QII", 0x37F, 0, 0, 0, 0, 0, 0, 0x1F80, 0xFFFF)),
        chunk(0x3000D000, struct.pack("<Q56x", 7)),
    )


def arm64(elr: int) -> tuple[bytes, ...]:
    return (
        chunk(0x30005000, struct.pack("<42Q", *range(31), elr, *range(10))),
        chunk(0x30007000, struct.pack("<16Q", 0, 0, 0x30D00800, *[0] * 13)),
        chunk(0x3000A000, struct.pack("<3Q8x", 0x40000, 0x50000, 0x60000)),
        chunk(0x30006000, bytes(528)),
    )


def reseal(image: bytes) -> bytes:
    """An image whose tables come first, with new checksums for its headers, first object table and key tables."""
    data = bytearray(image)
    for at in HEADERS:
        renew(data, at, at + 46, 4)
    count = min(struct.unpack_from("<I", data, OBJECT_TABLE + 4)[0], 227)
    for at in range(OBJECT_TABLE + 8, OBJECT_TABLE + 8 + 18 * count, 18):
        renew(data, at, at + 18, 1)
        kind, _, offset, size, _ = struct.unpack_from("<BIQIB", data, at)
        if kind == 2 and 8192 < offset <= len(data) - 4096:
            renew(data, offset, offset + 10, 6)
            renew_keys(data, offset, min(size, 4096))
    return bytes(data)


def renew_keys(data: bytearray, table: int, size: int) -> None:
    at = table + 10
    while at + 21 <= table + size:
        kind, flags, taken, *_, named = struct.unpack_from("<BBIHIIIB", data, at)
        start = at + 21 + named
        length = 12 if flags & 1 or kind == 9 else 8 if kind == 3 else 4
        if kind in (6, 7) and not flags & 1 and start + 4 <= len(data):
            length += struct.unpack_from("<I", data, start)[0]
        if start + length <= len(data) and kind != 1:
            renew(data, at, start + length, 12)
        if not taken:
            return
        at += taken


def renew(data: bytearray, start: int, end: int, checksum: int) -> None:
    data[start + checksum : start + checksum + 4] = bytes(4)
    data[start + checksum : start + checksum + 4] = struct.pack("<I", zlib.crc32(data[start:end]))


def samples() -> dict[str, bytes]:
    """A small saved state, plain and packed."""
    memory = {0: page({0: TIMER})}
    state = partition([vp(0, *x64(0x1000, 0x2000))])
    return {kind: store(saved(memory, state=state, is_packed=kind == "packed")) for kind in ("plain", "packed")}
