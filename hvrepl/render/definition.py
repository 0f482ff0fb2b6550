"""`show` for a spec: every number and name on both archs, fields, enumerators, notes, sources; as a table and as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.index import NumberRow, reach
from hvrepl.catalog.model import ARCHES, COMMON, Address, Enumerator, Field, Layout, Spec, fill, space_of
from hvrepl.codec.sizes import Sizes
from hvrepl.digits import to_int
from hvrepl.record import replace
from hvrepl.render.flag import describe_flag, describe_place, flag_facts, with_flags
from hvrepl.render.style import Style, align, spread, titled, wrap
from hvrepl.wording import count_of, listed

MANY_VALUES = 40  # values of an enumeration in text; JSON has them all
# The rule for reserved bits, in a word.
RESERVED = {"zero": "must be zero", "one": "must be one", "preserve": "keep as read", "ignore": "may be anything"}
# The way a count is calculated from fields, in words.
COUNTED = {"popcount": "one for each bit that is set in", "pages": "one for each page of"}


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


def describe_lines(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The same as text: its kind, numbers, fields, then requirements, other names and sources."""
    yield from titled(table["name"], table.get("title", ""), style)
    yield from told_of(table, style)
    for block in (numbers_of(table, style), contents_of(table, style), facts_of(table, style)):
        lines = list(block)
        yield from ("", *lines) if lines else ()


