"""Titles of hypercalls, properties, statuses and Windows' codes in `list`: plain English, unless the name is clear enough."""

from __future__ import annotations

import re

from hvrepl.catalog.catalog import Catalog, Entry
from hvrepl.catalog.opening import open_index
from tests.each import each
from tests.paths import DATA

ENTRIES = list(Catalog(open_index(), "x64").entries())
LITTLE = re.compile(r"(an?|and|are|at|be|by|for|from|in|is|it|of|on|or|that|the|this|to|was|with)")

# The sources do not explain these beyond their names.
NAME_SAYS_ALL = frozenset((DATA / "untitled.txt").read_text().splitlines())


def of(*spaces: str) -> list[Entry]:
    return [entry for entry in ENTRIES if entry.space and entry.space.name in spaces]


def name_of(entry: Entry) -> str:
    return f"{entry.name} {entry.arch}"


def words(text: str) -> set[str]:
    """Its significant words, each in lower case and without a plural or genitive s."""
    found = re.findall(r"[a-z0-9]+", text.lower().replace("'s", "").replace("s' ", " "))
    return {word if len(word) < 3 else word.removesuffix("s") for word in found if not LITTLE.fullmatch(word)}


TITLED = of("hypercall", "property", "status", "hresult")


@each(TITLED, name_of)
def test_what_a_program_calls_or_returns_has_a_title_unless_its_name_says_it_all(entry: Entry) -> None:
    assert bool(entry.title) == (entry.name not in NAME_SAYS_ALL)


@each([*TITLED, *of("message", "vmbus")], name_of)
def test_a_title_says_more_than_the_name(entry: Entry) -> None:
    assert not entry.title or words(entry.title) - words(entry.name.replace("_", " "))


@each(TITLED, name_of)
def test_a_title_is_a_phrase_of_one_line(entry: Entry) -> None:
    first = entry.title.split(" ")[0]
    assert len(entry.title) <= 64
    assert not entry.title.endswith(".")
    assert first == first.lower() or not first.istitle() or first == "Internet"


def test_all_names_that_say_it_all_are_there() -> None:
    assert {entry.name for entry in TITLED} >= NAME_SAYS_ALL


@each(of("hypercall"), name_of)
def test_a_hypercall_is_titled_by_what_it_does(entry: Entry) -> None:
    """The first word is a verb in the imperative: not a noun, nor a participle at the end."""
    first = entry.title.split(" ")[0].rstrip(":")
    assert not first.endswith(("ion", "ing", "ed"))
    assert first not in ("a", "an", "the", "whether", "what", "new", "own")
    assert not re.search(r", (asked|set|mapped|unmapped|enabled|read|written|told)$", entry.title)
