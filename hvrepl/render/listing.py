"""Rows and objects as an answer in every format, for several things or for one that is not a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from hvrepl.codec.decoded import dump
from hvrepl.hints import Any
from hvrepl.record import record
from hvrepl.render.formats import csv_row, tabulate_rows, write_json
from hvrepl.render.style import Style, align


@record
class Listing:
    """Rows for every format: cells for people and spreadsheets, objects for programs.

    `single`: the answer is the one object, not a list of one. `lines`: the form for people, if it is not rows.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    tables: Sequence[Mapping[str, Any]]
    single: bool = False
    lines: Callable[[Style], Iterable[str]] | None = None
    roles: Sequence[str] = ("number", "name", "dim", "meaning")


def render_listing(listing: Listing, form: str, style: Style) -> Iterator[str]:
    """The listing in a format; `bits` looks like `fields`."""
    if form == "json":
        yield write_json(listing.tables[0] if listing.single and listing.tables else list(listing.tables), style) + "\n"
    elif form == "ndjson":
        yield from (dump(table) + "\n" for table in listing.tables)
    elif form == "csv":
        yield from (csv_row(row) for row in (listing.headers, *listing.rows))
    elif form == "table":
        yield tabulate_rows(listing.rows, listing.headers, style) + "\n"
    elif form == "line":
        yield from ("  ".join(cell for cell in row if cell) + "\n" for row in listing.rows)
    else:
        lines = listing.lines(style) if listing.lines else align(listing.rows, style, listing.roles)
        yield from (f"{line}\n" for line in lines)
