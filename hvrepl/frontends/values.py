"""VALUE words, files and stdin → the bytes of each value, with how they were read. Reads as it goes, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from hvrepl.catalog.catalog import Found
from hvrepl.codec.lone import narrow
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.frontends.session import Session
from hvrepl.text.read_value import fit, read_cpuid, read_number

CHUNK = 1 << 16
HEX_BYTES = re.compile(r"[0-9a-fA-F]{2}(?:[\s:-]+[0-9a-fA-F]{2})+")


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it was given: its bytes in memory order, or why there are none. `line` is its line of stdin."""

    text: str
    data: bytes = b""
    how: str = ""
    line: int | None = None
    error: HvreplError | None = None


def read_values(session: Session, found: Found, words: Sequence[str], *, output: bool = False) -> Iterator[Value]:
    """The values that the words of a command line stand for."""
    if not words:
        raise UsageError(f"{found.called}: no value; see `show {found.called}`")
    if "-" in words and len(words) > 1:
        raise UsageError("- stands alone: all values come from stdin then")
    if words == ["-"] and session.is_script:
        raise UsageError("- is the script itself here; give the value, or @FILE")
    if session.decoder.width(found.spec) and not output:
        return read_words_of_bits(session, found, words)
    return read_structs(session, found, words, output=output)


def read_words_of_bits(session: Session, found: Found, words: Sequence[str]) -> Iterator[Value]:
    width = session.decoder.width(found.spec)
    if list(words) == ["-"]:
        for line, text in numbered_lines(session):
            yield attempt(text, line, partial(read_word, text, width, found.called))
        return
    together = read_cpuid(words) if any("=" in word for word in words) else None
    if together:
        yield Value(" ".join(words), to_memory(fit(together.value, width, found.called), width), "" if width == 128 else together.how)
        return
    for word in words:
        if word.startswith("@"):
            yield from read_word_file(word[1:], width, found.called)
        else:
            data, how = read_word(word, width, found.called)
            yield Value(word, data, how)


def to_memory(value: int, width: int) -> bytes:
    return value.to_bytes(width // 8, "little")


def attempt(text: str, line: int, read: Callable[[], tuple[bytes, str]]) -> Value:
    """The value, or its error as a value: the stream decides whether to go on."""
    try:
        data, how = read()
    except HvreplError as error:
        return Value(text, line=line, error=error)
    return Value(text, data, how, line)


def read_word(text: str, width: int, name: str) -> tuple[bytes, str]:
    """One number of `width` bits, or its bytes in memory order."""
    if width == 128 and "=" in text:
        together = read_cpuid(text.split())
        if together:
            return to_memory(together.value, width), ""
    if HEX_BYTES.fullmatch(text.strip()):
        data = bytes.fromhex(re.sub(r"[\s:-]+", "", text))
        if 8 * len(data) != width:
            raise UsageError(f"{name} has {width // 8} bytes; {text.strip()[:40]!r} are {len(data)}")
        return data, f"read as {len(data)} bytes, lowest first"
    reading = read_number(text)
    value, sign = narrow(reading.value, width) if width < reading.value.bit_length() <= 64 else (reading.value, "")
    how = ", ".join(one for one in (reading.how, sign) if one)
    return to_memory(fit(reading.value if value is None else value, width, name), width), how


def read_word_file(path: str, width: int, name: str) -> Iterator[Value]:
    """A file of values: a line each, or raw, `width` bits each."""
    raw, size = read_file(path), width // 8
    if not re.fullmatch(rb"[\t\n\r -~]*", raw) and len(raw) % size == 0:
        for at in range(0, len(raw), size):
            yield Value(f"@{path}", raw[at : at + size], f"read as {size} raw bytes, lowest first")
        return
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                data, how = read_word(text, width, name)
            except UsageError as error:
                raise UsageError(f"{path}:{number}: {error}") from None
            yield Value(text, data, how)


def read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise FileError(f"{path!r}: {error}") from None


def read_structs(session: Session, found: Found, words: Sequence[str], *, output: bool) -> Iterator[Value]:
    if list(words) == ["-"]:
        layout = found.spec.output if output else found.spec.layout
        yield from read_struct_stream(session, session.decoder.schemas.size(found.spec, layout))
        return
    from hvrepl.text.read_dump import read_bytes, read_dump

    plain = [word for word in words if not word.startswith("@")]
    if plain and len(plain) < len(words):
        raise UsageError("the bytes of a dump and @FILE do not go together")
    if plain:
        yield from (Value(" ".join(plain)[:80], dump.data, dump.how) for dump in read_dump(" ".join(plain)))
    for word in words if not plain else ():
        try:
            dumps = read_bytes(read_file(word[1:]))
        except UsageError as error:
            raise UsageError(f"{word[1:]}: {error}") from None
        yield from (Value(word, dump.data, dump.how) for dump in dumps)


def read_struct_stream(session: Session, size: int | None) -> Iterator[Value]:
    """Lines of exactly `size` bytes of hex, raw bytes of k × size, or one dump; only the last is read as a whole."""
    stdin = session.streams.stdin
    start = read_chunk(session)
    while start and b"\n" not in start and len(start) < CHUNK:
        more = read_chunk(session)
        if not more:
            break
        start += more
    first = start.split(b"\n", 1)[0].strip()
    if size and re.fullmatch(rb"[0-9a-fA-F]{%d}" % (2 * size), first):
        for line, text in numbered_lines(session, start):
            yield attempt(text, line, partial(read_exactly, text, size))
        return
    if size and re.search(rb"[^\t\n\r -~]", start):
        yield from read_raw_stream(session, start, size)
        return
    from hvrepl.text.read_dump import read_bytes

    whole = start + stdin.read()
    yield from (Value("-", dump.data, dump.how) for dump in read_bytes(whole))


def read_exactly(text: str, size: int) -> tuple[bytes, str]:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * size}}}", text):
        raise UsageError(f"{text[:40]!r} is not {size} bytes of hex, as the lines before it are")
    return bytes.fromhex(text), ""


def read_raw_stream(session: Session, start: bytes, size: int) -> Iterator[Value]:
    held = start
    while held:
        while len(held) >= size:
            yield Value("-", held[:size])
            held = held[size:]
        more = read_chunk(session)
        if not more:
            break
        held += more
    if held:
        yield Value("-", held)


def read_chunk(session: Session) -> bytes:
    """What stdin has now, at least a byte unless it is at its end; what was made so far is shown before it waits."""
    session.streams.stdout.flush()
    stdin: BinaryIO = session.streams.stdin
    return stdin.read1(CHUNK) if hasattr(stdin, "read1") else stdin.read(CHUNK)


def numbered_lines(session: Session, start: bytes = b"") -> Iterator[tuple[int, str]]:
    """(line number, text) of stdin without empty lines and comments, each as soon as it is there."""
    for number, line in enumerate(raw_lines(session, start), 1):
        text = line.decode("utf-8", "replace").strip()
        if text and not text.startswith("#"):
            yield number, text


def raw_lines(session: Session, start: bytes = b"") -> Iterator[bytes]:
    pending: list[bytes] = []
    chunk = start or read_chunk(session)
    while chunk:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield b"".join([*pending, line])
            pending = []
        if rest:
            pending.append(rest)
        chunk = read_chunk(session)
    if pending:
        yield b"".join(pending)
