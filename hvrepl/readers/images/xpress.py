"""Xpress, the compression of memory in Hyper-V's saved states.

The algorithm is the plain LZ77 of [MS-XCA] 2.4 (COMPRESSION_FORMAT_XPRESS). OpenVMM's FORMAT.md only names it; how a block is divided into
pages was found by people who analysed Microsoft's own reader, and agree: nikaiw/VMkatz (src/hyperv/vmrs.rs, vm_compress_unpack) and Pascal
Beyer's reader of saved states. A block that is not exactly full is refused.
"""

from __future__ import annotations

import struct

PAGE = 4096
END, SAME, SAMES, SHORT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC  # instead of a packed page's size
U32 = struct.Struct("<I")
PAIR = struct.Struct("<II")  # of SHORT: its unpacked and its packed size
PATTERN = struct.Struct("8s")  # it fills a page


def unpack_pages(data: bytes, size: int) -> bytes:
    """The `size` bytes of an unpacked block. Raises ValueError if there are more or fewer, or if it cannot be unpacked."""
    found = bytearray()
    at = 0
    try:
        while at < len(data):
            (length,) = U32.unpack_from(data, at)
            at += U32.size
            if length == END:
                break
            add = add_same if length in (SAME, SAMES) else add_page
            at = add(found, data, at, length, size)
    except struct.error:
        raise ValueError("ends within a page") from None
    if len(found) != size:
        raise ValueError("is not full")
    return bytes(found)


def add_same(found: bytearray, data: bytes, at: int, kind: int, size: int) -> int:
    """Adds one or more pages that repeat a pattern; returns the place of the next one."""
    pattern, count = PATTERN.unpack_from(data, at)[0], 1
    at += PATTERN.size
    if kind == SAMES:
        (count,) = U32.unpack_from(data, at)
        at += U32.size
    if len(found) + count * PAGE > size:
        raise ValueError("more than a block")
    found += pattern * (count * PAGE // PATTERN.size)
    return at


def add_page(found: bytearray, data: bytes, at: int, length: int, size: int) -> int:
    """Adds a page, or part of one, packed or plain; returns the place of the next one."""
    room = PAGE
    if length == SHORT:
        room, length = PAIR.unpack_from(data, at)
        at += PAIR.size
    if not 0 < length <= room <= PAGE or at + length > len(data) or len(found) + room > size:
        raise ValueError("a page that does not fit")
    packed = data[at : at + length]
    found += packed if length == room else decompress(packed, room)
    return at + length


def is_filled(data: bytes, size: int) -> bool:
    """Whether a block consists only of pages filled with patterns, without unpacking it."""
    at = filled = 0
    while at + U32.size + PATTERN.size <= len(data):
        (kind,) = U32.unpack_from(data, at)
        if kind == SAMES and at + 2 * U32.size + PATTERN.size <= len(data):
            (count,) = U32.unpack_from(data, at + U32.size + PATTERN.size)
            at += U32.size
        elif kind == SAME:
            count = 1
        else:
            return False
        at += U32.size + PATTERN.size
        filled += count * PAGE
    return filled == size and data[at:] in (b"", U32.pack(END))


def decompress(data: bytes, size: int) -> bytes:
    """Plain LZ77: 32 flags, most significant first, then that many literal bytes (0) and matches (1). ValueError if it is damaged."""
    found = bytearray()
    end = len(data)
    at = shared = done = 0  # place in the data; place of a length byte whose other half is unused; place in the output
    try:
        while done < size:
            (flags,) = U32.unpack_from(data, at)
            at += 4
            left = 32
            while left and done < size:
                bits = flags.bit_length()
                run = left - bits
                if run:
                    found += data[at : at + run]
                    at += run
                    done += run
                    left = bits
                    continue
                left -= 1
                flags ^= 1 << left
                token = data[at] | data[at + 1] << 8
                at += 2
                length = (token & 7) + 3
                if length == 10:
                    length, at, shared = long_length(data, at, shared)
                back = (token >> 3) + 1
                start = done - back
                if start < 0 or done + length > size:
                    raise ValueError("a match outside of the page")
                if back >= length:
                    found += found[start : start + length]
                else:
                    found += (found[start:] * (length // back + 1))[:length]
                done += length
    except (IndexError, struct.error):
        raise ValueError("ends within a match") from None
    del found[size:]
    if at > end and len(found) < size:
        raise ValueError("ends within its literals")
    return bytes(found)


def long_length(data: bytes, at: int, shared: int) -> tuple[int, int, int]:
    """A match length that does not fit three bits. It starts at a byte of its own or in the unused half of an earlier one.

    Returns the length, the place after it, and the place of a byte with an unused half, or 0.
    """
    if shared:
        length, shared = data[shared] >> 4, 0
    else:
        length, shared = data[at] & 15, at
        at += 1
    if length < 15:
        return length + 10, at, shared
    length = data[at]
    at += 1
    if length < 255:
        return length + 15 + 10, at, shared
    length = data[at] | data[at + 1] << 8
    at += 2
    if not length:
        (length,) = U32.unpack_from(data, at)
        at += 4
    if length < 15 + 7:
        raise ValueError("a length below the least")
    return length + 3, at, shared
