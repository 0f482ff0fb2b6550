"""What specs must satisfy together. All faults are reported at once, a line each: `file: place: what is wrong`."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hvrepl.catalog.index import Index, elements, name_rows, reach
from hvrepl.catalog.model import ARCHES, COMMON, PLAIN_TYPES, Enumerator, Field, Layout, Space, Spec, When, to_key
from hvrepl.catalog.read_specs import PlaceError, check_keys, parse_range, parse_specs, read_folder, read_spaces, read_toml
from hvrepl.errors import SpecError

Tables = list[tuple[str, str, dict[str, Any]]]

KINDS = ("register", "cpuid", "word", "struct", "page", "hypercall", "enumeration")
RESERVED = ("zero", "preserve", "one", "ignore")
# What hvrepl.codec.meanings offers; a test holds the two together, since a layer may not look to its right.
FORMATTERS = frozenset(
    "100ns ascii decimal freebsd_version gpa gpa_page guid hz linux_version linux_release netbsd_version signed utf16".split()
)
WHEN_WORDS = ("known", "unknown")
PLACEHOLDER = re.compile(r"\{(?:count|used)\(([\w.]+)\)\}|\{spec:([\w-]+)\}|\{([\w.]+)(?: - ([\w.]+))?(?::(\w+))?\}")
GUARD = re.compile(r"!?([\w.]+)\? ")
SOURCE = re.compile(r"([\w.-]+):([^#]+)#(\S+)")


class Book:
    """All specs of one check, and what they say of one another."""

    def __init__(self, specs: Sequence[Spec], spaces: Iterable[Space], documents: Iterable[str]) -> None:
        self.specs = specs
        self.spaces = {space.name: space for space in spaces}
        self.documents = frozenset(documents)
        self.names: dict[str, dict[str, Spec]] = defaultdict(dict)
        self.extensions = [spec for spec in specs if spec.extends]
        for spec in specs:
            for spelling, how, arch, _, _ in name_rows(spec, self.spaces):
                if how < 2 and not spec.extends:
                    self.names[to_key(spelling)].setdefault(arch, spec)
        self.field_names = {field.name for spec in specs for _, layout in layouts(spec) for field in layout.fields}

    def find(self, name: str, arch: str) -> Spec | None:
        """What a spec of this arch may refer to by the name: of common it must exist on every arch."""
        arches = self.names.get(to_key(name), {})
        if arch == COMMON:
            return arches.get(COMMON) or (arches.get(ARCHES[0]) if all(a in arches for a in ARCHES) else None)
        return arches.get(arch) or arches.get(COMMON)

    def size(self, field: Field, arch: str) -> int | None:
        """Bytes of a struct's member; None where the bytes themselves say it."""
        if isinstance(field.size, str) or isinstance(field.count, str):
            return None
        if field.size is not None and field.count is None:
            return field.size
        one = field.size if field.size is not None else self.type_size(field.type, arch)
        return None if one is None else one * (1 if field.count is None else field.count)

    def type_size(self, name: str, arch: str) -> int | None:
        spec = self.find(name, arch)
        if spec is None:
            return None
        if spec.size is not None or spec.width:
            return spec.size if spec.size is not None else spec.width // 8
        sizes = [self.size(field, spec.arch) for field in spec.layout.fields] if spec.layout else [None]
        return None if None in sizes else sum(size or 0 for size in sizes)


def layouts(spec: Spec) -> Iterator[tuple[str, Layout]]:
    """(place, layout) of each layout of a spec."""
    if spec.layout:
        yield "layout", spec.layout
    if spec.output:
        yield "output", spec.output
    for name, layout in (spec.cases or {}).items():
        yield f"case.{name}", layout


def check_kind(spec: Spec, book: Book) -> Iterator[str]:
    if spec.kind not in KINDS and not (spec.kind in book.spaces or is_names(spec)):
        yield f"kind {spec.kind} is not one of {', '.join(KINDS)}, names"
    if spec.kind in ("register", "word", "cpuid") and spec.layout and spec.width not in (8, 16, 32, 64, 128):
        yield "width must be 8, 16, 32, 64 or 128"
    if spec.kind in ("struct", "page") and not spec.layout:
        yield "has no layout"
    if spec.kind == "enumeration" and not spec.values:
        yield "has no values"


