"""`list` and `find`: names with their numbers, and where a spec contains a text or bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hvrepl.catalog.catalog import Catalog, Entry
from hvrepl.catalog.index import reach
from hvrepl.catalog.model import COMMON, Spec, fill
from hvrepl.catalog.search import Hit
from hvrepl.hints import Any
from hvrepl.render.definition import say_arches, say_place
from hvrepl.render.describe import describe_bits
from hvrepl.render.listing import Listing
from hvrepl.render.style import Style, spread, wrap
from hvrepl.wording import count_of

ROLES = ("dim", "number", "name", "dim", "meaning")


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
    rows, tables = [entry_row(e) for e in found], [entry_table(e) for e in found]
    return Listing(headers, rows, tables, lines=lambda style: entry_lines(found, style))


def entry_lines(entries: Sequence[Entry], style: Style) -> Iterator[str]:
    """Rows that belong together, in their own columns; on a terminal under a heading with what all rows share."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.space.name if entry.space else entry.kind, []).append(entry)
    if style.is_terminal and len(groups) > 1:
        yield f"{count_of(len(entries), 'name')}, in {len(groups)} groups"
    for place, group in enumerate(groups.values()):
        rows = [(*entry_row(one)[:3], say_arch(one.arch), one.title) for one in group]
        if not style.is_terminal:
            yield from spread(rows, style, ROLES)
            continue
        if place or len(groups) > 1:
            yield ""
        arch = arch_of_all(group)
        yield from wrap(heading_of(group, arch), style.width, "", "    ")
        shown = [column for column in (1, 2, 3) if any(row[column] for row in rows) and (column != 3 or not arch)] + [4]
        yield from spread([[row[column] for column in shown] for row in rows], style, [ROLES[column] for column in shown])


def arch_of_all(group: Iterable[Entry]) -> str:
    """The arch that all of them have, or ""."""
    arches = {one.arch for one in group}
    return arches.pop() if len(arches) == 1 else ""


def heading_of(group: Sequence[Entry], arch: str) -> str:
    """139 hypercall codes; with the arch if all have one."""
    space, count = group[0].space, len(group)
    of_arch = f" ({say_arches(arch)})" if arch else ""
    if space is None:
        return count_of(count, group[0].kind) + of_arch
    return (f"{count:,} {space.title}" if count > 1 else f"{space.title}: 1") + of_arch


def say_arch(arch: str) -> str:
    """x64, arm64, both: in a column."""
    return "both" if arch == COMMON else arch


def list_hits(hits: Iterable[Hit], catalog: Catalog, heading: str = "") -> Listing:
    """`heading` gives their number and kind."""
    found = list(hits)
    tables = [hit_table(hit, catalog) for hit in found]
    rows = [(t.get("space", t["kind"]), t.get("number", ""), t["name"], t["arch"], t["where"], t.get("title", "")) for t in tables]
    headers = ("space", "number", "name", "arch", "where", "title")
    return Listing(headers, rows, tables, lines=lambda style: hit_lines(found, catalog, heading, style))


def hit_lines(hits: Sequence[Hit], catalog: Catalog, heading: str, style: Style) -> Iterator[str]:
    """A row per hit, the likeliest first: the thing, and the place of the hit in it."""
    if style.is_terminal:
        yield from wrap(heading, style.width, "", "    ")
    order = list(catalog.spaces)
    rows = []
    for hit in hits:
        table = hit_table(hit, catalog)
        space, number = table.get("space", table["kind"]), table.get("number", "")
        name, title = (fill_range(text, hit.spec) for text in (table["name"], table.get("title", "")))
        row = (space, number, name, say_arch(arch_of(hit.spec, catalog)), " · ".join(text for text in (say_hit(hit), title) if text))
        rows.append(((hit.near, order.index(space) if space in order else len(order), name), row))
    yield from spread([row for _, row in sorted(rows)], style, ROLES)


def arch_of(spec: Spec, catalog: Catalog) -> str:
    """The arch of its numbers: common things have both, unless their only space belongs to one."""
    arches = {reach(spec, address, catalog.spaces) for address in spec.addresses} or {spec.arch}
    return arches.pop() if len(arches) == 1 else COMMON


def say_hit(hit: Hit) -> str:
    """name; field auto_eoi, bit 17."""
    if hit.field is None:
        return fill_range(hit.said, hit.spec)
    return f"field {hit.field.name}, {say_place(describe_bits(hit.spec, hit.field))}"


def fill_range(text: str, spec: Spec) -> str:
    """HV_X64_MSR_SINT0-15: an array under the numbers of its elements."""
    return text.replace("{n}", f"0-{spec.count - 1}") if spec.count else text


def hit_table(hit: Hit, catalog: Catalog) -> dict[str, Any]:
    """A hit under its main number on the current arch, or on the other."""
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
