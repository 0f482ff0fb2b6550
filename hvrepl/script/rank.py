"""Which names a typed text may mean, and in what order people expect them. Pure."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from hvrepl.record import record

MOST = 200  # candidates; nobody scrolls further
MOST_SCATTERED = 1000  # names with the typed letters anywhere that are put in order
SHORTEST_TOGETHER = 4  # letters that are words of a name without their underscores; fewer are so by chance
WORST = 7  # of how_well
LONGEST_SCATTERED = 20  # letters of a name, typed with others left out


HEX_BEGUN = re.compile(r"(0[xX])([0-9a-fA-F]*)")


@record
class Number:
    """A number of a space as it is written there, such as 0x0005C, and what has it."""

    text: str
    space: str
    name: str
    title: str


@record
class Name:
    """A spelling with what it is; `key` is how it is compared, `plain` that without underscores, `place` 0 for our own short names, 1
    canonical, 2 for others, 3 for those of a space that stands aside."""

    key: str
    plain: str
    text: str
    number: str
    title: str
    space: str
    place: int

    def runs_together(self, text: str) -> bool:
        """Whether the text is words of the key, from the beginning of one on, without their underscores: vpassist of vp_assist."""
        words = self.key.split("_") if len(text) >= SHORTEST_TOGETHER and text in self.plain else []
        return any("".join(words[at:]).startswith(text) for at in range(len(words)))


def rank(names: Sequence[Name], text: str) -> Iterator[Name]:
    """Names that hold the text, or else its letters in their order: the tighter first, and of those the shorter."""
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
    """How the hex digits that are typed may go on, with all that is then meant: numbers in their order, whole ones first.

    Zeros at the front may be there or not; the digits that follow are small where one of those that are typed is.
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
    """0 if a key is the first word, 2 if it begins with it, 4 if a word of it does, 6 within a word; 1, 3 and 5 where that is so but for
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
    """Names that have the letters in their order, with others between them."""
    if not text or len(text) > LONGEST_SCATTERED:  # a long pattern would also take long to make
        return iter(())
    search = re.compile(letters(text)).search
    return (name for name in names if search(name.key))


def letters(text: str) -> str:
    """A pattern of letters in their order. Between two of them it takes what is not the second, and so never goes back."""
    return "".join([re.escape(text[:1]), *(f"[^{re.escape(c)}]*{re.escape(c)}" for c in text[1:])])


def tightness_of(text: str) -> Callable[[Name], tuple[int, bool]]:
    """How far apart the letters of the text are in a name at best, and whether that is within a word."""
    pattern = re.compile(f"(?=({letters(text)}))")

    def tightness(name: Name) -> tuple[int, bool]:
        return min(
            (len(match[1]) - match[1].count("_"), match.start() > 0 and name.key[match.start() - 1] != "_")
            for match in pattern.finditer(name.key)
        )

    return tightness