def is_names(spec: Spec) -> bool:
    return bool(spec.addresses) and spec.kind == spec.addresses[0].space and not spec.layout


def check_names(spec: Spec, book: Book) -> Iterator[str]:
    for name in (spec.name, *(address.name for address in spec.addresses)):
        if not re.fullmatch(r"[A-Z0-9_]+(\{n\}[A-Z0-9_]*)?", name):
            yield f"{name}: a canonical name is upper case with underscores"
        if ("{n}" in name) != (spec.count is not None) and spec.kind != "enumeration":
            yield f"{name}: {{n}} and count go together"
    for name in (*spec.also, *(name for address in spec.addresses for name in (*address.also, *address.was))):
        if ("{n}" in name) != (spec.count is not None):
            yield f"{name}: {{n}} and count go together"
    for address in spec.addresses:
        space = book.spaces.get(address.space)
        if space is None:
            yield f"{address.name}: no space {address.space}"
        elif spec.arch not in (COMMON, *space.arches):
            yield f"{address.name}: {spec.arch} has no {space.name} numbers"


def check_fields(spec: Spec, _: Book) -> Iterator[str]:
    """Field names, lower case, each once in its layout; reserved and show words; a source for every field."""
    for place, layout in layouts(spec):
        seen = set()
        for field in layout.fields:
            where = f"{place}: {field.name}"
            if not re.fullmatch(r"[a-z0-9_]+", field.name):
                yield f"{where}: a field's name is lower case"
            if field.name in seen:
                yield f"{where}: stands twice"
            seen.add(field.name)
            if field.reserved and field.reserved not in RESERVED:
                yield f"{where}: reserved is one of {', '.join(RESERVED)}"
            if field.show and "{}" not in field.show and field.show not in FORMATTERS:
                yield f"{where}: no formatter {field.show}"
            if not field.source:
                yield f"{where}: has no source"
            if bool(field.switch) != bool(field.cases):
                yield f"{where}: switch and cases go together"
            if field.base not in (10, 16):
                yield f"{where}: base is 10 or 16"


def check_tiles(spec: Spec, book: Book) -> Iterator[str]:
    """Fields ascend and cover every bit or byte once; the cases of a variant cover the variant."""
    if spec.kind in ("register", "word", "cpuid"):
        if spec.layout and spec.width:
            yield from tile_bits(spec, spec.layout, 0, spec.width, "layout", ())
    else:
        for place, layout in layouts(spec):
            yield from tile_bytes(spec, layout, place, book)


def tile_bits(spec: Spec, layout: Layout, start: int, end: int, place: str, above: tuple[str, ...]) -> Iterator[str]:
    at = start
    for field in layout.fields:
        if field.lsb > at:
            yield f"{place}: {field.name}: starts at bit {field.lsb}, leaves a gap from bit {at}"
        elif field.lsb < at:
            yield f"{place}: {field.name}: starts at bit {field.lsb}, overlaps bit {at - 1}"
        at = field.lsb + field.width
        if isinstance(field.cases, Mapping):
            for target in dict.fromkeys(field.cases.values()):
                case = spec.case(target)
                if case and target not in above:
                    yield from tile_bits(spec, case, field.lsb, at, f"case.{target}", (*above, target))
    if at != end:
        yield f"{place}: ends at bit {at - 1}, should end at bit {end - 1}"


def tile_bytes(spec: Spec, layout: Layout, place: str, book: Book) -> Iterator[str]:
    at: int | None = 0
    for field in layout.fields:
        if field.width:
            yield f"{place}: {field.name}: has bits; a struct's members have bytes"
            return
        if at is not None and field.at is not None and field.at > at:
            yield f"{place}: {field.name}: starts at byte {field.at}, leaves a gap from byte {at}"
        elif at is not None and field.at is not None and field.at < at:
            yield f"{place}: {field.name}: starts at byte {field.at}, overlaps byte {at - 1}"
        start = field.at if at is None else at
        size = book.size(field, spec.arch)
        if size is None and not (isinstance(field.size, str) or isinstance(field.count, str) or is_variable(field, spec, book)):
            yield f"{place}: {field.name}: has no size"
        at = None if start is None or size is None else start + size
    if place == "layout" and spec.size is not None and at is not None and at != spec.size:
        yield f"{place}: ends at byte {at}, should end at byte {spec.size}"


