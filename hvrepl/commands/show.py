"""show: a definition without a value."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.commands.inputs.what import find_anywhere
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.render.definition import describe, describe_lines, place_of
from hvrepl.render.listing import Listing


def show(session: Session, words: Sequence[str]) -> None:
    """show WHAT"""
    if len(words) != 1:
        raise UsageError("show takes one name or number: `show WHAT`")
    found = find_anywhere(session, words[0])
    table = describe(session.catalog.for_arch(found.arch), found)
    headers = ("bits", "name", "type", "doc")
    rows = [(place_of(f), f["name"], str(f.get("type", "")), str(f.get("doc", ""))) for f in table["fields"]]
    emit_listing(session, Listing(headers, rows, [table], single=True, lines=lambda style: describe_lines(table, style)))
