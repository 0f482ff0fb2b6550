"""`show` for a constant: the enumeration that has it as a value, or the field whose bits it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.constants import Constant
from hvrepl.catalog.model import COMMON
from hvrepl.hints import Any
from hvrepl.render.definition import say_place, say_range, sources_of, told_of
from hvrepl.render.describe import describe_field, describe_value
from hvrepl.render.listing import Listing
from hvrepl.render.names import fill_range
from hvrepl.render.style import Style, spread, titled


def list_constants(catalog: Catalog, constants: Sequence[Constant]) -> Listing:
    """Every meaning of a name."""
    tables = [describe_constant(catalog, one) for one in constants]
    widths = [one.field.width if one.field else one.spec.width for one in constants]
    rows = [(one["of"], say_number(one, 0), one["name"], str(one.get("doc", ""))) for one in tables]
    headers = ("of", "number", "name", "doc")
    return Listing(headers, rows, tables, single=len(tables) == 1, lines=lambda style: constant_lines(tables, widths, style))


def describe_constant(catalog: Catalog, one: Constant) -> dict[str, Any]:
    """The JSON object: the part of `show` of the enumeration or thing that concerns this value or field."""
    told = describe_value(one.value) if one.value else describe_field(catalog, one.spec, one.field) if one.field else {}
    name = told.pop("name")
    also = [other for other in (name, *told.pop("also", ())) if other not in (one.spelling, name)]
    address = catalog.heading(one.spec) or next(iter(one.spec.addresses), None)
    table = {
        "name": one.spelling,
        "kind": "value" if one.value else "field",
        "of": fill_range(address.name if address else one.spec.name, one.spec),
        "field": one.field.name if one.field else "",
        "title": fill_range(one.spec.title, one.spec),
        "arch": one.spec.arch,
        "meaning": name if one.value else "",
        "also": also,
        "source": list((one.value and one.value.source) or (one.field or one.spec).source),
    }
    source = {"source": told.pop("source", table.pop("source"))}
    return {key: value for key, value in (table | told | source).items() if value or key == "value"}


def say_number(table: Mapping[str, Any], width: int) -> str:
    """value 0x4, or 1 for a single bit; bit 2, EDX bit 19, bytes at +8."""
    return f"value {say_range(table, width)}" if "value" in table else say_place(table)


def constant_lines(tables: Sequence[Mapping[str, Any]], widths: Sequence[int], style: Style) -> Iterator[str]:
    """The same as text; `widths` are those of the fields or enumerations that have the values."""
    for place, (table, width) in enumerate(zip(tables, widths, strict=True)):
        if place:
            yield ""
        yield from titled(table["name"], say_owner(table, width), style)
        yield from told_of(table, style)
        names = [table["meaning"]] if table.get("meaning", table["name"]) != table["name"] else []
        rows = [
            ("field", table["field"] if table["kind"] == "field" else ""),
            ("other names", ", ".join([*names, *table.get("also", ())])),
            sources_of(table),
        ]
        yield from spread([row for row in rows if row[1]], style, ("dim", ""))


def say_owner(table: Mapping[str, Any], width: int) -> str:
    """The owner of the value or bits; the arch only if it is a single one."""
    owner = f"{table['of']}.{table['field']}" if table["kind"] == "value" and "field" in table else table["of"]
    arch = "" if table["arch"] == COMMON else f" ({table['arch']})"
    title = f", {table['title']}" if "title" in table else ""
    return f"{say_number(table, width)} of {owner}{arch}{title}"
