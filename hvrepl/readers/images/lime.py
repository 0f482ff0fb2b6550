"""LiME and AVML images: ranges of memory, each with its own header, plain or packed with snappy."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from itertools import islice

from hvrepl.errors import FileError
from hvrepl.readers.images.memory import Facts, Mapped, bytes_missing
from hvrepl.readers.images.packing import Unpack, snappy_chunk_unpacker
from hvrepl.readers.images.ranges import Range, join_neighbours
from hvrepl.readers.images.source import Source, Window, read
from hvrepl.record import record

# lime_mem_range_header of LiME's lime.h, and Header of AVML's image.rs: magic, version, first and last address, 8 reserved bytes.
HEADER = struct.Struct("<IIQQ8x")
LIME, AVML = (0x4C694D45, 1), (0x4C4D5641, 2)  # magic, version
# Google's framing_format.txt: chunks with a type and a length of 3 bytes; those with data begin with a checksum of 4 bytes.
CHUNK_HEAD, CHECKSUM = 4, 4
COMPRESSED, STORED, FIRST_SKIPPABLE = 0x00, 0x01, 0x80
LARGEST_CHUNK = 1 << 16  # bytes of an unpacked chunk
LONGEST_CHUNK = CHECKSUM + 32 + LARGEST_CHUNK + LARGEST_CHUNK // 6  # bytes of a packed one: snappy's MaxCompressedLength
LENGTH_AFTER = 8  # bytes after the chunks of a range: their length, as SnapCountWriter of AVML's snappy.rs writes it
MOST_IDLE = 64  # chunks without memory in a row: AVML writes one, with the name of the format
MOST_WALKED = 1 << 12  # ranges and chunks that are counted in advance; the size of a longer image is only known at its end


@record
class Part(Range):
    """A range of memory, or a piece of one: from `length` bytes that snappy packed, or 0 if it is not packed."""

    length: int = 0


class Chain(Mapped):
    """An image of consecutive ranges. Each pass walks it again, so millions of ranges need no memory."""

    def __init__(self, source: Source, facts: Facts, size: int | None) -> None:
        super().__init__(source, facts, lambda: walk(source), size=size)
        self._unpacker: Unpack | None = None
        self._unpacked = (-1, b"")  # place and content of the last chunk

    def ranges(self) -> Iterator[Range]:
        return join_neighbours(walk(self.source))

    def fill(self, one: Range, buffer: memoryview, at: int) -> int:
        if not isinstance(one, Part) or not one.length:
            return super().fill(one, buffer, at)
        if self._unpacked[0] != one.offset:
            self._unpacked = (one.offset, self._unpack(one))
        found = self._unpacked[1][at : at + len(buffer)]
        buffer[: len(found)] = found
        return len(found)

    def hole(self, one: Range, at: int, size: int) -> int:
        return 0 if isinstance(one, Part) and one.length else super().hole(one, at, size)

    def _unpack(self, one: Part) -> bytes:
        """The content of a chunk; b"" if the file ends within it. FileError if it is damaged."""
        self._unpacker = self._unpacker or make_unpacker(self.source)
        data = read(self.source, one.offset, one.length)
        if len(data) < one.length:
            return b""
        try:
            return self._unpacker(memoryview(data), one.size)
        except ValueError:
            reason = f"what it has of {one.address:#x}-{one.end - 1:#x} cannot be unpacked"
            raise FileError(f"{self.source.path}: is damaged: {reason}") from None


def open_lime(source: Source) -> Chain:
    """A LiME or AVML image, or one with ranges of both."""
    is_packed = source.size is None
    size, count = 0, 0
    parts = walk(source)
    try:
        for part in islice(parts, 1 if is_packed else MOST_WALKED + 1):
            size, count = size + part.size, count + 1
            if part.length and count == 1:
                make_unpacker(source)
    except FileError:
        if not count:  # otherwise it will appear again after what can be read
            raise
    known = not is_packed and count <= MOST_WALKED
    name = {LIME: "LiME", AVML: "AVML"}[HEADER.unpack(read(source, 0, HEADER.size))[:2]]
    return Chain(source, Facts(format=name), size if known else None)


def make_unpacker(source: Source) -> Unpack:
    try:
        return snappy_chunk_unpacker()
    except ImportError:
        raise FileError(
            f"{source.path}: an AVML image, packed with snappy; install the package cramjam to read it, or `avml convert` it to LiME"
        ) from None


def walk(source: Source) -> Iterator[Part]:
    """All ranges, packed ones in pieces. FileError at the place where the chain breaks, after all ranges before it."""
    window = Window(source)
    at, least = 0, 0
    while header := window.look(at, HEADER.size):
        if len(header) < HEADER.size:
            raise cut(source, at + len(header), f"is truncated: it ends within the header at byte {at:#x}")
        magic, version, start, last = HEADER.unpack(header)
        if (magic, version) not in (LIME, AVML):
            raise FileError(f"{source.path}: is damaged: there is no LiME header of a known version at byte {at:#x}")
        if not least <= start <= last:
            raise FileError(f"{source.path}: is damaged: the header at byte {at:#x} is for {start:#x}-{last:#x}, which is out of order")
        least = last + 1
        at += HEADER.size
        size = least - start
        if magic == AVML[0]:
            at = yield from walk_chunks(window, at, Range(start, size))
            continue
        held = size if source.size is None else min(size, source.size - at)
        if held:
            yield Part(start, held, at)
        at += size
        if held < size:
            break
    if source.size is not None and at > source.size:
        raise cut(source, source.size, bytes_missing(at - source.size))


def walk_chunks(window: Window, at: int, one: Range) -> Generator[Part, None, int]:
    """The chunks of a packed range from a place in the file on; returns the place after them and their length."""
    source, done, idle = window.source, 0, 0
    while done < one.size:
        head = window.look(at, CHUNK_HEAD + CHECKSUM + 5)
        kind, length = head[0] if head else 0, int.from_bytes(head[1:CHUNK_HEAD], "little")
        end = at + CHUNK_HEAD + length
        if len(head) < CHUNK_HEAD or (source.size is not None and end > source.size):
            raise cut(source, at + len(head), bytes_missing(one.size - done))
        if kind < FIRST_SKIPPABLE:
            packed = head[CHUNK_HEAD : CHUNK_HEAD + length][CHECKSUM:]
            size = {COMPRESSED: read_varint(packed), STORED: length - CHECKSUM}.get(kind, -1)
            if not 0 <= size <= min(LARGEST_CHUNK, one.size - done) or not CHECKSUM <= length <= LONGEST_CHUNK:
                raise FileError(f"{source.path}: is damaged: there is no piece of packed memory at byte {at:#x}")
            if size:
                yield Part(one.address + done, size, at, CHUNK_HEAD + length)
                idle = -1
            done += size
        idle += 1
        if idle > MOST_IDLE:
            raise FileError(f"{source.path}: is damaged: there is no memory in {MOST_IDLE} pieces up to byte {at:#x}")
        at = end
    after = window.look(at, LENGTH_AFTER)
    if len(after) < LENGTH_AFTER:
        raise cut(source, at + len(after), f"is truncated: it ends within what follows the memory before {one.end:#x}")
    return at + LENGTH_AFTER


def read_varint(data: bytes) -> int:
    """The length in front of data that snappy packed: 7 bits per byte, the lowest first; -1 if it is incomplete."""
    value = 0
    for place, byte in enumerate(data):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value
    return -1


def cut(source: Source, end: int, what: str) -> FileError:
    """The error for an image that ends too soon, or the source's own error if it cannot be read beyond that place."""
    read(source, end, 1)
    return FileError(f"{source.path}: {what}")
