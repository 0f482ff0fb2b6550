"""A value in words, by its spec: its summary, its declared findings, whether it is unused. Reads Decoded, changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import AND, Layout, When, fill, to_key
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.codec.meanings import say
from hvrepl.codec.variants import read_range
from hvrepl.errors import NotFoundError
from hvrepl.hints import TypeGuard
from hvrepl.patterns import regex
from hvrepl.record import replace

GUARD = regex(r"(!?)([\w.\[\]]+)\? (.*)", re.DOTALL)
PLACEHOLDER = regex(r"\{(?:(count|used)\(([\w.]+)\)|spec:([\w-]+)|([\w.]+)(?: - ([\w.]+))?(?::(\w+))?)\}")


MOST_PHRASES = 4096  # parsed phrases in the cache
NUMBER_FORMS = ("d", "x", "X")
SHOWN_DIGITS = 32  # digits of bytes in a sentence
SHOWN_ELEMENTS = 4  # elements of an array


def summarise(node: Decoded, layouts: Sequence[Layout], catalog: Catalog) -> str:
    """The first line that a person reads: the phrases of the applicable layouts, outermost first."""
    if all(layout.summary is None for layout in layouts):
        return ", ".join(default_phrases(node))
    phrases = (say_phrase(phrase, node, catalog) for layout in layouts for phrase in layout.summary or ())
    return ", ".join(phrase for phrase in phrases if phrase)


def default_phrases(node: Decoded) -> Iterator[str]:
    """Flags that are set, by name, and fields with a meaning, low to high."""
    for field in reversed(node.fields) if node.fields and node.fields[0].bits else node.fields:
        if field.reserved or not field.name or field.name.startswith("["):
            continue
        if field.meaning:
            yield f"{field.name} {field.meaning}"
        elif field.is_bit and field.value:
            yield field.name


def say_phrase(phrase: str, node: Decoded, catalog: Catalog) -> str:
    guard = read_guard(phrase)
    if guard:
        is_negated, path, rest = guard
        part = node.find(path)
        said = is_said(part) if part else bool(count_elements(node, "count", path))
        return "" if said == is_negated else say_phrase(rest, node, catalog)
    for path in fields_in(phrase):
        if node.find(path) is None:
            return ""
    return fill_in(phrase, node, catalog)


@lru_cache(maxsize=MOST_PHRASES)
def read_guard(phrase: str) -> tuple[bool, str, str] | None:
    """(whether the field must be zero, its path, the phrase after it) of a phrase with a condition."""
    guard = GUARD.fullmatch(phrase)
    return (guard[1] == "!", guard[2], guard[3]) if guard else None


@lru_cache(maxsize=MOST_PHRASES)
def fields_in(phrase: str) -> tuple[str, ...]:
    """The paths of the fields that a phrase requires."""
    return tuple([path for match in PLACEHOLDER.finditer(phrase) for path in match.group(4, 5) if path])


def without_guess(layout: Layout, node: Decoded) -> Layout:
    """The layout without phrases about fields that the node does not have, even those that say that they are not set."""
    return replace(layout, summary=layout.summary and tuple(one for one in layout.summary if all(map(node.find, paths_of(one)))))


def paths_of(phrase: str) -> Iterator[str]:
    while guard := GUARD.fullmatch(phrase):
        yield guard[2]
        phrase = guard[3]
    yield from (path for match in PLACEHOLDER.finditer(phrase) for path in match.group(2, 4, 5) if path)


def is_said(part: Decoded | None) -> bool:
    """Whether a part has something to say: a number, bytes or an array that is not zero, a struct with a summary."""
    return part is not None and bool(part.value or part.summary or (part.value is None and not part.kind and number_of(part)))


def number_of(part: Decoded) -> int:
    """The number for a condition; for bytes, arrays and the like, 0 or 1: whether any bit is set."""
    return part.value if part.value is not None else 1 if part.is_set or any(number_of(child) for child in part) else 0


def fill_in(text: str, node: Decoded, catalog: Catalog) -> str:
    """A text with its placeholders filled in from a node."""
    if "{" not in text:
        return text
    return PLACEHOLDER.sub(lambda match: placeholder(match, node, catalog), text)


def placeholder(match: re.Match[str], node: Decoded, catalog: Catalog) -> str:
    function, path, spec, first, second, form = match.groups()
    if function:
        return str(count_elements(node, function, path))
    if spec:
        found = catalog.find_name(spec)
        return f"{found.name} ({found.address and catalog.spaces[found.address.space].write(found.number or 0)})"
    part, minus = node.find(first), node.find(second) if second else None
    if part is None:
        return "?"
    if form == "title":
        return title_of(part, catalog) or say_part(part)
    if names_enumeration(form):
        return say_value(part, form, catalog)
    if part.value is None:
        return say_part(part)
    value = part.value - (minus.value or 0 if minus else 0)
    if form == "d":
        return str(value)
    if form == "x":
        return f"{value:#x}"
    if form == "X":
        return f"0x{value:X}"
    return say(form, value) if form else say_part(part)


def title_of(part: Decoded, catalog: Catalog) -> str:
    """The title of the thing that a number of a space names; "" without a name or title."""
    if not part.named:  # not looked up: the error would search for similar names, which is slow
        return ""
    try:
        found = catalog.find_name(part.meaning)
    except NotFoundError:  # the field's own enumerator
        return ""
    return fill(found.spec.title, found.element)


def names_enumeration(form: str | None) -> TypeGuard[str]:
    """Whether a form is the name of an enumeration, which then explains the value."""
    return form is not None and form not in NUMBER_FORMS and form.isupper()


def say_value(part: Decoded, enumeration: str, catalog: Catalog) -> str:
    """The name of a value in an enumeration, with its doc. "" if it is meant to be complete: then a finding reports the value."""
    spec = catalog.type(enumeration)
    one = next((one for one in spec.values if part.named and one.name == part.meaning), None) if spec else None
    if one is None:
        return "no known name" if spec and spec.open else ""
    return f"{one.name} ({one.doc})" if one.doc else one.name


def say_part(part: Decoded) -> str:
    """A part's summary, meaning or number; for an array its first elements."""
    if part.fields and part.fields[0].name == "[0]":
        said = [say_part(one) for one in part.fields[:SHOWN_ELEMENTS]]
        more = len(part.fields) - len(said)
        mark = "; " if any("," in one for one in said) else ", "
        return mark.join(said) + (f" and {more} more" if more else "")
    return part.summary or part.meaning or write_value(part)