def told_of(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    """The sentences about a thing."""
    if "doc" in table:
        yield from wrap(table["doc"], style.width, "  ", "  ")
    if "note" in table:
        yield from wrap(table["note"], style.width, "  note: ", "    ")


def say_arches(arch: str) -> str:
    return listed(ARCHES, "and") if arch == COMMON else arch


def numbers_of(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    """A row per number, with its remarks."""
    rows = [(one["space"], one["number"], one["name"], say_arches(one["arch"])) for one in table["addresses"]]
    is_narrow = style.width and any(len("  ".join(row[:-1])) + 2 > style.width for row in rows)
    yield from (spread if is_narrow else align)(rows, style, ("dim", "number", "name", "dim"))
    for address in table["addresses"]:
        if "note" in address:
            yield from wrap(address["note"], style.width, "  note: ", "    ")


def contents_of(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    """Its size, then its fields or values."""
    measure = say_measure(table)
    if measure:
        yield f"  {measure}"
    for heading, fields in layouts_of(table):
        if heading:
            yield f"  {heading}"
        yield from fields_of(fields, style)
    yield from values_of(table.get("values", ()), style, table.get("width", 0))


def say_measure(table: Mapping[str, Any]) -> str:
    """64 bits, 0x10000 after reset; for a thing without a number also the archs."""
    values = table.get("values", ())
    facts = [f"{table['width']} bits" if "width" in table else "", f"{table['size']} bytes" if "size" in table else ""]
    facts.append(f"{table['reset']} after reset" if "reset" in table else "")
    facts.append(count_of(len(values), "value") if values else "")
    facts.append("" if table["addresses"] else say_arches(table["arch"]))
    return ", ".join(fact for fact in facts if fact)


def layouts_of(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(heading, fields) of its layouts: a hypercall's input and output, or the fields under no heading."""
    yield "input" if table["kind"] == "hypercall" and table["fields"] else "", table["fields"]
    if "output" in table:
        yield "output", table["output"]


def facts_of(table: Mapping[str, Any], style: Style) -> list[str]:
    """Its requirements, other names, references and sources: each kind once, in a row."""
    rows = [
        *names_of(table),
        ("see", ", ".join(table.get("see", ()))),
        sources_of(table),
    ]
    return spread([row for row in rows if row[1]], style, ("dim", ""))


def sources_of(table: Mapping[str, Any]) -> tuple[str, str]:
    return "sources" if len(table["source"]) > 1 else "source", ", ".join(table["source"])


def names_of(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, text) of its requirements and other names; the text may be ""."""
    also = dict.fromkeys([*table.get("also", ()), *(name for one in table["addresses"] for name in one.get("also", ()))])
    was = [f"{name} ({one['space']} {one['number']} in older headers)" for one in table["addresses"] for name in one.get("was", ())]
    return [
        ("privilege", say_granting(table.get("granted_by", ()))),
        ("QEMU flag", table.get("qemu", "")),
        *(flag_facts(table["flag"]) if "flag" in table else ()),
        ("other names", ", ".join(also)),
        ("older names" if len(was) > 1 else "older name", ", ".join(was)),
    ]


def say_granting(granted: Iterable[str]) -> str:
    """CPUID 0x40000003 EAX 2 access_synic_regs → access_synic_regs (CPUID 0x40000003 EAX bit 2); several places of a name are joined."""
    places: dict[str, list[str]] = {}
    for one in granted:
        place, bits, name = one.rsplit(" ", 2)
        places.setdefault(name, []).append(f"{place} {say_bits(bits)}")
    return ", ".join(f"{name} ({listed(where, 'or')})" for name, where in places.items())


def fields_of(fields: Any, style: Style) -> Iterator[str]:
    """A row per field; those of variants under their conditions."""
    for conditions, members in blocks_of(fields):
        for place, when in enumerate(conditions):
            yield from wrap(when, style.width, f"  {'or' if place else 'where'} ", "      ")
        yield from spread([row_of(field) for field in members], style, ("dim", "name", "meaning"), indent="    " if conditions else "  ")


def blocks_of(fields: Iterable[Mapping[str, Any]]) -> Iterator[tuple[list[str], list[Mapping[str, Any]]]]:
    """(conditions, fields): the unconditional fields, and those of each variant; variants with the same fields share an entry."""
    blocks: dict[str, list[Mapping[str, Any]]] = {}
    for field in fields:
        blocks.setdefault(field.get("when", ""), []).append(field)
    merged: dict[tuple[tuple[str, str, str], ...], tuple[list[str], list[Mapping[str, Any]]]] = {}
    for when, members in blocks.items():
        merged.setdefault(tuple(map(row_of, members)), ([], members))[0].append(when)
    for whens, members in merged.values():
        yield [] if whens == [""] else list(say_conditions(whens)), members


def row_of(field: Mapping[str, Any]) -> tuple[str, str, str]:
    return place_of(field), field["name"], remark_of(field)


def say_conditions(whens: Iterable[str]) -> Iterator[str]:
    """The conditions of variants with the same fields: "severity=0, facility=other" and "severity=2, facility=other" become one."""
    found: list[dict[str, list[str]]] = []
    for when in whens:
        keys: dict[str, list[str]] = {}
        for part in when.split(", "):
            switch, is_new, key = part.rpartition("=")
            keys.setdefault(switch if is_new else next(reversed(keys)), []).append("any other" if key == "other" else key)
        add_condition(found, keys)
    return (" and ".join(f"{switch} is {listed(keys, 'or')}" for switch, keys in condition.items()) for condition in found)


def add_condition(found: list[dict[str, list[str]]], new: dict[str, list[str]]) -> None:
    """Joins a condition with another one that differs in a single field."""
    for known in found:
        apart = [switch for switch in known if known[switch] != new.get(switch)]
        if len(apart) == 1 and list(known) == list(new):
            found.remove(known)
            add_condition(found, known | {apart[0]: [*known[apart[0]], *new[apart[0]]]})
            return
    found.append(new)


def place_of(field: Mapping[str, Any]) -> str:
    if "bits" in field:
        high, low = field["bits"]
        bits = f"{high}:{low}" if high != low else str(high)
        return f"{field['reg']} {bits}" if field.get("reg") else bits
    return f"+{field['offset']}" if "offset" in field else "+?"


def say_place(field: Mapping[str, Any]) -> str:
    """bit 2, EDX bit 19, bytes at +8."""
    if "bits" not in field:
        return f"bytes at {place_of(field)}"
    register, _, bits = place_of(field).rpartition(" ")
    return f"{register.upper()} {say_bits(bits)}".strip()


def say_bits(bits: str) -> str:
    return f"{'bits' if ':' in bits else 'bit'} {bits}"


def remark_of(field: Mapping[str, Any]) -> str:
    """Remarks on a field, in addition to its place and name."""
    values, width = field.get("values", ()), width_of(field)
    known = ", ".join(f"{say_range(value, width)} {value['name']}" for value in values) if len(values) <= MANY_VALUES else ""
    kind = ": ".join(text for text in (say_type(field, len(values)), known) if text)
    parts = [RESERVED.get(field.get("reserved", ""), ""), field.get("doc", ""), kind]
    if "also" in field:
        parts.append(f"also {', '.join(field['also'])}")
    if "qemu" in field:
        parts.append(f"QEMU {'flags' if len(field['qemu']) > 1 else 'flag'} {', '.join(field['qemu'])}")
    if "note" in field:
        parts.append(f"note: {field['note']}")
    return "; ".join(part for part in parts if part)


def width_of(field: Mapping[str, Any]) -> int:
    """Its bits; 0 for a member counted in bytes."""
    return field["bits"][0] - field["bits"][1] + 1 if "bits" in field else 0


def say_type(field: Mapping[str, Any], values: int) -> str:
    """u32; HV_MESSAGE, 16 of them; a name of `list message`; one of 59 values of WINDOWS_BUILD."""
    kind = field.get("type", "")
    if space := space_of(kind):
        kind = f"a number of `list {space}`"
    elif values > MANY_VALUES:
        kind = f"one of the {values} values of {kind}" if kind else f"{values} known values"
    size = field.get("size")
    if not kind and size is not None and "bits" not in field:
        kind = (
            count_of(size, "byte") if isinstance(size, int) else "all that follows" if size == "rest" else f"as many bytes as {size} says"
        )
    count = field.get("count")
    return f"{kind}, {say_count(count)}" if count is not None else kind


def say_count(count: int | str) -> str:
    """The number of elements: 16 of them, as many as range_cnt says."""
    if isinstance(count, int):
        return f"{count} of them"
    if count == "rest":
        return "to the end"
    how, is_derived, fields = count.partition(":")
    return f"{COUNTED[how]} {fields.replace('+', ' and ')}" if is_derived else f"as many as {count} says"


def values_of(values: Any, style: Style, width: int = 0) -> list[str]:
    """A row per value of an enumeration with this width in bits."""
    rows = []
    for value in values:
        remarks = [value.get("doc", ""), f"also {', '.join(value['also'])}" if "also" in value else "", value.get("note", "")]
        rows.append((say_range(value, width), value["name"], "; ".join(remark for remark in remarks if remark).rstrip()))
    return spread(rows, style, ("number", "name", "meaning"))


def say_range(value: Mapping[str, Any], width: int = 0) -> str:
    """A value of so many bits: a single bit is 1, never 0x1."""
    if width == 1:
        return str(value["value"])
    return f"{value['value']:#x}" + (f"-{value['last']:#x}" if "last" in value else "")
