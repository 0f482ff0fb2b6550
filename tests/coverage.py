"""How much the specs cover of what the TLFS, Linux, OpenVMM and Microsoft's firmware name and lay out: `python -m tests.coverage [-v]`.

tests/data/coverage has their names, numbers, bits and structs, with one line for identical facts of several sources and their number;
reserved bits are left out, and so are the firmware's names for Xbox (Xb…). Each line is resolved by the specs, or has its reason in
disputed.tsv. structs.tsv gives the spec of each struct, or why there is none; tests/codec/test_agreement.py checks the places of
members. layouts.tsv gives the spec with the bits of a source's type, if no spec has its name, and the bit where they begin in
it.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES, COMMON, Field, Layout, Spec, to_key
from hvrepl.catalog.opening import open_index
from hvrepl.catalog.parse_specs import CPUID_REGISTERS, parse_bits, parse_range

DATA = Path(__file__).parent / "data" / "coverage"
NO_BODY = "has no body"
CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")
ENUMERATIONS = {"vendor_id": "GUEST_OS_VENDOR", "os_type": "OPEN_SOURCE_OS", "os_id (Microsoft)": "MICROSOFT_OS"}
# The space of one arch: Linux has HV_MSR_* names for MSRs on x64 and for VP registers on arm64.
SPACES = {
    "msrs": {"x64": "msr", "arm64": "register"},
    "vp_registers": dict.fromkeys(ARCHES, "register"),
    "hypercalls": dict.fromkeys(ARCHES, "hypercall"),
    "status": dict.fromkeys(ARCHES, "status"),
    "message_types": dict.fromkeys(ARCHES, "message"),
    "vmbus_messages": dict.fromkeys(ARCHES, "vmbus"),
    "vmbus_classes": dict.fromkeys(ARCHES, "vmbus_class"),
    "cpuid_leaves": {"x64": "cpuid"},
}

Line = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A line of a table: its key, the number of sources' rows it covers, and why it is unresolved, if it is."""

    key: str
    rows: int
    fault: str


@cache
def catalogs() -> Mapping[str, Catalog]:
    index = open_index()
    return {arch: Catalog(index, arch) for arch in ARCHES}


