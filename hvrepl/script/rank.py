"""Names that a typed text may mean, in the order that people expect. Pure."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from hvrepl.patterns import regex
from hvrepl.record import record

MOST = 200  # candidates; nobody scrolls further
MOST_SCATTERED = 1000  # names with scattered letters that are sorted
SHORTEST_TOGETHER = 4  # letters that match across underscores; fewer match by chance
WORST = 7  # result of how_well
LONGEST_SCATTERED = 20  # typed letters that are searched with others between them


HEX_BEGUN = regex(r"(0[xX])([0-9a-fA-F]*)")


@record
class Number:
    """A number as its space writes it, such as 0x0005C, with the thing that has it."""

    text: str
    space: str
    name: str
    title: str


@record
class Name:
    """A spelling with its thing; `key` is its form for comparison, `plain` the same without underscores, `place` 0 for our own short names,
    1 for canonical, 2 for other names, 3 for those of an `aside` space."""

    key: str
    plain: str
    text: str
    number: str
    title: str
    space: str
    place: int

    def runs_together(self, text: str) -> bool:
        """Whether the text, from the beginning of a word of the key on, matches without underscores: vpassist in vp_assist."""
        words = self.key.split("_") if len(text) >= SHORTEST_TOGETHER and text in self.plain else []
        return any("".join(words[at:]).startswith(text) for at in range(len(words)))


def rank(names: Sequence[Name], text: str) -> Iterator[Name]:
    """Names that contain the text, or otherwise its letters in order: closer letters first, then shorter names."""
    words = text.split()
    if not words:
        return iter(names)
    first, *more = words
    hits = [name for name in names if first in name.key or name.runs_together(first)]
    for word in more:
        hits = [name for name in hits if word in name.key]
    if not hits:
        together = "".join(words)
        near = list(islice(scattered(names, together), MOST_SCATTERED))
        return iter(heapq.nsmallest(MOST, near, key=tightness_of(together)) if near else near)
    buckets: list[list[Name]] = [[] for _ in range(WORST + 1)]
    for name in hits:
        buckets[how_well(name, first, more)].append(name)
    return chain(*buckets)


def begun(numbers: Iterable[Number], text: str) -> dict[str, list[Number]]:
    """Continuations of the typed hex digits, with everything they would mean: numbers in order, complete ones first.

    Leading zeros are optional; the continuation is in lower case if a typed digit is.
    """
    match = HEX_BEGUN.fullmatch(text)
    if match is None:
        return {}
    typed = match[2].upper()
    is_small = any(c.islower() for c in match[2])
    found: dict[str, list[Number]] = {}
    for number in numbers:
        digits = number.text[2:]
        for written in (digits, digits.lstrip("0")):
            if written.startswith(typed):
                rest = written[len(typed) :]
                found.setdefault(text + (rest.lower() if is_small else rest), []).append(number)
                break
    whole = {text: found.pop(text)} if text in found else {}
    return whole | found


def how_well(name: Name, first: str, more: Sequence[str]) -> int:
    """0 if a key is the first word, 2 if it begins with it, 4 if a word of it does, 6 within a word; 1, 3 and 5 the same without
    underscores; the worst for words in another order."""
    runs_together = first not in name.key
    key = name.plain if runs_together else name.key
    start = at = key.find(first)
    for word in more:
        at = key.find(word, at + 1)
        if at < 0:
            return WORST
    found = 0 if key == first else 2 if start == 0 else 4 if runs_together or f"_{first}" in key else 6
    return found + runs_together


def scattered(names: Sequence[Name], text: str) -> Iterator[Name]:
    """Names that have the letters in order, with others between them."""
    if not text or len(text) > LONGEST_SCATTERED:  # a long pattern would also take long to compile
        return iter(())
    search = re.compile(letters(text)).search
    return (name for name in names if search(name.key))


def letters(text: str) -> str:
    """A pattern of letters in order. The gap before a letter excludes that letter, so the pattern never backtracks."""
    return "".join([re.escape(text[:1]), *(f"[^{re.escape(c)}]*{re.escape(c)}" for c in text[1:])])


def tightness_of(text: str) -> Callable[[Name], tuple[int, bool]]:
    """The smallest span of the letters in a name, and whether it begins within a word."""
    pattern = re.compile(f"(?=({letters(text)}))")

    def tightness(name: Name) -> tuple[int, bool]:
        return min(
            (len(match[1]) - match[1].count("_"), match.start() > 0 and name.key[match.start() - 1] != "_")
            for match in pattern.finditer(name.key)
        )

    return tightness
