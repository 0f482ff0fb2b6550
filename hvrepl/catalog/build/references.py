"""Rules: the things that a spec refers to exist, and may be referred to. An arch refers only to common and itself."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping

from hvrepl.catalog.build.book import FORMATTERS, Book, fields, is_range, layouts
from hvrepl.catalog.model import (
    ARCHES,
    COMMON,
    PLAIN_TYPES,
    SIGNATURES,
    Field,
    Layout,
    Remark,
    Spec,
    context_of,
    counters,
    space_of,
    to_key,
)
from hvrepl.catalog.parse_specs import PlaceError
from hvrepl.digits import to_int
from hvrepl.patterns import regex

SOURCE = regex(r"([\w.-]+):([^#]+)#(\S+)")
PRIVILEGE = regex(r"(\w+):(0x[0-9a-fA-F]+|[0-9]+)\.([\w.]+)")
LINE_NUMBER = regex(r"L?[0-9]+(-L?[0-9]+)?")


def check_references(spec: Spec, book: Book) -> Iterator[str]:
    """The names in see, case_of and extends exist; see may also refer to the other arch alone."""
    for name in spec.see:
        if not any(book.find(name, arch) for arch in (*ARCHES, COMMON)):
            yield f"see: no {name}"
    yield from check_privilege(spec, book)
    for case in spec.case_of:
        space, colon, number = case.rpartition(":")
        if colon and (space not in book.spaces or not is_range(number) or "-" in number):
            yield f"case_of: {case} is neither a name nor space:number"
        elif not colon and not book.find(case, spec.arch):
            yield f"case_of: no {case}"
        elif not colon and to_key(case) not in book.numbered:
            yield f"case_of: {case} has no number"
    yield from check_takes(spec, book)
    yield from check_interface(spec, book)
    if spec.extends:
        base = book.find(spec.extends, COMMON)
        if base is None or base.kind != "enumeration" or base.arch != COMMON or spec.arch == COMMON:
            yield f"extends: {spec.extends} is not a common enumeration" if spec.arch != COMMON else "extends: only an arch can extend"


def check_takes(spec: Spec, book: Book) -> Iterator[str]:
    """An enumeration includes a space, or another enumeration that does not include it."""
    for one in spec.takes:
        if space := space_of(one.type):
            if space not in book.spaces:
                yield f"takes: no space {space}"
        else:
            other = book.find(one.type, spec.arch)
            if not other or other.kind != "enumeration" or other.name != one.type:
                yield f"takes: no enumeration {one.type}"
            elif takes_itself(spec, other, book, ()):
                yield f"takes: {one.type} takes in {spec.name}"


def takes_itself(spec: Spec, other: Spec, book: Book, above: tuple[str, ...]) -> bool:
    """Whether another enumeration includes this one, directly or not."""
    if other.name in above:
        return False
    inner = [found for one in other.takes if (found := book.find(one.type, other.arch))]
    return other is spec or any(takes_itself(spec, one, book, (*above, other.name)) for one in inner)


def check_interface(spec: Spec, book: Book) -> Iterator[str]:
    """A leaf either has an address, and is Hyper-V's, or belongs to an interface of a known vendor."""
    if spec.interface and spec.addresses:
        yield "interface: a spec with an address belongs to Hyper-V"
    signatures = book.find(SIGNATURES, spec.arch)
    known = {one.name for one in signatures.values} if signatures else set()
    yield from (
        f"interface: {vendor} is not a name in {SIGNATURES}"
        for vendor in (spec.interface.vendors if spec.interface else ())
        if vendor not in known
    )


def check_privilege(spec: Spec, book: Book) -> Iterator[str]:
    """space:number.field is a field of the thing with the number, on the spec's arch or on any."""
    match = PRIVILEGE.fullmatch(spec.privilege)
    if spec.privilege and not match:
        yield f"privilege: {spec.privilege!r} should look like cpuid:0x40000003.access_synic_regs"
    elif match:
        found = book.numbered_as(match[1], to_int(match[2], 0), spec.arch)
        if not any(one.layout and book.find_field(one, one.layout, match[3]) for one in found):
            yield f"privilege: no {spec.privilege}"


def check_types(spec: Spec, book: Book) -> Iterator[str]:
    for where, _, field in fields(spec):
        if space := space_of(field.type):
            if space not in book.spaces:
                yield f"{where}: no space {space}"
        elif field.type not in PLAIN_TYPES:
            target = book.type(field, spec.arch)
            if not target:
                yield f"{where}: no type {field.type} in common" + (f" or {spec.arch}" if spec.arch != COMMON else "")
            elif not (target.layout or target.values or target.width):
                yield f"{where}: {field.type} is a {target.kind}, not a type"


