"""Rules: a log form can be read, refers only to what exists, and matches the lines in `seen`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hvrepl.catalog.build.book import Book
from hvrepl.catalog.build.references import check_cited, compile_strictly
from hvrepl.catalog.log_forms import BLANK, READERS, REFERENCE, LogForm, Saying, compile_pattern, groups_in, groups_used
from hvrepl.catalog.model import ARCHES, CRASH_PARAMETERS, Spec
from hvrepl.catalog.parse_specs import NUMBER, PlaceError, parse_bits


def check_forms(forms: Sequence[LogForm], book: Book) -> Iterator[str]:
    """Every fault, as `file: form: what is wrong`."""
    for form in forms:
        found = [*check_form(form, book), *check_cited(form.source, book)]
        yield from (f"{form.file}: {form.name}: {fault}" for fault in found)
    names = Counter(form.name for form in forms)
    yield from (f"{form.file}: {form.name}: defined twice" for form in forms if names[form.name] > 1)


def check_form(form: LogForm, book: Book) -> Iterator[str]:  # noqa: C901 - one rule after the other
    if bool(form.pattern) == bool(form.reader) or (form.reader and form.reader not in READERS):
        yield f"needs either a pattern or a reader ({', '.join(READERS)})"
        return
    try:
        pattern = compile_strictly(lambda: compile_pattern(form.pattern))
    except PlaceError as error:
        yield f"pattern: {error}"
        return
    yield from (f"there is no group <{group}>" for group in groups_used(form) if group not in groups_in(form))
    yield from (f"words must be lower case: {word}" for word in (*form.words, *form.later) if word != word.lower())
    yield from (f"a word must be on one line and not empty: {word!r}" for word in (*form.words, *form.later) if len(word.splitlines()) != 1)
    for line in form.seen:
        if not pattern.search(line) or not any(word in line.lower() for word in (*form.words, *form.later)):
            yield f"does not match the line in seen: {line}"
    if form.tells not in ("", *ARCHES):
        yield f"tells must be one of {', '.join(ARCHES)}"
    if form.crash and len(form.crash) != CRASH_PARAMETERS:
        yield f"a crash has {CRASH_PARAMETERS} parameters"
    if form.struct and not any((spec := book.find(form.struct, arch)) and spec.crash for arch in ARCHES):
        yield f"struct: {form.struct} does not describe a crash"
    for path in (*(form.when or ()), *(form.unless or ())):
        if not find_shown(path, book):
            yield f"when: no {path}"
    for one in form.says:
        yield from (f"says {one.what}: {fault}" for fault in check_saying(one, groups_in(form), book))


def find_shown(path: str, book: Book) -> bool:
    name, _, field = path.partition(".")
    specs = [book.find(name, arch) for arch in ARCHES]
    return any(spec and spec.layout and book.find_field(spec, spec.layout, field) for spec in specs)


def check_saying(one: Saying, kinds: Mapping[str, str], book: Book) -> Iterator[str]:  # noqa: C901 - one rule after the other
    """The thing exists, and has the fields or bits that are set. A name from the log is unknown in advance, so it must be optional."""
    if one.arch not in ("", *ARCHES):
        yield f"arch must be one of {', '.join(ARCHES)}"
    reference = REFERENCE.fullmatch(one.what)
    if reference:
        if reference[1] not in book.spaces:
            yield f"no space {reference[1]}"
        return
    if any(kinds.get(group) == "name" for group in BLANK.findall(one.what)):
        if not one.optional:
            yield "a name taken from the log must be optional"
        return
    found = [spec for arch in ([one.arch] if one.arch else ARCHES) if (spec := book.find(BLANK.sub("0", one.what), arch))]
    if not found:
        yield "there is no such name"
    for path, value in (one.sets or {}).items():
        if value[:1].isdigit() and not re.fullmatch(NUMBER, value):
            yield f"set: {path}: {value[:40]!r} is not a number such as 8 or 0x10"
    for path in one.sets or {} if found else ():
        if not is_part(path, found[0], book):
            yield f"no field {path}"


def is_part(path: str, spec: Spec, book: Book) -> bool:
    """Whether a path is bits, or a field of the spec."""
    try:
        parse_bits(path)
    except PlaceError:
        return bool(spec.layout and book.find_field(spec, spec.layout, path))
    return True
