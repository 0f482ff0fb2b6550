"""Values from files and stdin → lines of ndjson by codec/stream: the same as decode's, without a tree for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from hvrepl.codec.stream.lines import Stream
from hvrepl.commands.inputs.files import line_blocks
from hvrepl.commands.inputs.operands import Value, attempt, holds_lines, read_exactly, read_start, read_struct_stream, read_values
from hvrepl.commands.inputs.register_value import read_hex_lines, read_plain_lines, read_word
from hvrepl.commands.inputs.what import Target
from hvrepl.commands.session import WRITTEN, Session, finish_lines
from hvrepl.commands.values_in_hand import MOST_KEPT
from hvrepl.render.formats import Item

BLOCK = WRITTEN // 2  # characters that are written at once, fewer bytes than stdout holds


def read_stream(session: Session, target: Target, stream: Stream, words: list[str]) -> Iterator[Value | Item]:
    """The values, or for successive plain lines of stdin already their output."""
    if words != ["-"] or session.is_script:
        yield from read_values(session, target.found, words, output=target.output)
    elif stream.width:
        yield from read_lines(session, target, stream)
    else:
        start = read_start(session)
        if stream.size and holds_lines(start, stream.size) and not session.options.word_size:
            yield from read_lines(session, target, stream, start)
        else:
            yield from read_struct_stream(session, stream.size, start)


def line_of(session: Session, target: Target, stream: Stream, value: Value) -> str:
    """The line of one value. Raises the error that prevents reading or decoding it."""
    if value.error:
        raise value.error
    line = stream.line(value.data, value.how)
    if not target.output:
        session.values.keep(target.found, value.data, how=value.how)
    return line


def read_lines(session: Session, target: Target, stream: Stream, start: bytes = b"") -> Iterator[Value | Item]:
    """The lines of stdin: blocks of the plainest kind as items, any other line as a value."""
    done = 0
    for block in line_blocks(session, start):
        values = read_block(session, stream, block)
        if values:
            yield from blocks(session, target, stream, values, done + 1)
            done += len(values)
            continue
        lines = block.removesuffix(b"\n").split(b"\n")
        for number, line in enumerate(lines, done + 1):
            values = read_block(session, stream, line + b"\n")
            text = line.decode("utf-8", "replace").strip()
            if values:
                yield Value(text, stream.to_bytes(values[0]), line=number)
            elif text and not text.startswith("#"):
                yield attempt(text, number, partial(read_line, session, target, stream, text))
        done += len(lines)


def read_block(session: Session, stream: Stream, lines: bytes) -> Sequence[int | bytes] | None:
    if session.options.hex and stream.width:
        return None
    return read_plain_lines(lines, stream.width) if stream.width else read_hex_lines(lines, stream.size or 0)


def read_line(session: Session, target: Target, stream: Stream, text: str) -> tuple[bytes, str]:
    return read_word(session, target.found, text) if stream.width else read_exactly(session, text, stream.size or 0)


def blocks(session: Session, target: Target, stream: Stream, values: Sequence[int | bytes], first: int) -> Iterator[Item]:
    """The output for values on successive lines of stdin, some at a time."""
    count = 1
    at = 0
    while at < len(values):
        lines = stream.lines(values[at : at + count])
        at += len(lines)
        yield Item(text=finish_lines(session, lines, first + at - len(lines)))
        count = max(1, BLOCK // len(lines[-1]))
    if session.is_shell and not target.output:
        session.values.skip(len(values[:-MOST_KEPT]))
        for value in values[-MOST_KEPT:]:
            session.values.keep(target.found, stream.to_bytes(value))
