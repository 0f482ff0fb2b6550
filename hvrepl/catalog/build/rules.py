"""Rules for all specs together. All faults are reported at once, one per line: `file: place: what is wrong`."""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from hvrepl.catalog.build.book import FORMATTERS, KINDS, MOST_SHOWN, OF_ANY_WIDTH, WORDS, Book, fields, layouts
from hvrepl.catalog.build.budget import check_budget
from hvrepl.catalog.build.flags import check_flag
from hvrepl.catalog.build.keys import check_tables
from hvrepl.catalog.build.log_rules import check_forms
from hvrepl.catalog.build.read_specs import parse_tables, read_folder, to_specs
from hvrepl.catalog.build.references import check_references, check_shorthands, check_sources, check_switches, check_types, sources
from hvrepl.catalog.build.texts import check_texts
from hvrepl.catalog.build.tiles import check_cases_fit, check_loops, check_tiles
from hvrepl.catalog.index import WAS, Index, elements, name_rows, reach
from hvrepl.catalog.log_forms import OWN, parse_forms
from hvrepl.catalog.model import ARCHES, COMMON, FLAG, Document, Enumerator, Layout, Space, Spec, to_key
from hvrepl.catalog.parse_specs import LOG, Tables
from hvrepl.catalog.paths import case_names
from hvrepl.catalog.taking import taken
from hvrepl.errors import HvreplError, SpecError

NUMBERED = ("register", "cpuid", "hypercall")
RESERVED = ("zero", "preserve", "one", "ignore")
WIDTHS = (8, 16, 32, 64, 128)


def check_kind(spec: Spec, _: Book) -> Iterator[str]:
    """The kind exists, and has what it requires."""
    if spec.kind not in KINDS and not is_name(spec):
        yield f"kind {spec.kind} is not one of {', '.join(KINDS)}, names"
    if spec.kind in WORDS and spec.layout and spec.width not in WIDTHS:
        yield f"width must be {', '.join(map(str, WIDTHS[:-1]))} or {WIDTHS[-1]}"
    if spec.kind == "cpuid" and spec.width not in (0, 128):
        yield "width must be 128: a leaf is four registers"
    if spec.kind in ("struct", "page", "word") and not spec.layout:
        yield "has no layout"
    if spec.kind in NUMBERED and not spec.addresses and not spec.interface:
        yield "has no address"
    if spec.kind == "enumeration" and not spec.values and not spec.takes:
        yield "has no values"
    if (spec.kind == FLAG) != bool(spec.flag):
        yield "kind flag and the table flag need each other"
    if spec.crash and spec.kind != "struct":
        yield f"crash does not apply to kind {spec.kind}"
    if spec.count is not None and spec.count < 1:
        yield "count must be at least 1"


def is_name(spec: Spec) -> bool:
    """Whether it comes from a file of names."""
    return bool(spec.addresses) and spec.kind == spec.addresses[0].space and not spec.layout


def check_names(spec: Spec, book: Book) -> Iterator[str]:
    """Canonical names are upper case, except those of flags and of spaces in mixed case; {n} is in all names of an array, and otherwise
    only in those of a range."""
    mixed = {address.name for address in spec.addresses if address.space in book.spaces and book.spaces[address.space].mixed}
    canonical = (spec.name, *(address.name for address in spec.addresses))
    for name in canonical:
        if spec.kind == FLAG:
            if not re.fullmatch(r"hv-[a-z0-9-]+", name):
                yield f"{name}: a flag's name is spelled as QEMU spells it: hv-synic"
        elif name not in mixed and not re.fullmatch(r"[A-Z0-9_]+(\{n\}[A-Z0-9_]*)?", name):
            yield f"{name}: a canonical name must be upper case with underscores"
    for name in (*canonical, *spec.also, *(name for address in spec.addresses for name in (*address.also, *address.was))):
        if ("{n}" in name) != (spec.count is not None) and ("{n}" not in name or not spec.is_range):
            yield f"{name}: {{n}} and count need each other"


def check_spaces(spec: Spec, book: Book) -> Iterator[str]:
    for address in spec.addresses:
        space = book.spaces.get(address.space)
        if space is None:
            yield f"{address.name}: no space {address.space}"
        elif spec.arch not in (COMMON, *space.arches):
            yield f"{address.name}: {spec.arch} has no {space.name} numbers"
        elif address.arch and (spec.arch != COMMON or address.arch not in space.arches):
            yield f"{address.name}: arch must be one of {', '.join(space.arches)}, and only on a number of a common spec"


