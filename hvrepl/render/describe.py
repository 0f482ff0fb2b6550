"""Spec → the JSON object of `show`: its numbers and names on both archs, fields, values, notes and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.index import NumberRow, reach
from hvrepl.catalog.model import ARCHES, COMMON, Address, Enumerator, Field, Layout, Spec, fill, space_of
from hvrepl.codec.sizes import Sizes
from hvrepl.digits import to_int
from hvrepl.hints import Any
from hvrepl.record import replace
from hvrepl.render.definition import place_of
from hvrepl.render.flag import describe_flag, describe_place, with_flags


def describe(catalog: Catalog, found: Found) -> dict[str, Any]:
    """The JSON object of `show`."""
    spec = found.spec
    table = {
        "name": found.name,
        "kind": spec.kind,
        "title": fill(spec.title, found.element),
        "arch": spec.arch,
        "also": [fill(name, found.element) for name in spec.also],
        "doc": spec.doc,
        "note": spec.note,
        "width": spec.width,
        "size": spec.size,
        "reset": None if spec.reset is None else f"{spec.reset:#x}",
        "addresses": [describe_address(catalog, spec, address, found.element) for address in spec.addresses],
        "fields": list(with_flags(catalog, spec, describe_layout(catalog, spec, spec.layout))) if spec.layout and not spec.values else [],
        "output": list(describe_layout(catalog, spec, spec.output)) if spec.output else [],
        "values": [describe_value(value) for value in spec.values],
        "privilege": spec.privilege,
        "granted_by": list(describe_privilege(catalog, spec)) if spec.privilege else [],
        "qemu": spec.qemu,
        "flag": describe_flag(catalog, spec) if spec.flag else {},
        "see": list(spec.see),
        "source": list(spec.source),
    }
    return {key: value for key, value in table.items() if value or key in ("addresses", "fields")}


def describe_address(catalog: Catalog, spec: Spec, address: Address, element: int | None) -> dict[str, Any]:
    space = catalog.spaces[address.space]
    arch = reach(spec, address, catalog.spaces)
    number = space.write(address.number(element))
    if address.high != address.low and (element is None or spec.count is not None):
        number += f"-{space.write(address.high)}"
    table = {
        "space": space.name,
        "arch": arch,
        "number": number,
        "name": address.named(element),
        "also": [fill(name, element) for name in address.also],
        "was": [fill(name, element) for name in address.was],
        "note": address.note,
        "source": list(address.source),
    }
    return {key: value for key, value in table.items() if value}


def describe_layout(catalog: Catalog, spec: Spec, layout: Layout, when: str = "") -> Iterator[dict[str, Any]]:
    """The fields of a layout; the fields of each variant follow the field whose bits they share, with their condition."""
    for field in reversed(layout.fields) if spec.width else placed(catalog, layout.fields):
        table = describe_field(catalog, spec, field) | ({"when": when} if when else {})
        if not (field.switch and field.name.startswith("bits_")):
            yield table
        for target in dict.fromkeys(field.cases.values()) if isinstance(field.cases, Mapping) else ():
            case = spec.case(target)
            keys = ", ".join(key for key, other in field.cases.items() if other == target) if isinstance(field.cases, Mapping) else ""
            if case:
                condition = f"{field.switch}={keys}"
                yield from describe_layout(catalog, spec, case, f"{when}, {condition}" if when else condition)


def placed(catalog: Catalog, fields: Iterable[Field]) -> Iterator[Field]:
    """The members of a struct with their offsets and sizes on this arch, as far as the types before them fix these."""
    sizes = Sizes(catalog)
    end: int | None = 0
    for field in fields:
        at, size = end if field.at is None else field.at, sizes.member_size(field)
        end = None if at is None or size is None else at + size
        yield replace(field, at=at, size=sizes.element_size(field) if field.size is None and not field.switch else field.size)


def describe_field(catalog: Catalog, spec: Spec, field: Field) -> dict[str, Any]:
    table: dict[str, Any] = {"name": field.name, "also": list(field.also)}
    if field.width:
        table |= describe_bits(spec, field)
    else:
        table |= {"offset": field.at, "size": field.size}
    values = field.values if space_of(field.type) else catalog.enumerators(field)
    table |= {
        "type": field.type,
        "count": field.count,
        "rep": field.rep,
        "reserved": field.reserved,
        "doc": field.doc,
        "note": field.note,
        "values": [describe_value(value) for value in values],
        "source": list(field.source),
    }
    return {key: value for key, value in table.items() if value or (key == "offset" and value is not None)}


def describe_bits(spec: Spec, field: Field) -> dict[str, Any]:
    """Bits of a word; in a CPUID leaf, within its register."""
    high = field.lsb + field.width - 1
    if spec.kind != "cpuid":
        return {"bits": [high, field.lsb]}
    return describe_place(field)


def describe_privilege(catalog: Catalog, spec: Spec) -> Iterator[str]:
    """The bit in a spec's `privilege`, such as CPUID 0x40000003 EAX 2 access_synic_regs, and its place on the other arch."""
    space, _, rest = spec.privilege.partition(":")
    number, _, name = rest.partition(".")
    numbers = [(space, to_int(number, 0))]
    for arch in ARCHES if spec.arch == COMMON else (spec.arch,):
        there = catalog.for_arch(arch)
        rows = [row for place, at in numbers if (row := there.find_named(place, at))]
        for row in rows[:1]:
            granting = there.load(row.spec)
            yield from (say_bit(there, row, granting, f) for f in granting.layout.fields if f.name == name) if granting.layout else ()
            numbers = [(address.space, address.low) for address in granting.addresses]


def say_bit(catalog: Catalog, row: NumberRow, spec: Spec, field: Field) -> str:
    """A field with its place."""
    bits = place_of(describe_bits(spec, field))
    if row.space == "cpuid":
        return f"CPUID {catalog.spaces[row.space].write(row.low)} {bits.upper()} {field.name}"
    return f"{row.name} {bits} {field.name}"


def describe_value(value: Enumerator) -> dict[str, Any]:
    table: dict[str, Any] = {"value": value.low, "name": value.name}
    if value.high != value.low:
        table["last"] = value.high
    extra = {"also": list(value.also), "doc": value.doc, "note": value.note, "source": list(value.source)}
    return table | {key: one for key, one in extra.items() if one}
