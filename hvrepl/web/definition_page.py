"""A definition, as `show` describes it → the content of its page: the top, and units that are distributed over the parts of the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.model import ARCHES, Spec, space_of
from hvrepl.hints import Any, TypeAlias
from hvrepl.patterns import regex
from hvrepl.record import mutable, record
from hvrepl.render.definition import (
    MANY_VALUES,
    RESERVED,
    blocks_of,
    layouts_of,
    names_of,
    place_of,
    say_arches,
    say_measure,
    say_range,
    say_type,
    width_of,
)
from hvrepl.render.describe import describe, describe_address
from hvrepl.render.layout_svg import draw_layout
from hvrepl.render.names import fill_range
from hvrepl.web.links import Links

ROWS_A_UNIT = 12
MOST_PICTURES = 4  # pictures of variants: more would explain less than their tables
LEAST_FIELDS = 3  # fields of a variant that deserves a picture
Table: TypeAlias = Mapping[str, Any]
NAMES = regex("((?<![\\w.:/-])(?:hv-|HV)[\\w-]*\\w)", re.ASCII)  # names in text; any other word may mean something else
# Everything that a row of fields can contain.
BARE: Table = {"doc": "", "note": "", "also": (), "type": [""], "type_place": "", "list": "", "values": (), "is_reserved": False}


class Cites:
    """The sources of a page, numbered in the order of their first use."""

    def __init__(self, links: Links) -> None:
        self.links = links
        self.numbers: dict[str, int] = {}

    def of(self, sources: Iterable[str]) -> list[Cite]:
        """Ordered by number."""
        found = [Cite(self.numbers.setdefault(one, len(self.numbers) + 1), one, self.links.source(one)) for one in sources]
        return sorted(found, key=lambda cite: cite.number)

    def all(self) -> list[Cite]:
        return self.of(list(self.numbers))

    def title(self, cite: Cite) -> str:
        """The title of the document."""
        document = self.links.documents.get(cite.source.partition(":")[0])
        return document.title if document else ""


@record
class Cite:
    """A source, its number on the page, and its address ("" if it has none)."""

    number: int
    source: str
    address: str


@record
class Unit:
    """A piece of a page that is never split: fields of a layout, or some values, under a `heading`."""

    kind: str
    heading: str
    data: Mapping[str, Any]
    cites: tuple[Cite, ...]
    first: str = ""  # the label of a part that begins with it
    block: int = 0  # the number of its variant


@mutable
class Section:
    """A definition on one arch or both."""

    arches: str
    table: Table
    doc: str
    note: str
    facts: list[tuple[str, list[tuple[str, str]]]]  # (label, pieces); a piece has the path of the thing it names, or ""
    numbers: list[dict[str, Any]]
    elements: list[dict[str, Any]]
    measure: str
    see: list[tuple[str, str]]
    payloads: list[str]
    units: list[Unit]
    cites: list[Cite]


@mutable
class DefinitionPage:
    """The content of the page of a name."""

    path: str
    name: str
    title: str
    what: str
    description: str
    sections: list[Section]
    cites: Cites
    array: str  # for an element, the path of its array


class Ids:
    """Unique ids on a page: the second `f-version` is `f-version-2`."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}

    def make(self, prefix: str, name: str) -> str:
        wanted = f"{prefix}-{name}"
        count = self.taken[wanted] = self.taken.get(wanted, 0) + 1
        return wanted if count == 1 else f"{wanted}-{count}"


def make_page(links: Links, path: str) -> DefinitionPage:
    """KeyError for an unknown path."""
    specs, element = links.pages[path]
    whole = {id(specs[arch]): specs[arch] for arch in ARCHES if arch in specs}
    cites, ids = Cites(links), Ids()
    sections = [
        make_section(links, spec, element, [arch for arch in ARCHES if specs.get(arch) is spec], cites, ids, is_alone=len(whole) == 1)
        for spec in whole.values()
    ]
    first = sections[0].table
    name, title = first["name"], first.get("title", "")
    said = f"{name}, {title}" if title else name
    numbers = ", ".join(dict.fromkeys(f"{one['space']} {one['number']}" for section in sections for one in section.numbers))
    spec = next(iter(whole.values()))
    what = describe(links.catalogs[ARCHES[0]], Found(spec, ARCHES[0], 0))["name"] if spec.count and element is None else name
    array = links.path_of_spec(spec) if element is not None else ""
    description = f"{said}{f' ({numbers})' if numbers else ''}: fields, values and sources"
    return DefinitionPage(path, name, title, what, description, sections, cites, array)


def make_section(
    links: Links, spec: Spec, element: int | None, arches: Sequence[str], cites: Cites, ids: Ids, *, is_alone: bool
) -> Section:
    arch = arches[0]
    catalog = links.catalogs[arch]
    table = filled(describe(catalog, Found(spec, arch, element, catalog.heading(spec))), spec, element)
    own = cites.of(table["source"])
    link = Linker(links, arch, cites, ids)
    return Section(
        "" if is_alone else say_arches(spec.arch) if len(arches) > 1 else arch,
        table,
        table.get("doc", ""),
        table.get("note", ""),
        [
            (label, [(text, links.granting(table["privilege"]))] if label == "privilege" else list(link.pieces(text, table["name"])))
            for label, text in names_of(table)
            if text
        ],
        [{"note": "", **one, "arches": say_arches(one["arch"]), "cites": cites.of(one.get("source", ()))} for one in table["addresses"]],
        list(elements_of(links, catalog, spec)) if element is None else [],
        say_measure(table),
        [(name, links.find(name, arch)) for name in table.get("see", ())],
        list(dict.fromkeys(links.payloads(spec, arch))),
        [*link.layouts(table), *link.values(table)],
        own,
    )


