"""What `show` says of a spec: every number and name on both archs, fields, enumerators, notes, sources; as a table and as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.index import NumberRow, reach
from hvrepl.catalog.model import ARCHES, COMMON, Address, Enumerator, Field, Layout, Spec, fill
from hvrepl.catalog.parse_specs import CPUID_REGISTERS
from hvrepl.codec.sizes import Sizes
from hvrepl.record import replace
from hvrepl.render.style import Style, align, wrap

MANY_VALUES = 40  # of an enumeration in text; JSON has them all


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
        "fields": list(describe_layout(catalog, spec, spec.layout)) if spec.layout and not spec.values else [],
        "output": list(describe_layout(catalog, spec, spec.output)) if spec.output else [],
        "values": [describe_value(value) for value in spec.values],
        "privilege": spec.privilege,
        "granted_by": list(describe_privilege(catalog, spec)) if spec.privilege else [],
        "qemu": spec.qemu,
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
    """The fields of a layout and, after the field whose bits they share, those of each variant with what picks it."""
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
    """The members of a struct with the offsets and sizes that they have on this arch, where the types of those before fix them there."""
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
    values = field.values if field.type.startswith("space:") else catalog.enumerators(field)
    table |= {
        "type": field.type,
        "count": field.count,
        "reserved": field.reserved,
        "doc": field.doc,
        "note": field.note,
        "values": [describe_value(value) for value in values],
        "source": list(field.source),
    }
    return {key: value for key, value in table.items() if value or (key == "offset" and value is not None)}


def describe_bits(spec: Spec, field: Field) -> dict[str, Any]:
    """Bits of a word; of a CPUID leaf those within its register."""
    high = field.lsb + field.width - 1
    if spec.kind != "cpuid":
        return {"bits": [high, field.lsb]}
    registers = dict.fromkeys((CPUID_REGISTERS[high // 32], CPUID_REGISTERS[field.lsb // 32]))
    low = field.lsb % 32
    return {"reg": ":".join(registers), "bits": [low + field.width - 1, low]}


def describe_privilege(catalog: Catalog, spec: Spec) -> Iterator[str]:
    """The bit that a spec's `privilege` names, as CPUID 0x40000003 EAX 2 access_synic_regs, and where it stands on the other arch."""
    space, _, rest = spec.privilege.partition(":")
    number, _, name = rest.partition(".")
    numbers = [(space, int(number, 0))]
    for arch in ARCHES if spec.arch == COMMON else (spec.arch,):
        there = catalog.for_arch(arch)
        rows = [row for place, at in numbers if (row := there.find_named(place, at))]
        for row in rows[:1]:
            granting = there.load(row.spec)
            yield from (say_bit(there, row, granting, f) for f in granting.layout.fields if f.name == name) if granting.layout else ()
            numbers = [(address.space, address.low) for address in granting.addresses]


def say_bit(catalog: Catalog, row: NumberRow, spec: Spec, field: Field) -> str:
    """A field with the place where it stands."""
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


def describe_lines(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The same as text."""
    name = table["name"]
    first, *more = wrap(table["title"], style.width, f"{name}  ", "    ") if "title" in table else [name]
    yield style.paint("name", name) + first[len(name) :]
    yield from more
    yield from numbers_of(table, style)
    for key in ("doc", "note"):
        if key in table:
            yield from wrap(table[key], style.width, f"  {key}: ", "    ")
    facts = [f"{table['width']} bits" if "width" in table else "", f"{table['size']} bytes" if "size" in table else ""]
    facts.append(f"after reset {table['reset']}" if "reset" in table else "")
    if any(facts):
        yield "  " + ", ".join(fact for fact in facts if fact)
    yield from fields_of(table["fields"], style)
    if "output" in table:
        yield "  output"
        yield from fields_of(table["output"], style)
    yield from values_of(table.get("values", ()), style)
    for key, label in (("granted_by", "privilege"), ("qemu", "QEMU flag"), ("see", "see"), ("source", "source")):
        value = table.get(key)
        if value:
            yield from wrap(value if isinstance(value, str) else ", ".join(value), style.width, f"  {label}: ", "    ")


def numbers_of(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    rows = []
    for address in table["addresses"]:
        arch = "x64, arm64" if address["arch"] == "common" else address["arch"]
        rows.append((address["space"], address["number"], address["name"], f"{arch}"))
    yield from align(rows, style, ("dim", "number", "name", "dim"))
    for address in table["addresses"]:
        for key in ("also", "was"):
            if address.get(key):
                text = ", ".join(address[key])
                text = (
                    f"also {text}" if key == "also" else f"{text}: a name that older headers gave to {address['space']} {address['number']}"
                )
                yield from wrap(text, style.width, "  ", "    ")
        if "note" in address:
            yield from wrap(address["note"], style.width, "  note: ", "    ")
    if table.get("also"):
        yield from wrap("short " + ", ".join(table["also"]), style.width, "  ", "    ")


def fields_of(fields: Any, style: Style) -> Iterator[str]:
    """A row a field; those of variants under what picks them, written once where several variants have the same."""
    blocks: dict[str, list[tuple[str, str, str]]] = {}
    for field in fields:
        blocks.setdefault(field.get("when", ""), []).append((place_of(field), field["name"], remark_of(field)))
    merged: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for when, rows in blocks.items():
        merged.setdefault(tuple(rows), []).append(when)
    for same, whens in merged.items():
        for place, when in enumerate(whens if whens != [""] else ()):
            yield from wrap(when, style.width, f"  {'or' if place else 'where'} ", "      ")
        yield from align(same, style, ("dim", "name", "meaning"), indent="    " if whens != [""] else "  ")


def place_of(field: Mapping[str, Any]) -> str:
    if "bits" in field:
        high, low = field["bits"]
        bits = f"{high}:{low}" if high != low else str(high)
        return f"{field['reg']} {bits}" if "reg" in field else bits
    return f"+{field['offset']}" if "offset" in field else "+?"


def remark_of(field: Mapping[str, Any]) -> str:
    parts = [f"reserved ({field['reserved']})" if "reserved" in field else "", field.get("type", ""), field.get("doc", "")]
    if "size" in field and "bits" not in field and not field.get("type"):
        parts.insert(0, f"{field['size']} bytes" if isinstance(field["size"], int) else f"bytes: {field['size']}")
    values = field.get("values", ())
    if values and len(values) <= MANY_VALUES:
        parts.append(", ".join(f"{say_range(value)} {value['name']}" for value in values))
    elif values:
        parts.append(f"{len(values)} known values")
    if "also" in field:
        parts.append(f"also {', '.join(field['also'])}")
    if "note" in field:
        parts.append(f"note: {field['note']}")
    return "; ".join(part for part in parts if part)


def values_of(values: Any, style: Style) -> Iterator[str]:
    rows = [(say_range(value), value["name"], "; ".join(value[key] for key in ("doc", "note") if key in value)) for value in values]
    yield from align(rows, style, ("number", "name", "meaning"))


def say_range(value: Mapping[str, Any]) -> str:
    return f"{value['value']:#x}" + (f"-{value['last']:#x}" if "last" in value else "")
