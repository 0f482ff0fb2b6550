"""A part of a tree as text: its place, value, meaning and findings. Knows no layout."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from hvrepl.catalog.parse_specs import CPUID_REGISTERS, REGISTER_BITS
from hvrepl.codec.decoded import Decoded, Finding

CPUID = "cpuid"  # the space whose values are four registers
SHOWN_BYTES = 16


def registers_of(node: Decoded) -> list[tuple[str, str]]:
    """(register, value) of a CPUID leaf, of which only some may be known; empty for any other thing."""
    if node.space != CPUID:
        return []
    if node.is_number:
        digits = node.raw.removeprefix("0x")
        values = [digits[at : at + REGISTER_BITS // 4] for at in range(0, len(digits), REGISTER_BITS // 4)]
        return [(name, f"0x{value}") for name, value in zip(CPUID_REGISTERS, reversed(values), strict=True)]
    known = {part.register for part in node.fields}
    return [(name, f"0x{sum_up(part for part in node.fields if part.register == name):08x}") for name in CPUID_REGISTERS if name in known]


def sum_up(parts: Iterable[Decoded]) -> int:
    """The word that the fields make up."""
    return sum(part.value << part.bits[1] for part in parts if part.bits and part.value is not None)


def place_of(part: Decoded) -> str:
    """Bits as 63:12, in a CPUID leaf after the register; bytes as +16."""
    if part.bits is None:
        return f"+{part.offset}" if part.offset is not None else ""
    high, low = part.bits
    bits = f"{high}:{low}" if high != low else str(high)
    return f"{part.register} {bits}" if part.register else bits


def places_of(parts: Sequence[Decoded]) -> str:
    """The places of several parts; a register is only repeated when it changes."""
    said = ""
    places = []
    for part in parts:
        place = place_of(part)
        places.append(place.removeprefix(f"{part.register} ") if part.register and part.register == said else place)
        said = part.register
    return ", ".join(places)


def value_of(part: Decoded) -> str:
    """The number in its natural base, or bytes in hex as far as they fit; "" for a part that only contains others."""
    if part.value is not None:
        return str(part.value) if part.is_bit or part.base == 10 else part.raw
    if part.fields:
        return ""
    return part.raw if part.is_number else short_bytes(part)


def summary_beside(node: Decoded, listed: Collection[str]) -> str:
    """The summary, unless it only repeats the listed names."""
    return "" if listed and set(node.summary.split(", ")) <= set(listed) else node.summary


def say_set(part: Decoded) -> str:
    """A set part in a list: a flag by its name, a number with its meaning."""
    if part.is_bit:
        return part.name
    return f"{part.name} {meaning_of(part) or value_of(part)}"


def flags_of(node: Decoded) -> Iterator[tuple[str, list[str]]]:
    """(register and its value, the set parts in it) low bits first; a word without registers has one list."""
    values = dict(registers_of(node))
    parts_of: dict[str, list[Decoded]] = {}
    for part in reversed(node.fields):
        if part.is_set:
            parts_of.setdefault(register_of(part, in_leaf=bool(values)), []).append(part)
    for register, parts in parts_of.items():
        value = values.get(register) or f"0x{sum_up(parts):08x}"
        yield f"{register} {value}" if register else "", [say_set(part) for part in parts]


def register_of(part: Decoded, *, in_leaf: bool) -> str:
    """The register of a CPUID leaf that contains a part; in other hypervisors' leaves, bits count through all four."""
    return CPUID_REGISTERS[part.bits[1] // REGISTER_BITS] if in_leaf and part.bits and not part.register else part.register


def short_bytes(part: Decoded) -> str:
    size = len(part.raw) // 2
    if size > 1 and not part.is_set:
        return f"{size} bytes of zero"
    shown = " ".join(part.raw[i : i + 2] for i in range(0, 2 * min(size, SHOWN_BYTES), 2))
    return shown if size <= SHOWN_BYTES else f"{shown} … {size} bytes"


def meaning_of(part: Decoded) -> str:
    if part.reserved and part.is_set:
        return "reserved, but set" if part.bits else "not part of it, but set"
    return part.meaning or part.summary


def say_finding(finding: Finding) -> str:
    """The finding with its slot, and with its field unless the sentence has it."""
    path, slot = finding.field, ""
    if path.startswith("slots["):
        number, _, path = path[6:].partition("]")
        slot, path = f"slot {number}: ", path.removeprefix(".")
    last = path.rpartition(".")[2]
    return slot + (f"{path}: " if path and last not in finding.text else "") + finding.text


def cell(part: Decoded) -> str:
    """A part in a table: its own name if it has one, otherwise number and meaning; for an array the set elements; a dash for none."""
    if part.fields and not part.kind:
        return ", ".join(cell(one) for one in part.fields if one.is_set) or "-"
    if part.fields or part.summary:
        return part.summary or "-"
    if part.meaning:
        return part.meaning if part.meaning.isupper() or part.value is None else f"{part.meaning} ({part.value:#x})"
    if part.value is None:
        return short_bytes(part) if part.raw else "-"
    return str(part.value) if part.base == 10 else f"{part.value:#x}"


def label_of(node: Decoded) -> str:
    """`cpuid 0x40000003 HV_CPUID_FEATURES`: a thing in a few words."""
    return " ".join(word for word in (node.space, node.number, node.name) if word) + (f": {node.summary}" if node.summary else "")
