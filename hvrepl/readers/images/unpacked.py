"""Files that are packed with gzip or zstd, as sources: unpacked again as they are read, and never all in memory."""

from __future__ import annotations

import sys
import zlib
from collections import deque
from collections.abc import Callable

from hvrepl.errors import FileError
from hvrepl.hints import Protocol
from hvrepl.readers.images.source import Source, read
from hvrepl.record import record

FED = 1 << 15  # packed bytes that are unpacked at once
MOST_AT_ONCE = 1 << 17  # unpacked bytes from one call at most
LEAST_AT_ONCE = 1 << 14
KEPT_PIECES = 6  # of each stream, for readers that step back a little
KEPT_STREAMS = 4  # places that a file is read at in turn, such as a table and its contents
# How often everything may be unpacked again for unordered reads, and how many bytes in addition.
MOST_AGAIN, MOST_AGAIN_BESIDES = 16, 1 << 28
# The window of a zstd frame is memory that the file asks for. zstd itself refuses a wider one without `--long`.
WIDEST_WINDOW = 1 << 27
WIDE_WINDOW, KEPT_WIDE = 1 << 24, 2
GZIP = b"\x1f\x8b\x08"  # RFC 1952, 2.3.1, with its only method
ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1
SKIPPABLE = tuple(bytes((first, 0x2A, 0x4D, 0x18)) for first in range(0x50, 0x60))  # RFC 8878, 3.1.2; the length follows in 4 bytes
LONGEST_HEADER = 18  # RFC 8878, 3.1.1.1, with the magic


class Decoder(Protocol):
    """Unpacks one member or frame: the interface of the standard library's decompressors."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Inflater:
    """zlib's decompressor with the interface of the others."""

    def __init__(self) -> None:
        self.zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self.zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self.zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        found = self.zlib.decompress(data or self.zlib.unconsumed_tail, max_length)
        # It can hold back bytes that it has already consumed, even if no input is left over.
        self.needs_input = not self.zlib.unconsumed_tail and len(found) < max_length
        return found


def inflater(_: Source) -> tuple[Decoder, type[Exception]]:
    return Inflater(), zlib.error


def inflaters_window(_: bytes) -> int:
    return 1 << zlib.MAX_WBITS


def zstd_decoder(source: Source) -> tuple[Decoder, type[Exception]]:
    """FileError if no library is installed: Python has one since 3.14."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        lacking = "this Python is built without it" if sys.version_info >= (3, 14) else "install the package backports.zstd to read it"
        raise FileError(f"{source.path}: packed with zstd; {lacking}, or unpack it with `zstd -d`") from None
    return zstd.ZstdDecompressor(), zstd.ZstdError


def zstd_window(header: bytes) -> int:
    """The memory that a frame asks for in its header."""
    header = header.ljust(LONGEST_HEADER, b"\0")
    flags = header[4]
    if not flags & 0x20:
        exponent, mantissa = divmod(header[5], 8)
        return (1 << 10 + exponent) * (8 + mantissa) // 8
    at = 5 + (0, 1, 2, 4)[flags & 3]  # after the id of a dictionary: the size of the content, which is the window
    size = 1 << (flags >> 6)
    return int.from_bytes(header[at : at + size], "little")


@record
class Packing:
    """A way to pack a file: its magic, a function that makes its decoder and gives the decoder's error, and the memory it needs."""

    name: str
    magic: tuple[bytes, ...]
    suffixes: tuple[str, ...]
    command: str  # prints the content of a file
    decoder: Callable[[Source], tuple[Decoder, type[Exception]]]
    window: Callable[[bytes], int]


PACKINGS = (
    Packing("gzip", (GZIP,), (".gz", ".gzip"), "gzip -dc", inflater, inflaters_window),
    Packing("zstd", (ZSTD, *SKIPPABLE), (".zst", ".zstd"), "zstd -dc", zstd_decoder, zstd_window),
)


def packing_of(start: bytes) -> Packing | None:
    """The packing of a file, by its first bytes."""
    return next((one for one in PACKINGS if start.startswith(one.magic)), None)


