"""Limits for users' own specs, so that a small file cannot take all memory or time. Checked before the rules."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from hvrepl.catalog.build.book import Book, layouts
from hvrepl.catalog.build.keys import check_tables
from hvrepl.catalog.build.patterns import check_ways
from hvrepl.catalog.index import elements
from hvrepl.catalog.log_forms import parse_forms
from hvrepl.catalog.model import Field, Layout, Space, Spec, space_of
from hvrepl.catalog.parse_specs import LOG, Tables
from hvrepl.catalog.paths import case_names

# A few times the amounts of all built-in specs, or of the largest of them.
MOST_NAMES = 50_000  # of all specs of a folder; an array's count once per element
MOST_PARTS = 20_000  # of one spec: its fields with everything nested in them, or its values with all that it includes
MOST_STEPS = 4_000_000  # to look up the references of a layout's texts, conditions and fields among its fields
MOST_DEPTH = 32  # of nested types and cases
MOST_SIZE = 1 << 24  # bytes of one spec

Cost = tuple[int, int, int]  # depth, fields with everything nested in them, bytes
NOTHING = (0, 0, 0)


def check_budget(specs: Sequence[Spec], tables: Tables, spaces: Iterable[Space], trusted: Sequence[Spec]) -> Iterator[str]:
    """Excesses, as `file: fault`; with any of them, nothing else can be checked in bounded time."""
    if too_many := list(check_names(specs)):
        yield from too_many
        return
    costs = Costs(Book([*trusted, *specs], spaces, ()))
    for spec in specs:
        yield from (f"{spec.file}: {spec.name}: {fault}" for fault in (*check_cost(*costs.of(spec)), *check_lookups(spec)))
        for remark in (remark for shorthand in spec.shorthands for remark in shorthand.remarks):
            yield from (
                f"{spec.file}: {spec.name}: remark {remark.code}: {fault}" for fault in check_pattern(remark.pattern, is_form=False)
            )
    for _, file, table in tables:
        if table.get("kind") == LOG and not list(check_tables(table, file)):
            for form in parse_forms(table, file):
                yield from (f"{file}: {form.name}: {fault}" for fault in check_pattern(form.pattern))


def check_names(specs: Sequence[Spec]) -> Iterator[str]:
    """The file that exceeds the limit of names."""
    count = 0
    for spec in specs:
        each = 1 + len(spec.also) + sum(1 + len(one.also) + len(one.was) for one in spec.addresses)
        count += each * len(elements(spec))
        if count > MOST_NAMES:
            yield f"{spec.file}: more than {MOST_NAMES:,} names, including those of earlier files; an array has its names once per element"
            return


def check_cost(depth: int, parts: int, size: int) -> Iterator[str]:
    if depth > MOST_DEPTH:
        yield f"types and cases are nested more than {MOST_DEPTH} deep"
    if parts > MOST_PARTS:
        yield f"more than {MOST_PARTS:,} fields or values, counting those of its types and cases each time they appear"
    if size > MOST_SIZE:
        yield f"more than {MOST_SIZE:,} bytes"


def check_lookups(spec: Spec) -> Iterator[str]:
    """Limits look-ups: each reference to a field is searched among all fields."""
    fields = sum(len(layout.fields) for _, layout in layouts(spec))
    references = 0
    for _, layout in layouts(spec):
        texts = [*(layout.summary or ()), *(one.text for one in layout.findings)]
        conditions = [layout.unused or {}, *(one.when for one in layout.findings)]
        references += sum(1 + text.count("{") + text.count("?") for text in texts) + sum(map(len, conditions))
        references += sum(
            any(isinstance(one, str) for one in (field.size, field.count)) + bool(field.switch or field.used) for field in layout.fields
        )
    if references * fields > MOST_STEPS:
        yield "too many fields, and too many references to them"


def check_pattern(pattern: str, *, is_form: bool = True) -> Iterator[str]:
    with suppress(re.error, OverflowError), warnings.catch_warnings():  # the rules report these
        warnings.simplefilter("ignore")
        yield from check_ways(pattern, is_form=is_form)


class Costs:
    """The costs of specs with everything that they refer to. A spec that contains itself costs nothing there: a rule refuses it."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.known: dict[tuple[int, str], Cost] = {}
        self.in_space: Counter[str] = Counter()  # names
        for spec in book.specs:
            for address in spec.addresses:
                self.in_space[address.space] += len(elements(spec))

    def of(self, spec: Spec) -> Cost:
        """The cost of a spec. Without recursion, as a thousand nested types would overflow it."""
        waiting = [(spec, "")]
        begun: set[tuple[int, str]] = set()
        while waiting:
            one, case = waiting[-1]
            key = (id(one), case)
            if key in self.known:
                waiting.pop()
            elif key in begun:
                self.known[key] = self.add_up(one, case)
            else:
                begun.add(key)
                inner = dict.fromkeys((id(other), name, other) for other, name in self.inner(one, case))
                waiting += [(other, name) for place, name, other in inner if not {(place, name)} & begun]
        return self.known[id(spec), ""]

    def layouts_of(self, spec: Spec, case: str) -> list[Layout]:
        """The layout of a case, or those of the spec without its cases."""
        found = spec.case(case) if case else None
        return [found] if found else [layout for place, layout in layouts(spec) if not place.startswith("case.")]

    def inner(self, spec: Spec, case: str) -> Iterator[tuple[Spec, str]]:
        """(spec, case) of everything nested in the fields or included in an enumeration."""
        yield from ((other, "") for taking in spec.takes if (other := self.book.find(taking.type, spec.arch)))
        for layout in self.layouts_of(spec, case):
            for field in layout.fields:
                if target := self.book.type(field, spec.arch):
                    yield target, ""
                yield from self.cases_of(spec, field)

    def cases_of(self, spec: Spec, field: Field) -> Iterator[tuple[Spec, str]]:
        for name in case_names(field):
            other = spec if spec.case(name) else self.book.find(name, spec.arch)
            if other:
                yield other, name if other is spec else ""

    def add_up(self, spec: Spec, case: str) -> Cost:
        depth, parts, size = 0, 0 if case else len(spec.values), 0
        for layout in self.layouts_of(spec, case):
            for field in layout.fields:
                target = self.book.type(field, spec.arch)
                deep, inside, length = self.known.get((id(target), ""), NOTHING)
                times = field.count if isinstance(field.count, int) else 1
                one = field.size if isinstance(field.size, int) else length if target else self.book.type_size(field.type, spec.arch) or 0
                size += times * one
                parts += times * (1 + inside)
                depth = max(depth, deep)
                for other, name in self.cases_of(spec, field):
                    deep, inside, _ = self.known.get((id(other), name), NOTHING)
                    depth, parts = max(depth, deep), parts + inside
        for taking in spec.takes if not case else ():
            other_enumeration = self.book.find(taking.type, spec.arch)
            deep, inside, _ = self.known.get((id(other_enumeration), ""), NOTHING)
            depth, parts = max(depth, deep), parts + (inside if other_enumeration else self.in_space[space_of(taking.type)])
        return 1 + depth, parts, spec.width // 8 if spec.width else size
