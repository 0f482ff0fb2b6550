"""Suggestions for an unknown name: elements of an array, similar names, or the results of a search. Runs only after a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hvrepl.catalog.index import Index, elements, is_seen
from hvrepl.catalog.model import Spec, fill, to_key
from hvrepl.catalog.search import Wanted, find_number, find_words
from hvrepl.patterns import regex

SHORTEST = 3  # the fewest letters that are worth a search
MOST_NAMES = 2
MOST_WORDS = 5  # the most words that can make up one name
WORD = regex("[A-Za-z0-9_-]{1,40}")


def say_near(index: Index, name: str, arch: str, close: list[str]) -> str:
    """`; choose from sint0 to sint15`, or similar names and the results of a search; "" if there are none. `close`: similar names."""
    arrays = [f"{first} to {last}" for first, last in find_arrays(index, name, arch)]
    if arrays:
        return f"; choose from {' and '.join(arrays)}"
    found = say_found(index, name)
    is_start = any(squeeze(name) == squeeze(row.spelling)[: len(squeeze(name))] for row in index.all_names()) if close and found else False
    alike = f"; did you mean {' or '.join(close)}?" if close and not is_start else ""
    return f"{alike} {found}" if alike and found else alike or (f"; {found}" if found else "")


def say_found(index: Index, text: str) -> str:
    """`find TEXT` with the number of its hits and the first names; "" without hits."""
    hits = find_words(index, Wanted.of(text)) if len(text) >= SHORTEST and text.isprintable() else []
    if not hits:
        return ""
    likely = sorted(hits, key=lambda hit: (hit.rank, hit.spec.kind != "register"))  # of equal hits, the kind that people want most
    names = list(dict.fromkeys(hit.spec.named(hit.element or 0 if hit.spec.count else hit.element) for hit in likely))
    shown = " and ".join(names[:MOST_NAMES])
    if len(hits) == 1:
        return f"`find {text}` has {shown}"
    return f"`find {text}` has {len(hits)} hits, such as {shown}" if len(names) > MOST_NAMES else f"`find {text}` has {shown}"


def find_enumerations(index: Index, number: int, arch: str) -> list[str]:
    """The first names of enumerations of the arch that have the number."""
    hits = find_number(index, number)
    names = dict.fromkeys(hit.spec.name for hit in hits if hit.spec.kind == "enumeration" and is_seen(hit.spec.arch, arch))
    return list(names)[:MOST_NAMES]


def find_joined(index: Index, words: Sequence[str], arch: str) -> str:
    """The name that the first words make up if blanks and underscores are removed: guest id is guest-id; "" if there is none."""
    for count in range(min(len(words), MOST_WORDS), 1, -1):
        text = "".join(words[:count])
        if not all(map(WORD.fullmatch, words[:count])) or sum(map(str.isdigit, words[:count])) > 1:  # several numbers are values
            continue
        rows = index.names(to_key(text)) or index.names_but_for_underscores(to_key(text))
        seen = [row for row in rows if is_seen(row.arch, arch)] or rows
        if seen:
            return f"{seen[0].spelling} {' '.join(words[count:])}".rstrip()
    return ""


def find_arrays(index: Index, name: str, arch: str) -> list[tuple[str, str]]:
    """(first, last) of each array on the arch whose element the name would be, without its number or with one that is too high."""
    wanted = squeeze(name)
    found = []
    for spec in arrays_of(index):
        if not is_seen(spec.arch, arch):
            continue
        if wanted in map(squeeze, layout_names(spec)):
            pattern = next(patterns_of(spec))
            found.append((fill(pattern, 0), fill(pattern, elements(spec)[-1])))
            continue
        for pattern in patterns_of(spec):
            before, _, after = map(squeeze, pattern.partition("{n}"))
            if before and (
                wanted in (before, before + after) or re.fullmatch(rf"{re.escape(before)}[0-9]{{1,9}}{re.escape(after)}", wanted)
            ):
                found.append((fill(pattern, 0), fill(pattern, elements(spec)[-1])))
                break
    return found


def arrays_of(index: Index) -> Iterator[Spec]:
    """The specs of arrays."""
    keys = index.database.execute("SELECT DISTINCT spec FROM name WHERE element = 0 ORDER BY spec").fetchall()
    return (index.spec(key) for (key,) in keys)


def patterns_of(spec: Spec) -> Iterator[str]:
    """The names of an array, with {n} for the number of an element; its own short ones first."""
    names = (*spec.also, *(name for address in spec.addresses for name in (address.name, *address.also)))
    return (name for name in names if "{n}" in name)


def layout_names(spec: Spec) -> Iterator[str]:
    """What the sources call the layout of a thing and its elements: hv_synic_sint."""
    cited = (*spec.source, *(source for field in (spec.layout.fields if spec.layout else ()) for source in field.source))
    return (source.rpartition("#")[2] for source in cited)


def squeeze(name: str) -> str:
    return to_key(name).replace("_", "")
