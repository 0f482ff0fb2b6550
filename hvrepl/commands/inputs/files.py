"""Bytes and lines from files and stdin, up to a limit: endless input is one clear error, and does not fill the memory."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator

from hvrepl.commands.session import Session
from hvrepl.errors import FileError, UsageError
from hvrepl.hints import IO, BinaryIO
from hvrepl.readers.plain_text import encoding_of

CHUNK = 1 << 16
LONGEST_MARK = 16  # first bytes that identify an image of memory; they always include a zero or a non-ASCII byte
MOST_READ = 256 << 20  # bytes of one file or one line, far above any dump of one thing


def too_much(name: str, most: int, right: str) -> UsageError:
    size = f"{most >> 20} MiB" if most >> 20 else f"{most} bytes"
    return UsageError(f"{name}: more than {size} with no end; {right}")


def is_file(word: str) -> bool:
    """Whether a word that is not a value is the name of a file."""
    try:
        return os.path.isfile(word)
    except (OSError, ValueError):  # a name that a file cannot have
        return False


def read_file(path: str, most: int = MOST_READ) -> bytes:
    """A whole file. FileError if it cannot be read, UsageError if it is a memory image, or too long for a dump."""
    if not path:
        raise UsageError("@ without a file; write @FILE")
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise FileError(f"{path!r}: {error}") from None
    if len(data) > most:
        raise too_much(path, most, "expected one dump or value, or a part of the file: @FILE:ADDRESS")
    start = data[:LONGEST_MARK]
    if b"\0" in start or not start.isascii():
        refuse_image(path, start)
    return data


def refuse_image(path: str, start: bytes) -> None:
    """UsageError for the beginning of a memory image, an event log, a disk or a packed one: its header is not the intended value."""
    from hvrepl.catalog.model import PAGE_SIZE
    from hvrepl.readers.event_log import MAGIC
    from hvrepl.readers.images.formats import is_image, unpacked_start
    from hvrepl.readers.images.refused import say_refused
    from hvrepl.readers.plain_text import decode

    if start.startswith(MAGIC):
        raise UsageError(f"{path} is a Windows event log: `annotate {path}` reads it")
    inside = unpacked_start(path, start, PAGE_SIZE)
    is_known = is_image(start) or is_image(inside)
    if is_known or (inside and decode(inside, cut=True) is None):
        what = "is a memory image" if is_known else "is packed"
        raise UsageError(f"{path} {what}: `scan {path}` finds message pages in it, @{path}:ADDRESS is what is at an address")
    if refused := say_refused(path):
        raise UsageError(f"{path}: {refused}")


def read_lines(file: IO[str], name: str, most: int = MOST_READ) -> Iterator[str]:
    """The lines of a file in text."""
    while line := file.readline(most + 1):
        if len(line) > most:
            raise too_much(name, most, "a script has lines")
        yield line


def read_chunk(session: Session) -> bytes:
    """The bytes that stdin has now, at least one unless it has ended; output so far is flushed before waiting."""
    session.streams.stdout.flush()
    stdin: BinaryIO = session.streams.stdin
    try:
        return stdin.read1(CHUNK) if hasattr(stdin, "read1") else stdin.read(CHUNK)
    except OSError as error:
        raise FileError(f"stdin: {error.strerror}") from error


def read_rest(session: Session, start: bytes = b"", most: int = MOST_READ) -> bytes:
    """Everything from stdin, with the bytes that were already read."""
    parts, size = [start], len(start)
    while chunk := read_chunk(session):
        parts.append(chunk)
        size += len(chunk)
        if size > most:
            raise too_much("stdin", most, "expected one dump")
    return b"".join(parts)


def numbered_lines(session: Session, start: bytes = b"") -> Iterator[tuple[int, str]]:
    """(line number, text) from stdin without empty lines and comments, each as soon as it arrives."""
    for number, line in enumerate(raw_lines(session, start), 1):
        text = line.decode("utf-8", "replace").strip()
        if text and not text.startswith("#"):
            yield number, text


def raw_lines(session: Session, start: bytes = b"", most: int = MOST_READ) -> Iterator[bytes]:
    """The lines of stdin, each as soon as it arrives."""
    for block in line_blocks(session, start, most):
        yield from block.removesuffix(b"\n").split(b"\n")


def line_blocks(session: Session, start: bytes = b"", most: int = MOST_READ) -> Iterator[bytes]:
    """All complete lines that stdin has at a time; at its end also one without a newline."""
    pending: list[bytes] = []
    held = 0
    for chunk in utf_8_chunks(session, start):
        lines, newline, rest = chunk.rpartition(b"\n")
        if newline:
            yield b"".join([*pending, lines, newline])
            pending, held = [], 0
        pending.append(rest)
        held += len(rest)
        if held > most:
            raise too_much("stdin", most, "expected one value per line")
    if any(pending):
        yield b"".join(pending)


def utf_8_chunks(session: Session, start: bytes = b"") -> Iterator[bytes]:
    """The bytes that stdin has at a time, without the byte order mark that Windows writes, and in UTF-8 instead of UTF-16."""
    chunk = start or read_chunk(session)
    encoding = encoding_of(chunk)
    if encoding == "utf-8":
        chunk = chunk.removeprefix(codecs.BOM_UTF8)
        while chunk:
            yield chunk
            chunk = read_chunk(session)
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while chunk:
        yield decoder.decode(chunk).removeprefix("\ufeff").encode("utf-8", "replace")
        chunk = read_chunk(session)