def filled(table: Table, spec: Spec, element: int | None) -> Table:
    """The table of a whole array, under the range of its names: HV_X64_MSR_SINT0-15."""

    def fill_all(one: Any) -> Any:
        if isinstance(one, str):
            return fill_range(one, spec)
        if isinstance(one, list):
            return [fill_all(each) for each in one]
        return {key: fill_all(each) for key, each in one.items()} if isinstance(one, dict) else one

    if spec.count is None or element is not None:
        return table
    numbers = [{**one, "number": f"{one['number']} …"} for one in table["addresses"]]
    made: Table = fill_all({**table, "addresses": numbers})
    return made


def elements_of(links: Links, catalog: Catalog, spec: Spec) -> Iterator[dict[str, Any]]:
    """A row for each element of an array, with its number and name in each space."""
    for element in range(spec.count or 0):
        addresses = [describe_address(catalog, spec, address, element) for address in spec.addresses]
        yield {"path": links.path_of_spec(spec, element), "addresses": addresses}


@mutable
class Linker:
    """Makes the units of a section, with their links."""

    links: Links
    arch: str
    cites: Cites
    ids: Ids

    def pieces(self, text: str, own: str) -> Iterator[tuple[str, str]]:
        """A text split at the names in it, each with its page, except the name of this page."""
        for piece in NAMES.split(text):
            path = self.links.find_called(piece, self.arch) if NAMES.fullmatch(piece) else ""
            yield piece, "" if path == self.links.find_called(own, self.arch) else path

    def layouts(self, table: Table) -> Iterator[Unit]:
        """For each variant its picture, and its rows a few at a time."""
        for heading, fields in layouts_of(table):
            blocks = list(blocks_of(fields))
            variants = sum(1 for conditions, _ in blocks if conditions)
            for number, (conditions, members) in enumerate(blocks):
                is_drawn = not conditions or (variants <= MOST_PICTURES and len(members) >= LEAST_FIELDS)
                yield from self.block(table, heading, (number, conditions, members), is_drawn=is_drawn)

    def block(self, table: Table, heading: str, block: tuple[int, list[str], list[Table]], *, is_drawn: bool) -> Iterator[Unit]:
        number, conditions, members = block
        rows = list(self.rows(members))
        anchors = {id(field): f"#{row['id']}" for row in rows for field in row["fields"]}
        label = f"Layout of {table['name']}{f' ({heading})' if heading else ''}"
        width = table.get("width", 0) if members and "bits" in members[0] else 0
        drawn = draw_layout(members, width, label, to_link(anchors)) if is_drawn else ""
        above, first = heading.capitalize() or "Fields", rows[0]["name"] if rows else ""
        if conditions or drawn:
            yield Unit("picture", above, {"conditions": conditions, "picture": Markup(drawn)}, (), first, number)
        for at in range(0, len(rows), ROWS_A_UNIT):
            some = rows[at : at + ROWS_A_UNIT]
            yield Unit("fields", above, {"rows": some, "is_bits": bool(width)}, tuple(cites_in(some)), some[0]["name"], number)

    def rows(self, members: Sequence[Table]) -> Iterator[dict[str, Any]]:
        """A row per field; reserved ones of a kind share a row, after all others."""
        reserved: dict[str, list[Table]] = {}
        for field in members:
            if "reserved" in field:
                parts = (RESERVED[field["reserved"]], field.get("doc", ""), field.get("note", ""))
                reserved.setdefault("; ".join(part for part in parts if part), []).append(field)
            else:
                yield self.row(field)
        for said, fields in reserved.items():
            sources = dict.fromkeys(source for field in fields for source in field.get("source", ()))
            yield {
                **BARE,
                "is_reserved": True,
                "id": self.ids.make("f", "reserved"),
                "place": ", ".join(map(place_of, fields)),
                "name": "reserved",
                "doc": said,
                "fields": fields,
                "cites": self.cites.of(sources),
            }

    def row(self, field: Table) -> dict[str, Any]:
        values, width = field.get("values", ()), width_of(field)
        kind, said = field.get("type", ""), say_type(field, len(values))
        space = space_of(kind)
        return {
            **BARE,
            "id": self.ids.make("f", field["name"]),
            "place": place_of(field),
            "name": field["name"],
            "doc": field.get("doc", ""),
            "note": field.get("note", ""),
            "also": field.get("also", ()),
            "type": said.split(f"`list {space}`") if space else [said],
            "type_place": self.links.find(kind, self.arch) if kind and not space else "",
            "list": space,
            "values": [(say_range(value, width), value["name"]) for value in values] if len(values) <= MANY_VALUES else [],
            "fields": [field],
            "cites": self.cites.of(field.get("source", ())),
        }

    def values(self, table: Table) -> Iterator[Unit]:
        width = table.get("width", 0)
        rows = [
            {
                "id": self.ids.make("v", value["name"]),
                "number": say_range(value, width),
                "name": value["name"],
                "place": self.links.find(value["name"], self.arch) if "source" not in value else "",
                "also": value.get("also", ()),
                "doc": value.get("doc", ""),
                "note": value.get("note", ""),
                "cites": self.cites.of(value.get("source", ())),
            }
            for value in table.get("values", ())
        ]
        for at in range(0, len(rows), ROWS_A_UNIT):
            some = rows[at : at + ROWS_A_UNIT]
            yield Unit("values", "Values", {"rows": some}, tuple(cites_in(some)), str(some[0]["number"]))


def to_link(anchors: Mapping[int, str]) -> Callable[[Table], str]:
    return lambda field: anchors[id(field)]


def cites_in(rows: Iterable[Mapping[str, Any]]) -> Iterator[Cite]:
    for row in rows:
        yield from row["cites"]