def read_lines(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def judge(table: str) -> list[Judged]:
    """Every line of a table."""
    return [Judged(key_of(line), int(line["rows"]), JUDGES[table](table, line)) for line in read_lines(table)]


def key_of(line: Line) -> str:
    return " ".join(value for key, value in line.items() if key != "rows" and value)


def disputed() -> dict[tuple[str, str], str]:
    """(table, key) → reason."""
    without = {("structs", key_of(line)): line["remark"] for line in read_lines("structs") if not line["spec"] and line["remark"]}
    return without | {(line["table"], line["key"]): line["reason"] for line in read_lines("disputed")}


def judge_number(table: str, line: Line) -> str:
    """Whether the number, with its name, exists on the arch, or on both if the source has it for both."""
    number = parse_range(line["number"])[0]
    for arch, space in SPACES[table].items():
        if line["arch"] in (COMMON, arch):
            fault = find_number(catalogs()[arch], space, number, line["name"])
            if fault:
                return f"{arch}: {fault}"
    return ""


def find_number(catalog: Catalog, space: str, number: int, name: str) -> str:
    if catalog.find_named(space, number) is None:
        return f"no {space} {catalog.spaces[space].write(number)}"
    if name and not any(low <= number <= high for low, high in numbers_of(catalog, space, name)):
        return f"{name} is not {space} {catalog.spaces[space].write(number)}"
    return ""


def numbers_of(catalog: Catalog, space: str, name: str) -> Iterator[tuple[int, int]]:
    """The numbers of a name in a space, now or in older headers."""
    for row in catalog.index.names(to_key(name)):
        addresses = catalog.load(row.spec).addresses
        for address in addresses if row.address < 0 else (addresses[row.address],):
            if address.space == space and row.arch in (COMMON, catalog.arch):
                yield address.number(row.element), address.number(row.element) + address.high - address.low


def judge_leaf(_: str, line: Line) -> str:
    """A bit of a leaf, or of an arm64 register with the same meaning: a named field, which has Linux's name too."""
    low, width = parse_bits(line["bits"])
    if line["reg"] in CPUID_REGISTERS:
        spec = catalogs()["x64"].find_number(int(line["leaf"], 16), "cpuid").spec
        return find_bits(catalogs()["x64"], spec, low + 32 * CPUID_REGISTERS.index(line["reg"]), width, line["name"])
    shift = 64 if line["reg"] == "word2" else 0
    return find_bits(catalogs()["arm64"], catalogs()["arm64"].find_name(line["leaf"]).spec, low + shift, width, line["name"])


def judge_field(_: str, line: Line) -> str:
    """Bits of a register or word: a named field there, on the arch, or for both on one."""
    low, width = parse_bits(line["bits"])
    faults = []
    for arch in ARCHES if line["arch"] == COMMON else (line["arch"],):
        targets = list(find_layouts(catalogs()[arch], line["register"]))
        found = [find_bits(catalogs()[arch], spec, low - shift, width) for spec, shift in targets]
        faults.append(min(found, key=len) if found else f"no spec for {line['register']}")
    return min(faults, key=len)


@cache
def layouts() -> Mapping[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for line in read_lines("layouts"):
        found.setdefault(line["register"], []).append((line["spec"], int(line["shift"] or 0)))
    return found


def find_layouts(catalog: Catalog, register: str) -> Iterator[tuple[Spec, int]]:
    """The specs with a source's type on this arch, and the bit where theirs begin in it."""
    for name, shift in layouts().get(register, [(register.removeprefix("union ").removeprefix("struct ").removeprefix("hypercall::"), 0)]):
        rows = [row for row in catalog.index.names(to_key(name)) if row.arch in (COMMON, catalog.arch)]
        yield from ((catalog.load(row.spec), shift) for row in rows[:1])


def find_bits(catalog: Catalog, spec: Spec, low: int, width: int, name: str = "") -> str:
    """Nothing if a named field has exactly these bits, or several do, the first of them named; a constant must be one of its names."""
    fields = list(fields_of(catalog, spec, spec.layout, 0))
    exact = [field for at, field in fields if (at, field.width) == (low, width) and not field.reserved]
    begins = any(at == low and field.width < width and not field.reserved for at, field in fields)
    ends = any(at + field.width == low + width and field.width < width for at, field in fields)
    bits = f"{low + width - 1}:{low}"
    if not exact and not (begins and ends):
        return f"{spec.name} has no field {bits}"
    if CONSTANT.fullmatch(name) and exact and not any(to_key(name) in map(to_key, field.names) for field in exact):
        constant = to_key(name).removeprefix("hv_")
        if not any(constant == to_key(field.name) for field in exact):
            return f"{spec.name} {bits} is not called {name}"
    return ""


def fields_of(catalog: Catalog, spec: Spec, layout: Layout | None, base: int, above: tuple[str, ...] = ()) -> Iterator[tuple[int, Field]]:
    """(bit, field) of each field of a word, including its variants and nested words."""
    for field in layout.fields if layout else ():
        if not (field.switch and field.name.startswith("bits_")):
            yield base + field.lsb, field
        for target in dict.fromkeys(field.cases.values()) if isinstance(field.cases, Mapping) else ():
            if target not in above:
                yield from fields_of(catalog, spec, spec.case(target), base, (*above, target))
        inner = catalog.type(field.type)
        if inner and inner.layout and inner.width:
            yield from fields_of(catalog, inner, inner.layout, base + field.lsb)
        yield from ((base + one.lsb, one) for one in field.readings if one.width)


def judge_guest_id(_: str, line: Line) -> str:
    """A field of the guest OS id, or a value of one of its enumerations."""
    catalog = catalogs()["x64"]
    if line["kind"] not in ENUMERATIONS:
        return find_bits(catalog, catalog.find_name("HV_X64_MSR_GUEST_OS_ID").spec, *parse_bits(line["bits"]))
    values = catalog.find_name(ENUMERATIONS[line["kind"]]).spec.values
    value = int(line["value"], 16)
    return "" if any(one.low <= value <= one.high for one in values) else f"{ENUMERATIONS[line['kind']]} has no value {value:#x}"


def judge_struct(_: str, line: Line) -> str:
    """A struct: the spec in the line exists, on the arch or on both, and has a layout unless it is empty."""
    if not line["spec"]:
        return "no spec"
    for arch in ARCHES if line["arch"] == COMMON else (line["arch"],):
        rows = [row for row in catalogs()[arch].index.names(to_key(line["spec"])) if row.arch in (COMMON, arch)]
        specs = [catalogs()[arch].load(row.spec) for row in rows]
        if not any(spec.layout or spec.output or spec.values for spec in specs) and not (specs and line["remark"] == NO_BODY):
            return f"{arch}: {line['spec']} is not laid out" if specs else f"{arch}: no spec {line['spec']}"
    return ""


JUDGES: Mapping[str, Callable[[str, Line], str]] = {
    **dict.fromkeys(SPACES, judge_number),
    "cpuid_bits": judge_leaf,
    "register_fields": judge_field,
    "guest_ids": judge_guest_id,
    "structs": judge_struct,
}


def main(arguments: Sequence[str]) -> int:
    known = disputed()
    print(f"{'table':<16} {'rows':>6} {'resolved':>9} {'disputed':>9} {'left':>6}")
    left = []
    for table in JUDGES:
        judged = judge(table)
        open_ones = [one for one in judged if one.fault and (table, one.key) not in known]
        left += [f"{table}: {one.key}: {one.fault}" for one in open_ones]
        rows, resolved, open_rows = (sum(one.rows for one in ones) for ones in (judged, [j for j in judged if not j.fault], open_ones))
        print(f"{table:<16} {rows:>6} {resolved:>9} {rows - resolved - open_rows:>9} {open_rows:>6}")
    if left and "-v" in arguments:
        print("\n".join(left))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