def write_value(part: Decoded) -> str:
    """A number in its natural base: a bit as 0 or 1, decimal if the spec says so, otherwise hex without leading zeros."""
    if part.value is None:
        return part.raw if len(part.raw) <= SHOWN_DIGITS else f"{part.raw[:SHOWN_DIGITS]}…"
    return str(part.value) if part.is_bit or part.base == 10 else f"{part.value:#x}"


def count_elements(node: Decoded, function: str, path: str) -> int:
    """count(slots), used(slots), or count(slots.field), the elements with the field set."""
    first, _, rest = path.partition(".")
    elements = node.slots if first == "slots" and node.slots else getattr(node.find(first), "fields", ())
    if rest:
        return sum(is_said(element.find(rest)) and not element.unused for element in elements)
    return sum(function == "count" or not element.unused for element in elements)


def declared_findings(node: Decoded, layouts: Iterable[Layout], catalog: Catalog) -> Iterator[Finding]:
    for layout in layouts:
        for rule in layout.findings:
            if holds(rule.when, node):
                yield Finding(rule.code, rule.field, fill_in(rule.text, node, catalog))


def is_unused(node: Decoded, layouts: Iterable[Layout]) -> bool:
    return any(layout.unused is not None and holds(layout.unused, node) for layout in layouts)


def holds(when: When, node: Decoded) -> bool:
    """Whether every condition holds; a condition on a missing field does not."""
    for path, wanted in when.items():
        part = node.find(path)
        if part is None or not any(is_met(str(one), part) for one in wanted):
            return False
    return True


def is_met(condition: str, part: Decoded) -> bool:
    if AND in condition:
        return all(is_met(one, part) for one in condition.split(AND))
    if condition.startswith("!"):
        return not is_met(condition[1:], part)
    if condition in ("known", "unknown"):
        return part.named == (condition == "known")
    limits = read_range(condition)
    if limits is None:
        return to_key(part.meaning) == to_key(condition)
    return limits[0] <= number_of(part) <= limits[1]
