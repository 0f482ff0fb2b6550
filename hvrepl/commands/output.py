"""Common output of commands: each value or its error in its place, and the text in the current format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hvrepl.codec.decoded import Decoded
from hvrepl.commands.inputs.operands import Value
from hvrepl.commands.session import Session, finish_lines, say_error
from hvrepl.errors import HvreplError
from hvrepl.hints import TYPE_CHECKING
from hvrepl.record import replace
from hvrepl.render.formats import RENDERERS, Item, render_few

if TYPE_CHECKING:
    from hvrepl.render.listing import Listing


def emit(session: Session, items: Iterable[Item], *, few: bool = False) -> None:
    """Each item as soon as it arrives; a few together, so that people can compare them."""
    if session.shows and session.options.format == "fields":
        for item in items:
            session.shows(item)
        return
    render = render_few if few and session.options.format == "fields" else RENDERERS[session.options.format]
    for text in render(items, session.style):
        session.write(text)


def emit_listing(session: Session, listing: Listing) -> None:
    from hvrepl.render.listing import render_listing

    if session.options.keep_going and session.options.format == "ndjson" and session.line is not None:
        listing = replace(listing, tables=[{"line": session.line, **table} for table in listing.tables])
    for text in render_listing(listing, session.options.format, session.style):
        session.write(text)


def answer(session: Session, value: Value, make: Callable[[], Decoded | str]) -> Iterator[Item]:
    """The output for a value, a tree or a tree's JSON, or with --keep-going the error in its place.

    Otherwise the error is raised, with its line of stdin.
    """
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
    session.note_findings(node.findings)
    shown = line if session.options.keep_going and session.options.format in ("ndjson", "csv") else None
    yield Item(node, line=shown)


def at_line(error: HvreplError, line: int | None) -> HvreplError:
    return error if line is None else type(error)(f"stdin:{line}: {error}")


def failure(session: Session, error: HvreplError, text: str) -> Iterator[Item]:
    """An error in a stream that continues: an object in ndjson, otherwise a line on stderr."""
    session.fail(error)
    if session.options.format == "ndjson":
        yield Item(table={"input": text, "error": say_error(error), "status": error.status}, line=session.line)
    else:
        session.report(error, f"{session.place}:{session.line}: " if session.place else "")
