"""Blocks that are packed one by one → their bytes, within bounds. The libraries are imported when they are needed."""

from __future__ import annotations

from collections.abc import Callable

Unpack = Callable[[memoryview, int], bytes]  # a packed block and its unpacked size; ValueError if they do not match

SNAPPY_STREAM = b"\xff\x06\x00\x00sNaPpY"  # the first chunk of a stream
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MOST_WINDOW = 23  # log2 of the largest window of a zstd frame: RFC 8878 recommends that every decoder supports this size


def exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError(f"unpacks to {len(data)} bytes, not {size}")
    return data


def unpack_nothing(packed: memoryview, size: int) -> bytes:
    return exactly(bytes(packed), size)


def zlib_unpacker() -> Unpack:
    import zlib

    def unpack(packed: memoryview, size: int) -> bytes:
        try:
            return exactly(zlib.decompressobj().decompress(packed, size + 1), size)
        except zlib.error as error:
            raise ValueError(str(error)) from None

    return unpack


def lzo_unpacker() -> Unpack:
    """ImportError without lzallright. It has no limit, but a byte of LZO unpacks to at most 255: callers limit the packed size."""
    from lzallright import LZOCompressor, LZOError

    def unpack(packed: memoryview, size: int) -> bytes:
        try:
            return exactly(LZOCompressor.decompress(packed, size), size)
        except LZOError as error:
            raise ValueError(str(error)) from None

    return unpack


def snappy_unpacker() -> Unpack:
    """ImportError without cramjam, which unpacks into a buffer of the right size or fails."""
    from cramjam import DecompressionError, snappy

    def unpack(packed: memoryview, size: int) -> bytes:
        buffer = bytearray(size)
        try:
            return exactly(bytes(buffer[: snappy.decompress_raw_into(packed, buffer)]), size)
        except DecompressionError as error:
            raise ValueError(str(error)) from None

    return unpack


def snappy_chunk_unpacker() -> Unpack:
    """For chunks of snappy's framing_format.txt, each with its checksum. ImportError without cramjam."""
    from cramjam import DecompressionError, snappy

    def unpack(packed: memoryview, size: int) -> bytes:
        buffer = bytearray(size)
        try:
            return exactly(bytes(buffer[: snappy.decompress_into(SNAPPY_STREAM + packed, buffer)]), size)
        except DecompressionError as error:
            raise ValueError(str(error)) from None

    return unpack


def zstd_unpacker() -> Unpack:
    """ImportError without cramjam."""
    from cramjam import DecompressionError, zstd

    def unpack(packed: memoryview, size: int) -> bytes:
        check_frame(packed, size)
        buffer = bytearray(size)
        try:
            return exactly(bytes(buffer[: zstd.decompress_into(packed, buffer)]), size)
        except DecompressionError as error:
            raise ValueError(str(error)) from None

    return unpack


def check_frame(packed: memoryview, size: int) -> None:
    """Refuses a zstd frame (RFC 8878, 3.1.1.1) that declares another size, or would need much memory."""
    if packed[:4] != ZSTD_MAGIC or len(packed) < 6:
        raise ValueError("not a zstd frame")
    descriptor = packed[4]
    is_single = bool(descriptor >> 5 & 1)  # the window is as large as the content
    if not is_single and 10 + (packed[5] >> 3) > MOST_WINDOW:
        raise ValueError("a zstd frame with too large a window")
    width = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    if width:
        at = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
        said = int.from_bytes(packed[at : at + width], "little") + (256 if width == 2 else 0)
        if said != size:
            raise ValueError(f"unpacks to {said} bytes, not {size}")
