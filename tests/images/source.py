"""Images without files: bytes as a source, and everything that is read from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from hvrepl.errors import FileError
from hvrepl.readers.images.formats import memory_in
from hvrepl.readers.images.memory import Memory
from tests.images.core import PAGE


class BytesSource:
    """Bytes as a file. Without `is_sized` only the end shows their number, as when unpacking; with `has_holes` pages of zeros are holes."""

    def __init__(self, data: bytes, path: str = "image", *, is_sized: bool = True, has_holes: bool = False) -> None:
        self.data = data
        self.path = path
        self.size = len(data) if is_sized else None
        self.has_holes = has_holes

    def fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        found = self.data[offset : offset + len(buffer)]
        memoryview(buffer)[: len(found)] = found
        return len(found)

    def hole(self, offset: int, size: int) -> int:
        if not self.has_holes:
            return 0
        end = min(offset + size, len(self.data))
        at = offset
        while at < end and not any(self.data[at : min(at - at % PAGE + PAGE, end)]):
            at = min(at - at % PAGE + PAGE, end)
        return size if at >= len(self.data) else at - offset

    def close(self) -> None: ...


def read_all(data: bytes, path: str = "image", *, is_sized: bool = True) -> tuple[dict[int, bytes], str]:
    """({address: each page of an image}, the fault it reports)."""
    try:
        with closing(memory_in(BytesSource(data, path, is_sized=is_sized))) as memory:
            return pages_in(memory)
    except FileError as error:
        return {}, reason(error, path)


def pages_in(memory: Memory) -> tuple[dict[int, bytes], str]:
    """({address: each page of an image}, the fault it reports)."""
    pages: dict[int, bytes] = {}
    try:
        for address, piece, _ in memory.chunks():
            whole = bytes(piece)
            pages |= {address + at: whole[at : at + PAGE] for at in range(0, len(whole), PAGE)}
    except FileError as error:
        return pages, reason(error)
    return pages, ""


def reason(error: FileError, path: str = "") -> str:
    start, _, text = str(error).partition(": ")
    assert not path or start == path
    assert "\n" not in text
    return text


def is_part(found: dict[int, bytes], truth: dict[int, bytes]) -> bool:
    """Whether all results are true, except that the last page of a truncated file is incomplete."""
    return all(truth.get(address, b"").startswith(data) for address, data in found.items())


def pokes(data: bytes, places: range, width: int) -> Iterator[tuple[int, bytes]]:
    """(place, the bytes with others there): zeros, ones, and a mixture."""
    for place in places:
        for value in (0, (1 << 8 * width) - 1, 1, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x0000001000000000, 0x12345678_9ABCDEF0):
            yield place, data[:place] + (value % (1 << 8 * width)).to_bytes(width, "little") + data[place + width :]
