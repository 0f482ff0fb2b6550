"""Windows MEMORY.DMP, byte by byte, from QEMU's win_dump_defs.h and kdmp-parser's kdmp-parser-structs.h."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.images.core import PAGE, TIMER, page

FULL, SUMMARY, TRIAGE, BITMAP, KERNEL, RUNS_KERNEL, RUNS_COMPLETE = 1, 2, 4, 5, 6, 8, 10
X64, ARM64 = 0x8664, 0xAA64


def put(data: bytearray, at: int, value: int, width: int) -> None:
    data[at : at + width] = value.to_bytes(width, "little")


def header(kind: int, runs: Sequence[tuple[int, int]], *, machine: int = X64, build: int = 20348, major: int = 15) -> bytearray:
    """The first 0x2000 bytes: fields that Windows does not set contain PAGE."""
    data = bytearray(b"PAGE" * 0x800)
    data[4:8] = b"DU64"
    put(data, 0x08, major, 4)
    put(data, 0x0C, build, 4)
    put(data, 0x30, machine, 4)
    put(data, 0x88, len(runs), 4)
    put(data, 0x90, sum(count for _, count in runs), 8)
    for number, (first, count) in enumerate(runs):
        put(data, 0x98 + 16 * number, first, 8)
        put(data, 0xA0 + 16 * number, count, 8)
    put(data, 0xF98, kind, 4)
    return data


def runs_of(pages: Mapping[int, bytes]) -> list[tuple[int, int]]:
    def starts() -> Iterator[int]:
        return (number for number in sorted(pages) if number - 1 not in pages)

    return [(first, next(count for count in range(1, len(pages) + 1) if first + count not in pages)) for first in starts()]


def bodies(pages: Mapping[int, bytes]) -> bytes:
    return b"".join(data for _, data in sorted(pages.items()))


def full(pages: Mapping[int, bytes], *, machine: int = X64) -> bytes:
    """Page number → its bytes, as a complete dump."""
    return bytes(header(FULL, runs_of(pages), machine=machine)) + bodies(pages)


def bitmap(pages: Mapping[int, bytes], kind: int = BITMAP, *, machine: int = X64) -> bytes:
    """As Windows 8 and later write it."""
    bits = -(-(max(pages) + 1) // 8) * 8
    size = -(-(0x2038 + bits // 8) // PAGE) * PAGE
    second = bytearray(size - 0x2000)
    second[:8] = b"SDMPDUMP" if kind == KERNEL else b"FDMPDUMP"
    put(second, 0x20, size, 8)
    put(second, 0x28, len(pages), 8)
    put(second, 0x30, bits, 8)
    put(second, 0x38, sum(1 << number for number in pages), bits // 8)
    return bytes(header(kind, runs_of(pages), machine=machine) + second) + bodies(pages)


def old_summary(pages: Mapping[int, bytes]) -> bytes:
    """A kernel dump before Windows 8: 32-bit numbers, and the bitmap 16 bytes earlier."""
    bits = -(-(max(pages) + 1) // 8) * 8
    size = -(-(0x2028 + bits // 8) // PAGE) * PAGE
    second = bytearray(size - 0x2000)
    second[:8] = b"SDMPDUMP"
    put(second, 0x0C, size, 4)
    put(second, 0x10, bits, 4)
    put(second, 0x14, len(pages), 4)
    put(second, 0x18, bits, 4)
    put(second, 0x20, 0xFFFFF8A000001000, 8)
    put(second, 0x28, sum(1 << number for number in pages), bits // 8)
    return bytes(header(SUMMARY, runs_of(pages), build=7601) + second) + bodies(pages)


def listed(pages: Mapping[int, bytes], kind: int = RUNS_KERNEL) -> bytes:
    """As `.dump /k` and `.dump /f` write it on Windows 11: a list of runs."""
    runs = runs_of(pages)
    room = 0x3000
    second = bytearray(room - 0x2000)
    put(second, 0, 0x40, 4)
    second[4:12] = b"RDMPDUMP"
    put(second, 0x10, room - 0x2020, 8)
    put(second, 0x18, room, 8)
    put(second, 0x20, len(runs), 4)
    put(second, 0x28, len(pages), 8)
    for number, (first, count) in enumerate(runs):
        put(second, 0x30 + 16 * number, first, 8)
        put(second, 0x38 + 16 * number, count, 8)
    return bytes(header(kind, runs) + second) + bodies(pages)


def samples() -> dict[str, bytes]:
    """Small dumps of all types."""
    pages = {1: page({0: TIMER}), 2: bytes(PAGE), 0x5A: page({2: TIMER})}
    return {"full": full(pages), "bitmap": bitmap(pages), "old": old_summary(pages), "runs": listed(pages)}
