"""Each command once: (session, its words) → output. What the words stand for is in targets.py and values.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hvrepl.codec.decoded import Decoded
from hvrepl.commands.inputs.files import numbered_lines
from hvrepl.commands.inputs.operands import Value, read_values
from hvrepl.commands.inputs.what import (
    LONGEST_NAME,
    NUMBER,
    Target,
    find_alone,
    find_anywhere,
    find_target,
    thing_in,
)
from hvrepl.commands.session import Session, choose, finish_lines, say_error
from hvrepl.errors import HvreplError, NotFoundError, UsageError
from hvrepl.readers.number import is_number, read_number
from hvrepl.render.formats import RENDERERS, Item
from hvrepl.render.style import shorten

if TYPE_CHECKING:
    from hvrepl.render.listing import Listing


def decode(session: Session, words: Sequence[str]) -> None:
    """decode [WHAT] VALUE..."""
    emit(session, decode_items(session, list(words)))


def decode_items(session: Session, words: Sequence[str]) -> Iterator[Item]:
    if not words:
        raise UsageError("decode what? `decode WHAT VALUE`, or a single number")
    if len(words) == 1 and (words[0] == "-" or is_number(words[0])):
        yield from decode_lone_items(session, words[0])
        return
    if len(words) == 1 and words[0].startswith("@"):
        raise UsageError(f"what is in {words[0][1:]}? `decode WHAT {words[0]}`, such as page or message")
    target = find_what(session, words)
    if session.options.format == "ndjson" and target.slot is None and any(word == "-" or word.startswith("@") for word in words[1:]):
        yield from decode_stream(session, target, list(words[1:]))
        return
    for value in read_values(session, target.found, list(words[1:]), output=target.output):
        yield from guarded(session, value, partial(decode_one, session, target, value))


def decode_stream(session: Session, target: Target, words: list[str]) -> Iterator[Item]:
    """Values of files and stdin as lines of ndjson, which are made without a tree for each."""
    from hvrepl.codec.stream.lines import Stream
    from hvrepl.commands.inputs.ndjson_lines import line_of, read_stream

    stream = Stream(session.decoder, target.found, output=target.output, other=others_of(target))
    for one in read_stream(session, target, stream, words):
        if isinstance(one, Item):
            yield one
        else:
            yield from guarded(session, one, partial(line_of, session, target, stream, one))


def find_what(session: Session, words: Sequence[str]) -> Target:
    if len(words) == 1:
        return find_alone(session, words[0])
    try:
        return find_target(session, words[0])
    except NotFoundError as error:
        if is_number(words[0]):
            raise NotFoundError(f"{error}; several values need a name: decode WHAT {words[0][:40]} ...") from None
        raise


def decode_lone_items(session: Session, word: str) -> Iterator[Item]:
    if word == "-" and session.is_script:
        raise UsageError("- is the script itself here; give the value, or @FILE")
    lines = numbered_lines(session) if word == "-" else [(None, word)]
    for line, text in lines:
        value = Value(text, line=line)
        yield from guarded(session, value, partial(decode_lone_text, session, text))


def decode_lone_text(session: Session, text: str) -> Decoded:
    from hvrepl.analysis.identify import decode_lone

    reading = read_number(text)
    node = decode_lone(session.decoder, reading.value)
    if node.fields:
        session.memory.keep(session.catalog.find_name(node.name), node.to_bytes())
    return replace(node, read=", ".join(how for how in (reading.how, node.read) if how))


def decode_one(session: Session, target: Target, value: Value) -> Decoded:
    if value.error:
        raise value.error
    found, data = thing_in(session, target, value.data)
    node: Decoded = session.decoder.decode(found, data, output=target.output)
    if not target.output:
        session.memory.keep(found, data)
    return replace(node, read=value.how, other=others_of(target), dumped=target.slot is not None)


def others_of(target: Target) -> tuple[Decoded, ...]:
    """The other meanings of the number that was asked for."""
    return tuple(
        Decoded(name=other.name, space=other.space.name, number=other.space.write(other.number), summary=other.title)
        for other in target.found.others
    )


def guarded(session: Session, value: Value, make: Callable[[], Decoded | str]) -> Iterator[Item]:
    """The item, be it a tree or the JSON of one, or with --keep-going its error in its place; else the error, with its line of stdin."""
    line = value.line if value.line is not None else session.line
    try:
        node = make()
    except HvreplError as error:
        if not session.options.keep_going:
            raise at_line(error, value.line) from None
        yield from failure(session if value.line is None else session.child(value.line, "stdin"), error, value.text)
        return
    if isinstance(node, str):
        yield Item(text=finish_lines(session, [node], line))
        return
    if node.findings and session.options.strict:
        session.outcome.note(1)
    shown = line if session.options.keep_going and session.options.format in ("ndjson", "csv") else None
    yield Item(node, line=shown)


def at_line(error: HvreplError, line: int | None) -> HvreplError:
    return error if line is None else type(error)(f"stdin:{line}: {error}")


def failure(session: Session, error: HvreplError, text: str) -> Iterator[Item]:
    """An error in a stream that goes on: an object in ndjson, else a line on stderr."""
    session.fail(error)
    if session.options.format == "ndjson":
        yield Item(table={"input": text, "error": say_error(error), "status": error.status}, line=session.line)
    else:
        session.report(error, f"{session.place}:{session.line}: " if session.place else "")


def emit(session: Session, items: Iterable[Item]) -> None:
    for text in RENDERERS[session.options.format](items, session.style):
        session.write(text)


def emit_listing(session: Session, listing: Listing) -> None:
    from hvrepl.render.listing import render_listing

    if session.options.keep_going and session.options.format == "ndjson" and session.line is not None:
        listing = replace(listing, tables=[{"line": session.line, **table} for table in listing.tables])
    for text in render_listing(listing, session.options.format, session.style):
        session.write(text)


def show(session: Session, words: Sequence[str]) -> None:
    """show WHAT"""
    if len(words) != 1:
        raise UsageError("show takes one name or number: `show WHAT`")
    from hvrepl.render.definition import describe, describe_lines, place_of
    from hvrepl.render.listing import Listing

    found = find_anywhere(session, words[0])
    table = describe(session.catalog.for_arch(found.arch), found)
    headers = ("bits", "name", "type", "doc")
    rows = [(place_of(f), f["name"], str(f.get("type", "")), str(f.get("doc", ""))) for f in table["fields"]]
    listing = Listing(headers, rows, [table], single=True, lines=lambda style: describe_lines(table, style))
    emit_listing(session, listing)


def list_names(session: Session, words: Sequence[str]) -> None:
    """list [SPACE]"""
    from hvrepl.render.listing import list_entries

    if len(words) > 1:
        raise UsageError("list takes one space: `list SPACE`")
    space = choose("space", words[0].lower(), session.catalog.spaces, NotFoundError) if words else None
    listing = list_entries(session.catalog.entries(space))
    emit_listing(session, listing)


def find_words(session: Session, words: Sequence[str]) -> None:
    """find TEXT|BIT"""
    from hvrepl.catalog.search import find_bit, find_number, find_text
    from hvrepl.render.listing import list_hits

    text = " ".join(words).strip()
    if not text:
        raise UsageError("find what? a text, a number such as 0xf3, or bit:17")
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise NotFoundError(f"nothing has '{shorten(text)}' in its names, fields, values or docs")
    index = session.catalog.index
    bit = re.fullmatch(r"bit:(\d{1,4})", text, re.ASCII)
    if bit:
        hits = find_bit(index, int(bit[1]))
    elif NUMBER.fullmatch(text):
        hits = find_number(index, read_number(text).value)
    else:
        hits = find_text(index, text)
    if not hits:
        raise NotFoundError(f"nothing has {text[:60]!r} in its names, fields, values or docs")
    emit_listing(session, list_hits(hits, session.catalog))
