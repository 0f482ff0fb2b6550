"""show: a definition without a value."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.commands.inputs.what import find_anywhere
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.render.definition import describe_lines, place_of
from hvrepl.render.describe import describe
from hvrepl.render.listing import Listing


def show(session: Session, words: Sequence[str]) -> None:
    """show WHAT"""
    if len(words) != 1:
        raise UsageError("show takes one name or number: `show WHAT`")
    try:
        found = find_anywhere(session, words[0])
    except NotFoundError:
        if not show_constants(session, words[0]):
            raise
        return
    table = describe(session.catalog.for_arch(found.arch), found)
    headers = ("bits", "name", "type", "doc")
    rows = [(place_of(f), f["name"], str(f.get("type", "")), str(f.get("doc", ""))) for f in table["fields"]]
    emit_listing(session, Listing(headers, rows, [table], single=True, lines=lambda style: describe_lines(table, style)))


def show_constants(session: Session, name: str) -> bool:
    """Shows a value of an enumeration, or a field, with that name. False if there is none."""
    from hvrepl.catalog.constants import find_constants
    from hvrepl.render.constant import list_constants

    found = find_constants(session.catalog.index, name, session.options.arch)
    if found:
        emit_listing(session, list_constants(session.catalog, found))
    return bool(found)