def check_fields(spec: Spec, book: Book) -> Iterator[str]:
    """Field names are lower case; reserved, show and base have known values."""
    for where, _layout, field in fields(spec):
        if not re.fullmatch(r"[a-z0-9_]+", field.name):
            yield f"{where}: a field's name must be lower case"
        if field.reserved and field.reserved not in RESERVED:
            yield f"{where}: reserved must be one of {', '.join(RESERVED)}"
        if field.show and "{}" not in field.show and field.show not in FORMATTERS:
            yield f"{where}: no formatter {field.show}"
        elif field.show and field.show not in OF_ANY_WIDTH and (book.bits(field, spec.arch) > MOST_SHOWN):
            yield f"{where}: show {field.show} needs a fixed width of up to {MOST_SHOWN} bits"
        if field.base not in (10, 16):
            yield f"{where}: base must be 10 or 16"


def check_twice(spec: Spec, _: Book) -> Iterator[str]:
    """No two fields of a layout share a name. A word's variant fields join those around them, so they may not share one either."""
    for place, layout in layouts(spec):
        names = Counter(to_key(name) for field in layout.fields for one in (field, *field.readings) for name in one.names)
        yield from (f"{place}: {name}: appears twice" for name, count in names.items() if count > 1)
    if spec.kind in WORDS and spec.layout:
        yield from check_variant_names(spec, spec.layout, frozenset(), ())


def check_variant_names(spec: Spec, layout: Layout, around: frozenset[str], above: tuple[str, ...]) -> Iterator[str]:
    names = frozenset(to_key(name) for field in layout.fields for name in field.names)
    yield from (f"case.{above[-1]}: {name}: appears twice" for name in sorted(names & around))
    for field in layout.fields:
        for name in case_names(field):
            case = spec.case(name)
            if case and name not in above:
                yield from check_variant_names(spec, case, names | around, (*above, name))


def check_values(spec: Spec, book: Book) -> Iterator[str]:
    """No two enumerators share a value or a name, and each fits the available bits."""
    base = book.base_values(spec) if spec.extends else ()
    yield from (f"values: {fault}" for fault in check_enumerators((*base, *spec.values, *taken(spec, book.specs)), spec.width))
    for where, _, field in fields(spec):
        width = field.width or (8 * field.size if isinstance(field.size, int) else 0)
        yield from (f"{where}: values: {fault}" for fault in check_enumerators(field.values, width))


def check_enumerators(values: Iterable[Enumerator], width: int) -> Iterator[str]:
    ordered = sorted(dict.fromkeys(values), key=lambda one: (one.low, one.high))
    for one, other in pairwise(ordered):
        if other.low <= one.high:
            yield f"{other.name} shares a value with {one.name}"
    names: dict[str, Enumerator] = {}
    for one in ordered:
        if width and one.high >> width:
            yield f"{one.name} does not fit in {width} bits"
        for name in sorted({to_key(name) for name in (one.name, *one.also)}):
            other = names.setdefault(name, one)
            if other is not one:
                yield f"{one.name} shares the name {name} with {other.name}"


class Taken(NamedTuple):
    """Numbers of a space that are in use."""

    low: int
    high: int
    name: str
    file: str


def check_unique(book: Book) -> Iterator[str]:
    """Everything that must be unique across all specs."""
    for check_one in (check_unique_names, check_unique_numbers, check_unique_cases, check_unique_leaves):
        yield from check_one(book)


def check_unique_names(book: Book) -> Iterator[str]:
    """Names and aliases are unique per arch."""
    names: dict[tuple[str, str], Spec] = {}
    for spec in book.specs:
        for spelling, how, arch, _, _ in name_rows(spec, book.spaces) if not spec.extends else ():
            others = [names.setdefault((to_key(spelling), one), spec) for one in arches_of(arch)] if how < WAS else []
            other = next((other for other in others if other is not spec), None)
            if other:
                yield f"{spec.file}: {spelling} is also a name in {other.file}"


def check_unique_numbers(book: Book) -> Iterator[str]:
    """Numbers are unique per arch and space. A range may contain smaller ranges and numbers, but not overlap one."""
    places: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    for spec in book.specs:
        for element in elements(spec):
            for address in spec.addresses:
                step = address.stride * (element or 0)
                one = Taken(address.low + step, address.high + step, address.named(element), spec.file)
                for arch in arches_of(reach(spec, address, book.spaces)):
                    places[arch, address.space].append(one)
    for numbers in places.values():
        around: list[Taken] = []
        for one in sorted(numbers, key=lambda one: (one.low, -one.high)):
            while around and around[-1].high < one.low:
                around.pop()
            if around and (one.high > around[-1].high or one[:2] == around[-1][:2]):
                yield f"{one.file}: {one.name} shares a number with {around[-1].name} in {around[-1].file}"
            around.append(one)


def check_unique_cases(book: Book) -> Iterator[str]:
    """A number has one payload."""
    cases: dict[tuple[str, str], Spec] = {}
    for spec in book.specs:
        for case in spec.case_of:
            for one in arches_of(spec.arch):
                other = cases.setdefault((to_key(case), one), spec)
                if other is not spec:
                    yield f"{spec.file}: case_of: {case} already has its case in {other.file}"


