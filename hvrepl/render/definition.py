"""The object that describes a spec → `show` as lines, and its parts as text for pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hvrepl.catalog.model import ARCHES, COMMON, space_of
from hvrepl.hints import Any
from hvrepl.render.flag import flag_facts
from hvrepl.render.style import Style, align, spread, titled, wrap
from hvrepl.wording import count_of, listed

MANY_VALUES = 40  # values of an enumeration in text; JSON has them all
# The rule for reserved bits, in a word.
RESERVED = {"zero": "must be zero", "one": "must be one", "preserve": "keep as read", "ignore": "may be anything"}
# The way a count is calculated from fields, in words.
COUNTED = {"popcount": "one for each bit that is set in", "pages": "one for each page of"}


def describe_lines(table: Mapping[str, Any], style: Style) -> Iterator[str]:
    """A description as text: its kind, numbers, fields, then requirements, other names and sources."""
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
    if field.get("rep"):
        return f"{kind}, one per rep"
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
