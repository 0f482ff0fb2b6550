"""Rules: summaries, findings and conditions refer to existing fields, enumerators and formatters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from hvrepl.catalog.build.book import FORMATTERS, MOST_SHOWN, OF_ANY_WIDTH, Book, is_range, layouts
from hvrepl.catalog.model import AND, COMMON, Layout, Spec, When, to_key
from hvrepl.patterns import regex

NUMBER_FORMS = ("d", "x", "X", "title")
WHEN_WORDS = ("known", "unknown")
PLACEHOLDER = regex(r"\{(?:count|used)\(([\w.]+)\)\}|\{spec:([\w-]+)\}|\{([\w.]+)(?: - ([\w.]+))?(?::(\w+))?\}")
GUARD = regex(r"!?([\w.]+)\? ")
Find = Callable[[Sequence[Layout], str, Spec, Book], bool]


def check_texts(spec: Spec, book: Book) -> Iterator[str]:
    """A layout's texts refer to its fields, or in a variant's layout also to fields of the layout around it."""
    whole = [layout for layout in (spec.layout, spec.output) if layout]
    for place, layout in layouts(spec):
        scopes = [layout, *whole]
        for text in layout.summary or ():
            yield from (f"{place}: summary: {fault}" for fault in check_text(text, spec, scopes, book))
        for finding in layout.findings:
            faults = [
                *check_text(finding.text, spec, scopes, book, find_also_in_leaves),
                *check_finding_when(finding.when, spec, scopes, book),
            ]
            if finding.field and not find_in(scopes, finding.field, spec, book):
                faults.append(f"no field {finding.field}")
            yield from (f"{place}: finding {finding.code}: {fault}" for fault in faults)
        yield from (f"{place}: unused: {fault}" for fault in check_when(layout.unused or {}, spec, scopes, book))
    for when in spec.lone.when if spec.lone else ():
        yield from (f"lone: {fault}" for fault in check_when(when, spec, whole, book))
    if spec.crash:
        faults = [fault for when in spec.crash.when for fault in check_when(when, spec, whole, book)]
        yield from (f"crash: {fault}" for fault in [*check_text(spec.crash.os, spec, whole, book), *faults])


def find_in(scopes: Sequence[Layout], path: str, spec: Spec, book: Book) -> bool:
    return any(book.find_field(spec, scope, path) for scope in scopes)


def split_leaf(path: str, spec: Spec, book: Book) -> tuple[Spec, str] | None:
    """(the other leaf that a path in a CPUID leaf begins with, the rest of the path); the rest is "" for the whole leaf."""
    first, _, rest = path.partition(".")
    other = book.find(first, spec.arch) if spec.kind == "cpuid" and first.isupper() else None
    return (other, rest) if other and other.kind == "cpuid" else None


def find_also_in_leaves(scopes: Sequence[Layout], path: str, spec: Spec, book: Book) -> bool:
    """Whether a path leads to a field of these layouts, or of another CPUID leaf."""
    leaf = split_leaf(path, spec, book)
    return find_in(leaf_scopes(leaf[0]), leaf[1], leaf[0], book) if leaf else find_in(scopes, path, spec, book)


def leaf_scopes(leaf: Spec) -> list[Layout]:
    return [leaf.layout] if leaf.layout else []


def check_text(text: str, spec: Spec, scopes: Sequence[Layout], book: Book, find: Find = find_in) -> Iterator[str]:
    yield from (f"no field {path}" for path in paths_in(text) if not find(scopes, path, spec, book))
    for match in PLACEHOLDER.finditer(text):
        if match[2] and not book.find(match[2], COMMON):
            yield f"no spec {match[2]}"
        if match[5] and match[5] not in NUMBER_FORMS and match[5] not in FORMATTERS:
            yield f"no formatter {match[5]}"
        elif match[5] and match[5] not in OF_ANY_WIDTH and match[5] != "title" and is_too_wide(match[3], spec, scopes, book):
            yield f"{match[3]}:{match[5]} needs a field of up to {MOST_SHOWN} bits"
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        yield f"cannot read the braces in {text!r}"


def is_too_wide(path: str, spec: Spec, scopes: Sequence[Layout], book: Book) -> bool:
    field = next((field for scope in scopes if (field := book.find_field(spec, scope, path))), None)
    return field is not None and book.bits(field, spec.arch) > MOST_SHOWN


def paths_in(text: str) -> Iterator[str]:
    while guard := GUARD.match(text):
        yield guard[1]
        text = text[guard.end() :]
    for match in PLACEHOLDER.finditer(text):
        yield from (match[group] for group in (1, 3, 4) if match[group])


def check_finding_when(when: When, spec: Spec, scopes: Sequence[Layout], book: Book) -> Iterator[str]:
    """The conditions of a finding; in a CPUID leaf they may refer to other leaves, which exist when a whole dump is read."""
    for path, wanted in when.items():
        leaf = split_leaf(path, spec, book)
        if leaf is None:
            yield from check_when({path: wanted}, spec, scopes, book)
        elif leaf[1]:
            faults = check_when({leaf[1]: wanted}, leaf[0], leaf_scopes(leaf[0]), book)
            yield from (fault.replace(f" {leaf[1]}", f" {path}", 1) for fault in faults)
        else:
            yield from (f"when: {path}: {one} is not a number or range" for one in wanted if not is_range(str(one).removeprefix("!")))


def check_when(when: When, spec: Spec, scopes: Sequence[Layout], book: Book) -> Iterator[str]:
    for path, wanted in when.items():
        field = next((field for scope in scopes if (field := book.find_field(spec, scope, path))), None)
        if not field:
            yield f"when: no field {path}"
            continue
        names = {to_key(one.name) for one in book.values_of(field, spec.arch)}  # not aliases: the displayed name is compared
        for one in wanted:
            words = [word.removeprefix("!") for word in str(one).split(AND)]
            if any(word not in WHEN_WORDS and not is_range(word) and to_key(word) not in names for word in words):
                yield f"when: {path}: {one} is not a number, range, enumerator, known or unknown"