def check_unique_leaves(book: Book) -> Iterator[str]:
    """A leaf of another interface than Hyper-V's has one spec per vendor."""
    leaves: dict[tuple[str, int, int], Spec] = {}
    for spec in book.specs:
        for vendor in spec.interface.vendors if spec.interface else ():
            other = leaves.setdefault((vendor, spec.interface.leaf, spec.interface.subleaf), spec) if spec.interface else spec
            if other is not spec:
                yield f"{spec.file}: interface: {vendor} already has that leaf in {other.file}"


def arches_of(arch: str) -> tuple[str, ...]:
    return ARCHES if arch == COMMON else (arch,)


RULES: tuple[Callable[[Spec, Book], Iterator[str]], ...] = (
    check_kind,
    check_names,
    check_spaces,
    check_fields,
    check_twice,
    check_tiles,
    check_cases_fit,
    check_loops,
    check_references,
    check_flag,
    check_types,
    check_switches,
    check_shorthands,
    check_texts,
    check_values,
    check_sources,
)


def check(specs: Sequence[Spec], spaces: Sequence[Space], documents: Iterable[str], trusted: Sequence[Spec] = ()) -> list[str]:
    """Every fault of the specs, in the order of their files; `trusted` specs are included but not checked again."""
    book = Book([*trusted, *specs], spaces, documents)
    faults = [f"space {one} is defined twice" for one, count in Counter(space.name for space in spaces).items() if count > 1]
    faults += [f"{spec.file}: {named(spec, fault)}" for spec in specs for rule in RULES for fault in rule(spec, book)]
    return list(dict.fromkeys([*faults, *check_unique(book)]))


def named(spec: Spec, fault: str) -> str:
    """A fault of a spec from a file of names, with its name in front."""
    return f"{spec.name}: {fault}" if is_name(spec) and not fault.startswith(f"{spec.name}: ") else fault


def read_tables(folder: Path) -> tuple[Tables, tuple[Space, ...], tuple[Document, ...]]:
    """The tables, spaces and documents of a folder, for Index.build. Raises FileError, and SpecError for unreadable TOML."""
    read = read_folder(folder)
    if read.faults:
        raise SpecError("\n".join(f"{folder}/{fault}" for fault in read.faults))
    return read.tables, read.spaces, tuple(read.documents.values())


def check_logs(tables: Tables, book: Book) -> list[str]:
    """The faults of log forms whose keys are valid."""
    files = [(file, table) for _, file, table in tables if table.get("kind") == LOG and not list(check_tables(table, file))]
    return list(check_forms([form for file, table in files for form in parse_forms(table, file)], book))


def check_folders(folders: Sequence[Path]) -> list[str]:
    """The faults of folders of specs that are used together; the first is complete by itself. Raises FileError."""
    read = [read_folder(folder, f"{folder}/") for folder in folders]
    specs, faults = to_specs(table for one in read for table in one.tables)
    spaces = [space for one in read for space in one.spaces]
    trusted, _ = to_specs(read[0].tables)
    own = [table for one in read[1:] for table in one.tables]
    if too_much := list(check_budget(to_specs(own)[0], own, spaces, trusted)):
        return too_much
    documents = [key for one in read for key in one.documents]
    logs = check_logs([table for one in read for table in one.tables], Book(specs, spaces, documents))
    return [*(fault for one in read for fault in one.faults), *faults, *check(specs, spaces, documents), *logs]


def build_checked(tables: Tables, spaces: Iterable[Space], built_in: Iterable[Document], extra: Path) -> Index:
    """An index in memory of built-in specs, which are trusted, and the user's own, which are checked. Raises SpecError, FileError."""
    own = read_folder(extra, f"{extra}/")
    specs, faults = to_specs(own.tables)
    trusted = parse_tables(tables)
    documents = {source.partition(":")[0] for spec in trusted for source in sources(spec)}
    both = [*spaces, *own.spaces]
    documents |= set(own.documents)
    if too_much := list(check_budget(specs, own.tables, both, trusted)):
        raise SpecError("\n".join(too_much))
    faults = [
        *own.faults,
        *faults,
        *check(specs, both, documents, trusted),
        *check_logs(own.tables, Book([*trusted, *specs], both, documents)),
    ]
    if faults:
        raise SpecError("\n".join(faults))
    all_tables = [*tables, *((arch, file, {**table, OWN: True}) for arch, file, table in own.tables)]
    return Index.build(all_tables, both, [*built_in, *own.documents.values()])


def main(arguments: Sequence[str]) -> int:
    """`python -m hvrepl.catalog.build.rules DIR...`: prints the faults of the folders, taken together."""
    try:
        faults = check_folders([Path(argument) for argument in arguments])
    except HvreplError as error:
        print(error, file=sys.stderr)
        return error.status
    print("\n".join(faults) if faults else "the specs follow the rules")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