class Stream:
    """The unpacked bytes of a source from the beginning on, piece by piece. `fault` says why it ended early, or is ""."""

    def __init__(self, source: Source, packing: Packing) -> None:
        self.source = source
        self.packing = packing
        self.pieces: deque[bytes] = deque()
        self.start = self.end = 0  # of the pieces, in the unpacked bytes
        self.fault = ""
        self.is_wide = False
        self._careful_from: int | None = None
        self._restart()

    def _restart(self) -> None:
        self._decoder: Decoder | None = None
        self._error: type[Exception] = EOFError
        self._at = 0  # how far the source was read
        self._fed = b""  # bytes that were read and not yet unpacked
        self._failure: Exception | None = None
        self._is_at_end = False

    def copy(self, buffer: memoryview, offset: int) -> int:
        """Copies from an offset within the pieces on; returns the number of bytes."""
        filled, start = 0, self.start
        for piece in self.pieces:
            if offset < start + len(piece):
                found = memoryview(piece)[max(0, offset - start) :][: len(buffer) - filled]
                buffer[filled : filled + len(found)] = found
                filled += len(found)
            start += len(piece)
        return filled

    def advance(self) -> bool:
        """Unpacks the next piece, if there is one."""
        piece = self._next()
        if not piece and self._careful_from is None and isinstance(self._failure, self._error) and not isinstance(self._failure, EOFError):
            piece = self._next_with_care()
        if not piece:
            self.fault = self._say_fault()
            return False
        if len(self.pieces) == KEPT_PIECES:
            self.start += len(self.pieces.popleft())
        self.pieces.append(piece)
        self.end += len(piece)
        return True

    def _say_fault(self) -> str:
        if self._failure is None:
            return ""
        if isinstance(self._failure, EOFError):
            return f"is truncated: it ends before its {self.packing.name} data does"
        reason = str(self._failure).rpartition(": ")[2]
        return f"cannot be unpacked beyond byte {self.end:#x} of what is in it: {reason}"

    def _next_with_care(self) -> bytes:
        """The next piece, in a second attempt: a decoder that fails does not give out what it had unpacked before the damage.

        So a new decoder is brought to the same place, then fed byte by byte.
        """
        self._careful_from = self._at - FED
        self._restart()
        at = 0
        while at <= self.end:
            piece = self._next()
            if not piece:
                return b""
            at += len(piece)
        return piece[len(piece) - (at - self.end) :]

    def _next(self) -> bytes:
        """At least LEAST_AT_ONCE bytes, unless the data ends or cannot be unpacked."""
        parts: list[bytes] = []
        size = 0
        while size < LEAST_AT_ONCE and not self._is_at_end:
            try:
                part = self._step()
            except (EOFError, ValueError, self._error) as error:
                self._failure, self._is_at_end = error, True
                break
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def _step(self) -> bytes:
        """The result of one call. EOFError if the packed data ends too soon, ValueError or the decoder's error if it is damaged."""
        if self._decoder is None:
            self._begin()
            return b""
        data = b""
        if self._decoder.needs_input:
            data, self._fed = self._fed or self._feed(), b""
            if not data:
                raise EOFError
        found = self._decoder.decompress(data, MOST_AT_ONCE)
        if self._decoder.eof:
            self._fed = self._decoder.unused_data
            self._decoder = None
        return found

    def _begin(self) -> None:
        """Makes a decoder for the next member or frame, after any zeros that pad a tape or disk."""
        self._fed = self._fed.lstrip(b"\0")
        while len(self._fed) < LONGEST_HEADER and (more := self._feed()):
            self._fed = (self._fed + more).lstrip(b"\0")
        if not self._fed:
            self._is_at_end = True
        elif self._fed.startswith(SKIPPABLE) and self.packing.magic[-1] in SKIPPABLE:
            self._skip(8 + int.from_bytes(self._fed[4:8], "little"))
        elif not self._fed.startswith(self.packing.magic):
            raise ValueError(f"what follows is not {self.packing.name} data")
        else:
            window = self.packing.window(self._fed)
            if window > WIDEST_WINDOW:
                raise ValueError(f"that takes more than {WIDEST_WINDOW >> 20} MiB of memory; `zstd -d --long=31` unpacks it")
            self.is_wide = window > WIDE_WINDOW
            self._decoder, self._error = self.packing.decoder(self.source)

    def _skip(self, size: int) -> None:
        self._at += max(0, size - len(self._fed))
        self._fed = self._fed[size:]
        if self.source.size is not None and self._at > self.source.size:
            raise EOFError

    def _feed(self) -> bytes:
        size = FED
        if self._careful_from is not None:
            size = max(1, min(FED, self._careful_from - self._at))
        data = read(self.source, self._at, size)
        self._at += len(data)
        return data


class Unpacked:
    """A source of unpacked bytes. A read continues from the nearest earlier place that a stream has reached, or starts over."""

    def __init__(self, source: Source, packing: Packing) -> None:
        self.packed = source
        self.packing = packing
        self.path = source.path
        self.size: int | None = None
        self.fault = ""
        self._streams: list[Stream] = []  # the most recently used first
        self._furthest = 0
        self._again = 0  # bytes that were unpacked repeatedly

    def fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        view, filled = memoryview(buffer), 0
        while filled < len(view) and (stream := self._stream_at(offset + filled)):
            filled += stream.copy(view[filled:], offset + filled)
        if self.fault and not filled and len(view):
            raise FileError(f"{self.path}: {self.fault}")
        return filled

    def _stream_at(self, offset: int) -> Stream | None:
        """A stream that holds the byte at an offset; None if there is no such byte."""
        if self.size is not None and offset >= self.size:
            return None
        stream = max((one for one in self._streams if one.start <= offset), key=lambda one: one.start, default=None)
        if stream is None:
            stream = Stream(self.packed, self.packing)
        else:
            self._streams.remove(stream)
        most = KEPT_WIDE if any(one.is_wide for one in self._streams) else KEPT_STREAMS
        self._streams = [stream, *self._streams[: most - 1]]
        while stream.end <= offset:
            if self._again > MOST_AGAIN * self._furthest + MOST_AGAIN_BESIDES:
                raise FileError(f"{self.path}: its contents are out of order; unpack it first, with `{self.packing.name} -d`")
            before = stream.end
            if not stream.advance():
                self.size, self.fault = stream.end, stream.fault
                return None
            self._again += max(0, min(stream.end, self._furthest) - before)
            self._furthest = max(self._furthest, stream.end)
        return stream

    def hole(self, offset: int, size: int) -> int:  # noqa: ARG002
        return 0  # zeros only show when they are unpacked

    def close(self) -> None:
        self._streams.clear()
        self.packed.close()


def plain_name(source: Source) -> str:
    """The path of a source, without the suffix of its packing."""
    suffixes = source.packing.suffixes if isinstance(source, Unpacked) else ()
    suffix = next((one for one in suffixes if source.path.lower().endswith(one)), "")
    return source.path[: len(source.path) - len(suffix)]
