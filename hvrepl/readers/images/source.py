"""The bytes of an image, at offsets: those of a file, or those that a file unpacks to."""

from __future__ import annotations

import errno
import io
import os
import stat

from hvrepl.errors import FileError
from hvrepl.hints import BinaryIO, Protocol, cast

LEAST_AHEAD = 1 << 15
MOST_AHEAD = 1 << 19
NO_SIZE = (1 << 63) - 1  # the end of a file for a library that asks while it is unknown
LOOKED_AT = 1 << 12


FARTHEST = 1 << 62  # beyond any offset that a file can be read at


class Source(Protocol):
    """`size` in bytes, None until the end if only the end shows it. Unreadable parts raise a FileError that begins with `path`."""

    path: str
    size: int | None

    def fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        """Reads at an offset until the buffer is full or the bytes end; returns how many were read.

        Bytes before a damaged place can be read: only a read that begins at it or after it is an error.
        """

    def hole(self, offset: int, size: int) -> int:
        """How many of the bytes at an offset are known to be zeros without being read."""

    def close(self) -> None: ...


class FileSource:
    """A file as it is."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size: int | None = file.seek(0, os.SEEK_END)

    def fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        view, filled = memoryview(buffer), 0
        if self.size is not None and offset >= self.size:  # seeking to the farthest offsets fails
            return 0
        try:
            self.file.seek(offset)
            while filled < len(view) and (got := self.file.readinto(view[filled:])):  # type: ignore[attr-defined]
                filled += got
        except OSError as error:
            raise FileError(f"{self.path}: {error.strerror}") from error
        return filled

    def hole(self, offset: int, size: int) -> int:
        if not hasattr(os, "SEEK_DATA"):
            return 0
        try:
            return min(os.lseek(self.file.fileno(), offset, os.SEEK_DATA) - offset, size)
        except OSError as error:  # no data after it; or a file system or device that does not know
            return size if error.errno == errno.ENXIO else 0

    def close(self) -> None:
        self.file.close()


class SourceFile(io.RawIOBase):
    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: NO_SIZE if self.source.size is None else self.source.size}[whence]
        self.at = start + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        got = self.source.fill(buffer, self.at) if self.at < FARTHEST else 0
        self.at += got
        return got


def as_file(source: Source) -> BinaryIO:
    """A source as a file, for libraries that read files."""
    return cast("BinaryIO", SourceFile(source))


def read(source: Source, offset: int, size: int) -> bytes:
    """The bytes at an offset, fewer where they end. Only for a bounded size: the memory is allocated first."""
    buffer = bytearray(size)
    return bytes(buffer[: source.fill(buffer, offset)])


class ReadAhead:
    """Reads blocks that mostly follow one another: what comes after the last one is read in pieces that grow.

    After a jump only the requested bytes are read, so that unordered blocks cost no more than their own bytes.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.buffer = memoryview(bytearray(MOST_AHEAD))
        self.start = self.end = 0
        self.ahead = 0

    def at(self, offset: int, size: int) -> memoryview:
        """The bytes at an offset, at most MOST_AHEAD, fewer where they end. Good until the next call."""
        if offset < self.start or offset + size > self.end:
            self.ahead = min(2 * self.ahead + LEAST_AHEAD, MOST_AHEAD) if self.start <= offset <= self.end else 0
            self.start = offset
            self.end = offset + self.source.fill(self.buffer[: max(size, self.ahead)], offset)
        return self.buffer[offset - self.start : min(offset + size, self.end) - self.start]


class Window:
    """A cache of the last piece read, for walking over small structures that follow one another."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.start = 0
        self.data = b""

    def look(self, offset: int, size: int) -> bytes:
        """The bytes at an offset, fewer where they end; at most LOOKED_AT."""
        if not self.start <= offset <= self.start + len(self.data) - size:
            self.start, self.data = offset, read(self.source, offset, LOOKED_AT)
        return self.data[offset - self.start :][:size]


def open_source(path: str) -> FileSource:
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise FileError(f"{path}: is a directory")
        if not stat.S_ISREG(mode) and not stat.S_ISBLK(mode):  # before it is opened, where a pipe would wait
            raise FileError(f"{path}: is a pipe or device, which cannot be read at an offset; save it as a file first")
        return FileSource(path, open(path, "rb", buffering=0))
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise FileError(f"{path!r}: {error}") from None
