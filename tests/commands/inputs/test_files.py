"""Endless input gives one clear line; the tests use a smaller limit than the program's."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from hvrepl.commands.inputs.files import MOST_READ, raw_lines, read_file, read_lines, read_rest
from hvrepl.commands.session import Session, Streams
from hvrepl.errors import FileError, UsageError
from hvrepl.readers.dump import read_bytes
from tests.at_hand import needs
from tests.program import execute

ENDLESS = Path("/dev/zero")
has_endless = needs(str(ENDLESS))


class Endless(io.RawIOBase):
    """A pipe with endless repetitions of the same bytes; `taken` is the number of bytes read."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece
        self.taken = 0

    def read1(self, size: int) -> bytes:
        self.taken += len(self.piece[:size])
        return self.piece[:size]


def session_on(stdin: io.RawIOBase) -> Session:
    return Session(Streams(stdin, io.StringIO(), io.StringIO(), {}))  # type: ignore[arg-type]


def test_a_file_may_be_as_long_as_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(bytes(100))
    assert read_file(str(path), 100) == bytes(100)
    with pytest.raises(
        UsageError, match="more than 99 bytes with no end; expected one dump or value, or a part of the file: @FILE:ADDRESS"
    ):
        read_file(str(path), 99)


@has_endless
def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^/dev/zero: more than 1 MiB with no end"):
        read_file(str(ENDLESS), 1 << 20)


@pytest.mark.parametrize("path", ["/nosuch", "/", "a\0b"])
def test_a_file_that_cannot_be_read_is_another_error(path: str) -> None:
    with pytest.raises(FileError):
        read_file(path, 10)


def test_stdin_without_an_end_is_refused_soon_after_the_limit() -> None:
    stdin = Endless(b"\0" * 1000)
    with pytest.raises(UsageError, match=r"^stdin: more than 5000 bytes with no end; expected one dump$"):
        read_rest(session_on(stdin), most=5000)
    assert stdin.taken == 6000


def test_a_line_without_an_end_is_refused_and_those_before_it_are_read() -> None:
    lines = raw_lines(session_on(Endless(b"x" * 1000)), b"first\nsec", most=5000)
    assert next(lines) == b"first"
    with pytest.raises(UsageError, match="expected one value per line"):
        next(lines)


def test_any_number_of_lines_is_read() -> None:
    lines = raw_lines(session_on(Endless(b"0x1\n" * 100)), most=500)
    assert [next(lines) for _ in range(1000)] == [b"0x1"] * 1000


def test_a_line_of_a_sourced_file_has_the_limit() -> None:
    lines = read_lines(io.StringIO("sint2 1\n" + "x" * 50), "script", 20)
    assert next(lines) == "sint2 1\n"
    with pytest.raises(UsageError, match=r"^script: more than 20 bytes with no end; a script has lines$"):
        next(lines)


def test_a_dump_in_text_has_a_limit_of_its_own() -> None:
    assert read_bytes(b"00 11", most=5)[0].data == b"\0\x11"
    assert read_bytes(bytes(100), most=5)[0].data == bytes(100)
    with pytest.raises(UsageError, match="6 characters are too many for a dump in text"):
        read_bytes(b"00 11 ", most=5)


@has_endless
def test_the_program_ends_with_status_2_and_one_line() -> None:
    ended = execute("decode", "page", f"@{ENDLESS}")
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert f"more than {MOST_READ >> 20} MiB" in ended.err