def is_variable(field: Field, spec: Spec, book: Book) -> bool:
    """Whether the member is a struct that itself has no fixed size."""
    target = book.find(field.type, spec.arch)
    return bool(target and target.layout and book.type_size(field.type, spec.arch) is None)


def check_references(spec: Spec, book: Book) -> Iterator[str]:
    """Types, cases, see, case_of, extends and shorthands lead somewhere that this spec may refer to."""
    for name in spec.see:
        if not any(book.find(name, arch) for arch in (*ARCHES, COMMON)):
            yield f"see: no {name}"
    for case in spec.case_of:
        space, colon, number = case.rpartition(":")
        if colon and (space not in book.spaces or not number.isalnum()):
            yield f"case_of: {case} is neither a name nor space:number"
        elif not colon and not book.find(case, spec.arch):
            yield f"case_of: no {case}"
    if spec.extends:
        base = book.find(spec.extends, COMMON)
        if base is None or base.kind != "enumeration" or spec.arch == COMMON:
            yield f"extends: {spec.extends} is no common enumeration"
    for place, layout in layouts(spec):
        for field in layout.fields:
            for fault in (*check_type(field, spec, book), *check_cases(field, spec, book, layout)):
                yield f"{place}: {field.name}: {fault}"
    for shorthand in spec.shorthands:
        for name in (shorthand.field, *shorthand.sets):
            if spec.layout and not has_path(spec, spec.layout, name, book):
                yield f"shorthand {shorthand.name}: no field {name}"
        if shorthand.read not in FORMATTERS:
            yield f"shorthand {shorthand.name}: no formatter {shorthand.read}"


def check_type(field: Field, spec: Spec, book: Book) -> Iterator[str]:
    for one in (field, *field.readings):
        if one.type.startswith("space:"):
            if one.type[6:] not in book.spaces:
                yield f"no space {one.type[6:]}"
        elif one.type not in PLAIN_TYPES and not book.find(one.type, spec.arch):
            yield f"no type {one.type} in common" + (f" or {spec.arch}" if spec.arch != COMMON else "")


def check_cases(field: Field, spec: Spec, book: Book, layout: Layout) -> Iterator[str]:
    if isinstance(field.cases, Mapping):
        for key, target in field.cases.items():
            if not spec.case(target) and not book.find(target, spec.arch):
                yield f"no case or spec {target}"
            if key != "other" and not field.switch.startswith("context:") and not is_range(key) and not is_enumerator(key, field, layout, spec, book):
                yield f"case {key} is no number, range or enumerator of {field.switch}"
    elif field.cases and field.cases.removeprefix("space:") not in book.spaces:
        yield f"cases: no space {field.cases}"
    paths = [field.switch, field.used, *(text for text in (field.size, field.count) if isinstance(text, str))]
    for path in paths:
        bare = path.removeprefix("popcount:")
        if bare not in ("", "rest") and not bare.startswith("context:") and not has_path(spec, layout, bare, book) and bare.split(".")[0] not in book.field_names:
            yield f"no field {bare}"


def is_range(text: str) -> bool:
    try:
        parse_range(text)
    except PlaceError:
        return False
    return True


def is_enumerator(name: str, field: Field, layout: Layout, spec: Spec, book: Book) -> bool:
    target = find_field(spec, layout, field.switch, book)
    return target is not None and any(to_key(name) in map(to_key, (one.name, *one.also)) for one in values_of(target, spec, book))


def values_of(field: Field, spec: Spec, book: Book) -> Iterator[Enumerator]:
    yield from field.values
    target = book.find(field.type, spec.arch) if field.type not in PLAIN_TYPES else None
    yield from target.values if target else ()
    if field.type.startswith("space:"):
        for other in book.specs:
            for address in other.addresses:
                if address.space == field.type[6:]:
                    yield Enumerator(address.low, address.high, address.name, address.also)


def find_field(spec: Spec, layout: Layout, path: str, book: Book) -> Field | None:
    """The field a path leads to, through variants and nested types."""
    first, _, rest = path.partition(".")
    for owner, field in all_fields(spec, layout, book, set()):
        if field.name == first:
            if not rest:
                return field
            target = book.find(field.type, spec.arch)
            inner = find_field(target, target.layout, rest, book) if target and target.layout else None
            if inner or not isinstance(field.cases, Mapping):
                return inner
            for name in field.cases.values():
                case = owner.case(name)
                inner = find_field(owner, case, rest, book) if case else None
                if inner:
                    return inner
    return None


