"""Files packed with zstd, byte by byte after RFC 8878, from blocks that are stored or a run of one byte. gzip is the library's."""

from __future__ import annotations

import gzip
import struct
import sys
from collections.abc import Iterable

from tests.images import lime
from tests.images.core import PAGE, TIMER, VERSION_RESPONSE, page

NEEDED = "module:compression" if sys.version_info >= (3, 14) else "module:backports"  # needed to read zstd
LARGEST_BLOCK = 1 << 17
STORED, RUN = 0, 1


def block(kind: int, size: int, data: bytes, *, is_last: bool) -> bytes:
    return (is_last | kind << 1 | size << 3).to_bytes(3, "little") + data


def frame(blocks: Iterable[tuple[int, int, bytes]], window_log: int = 17) -> bytes:
    """(kind, size, bytes) of each block, in a frame with a window of 2**window_log bytes."""
    all_blocks = list(blocks)
    head = b"\x28\xb5\x2f\xfd" + bytes([0, window_log - 10 << 3])  # no checksum, no size
    return head + b"".join(block(*one, is_last=number == len(all_blocks)) for number, one in enumerate(all_blocks, 1))


def zstd(data: bytes, size: int = LARGEST_BLOCK) -> bytes:
    """Stored blocks of so many bytes."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    return frame((STORED, len(piece), piece) for piece in pieces)


def zstd_zeros(count: int) -> bytes:
    """So many blocks of 128 KiB of zeros, in 4 bytes each."""
    return frame((RUN, LARGEST_BLOCK, b"\0") for _ in range(count))


def skippable(data: bytes) -> bytes:
    return b"\x53\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


def gzipped(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


PACK = {"gzip": gzipped, "zstd": zstd}


def samples() -> dict[str, bytes]:
    """Raw images and a LiME image in each packing, in one member or frame and in several."""
    raw = page({0: TIMER}) + bytes(PAGE) + page({0: TIMER, 2: VERSION_RESPONSE})
    return {
        "gzip": gzipped(raw),
        "gzip_members": gzipped(raw[:PAGE]) + gzipped(raw[PAGE:]),
        "gzip_lime": gzipped(lime.samples()["lime"]),
        "zstd": zstd(raw),
        "zstd_frames": skippable(b"pzstd") + zstd(raw[:PAGE], 1000) + skippable(b"") + zstd(raw[PAGE:]),
    }
