"""The catalogue → the index for the search of the page: every name, number, field, value and doc once, as JSON for search.js."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import ARCHES
from hvrepl.codec.decoded import dump
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.render.describe import describe
from hvrepl.render.flag import flag_facts
from hvrepl.render.names import fill_range
from hvrepl.web.links import Links

LONG = 100  # fields and values of a page that may be in parts
ID = regex('id="([fv]-[^"]+)"')


def make_index(links: Links, render: Callable[[str], Mapping[str, str]]) -> str:
    """Rows [path, name, where, title, other names, numbers, doc, details]; a detail is [anchor, name, doc].

    `where` is a space or kind. An element of an array has its names and numbers alone; the row of the array has the rest.
    """
    rows = []
    for path, (specs, element) in links.pages.items():
        is_whole_array = element is None and next(iter(specs.values())).count is not None
        tables = []
        for spec in {id(spec): spec for spec in specs.values()}.values():
            arch = next(arch for arch in ARCHES if specs.get(arch) is spec)
            tables.append((spec, describe(links.catalogs[arch], Found(spec, arch, element, links.catalogs[arch].heading(spec)))))
        first, table = tables[0]
        addresses = [one for _, each in tables for one in each["addresses"] if not is_whole_array]  # its elements have their own
        names = [one["name"] for one in addresses] + [name for _, each in tables for name in each.get("also", ())]
        names += [spec.named(element) for spec, _ in tables] + [name for one in addresses for name in one.get("also", ())]
        details = list(details_of([each for _, each in tables])) if element is None else []
        said = sum(len(each.get(key, ())) for _, each in tables for key in ("fields", "output", "values"))
        parts = render(path) if details and said > LONG else {path: ""}
        at = {anchor: part[len(path) :] for part, text in parts.items() for anchor in ID.findall(text)} if len(parts) > 1 else {}
        rows.append(
            [
                path,
                fill_range(table["name"], first),
                next((one["space"] for one in table["addresses"]), table["kind"]),
                fill_range(table.get("title", ""), first),
                [name for name in dict.fromkeys(names) if "{" not in name and name != table["name"]],
                list(dict.fromkeys(one["number"] for one in addresses)),
                "; ".join(said_of(table)) if element is None else "",
                [[f"{at.get(anchor, '')}#{anchor}" if at.get(anchor) else anchor, *rest] for anchor, *rest in details],
            ]
        )
    order = {space: place for place, space in enumerate(links.index.spaces)}
    return dump(sorted(rows, key=lambda row: (order.get(row[2], len(order)), row[1])))  # equally good hits are shown in this order


def said_of(table: Mapping[str, Any]) -> Iterator[str]:
    """The text of a thing as a whole for the search; for a flag also its names elsewhere."""
    yield from (table[key] for key in ("doc", "note", "qemu") if key in table)
    yield from (text for _, text in flag_facts(table.get("flag", {})) if text)


def details_of(tables: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(anchor, name, doc) of each of its own fields and values, once; those of a type are on the page of the type."""
    found: dict[str, tuple[str, str]] = {}
    for field in (field for table in tables for field in (*table["fields"], *table.get("output", ()))):
        if "reserved" not in field:
            own = field.get("values", ()) if not field.get("type") else ()
            texts = [*field.get("also", ()), field.get("doc", ""), field.get("note", ""), *(value["name"] for value in own)]
            found.setdefault(f"f-{field['name']}", (field["name"], " · ".join(text for text in texts if text)))
    for value in (value for table in tables for value in table.get("values", ())):
        if "source" in value:
            texts = [f"{value['value']:#x}", *value.get("also", ()), value.get("doc", ""), value.get("note", "")]
            found.setdefault(f"v-{value['name']}", (value["name"], " · ".join(text for text in texts if text)))
    return ((anchor, name, doc) for anchor, (name, doc) in found.items())
