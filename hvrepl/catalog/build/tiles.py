"""Rules: the fields of a layout cover every bit or byte once, and so do the cases of a variant with its own."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.build.book import BYTES, WORDS, Book, layouts
from hvrepl.catalog.model import Field, Layout, Spec, space_of
from hvrepl.catalog.paths import case_names


def check_tiles(spec: Spec, book: Book) -> Iterator[str]:
    """Fields ascend without gaps or overlaps."""
    if spec.kind in BYTES:
        for place, layout in layouts(spec):
            yield from tile_bytes(spec, layout, place, book)
    elif spec.kind in WORDS and spec.layout and spec.width:
        yield from tile_bits(spec, spec.layout, 0, spec.width, "layout", (), book)


def tile_bits(spec: Spec, layout: Layout, start: int, end: int, place: str, above: tuple[str, ...], book: Book) -> Iterator[str]:
    at = start
    for field in layout.fields:
        where = f"{place}: {field.name}"
        if not field.width:
            yield f"{where}: has no bits"
            return
        if field.lsb > at:
            yield f"{where}: starts at bit {field.lsb}, leaves a gap from bit {at}"
        elif field.lsb < at:
            yield f"{where}: starts at bit {field.lsb}, overlaps bit {at - 1}"
        at = field.lsb + field.width
        target = book.type(field, spec.arch)
        if target and target.layout and target.width != field.width:
            yield f"{where}: has {field.width} bits, its type {field.type} {target.width}"
        for name in case_names(field):
            case = spec.case(name)
            if case and name not in above:
                yield from tile_bits(spec, case, field.lsb, at, f"case.{name}", (*above, name), book)
    if at != end:
        yield f"{place}: ends at bit {at - 1}, should end at bit {end - 1}"


def tile_bytes(spec: Spec, layout: Layout, place: str, book: Book) -> Iterator[str]:
    at: int | None = 0
    for field in layout.fields:
        where = f"{place}: {field.name}"
        if field.width:
            yield f"{where}: has bits; a struct's members have bytes"
            return
        if at is not None and field.at is not None and field.at != at:
            fault = f"leaves a gap from byte {at}" if field.at > at else f"overlaps byte {at - 1}"
            yield f"{where}: starts at byte {field.at}, {fault}"
        start = field.at if field.at is not None else at
        size = book.size(field, spec.arch)
        if size is None and needs_size(field, spec, book):
            yield f"{where}: has no size"
        at = None if start is None or size is None else start + size
    if place == "layout" and spec.size is not None and at is not None and at != spec.size:
        yield f"{place}: ends at byte {at}, should end at byte {spec.size}"


def needs_size(field: Field, spec: Spec, book: Book) -> bool:
    """Whether the size of a member is unknown: neither it nor its type has one, nor will a field or the end decide when decoding."""
    if isinstance(field.size, str) or isinstance(field.count, str):
        return False
    target = book.type(field, spec.arch)
    return not target.layout if target else field.type in ("", "bytes") or bool(space_of(field.type))


def check_cases_fit(spec: Spec, book: Book) -> Iterator[str]:
    """A case is not longer than its variant in a struct; a spec that is the case of a word's variant has exactly its width."""
    for place, layout in layouts(spec):
        for field in layout.fields:
            for name in case_names(field):
                yield from (f"{place}: {field.name}: {fault}" for fault in check_fit(field, name, spec, book))


def check_fit(field: Field, name: str, spec: Spec, book: Book) -> Iterator[str]:
    case, target = spec.case(name), book.find(name, spec.arch)
    if spec.kind in WORDS:
        if not case and target and target.layout and target.width != field.width:
            yield f"has {field.width} bits, its case {name} {target.width}"
    elif isinstance(field.size, int):
        sizes = [book.size(one, spec.arch) for one in case.fields] if case else [book.type_size(name, spec.arch)]
        size = None if None in sizes else sum(one or 0 for one in sizes)
        if size is not None and size > field.size:
            yield f"has {field.size} bytes, its case {name} {size}"


def check_loops(spec: Spec, book: Book) -> Iterator[str]:
    """Every case has a switch that selects it, and neither a case nor a struct contains itself."""
    found = [pair for layout in (spec.layout, spec.output) if layout for pair in walk_cases(spec, layout, ())]
    led_to = {name for name, _ in found}
    looping = {name for name, above in found if name in above}
    yield from (f"case.{name}: no switch selects it" for name in spec.cases if name not in led_to)
    yield from (f"case.{name}: contains itself" for name in spec.cases if name in looping)
    if holds(spec, spec, book, set()):
        yield "contains itself"


def walk_cases(spec: Spec, layout: Layout, above: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(case, the cases around it) of each case that a layout's switches can select; a loop is followed once."""
    for field in layout.fields:
        for name in case_names(field):
            case = spec.case(name)
            if case:
                if name not in above:
                    yield from walk_cases(spec, case, (*above, name))
                yield name, above


def holds(spec: Spec, wanted: Spec, book: Book, seen: set[str]) -> bool:
    """Whether a field's type or case is the wanted spec, directly or nested."""
    for _, layout in layouts(spec):
        for field in layout.fields:
            cases = [book.find(name, spec.arch) for name in case_names(field) if not spec.case(name)]
            for target in (book.type(field, spec.arch), *cases):
                if target is wanted:
                    return True
                if target and target.name not in seen:
                    seen.add(target.name)
                    if holds(target, wanted, book, seen):
                        return True
    return False
