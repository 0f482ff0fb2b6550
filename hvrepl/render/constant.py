"""What `show` says of a constant: of which enumeration it is a value, or of which field the bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.constants import Constant
from hvrepl.catalog.model import COMMON
from hvrepl.render.definition import describe_field, describe_value, place_of, say_range
from hvrepl.render.listing import Listing
from hvrepl.render.style import Style, wrap


def list_constants(catalog: Catalog, constants: Sequence[Constant]) -> Listing:
    """All that a name stands for."""
    tables = [describe_constant(catalog, one) for one in constants]
    rows = [(one["of"], say_number(one), one["name"], str(one.get("doc", ""))) for one in tables]
    headers = ("of", "number", "name", "doc")
    return Listing(headers, rows, tables, single=len(tables) == 1, lines=lambda style: constant_lines(tables, style))


def describe_constant(catalog: Catalog, one: Constant) -> dict[str, Any]:
    """The JSON object: what `show` of the enumeration or of the thing says of this value or field."""
    told = describe_value(one.value) if one.value else describe_field(catalog, one.spec, one.field) if one.field else {}
    name = told.pop("name")
    also = [other for other in (name, *told.pop("also", ())) if other not in (one.spelling, name)]
    address = catalog.heading(one.spec) or next(iter(one.spec.addresses), None)
    table = {
        "name": one.spelling,
        "kind": "value" if one.value else "field",
        "of": address.name if address else one.spec.name,
        "field": one.field.name if one.field else "",
        "title": one.spec.title,
        "arch": one.spec.arch,
        "meaning": name if one.value else "",
        "also": also,
        "source": list((one.value and one.value.source) or (one.field or one.spec).source),
    }
    source = {"source": told.pop("source", table.pop("source"))}
    return {key: value for key, value in (table | told | source).items() if value or key == "value"}


def say_number(table: Mapping[str, Any]) -> str:
    """value 0x4, bit 2, EDX bit 19, bytes at +8."""
    if "value" in table:
        return f"value {say_range(table)}"
    if "bits" not in table:
        return f"bytes at {place_of(table)}"
    register, _, bits = place_of(table).rpartition(" ")
    return f"{register.upper()} {'bits' if ':' in bits else 'bit'} {bits}".strip()


def constant_lines(tables: Sequence[Mapping[str, Any]], style: Style) -> Iterator[str]:
    """The same as text."""
    for place, table in enumerate(tables):
        if place:
            yield ""
        yield from heading_of(table, style)
        names = [table["meaning"]] if table.get("meaning", table["name"]) != table["name"] else []
        if table["kind"] == "field":
            yield f"  field {table['field']}"
        if names or "also" in table:
            yield from wrap(", ".join([*names, *table.get("also", ())]), style.width, "  also ", "    ")
        for key in ("doc", "note"):
            if key in table:
                yield from wrap(table[key], style.width, f"  {key}: ", "    ")
        yield from wrap(", ".join(table["source"]), style.width, "  source: ", "    ")


def heading_of(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    name = table["name"]
    owner = f"{table['of']}.{table['field']}" if table["kind"] == "value" and "field" in table else table["of"]
    arch = "" if table["arch"] == COMMON else f" ({table['arch']})"
    title = f", {table['title']}" if "title" in table else ""
    first, *more = wrap(f"{say_number(table)} of {owner}{arch}{title}", style.width, f"{name}  ", "    ")
    yield style.paint("name", name) + first[len(name) :]
    yield from more
