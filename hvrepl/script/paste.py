"""A text of several lines → dumps, each with the words before it, and single lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.dump_forms import read_line
from hvrepl.readers.kinds import DIGITS, is_row
from hvrepl.record import record

TAIL = regex(r"\s*(?:(?:0x|\\x)?[0-9a-f]{2}[\s,-]*)+", re.IGNORECASE)
BEFORE = regex(r"\s*((?:decode\s+)?[a-z][\w.-]*)\s+(?=\S)", re.IGNORECASE)

IsStruct = Callable[[str], bool]  # whether a name belongs to a struct or page, whose values are dumps


@record(eq=True)
class Piece:
    """A line, or the rows of a dump with the words before the first."""

    text: str
    is_dump: bool = False
    words: tuple[str, ...] = ()


def goes_on(line: str) -> bool:
    """Whether a line can be within a dump: a row, a fold, its final address, a few bytes."""
    try:
        row = read_line(1, line)
    except UsageError:
        return False
    return bool(row and row.form != "other") or bool(TAIL.fullmatch(line) or DIGITS.fullmatch(line))


def is_frame(line: str) -> bool:
    """Whether a line is a debugger's prompt or a tool's heading, which people copy along with a dump."""
    try:
        return read_line(1, line) is None
    except UsageError:
        return False


def split_row(line: str, is_struct: IsStruct) -> tuple[tuple[str, ...], str]:
    """The words before a row, and the row; the row is empty if there is none."""
    match = BEFORE.match(line)  # first, as a kernel prints its own name before a row
    words = tuple(match[1].split()) if match else ()
    if match and is_struct(words[-1]) and is_row(line[match.end() :]):
        return words, line[match.end() :]
    return ((), line) if is_row(line) else ((), "")


def is_open(lines: Sequence[str], is_struct: IsStruct) -> bool:
    """Whether more may follow these lines: the last one belongs to a dump, or precedes one."""
    if not lines or not lines[-1].strip() or lines[-1].lstrip().startswith("#"):  # a comment, or root's prompt before a dump
        return False
    rows_before = any(split_row(line, is_struct)[1] for line in lines[:-1][-2:])
    return bool(split_row(lines[-1], is_struct)[1]) or is_frame(lines[-1]) or (rows_before and goes_on(lines[-1]))


def split_text(text: str, is_struct: IsStruct) -> Iterator[Piece]:
    """The dumps and lines of a text, in order; empty lines, and the prompts and headings of dumps, are left out."""
    lines = [line for line in text.split("\n") if line.strip()]
    has_rows = any(split_row(line, is_struct)[1] for line in lines)
    at = 0
    while at < len(lines):
        words, row = split_row(lines[at], is_struct)
        at += 1
        if row:
            more = list(takewhile(goes_on, lines[at:]))
            at += len(more)
            yield Piece("\n".join([row, *more]), is_dump=True, words=words)
        elif not (has_rows and is_frame(lines[at - 1])):
            yield Piece(lines[at - 1])