def check_switches(spec: Spec, book: Book) -> Iterator[str]:
    """Switches, cases, and paths of counts."""
    for place, layout in layouts(spec):
        for field in layout.fields:
            for fault in (*check_cases(field, spec, layout, book), *check_paths(field, spec, layout, book)):
                yield f"{place}: {field.name}: {fault}"


def check_cases(field: Field, spec: Spec, layout: Layout, book: Book) -> Iterator[str]:
    if bool(field.switch) != bool(field.cases):
        yield "switch and cases need each other"
    elif isinstance(field.cases, str):
        if field.cases and space_of(field.cases) not in book.spaces:
            yield f"cases: no space {space_of(field.cases) or field.cases}"
    else:
        for key, target in field.cases.items():
            if not spec.case(target) and not book.find(target, spec.arch):
                yield f"no case or spec {target}"
            if not is_case_key(key, field, spec, layout, book):
                yield f"case {key} is not a number, range or enumerator of {field.switch}"


def is_case_key(key: str, field: Field, spec: Spec, layout: Layout, book: Book) -> bool:
    if key == "other" or context_of(field.switch) or is_range(key):
        return True
    switch = book.find_switch(spec, layout, field)
    values = book.values_of(switch, spec.arch) if switch else ()
    return any(to_key(key) in map(to_key, (one.name, *one.also)) for one in values)


def check_paths(field: Field, spec: Spec, layout: Layout, book: Book) -> Iterator[str]:
    """A path leads to a field of this layout, or begins with a field of a struct that may contain it."""
    for path in (field.switch, field.used, field.size, *counters(field.count)):
        if not isinstance(path, str) or path in ("", "rest") or context_of(path):
            continue
        found = book.find_field(spec, layout, path)
        if not found and path.split(".")[0] not in book.field_names:
            yield f"no field {path}"
        elif found and found.count is not None:
            yield f"{path} is an array, not a number"


def check_shorthands(spec: Spec, book: Book) -> Iterator[str]:
    for shorthand in spec.shorthands:
        for name in (shorthand.field, *shorthand.sets):
            if not spec.layout or not book.find_field(spec, spec.layout, name):
                yield f"shorthand {shorthand.name}: no field {name}"
        if shorthand.read not in FORMATTERS:
            yield f"shorthand {shorthand.name}: no formatter {shorthand.read}"
        yield from (f"shorthand {shorthand.name}: {fault}" for remark in shorthand.remarks for fault in check_remark(remark))


def check_remark(remark: Remark) -> Iterator[str]:
    """The pattern compiles, and has the groups that the text uses."""
    try:
        groups = compile_strictly(lambda: re.compile(remark.pattern)).groupindex
    except PlaceError as error:
        yield f"pattern: {error}"
        return
    yield from (f"there is no group {name}" for name in re.findall(r"\{(\w+)\}", remark.text) if name not in groups)


def compile_strictly(compiled: Callable[[], re.Pattern[str]]) -> re.Pattern[str]:
    """A compiled pattern. PlaceError if it does not compile, or if a later Python will read it differently, as Python warns for [[."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return compiled()
        except (re.error, KeyError, OverflowError, RecursionError, Warning) as error:
            raise PlaceError(str(error)) from None


def check_sources(spec: Spec, book: Book) -> Iterator[str]:
    """Every source is key:path#anchor of a pinned document; parts without one have their file's."""
    yield from check_cited(sources(spec) if spec.source else (), book)


def check_cited(found: Iterable[str], book: Book) -> Iterator[str]:
    """Malformed and unknown sources."""
    if not found:
        yield "has no source"
    for source in found:
        match = SOURCE.fullmatch(source)
        if not match:
            yield f"source {source!r} should look like key:path#anchor"
        elif match[1] not in book.documents:
            yield f"source {source!r}: {match[1]} is not in sources.toml"
        elif LINE_NUMBER.fullmatch(match[3]):
            yield f"source {source!r}: an anchor is a heading or an identifier, not a line number"


def sources(spec: Spec) -> Mapping[str, None]:
    """Every source of a spec once, in order."""
    own = [spec.source, *(address.source for address in spec.addresses), *(value.source for value in spec.values)]
    own += [field.source for _, _, field in fields(spec)]
    own += [remark.source for shorthand in spec.shorthands for remark in shorthand.remarks]
    return dict.fromkeys(source for group in own for source in group)
