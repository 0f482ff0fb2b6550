"""Lines of a log → the numbers of the interface in them, by the forms that the specs describe. Knows nothing of what the numbers mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial

from hvrepl.catalog.guids import guid_to_number
from hvrepl.catalog.log_forms import LogForm, compile_pattern, groups_in
from hvrepl.readers.cpuid import Taken, find_leaves
from hvrepl.readers.number import REGISTERS
from hvrepl.record import record

QUOTED_PRINTABLE = re.compile("=3d", re.IGNORECASE)  # what a mail makes of =
MAIL_QUOTE = re.compile(r"^(?:\s*>\s?)+")
UNFINISHED = re.compile(r"\s*,\s*(?:\w+[:=]?\s*)?")  # behind a match, what a line ends with on which more will follow
SOFT_BREAK = "="  # of quoted-printable, at the end of a line
LINES_HELD = 6  # over which one thing may stretch
LONGEST_HELD = 4096  # characters


@record
class Match:
    """Where a form fits: its groups as text, and as numbers those that are. `damaged`: groups with a letter O among the digits."""

    form: LogForm
    start: int
    end: int
    texts: Mapping[str, str]
    numbers: Mapping[str, int]
    damaged: tuple[str, ...] = ()


Find = Callable[[str], Iterator[Match]]
Search = Callable[[bytes, int], Iterator[int]]  # (bytes in lower case, where to begin) → where words stand


class Recogniser:
    """Finds forms in text, at first those alone that count in any log: the others after `open`, in one of Hyper-V.

    `words` are what a line must have one of, lower case.
    """

    def __init__(self, forms: Iterable[LogForm]) -> None:
        self._all = [(form, finder(form)) for form in forms]
        self._take(is_open=False)

    def open(self) -> None:
        """From now on every form counts."""
        self._take(is_open=True)

    def _take(self, *, is_open: bool) -> None:
        self.is_open = is_open
        self.forms = [one for one in self._all if is_open or not one[0].needs]
        words = dict.fromkeys(word for form, _ in self.forms for word in form.words)
        self.words = tuple(word for word in words if not any(other != word and other in word for other in words))

    def find(self, text: str) -> list[Match]:
        """What fits, in order; of what overlaps, the form that stands first in the specs."""
        low = text.lower()
        found: list[Match] = []
        taken = Taken()
        for form, find in self.forms:
            if any(word in low for word in form.words):
                found += (match for match in find(text) if taken.take(match.start, match.end))
        return sorted(found, key=lambda one: one.start)


def finder(form: LogForm) -> Find:
    """What finds a form in a text."""
    if form.reader:
        return partial(READ[form.reader], form)
    pattern, kinds = compile_pattern(form.pattern), groups_in(form)
    return lambda text: (to_match(form, match, kinds) for match in pattern.finditer(text))


def find_cpuid(form: LogForm, text: str) -> Iterator[Match]:
    """CPUID leaves in any form of dump. A register that cannot be read is damaged."""
    for one in find_leaves(text):
        damaged = tuple(name for name in REGISTERS if name not in one.registers and f"{name}: letter" in one.remark)
        yield Match(form, one.start, one.end, dict.fromkeys(damaged, one.remark), {"leaf": one.leaf, **one.registers}, damaged)


READ: Mapping[str, Callable[[LogForm, str], Iterator[Match]]] = {"cpuid": find_cpuid}


def to_match(form: LogForm, match: re.Match[str], kinds: Mapping[str, str]) -> Match:
    texts = {name: text for name, text in match.groupdict().items() if text is not None}
    damaged = tuple(name for name, text in texts.items() if kinds[name] != "guid" and "o" in text.lower())
    numbers = {name: to_number(text, kinds[name]) for name, text in texts.items() if name not in damaged}
    return Match(form, match.start(), match.end(), texts, numbers, damaged)


def to_number(text: str, kind: str) -> int:
    if kind == "guid":
        return guid_to_number(text)
    return int(text, 10 if kind == "dec" else 16)


class LogReader:
    """The lines of one log, one after the other: what stands in each, also what a mail has broken over several."""

    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser
        self.reaches_back = False  # whether what was read last began on a line before
        self._held = ""
        self._lines = 0
        self._waiting: list[Match] = []

    @property
    def is_open(self) -> bool:
        """Whether the next line may go on with what this one has begun."""
        return bool(self._held)

    def read(self, line: str) -> list[Match]:
        """What ends on this line. A match at whose end the line breaks off waits for the next."""
        text = QUOTED_PRINTABLE.sub("=", line.rstrip("\r\n"))
        joined, boundary = self._join(text)
        if joined.endswith(SOFT_BREAK) and self._may_hold(joined):
            self._held, self._lines = joined, self._lines + 1
            return []
        found = [match for match in self.recogniser.find(joined) if match.end > boundary]
        if self._waiting and not any(match.start < boundary for match in found):
            found = self._waiting + found
        self._waiting = []
        if found and found[-1].end > boundary and breaks_off(joined, found[-1]):
            self._waiting = [found.pop()]
        self.reaches_back = any(match.start < boundary for match in found)
        self._hold(joined, max([boundary if found else 0, *(match.end for match in found)]))
        return found

    def finish(self) -> list[Match]:
        """What still waits at the end of the log."""
        found = self._waiting or (self.recogniser.find(self._held) if self._held.endswith(SOFT_BREAK) else [])
        self._waiting, self._held = [], ""
        return found

    def _join(self, text: str) -> tuple[str, int]:
        """The text behind what is held of the lines before, and where it begins there."""
        if not self._held:
            return text, 0
        before = self._held[:-1] if self._held.endswith(SOFT_BREAK) else self._held + " "
        return before + MAIL_QUOTE.sub("", text, count=1), len(before)

    def _hold(self, joined: str, used: int) -> None:
        """Keeps what no match has used, for the next lines: where it has a word of some form, a few lines long."""
        rest = joined[used:]
        self._lines = self._lines + 1 if self._held else 1
        self._held = rest if self._may_hold(rest) else ""

    def _may_hold(self, text: str) -> bool:
        low = text.lower()
        return self._lines < LINES_HELD and len(text) <= LONGEST_HELD and any(word in low for word in self.recogniser.words)


def breaks_off(text: str, match: Match) -> bool:
    """Whether a line ends behind a match as if there were more: with a comma, or a comma and a word."""
    return bool(UNFINISHED.fullmatch(text, match.end))


def candidates(block: bytes, words: tuple[str, ...], first: int = 0) -> Iterator[tuple[int, int]]:
    """(start, end) of each line of a block of whole lines, from `first` on, that has one of the words, in order."""
    low = block.lower()
    for start in sorted({low.rfind(b"\n", 0, at) + 1 for at in searcher(words)(low, first)}):
        end = low.find(b"\n", start)
        yield start, len(low) if end < 0 else end + 1


@lru_cache(maxsize=2)
def searcher(words: tuple[str, ...]) -> Search:
    """What finds one of the words at least once on each line that has one: all at once if there is the library for it."""
    wanted = [word.encode() for word in words]
    try:
        from ahocorasick_rs import BytesAhoCorasick
    except ImportError:
        return partial(search_each, wanted)
    find = BytesAhoCorasick(wanted).find_matches_as_indexes
    return lambda low, first: (first + start for _, start, _ in find(memoryview(low)[first:]))


def search_each(words: Iterable[bytes], low: bytes, first: int) -> Iterator[int]:
    for word in words:
        at = low.find(word, first)
        while at >= 0:
            yield at
            end = low.find(b"\n", at)
            at = low.find(word, end) if end >= 0 else -1