def all_fields(spec: Spec, layout: Layout, book: Book, seen: set[str]) -> Iterator[tuple[Spec, Field]]:
    """The fields of a layout and, flat, of its variants."""
    for field in layout.fields:
        yield spec, field
        for target in field.cases.values() if isinstance(field.cases, Mapping) and field.width else ():
            case = spec.case(target)
            if case and target not in seen:
                seen.add(target)
                yield from all_fields(spec, case, book, seen)


def has_path(spec: Spec, layout: Layout, path: str, book: Book) -> bool:
    return find_field(spec, layout, path, book) is not None


def check_texts(spec: Spec, book: Book) -> Iterator[str]:
    """What summaries, findings and conditions name exists, or in a variant's layout is a field of the layout around it."""
    whole = [layout for place, layout in layouts(spec) if place in ("layout", "output")]
    for place, layout in layouts(spec):
        scopes = [layout, *whole]
        texts = [(f"{place}: summary", text) for text in layout.summary or ()]
        texts += [(f"{place}: findings", finding.text) for finding in layout.findings]
        for where, text in texts:
            for path in paths_in(text):
                if not any(has_path(spec, scope, path, book) for scope in scopes):
                    yield f"{where}: no field {path}"
            for match in PLACEHOLDER.finditer(text):
                if match[2] and not book.find(match[2], COMMON):
                    yield f"{where}: no spec {match[2]}"
                if match[5] and match[5] not in ("d", "x") and match[5] not in FORMATTERS:
                    yield f"{where}: no formatter {match[5]}"
            if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
                yield f"{where}: cannot read the braces in {text!r}"
        conditions = [finding.when for finding in layout.findings] + ([layout.unused] if layout.unused else [])
        yield from (f"{place}: when: {fault}" for when in conditions for fault in check_when(when, spec, scopes, book))
    if spec.lone and spec.layout:
        yield from (f"lone: when: {fault}" for when in spec.lone.when for fault in check_when(when, spec, [spec.layout], book))


def paths_in(text: str) -> Iterator[str]:
    guard = GUARD.match(text)
    if guard:
        yield guard[1]
    for match in PLACEHOLDER.finditer(text):
        yield from (match[group] for group in (1, 3, 4) if match[group])


def check_when(when: When, spec: Spec, scopes: Sequence[Layout], book: Book) -> Iterator[str]:
    for path, wanted in when.items():
        found = [(scope, field) for scope in scopes if (field := find_field(spec, scope, path, book))]
        if not found:
            yield f"no field {path}"
            continue
        field = found[0][1]
        names = {to_key(one.name) for one in values_of(field, spec, book)}
        for one in wanted:
            word = str(one).removeprefix("!")
            if word not in WHEN_WORDS and not is_range(word) and to_key(word) not in names:
                yield f"{path}: {one} is no number, range, enumerator, known or unknown"


def check_values(spec: Spec, _: Book) -> Iterator[str]:
    """No two enumerators share a value or a name."""
    groups = [("values", spec.values)] + [(f"{place}: {f.name}: values", f.values) for place, layout in layouts(spec) for f in layout.fields]
    for where, values in groups:
        ordered = sorted(values, key=lambda one: (one.low, one.high))
        for one, other in zip(ordered, ordered[1:], strict=False):
            if other.low <= one.high:
                yield f"{where}: {other.name} has a value of {one.name}"
        names: dict[str, str] = {}
        for one in values:
            for name in {to_key(name) for name in (one.name, *one.also)}:
                if name in names:
                    yield f"{where}: {one.name} shares the name {name} with {names[name]}"
                names[name] = one.name


def check_sources(spec: Spec, book: Book) -> Iterator[str]:
    """Every source is key:path#anchor of a pinned document."""
    found: dict[str, None] = dict.fromkeys(spec.source)
    for address in spec.addresses:
        found |= dict.fromkeys(address.source)
    for _, layout in layouts(spec):
        for field in layout.fields:
            found |= dict.fromkeys(field.source)
    for value in spec.values:
        found |= dict.fromkeys(value.source)
    if not spec.source:
        yield "has no source"
    for source in found:
        match = SOURCE.fullmatch(source)
        if not match:
            yield f"source {source!r} should look like key:path#anchor"
        elif match[1] not in book.documents:
            yield f"source {source!r}: {match[1]} is not in sources.toml"
        elif match[3].isdigit():
            yield f"source {source!r}: an anchor is a heading or an identifier, not a line number"


