"""Memory images: raw ones, ELF cores, kdump-compressed vmcores. What lies at which guest physical address, read in pieces."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from mmap import mmap
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import FileError
from hvrepl.readers import kdump
from hvrepl.readers.core import Range, core_ranges
from hvrepl.record import replace

CHUNK = 1 << 18  # what is read at once: it stays in the cache of a processor while it is searched
SHOWN_RANGES = 4
NOT_CONVERTED = "which is not read; convert it to a raw image"
# How other dumps begin → what helps.
REFUSED = {
    b"PAGEDU64": f"a Windows MEMORY.DMP, {NOT_CONVERTED}",
    b"PAGEDUMP": f"a Windows MEMORY.DMP, {NOT_CONVERTED}",
    b"makedumpfile": "a flattened dump; `makedumpfile -R FILE < DUMP` makes a vmcore of it",
    b"DISKDUMP": "an old diskdump, which is not read",
    b"EMiL": "a LiME image, which is not read; take it with format=raw or format=padded",
}
ELF = b"\x7fELF"
SUFFIXES_REFUSED = (".vmrs", ".vsv")
SAVED_STATE = f"a saved state of Hyper-V, {NOT_CONVERTED}"

Chunk = tuple[int, bytes | mmap, int]  # address, what is there, and how many bytes of nothing were passed over before it


class Memory(Protocol):
    """An image. What cannot be read of it is a FileError."""

    size: int

    def ranges(self) -> Iterator[Range]:
        """What it holds, in ascending order."""

    def read(self, address: int, size: int) -> bytes:
        """The bytes at an address, fewer where they end."""

    def chunks(self) -> Iterator[Chunk]:
        """All of it in pieces that begin at pages, each good until the next. What is missing is told when the rest has been read."""

    def close(self) -> None: ...


class FileMemory:
    """An image whose bytes stand in a file as they are. `fault` says what it should hold and does not."""

    def __init__(self, path: str, file: BinaryIO, ranges: Sequence[Range], fault: str = "") -> None:
        self.path = path
        self.file = file
        self.fault = fault
        self._ranges = ranges
        self.size = sum(one.size for one in ranges)

    def ranges(self) -> Iterator[Range]:
        return iter(self._ranges)

    def read(self, address: int, size: int) -> bytes:
        found = bytearray()
        for one in self._ranges:
            at = address + len(found)
            if one.address <= at < one.end and len(found) < size:
                buffer = bytearray(min(size - len(found), one.end - at))
                found += buffer[: self._fill(buffer, one.offset + at - one.address)]
        return bytes(found)

    def chunks(self) -> Iterator[Chunk]:
        # Not a bytearray, which begins 16 bytes after a page: many processors copy several times as fast to where a page begins.
        # Slices with a step are as fast of it as of bytes, and 8 times as slow of a memoryview.
        buffer = mmap(-1, CHUNK)
        for one in self._ranges:
            yield from self._chunks_of(one, buffer)
        if self.fault:
            raise FileError(f"{self.path}: {self.fault}")

    def _chunks_of(self, one: Range, buffer: mmap) -> Iterator[Chunk]:
        """One range through a buffer; before its first page, and behind its last byte, there is nothing to find."""
        at = -(-one.address // PAGE_SIZE) * PAGE_SIZE
        while at < one.end:
            hole = self._hole(one.offset + at - one.address, one.end - at) // PAGE_SIZE * PAGE_SIZE
            at += hole
            size = min(CHUNK, one.end - at)
            got = self._fill(memoryview(buffer)[:size], one.offset + at - one.address) if size else 0
            yield at, buffer if got == CHUNK else buffer[:got], hole
            if got < size:
                raise FileError(f"{self.path}: ended while it was being read")
            at += size

    def _hole(self, offset: int, size: int) -> int:
        """How many of the bytes at an offset are a hole of a sparse file, all zeros."""
        if not hasattr(os, "SEEK_DATA"):
            return 0
        try:
            return min(os.lseek(self.file.fileno(), offset, os.SEEK_DATA) - offset, size)
        except OSError as error:  # no data behind it; or a file system or device that does not tell
            return size if error.errno == errno.ENXIO else 0

    def _fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        """Reads at an offset until the buffer is full or the file ends."""
        view, filled = memoryview(buffer), 0
        try:
            self.file.seek(offset)
            while filled < len(view) and (got := self.file.readinto(view[filled:])):  # type: ignore[attr-defined]
                filled += got
        except OSError as error:
            raise FileError(f"{self.path}: {error.strerror}") from error
        return filled

    def close(self) -> None:
        self.file.close()


class DrgnMemory:
    """A kdump-compressed vmcore, whose pages drgn unpacks."""

    def __init__(self, path: str, file: BinaryIO, program: Any) -> None:
        self.path = path
        self.file = file
        self.program = program
        self.bitmap = kdump.read_bitmap(path, file)
        self.size = kdump.dumped_size(file, self.bitmap)

    def ranges(self) -> Iterator[Range]:
        return (Range(address, size) for address, size in kdump.dumped_runs(self.file, self.bitmap))

    def read(self, address: int, size: int) -> bytes:
        whole = self._read(address, size)
        if whole:
            return whole
        found = b""
        while len(found) < size:
            at = address + len(found)
            piece = self._read(at, min(size - len(found), PAGE_SIZE - at % PAGE_SIZE))
            if not piece:
                break
            found += piece
        return found

    def chunks(self) -> Iterator[Chunk]:
        missing, first = 0, 0
        for one in self.ranges():
            at = one.address
            while at < one.end:
                data = self.read(at, min(CHUNK, one.end - at))
                yield at, data, 0
                at += len(data)
                if len(data) < CHUNK and at < one.end:
                    missing, first = missing + 1, first if missing else at
                    at += PAGE_SIZE
        if missing:
            raise FileError(f"{self.path}: is damaged: {missing} of its pages cannot be read, the first at {first:#x}")

    def _read(self, address: int, size: int) -> bytes:
        try:
            return bytes(self.program.read(address, size, physical=True))
        except Exception:  # drgn.FaultError, and plain Exception for what libkdumpfile cannot unpack
            return b""

    def close(self) -> None:
        self.file.close()


def is_image(start: bytes) -> bool:
    """Whether a file begins as an image of memory; a raw one has nothing that tells."""
    return start.startswith((ELF, kdump.SIGNATURE, *REFUSED))


def open_memory(path: str) -> Memory:
    """An image by what it begins with. FileError if it cannot be opened or is of a kind that is not read."""
    file = open_file(path)
    try:
        return memory_in(path, file)
    except OSError as error:
        file.close()
        raise FileError(f"{path}: {error.strerror}") from error
    except FileError:
        file.close()
        raise


def open_file(path: str) -> BinaryIO:
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise FileError(f"{path}: is a directory")
        if not stat.S_ISREG(mode) and not stat.S_ISBLK(mode):  # before it is opened, where a pipe would wait
            raise FileError(f"{path}: is a pipe or device, which cannot be read at an offset; save it as a file first")
        return Path(path).open("rb", buffering=0)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise FileError(f"{path!r}: {error}") from None


def memory_in(path: str, file: BinaryIO) -> Memory:
    start, length = file.read(16), file.seek(0, os.SEEK_END)
    refused = next((text for magic, text in REFUSED.items() if start.startswith(magic)), "")
    if refused or path.lower().endswith(SUFFIXES_REFUSED):
        raise FileError(f"{path}: {refused or SAVED_STATE}")
    if not length:
        raise FileError(f"{path}: is empty")
    if start.startswith(kdump.SIGNATURE):
        return open_kdump(path, file)
    if start.startswith(ELF):
        return open_core(path, file, length)
    rest = length % PAGE_SIZE
    fault = f"ends in the middle of a page; its last {rest} bytes were not searched" if rest else ""
    return FileMemory(path, file, [Range(0, length)], fault)


def open_core(path: str, file: BinaryIO, length: int) -> FileMemory:
    """An ELF core, as far as the file goes."""
    claimed = core_ranges(path, file)
    ranges = [replace(one, size=min(one.size, length - one.offset)) for one in claimed if one.offset < length]
    missing = sum(one.size for one in claimed) - sum(one.size for one in ranges)
    if not ranges:
        raise FileError(f"{path}: " + ("is truncated before the memory in it begins" if missing else "an ELF core without memory in it"))
    return FileMemory(path, file, ranges, f"is truncated: {missing} bytes of the memory in it are missing" if missing else "")


def open_kdump(path: str, file: BinaryIO) -> DrgnMemory:
    """A kdump-compressed vmcore through drgn, which knows its compressions."""
    try:
        import drgn
    except ImportError:
        raise FileError(f"{path}: a kdump-compressed vmcore; install hvrepl[vmcore] to read it, or make an ELF core of it") from None
    kdump.read_bitmap(path, file)
    program = drgn.Program()
    try:
        program.set_core_dump(path)
    except Exception as error:  # also plain Exception; the text says what is wrong
        raise FileError(f"{path}: drgn cannot read it: {error}; `makedumpfile -E -d 0` makes an ELF core of a vmcore") from None
    return DrgnMemory(path, file, program)


def read_at(path: str, address: int, size: int) -> bytes:
    """The bytes at an address of an image. FileError if it holds none there."""
    with closing(open_memory(path)) as memory:
        data = memory.read(address, size)
        if data:
            return data
        first = [f"{one.address:#x}-{one.end - 1:#x}" for one in islice(memory.ranges(), SHOWN_RANGES + 1)]
    held = ", ".join(first[:SHOWN_RANGES]) + (" and more" if len(first) > SHOWN_RANGES else "")
    raise FileError(f"{path}: holds nothing at {address:#x}; it has {held or 'no memory at all'}")
