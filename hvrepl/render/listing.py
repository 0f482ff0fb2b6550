"""What `list` and `find` say: names with their numbers, and what in a spec a text or bit is found in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hvrepl.catalog.catalog import Catalog, Entry
from hvrepl.catalog.model import fill
from hvrepl.catalog.search import Hit
from hvrepl.codec.decoded import dump
from hvrepl.record import record
from hvrepl.render.formats import csv_row, tabulate_rows
from hvrepl.render.style import Style, align


@record
class Listing:
    """Rows that every format can show: cells for people and spreadsheets, objects for programs.

    `single`: the one object is the answer, not a list of one. `lines`: how a person reads it, if not as rows.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    tables: Sequence[Mapping[str, Any]]
    single: bool = False
    lines: Callable[[Style], Iterable[str]] | None = None
    roles: Sequence[str] = ("number", "name", "dim", "meaning")


def entry_row(entry: Entry) -> tuple[str, str, str, str, str]:
    return entry.space.name if entry.space else entry.kind, number_of(entry), entry.name, entry.arch, entry.title


def number_of(entry: Entry) -> str:
    if entry.space is None or entry.low is None or entry.high is None:
        return ""
    low = entry.space.write(entry.low)
    return low if entry.low == entry.high else f"{low}-{entry.space.write(entry.high)}"


def entry_table(entry: Entry) -> dict[str, Any]:
    table = {
        "name": entry.name,
        "kind": entry.kind,
        "space": entry.space.name if entry.space else "",
        "number": number_of(entry),
        "arch": entry.arch,
        "also": list(entry.also),
        "was": list(entry.was),
        "title": entry.title,
    }
    return {key: value for key, value in table.items() if value}


def list_entries(entries: Iterable[Entry]) -> Listing:
    found = list(entries)
    headers = ("space", "number", "name", "arch", "title")
    return Listing(
        headers, [entry_row(e) for e in found], [entry_table(e) for e in found], roles=("dim", "number", "name", "dim", "meaning")
    )


def render_listing(listing: Listing, form: str, style: Style) -> Iterator[str]:
    """The listing in a format; `bits` has none of its own and shows it as `fields` does."""
    if form == "json":
        yield dump(listing.tables[0] if listing.single and listing.tables else list(listing.tables)) + "\n"
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


def list_hits(hits: Iterable[Hit], catalog: Catalog) -> Listing:
    found = list(hits)
    tables = [hit_table(hit, catalog) for hit in found]
    rows = [(t.get("space", t["kind"]), t.get("number", ""), t["name"], t["arch"], t["where"], t.get("title", "")) for t in tables]
    headers = ("space", "number", "name", "arch", "where", "title")
    return Listing(headers, rows, tables, roles=("dim", "number", "name", "dim", "meaning", "dim"))


def hit_table(hit: Hit, catalog: Catalog) -> dict[str, Any]:
    """A hit under the number that heads it on the arch in force, or on the other."""
    spec = hit.spec
    address = catalog.heading(spec) or next(iter(spec.addresses), None)
    table = {
        "name": address.named(hit.element) if address else spec.named(hit.element),
        "kind": spec.kind,
        "space": address.space if address else "",
        "number": catalog.spaces[address.space].write(address.number(hit.element)) if address else "",
        "arch": spec.arch,
        "where": hit.where,
        "title": fill(spec.title, hit.element),
        "source": list(spec.source),
    }
    return {key: value for key, value in table.items() if value}