def check_unique(book: Book) -> Iterator[str]:
    """Names once an arch; numbers once an arch and space (a range may hold single numbers of its own)."""
    names: dict[tuple[str, str], tuple[Spec, str]] = {}
    numbers: dict[tuple[str, str, int, int], tuple[Spec, str]] = {}
    for spec in book.specs:
        for spelling, how, arch, element, _ in name_rows(spec, book.spaces):
            for one in (arch,) if arch != COMMON else ARCHES:
                other, _ = names.setdefault((to_key(spelling), one), (spec, spelling)) if how < 2 and not spec.extends else (spec, "")
                if other is not spec:
                    yield f"{spec.file}: {spelling} is also a name in {other.file}"
                    break
        for element in elements(spec):
            for address in spec.addresses:
                arch = reach(spec, address, book.spaces)
                for one in (arch,) if arch != COMMON else ARCHES:
                    step = address.stride * (element or 0)
                    key = (one, address.space, address.low + step, address.high + step)
                    other, shown = numbers.setdefault(key, (spec, address.named(element)))
                    if (other, shown) != (spec, address.named(element)):
                        yield f"{spec.file}: {address.named(element)} has the number of {shown} in {other.file}"
                        break


RULES: tuple[Callable[[Spec, Book], Iterator[str]], ...] = (
    check_kind,
    check_names,
    check_fields,
    check_tiles,
    check_references,
    check_texts,
    check_values,
    check_sources,
)


def check(specs: Sequence[Spec], spaces: Iterable[Space], documents: Iterable[str]) -> list[str]:
    """Every fault of the specs, in the order of their files."""
    book = Book(specs, spaces, documents)
    faults = [f"{spec.file}: {label(spec)}{fault}" for spec in specs for rule in RULES for fault in rule(spec, book)]
    return list(dict.fromkeys([*faults, *check_unique(book)]))


def label(spec: Spec) -> str:
    return f"{spec.name}: " if is_names(spec) else ""


def read_documents(folder: Path) -> tuple[list[str], list[str]]:
    """(keys, faults) of sources.toml."""
    path = folder / "sources.toml"
    tables = read_toml(path) if path.exists() else {}
    return list(tables), [fault for key, table in tables.items() for fault in check_keys("document", table, f"sources.toml: {key}: ")]


def read_tables(folder: Path) -> tuple[Tables, tuple[Space, ...]]:
    return list(read_folder(folder)), read_spaces(folder)


def check_folders(folders: Sequence[Path]) -> list[str]:
    """The faults of folders of specs that are used together, the first of them complete by itself."""
    tables = [table for folder in folders for table in read_folder(folder)]
    specs, faults = parse_specs(tables)
    spaces = [space for folder in folders for space in read_spaces(folder)]
    documents = []
    for folder in folders:
        keys, wrong = read_documents(folder)
        documents += keys
        faults += wrong
    return faults + check(specs, spaces, documents)


def build_checked(tables: Tables, spaces: Iterable[Space], extra: Path | None) -> Index:
    """An index in memory of built-in specs, which are trusted, and of one's own, which are checked. Raises SpecError."""
    spaces = list(spaces)
    if extra is not None:
        own, more = read_tables(extra)
        specs, faults = parse_specs(own)
        files = {spec.file for spec in specs} - {file for _, file, _ in tables}
        documents, wrong = read_documents(extra)
        built, _ = parse_specs(tables)
        spaces += more
        known = {source.partition(":")[0] for spec in built for source in spec.source}
        found = check([*built, *specs], spaces, [*documents, *known])
        faults += wrong + [fault for fault in found if fault.partition(":")[0] in files or not files]
        if faults:
            raise SpecError("\n".join(f"{extra}/{fault}" for fault in faults))
        tables = [*tables, *own]
    return Index.build(tables, spaces)


def main(arguments: Sequence[str]) -> int:
    """`python -m hvrepl.catalog.rules DIR...`: the faults of the folders, taken together."""
    faults = check_folders([Path(argument) for argument in arguments])
    print("\n".join(faults) if faults else "the specs keep the rules")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
