"""Text of a log → the forms in it that the specs describe, with their numbers. Does not know what the numbers mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property, lru_cache

from hvrepl.catalog.guids import guid_to_number
from hvrepl.catalog.log_forms import READERS, LogForm, compile_pattern, groups_in
from hvrepl.catalog.outline import Outline, outline
from hvrepl.digits import to_int
from hvrepl.patterns import regex
from hvrepl.readers.cpuid import Taken, find_leaves
from hvrepl.record import record

# A name, optionally followed by its number in brackets, and a value that is certainly not decimal.
NAMED = regex(
    r"""(?<![\w.-])(?P<name>[a-z_][\w-]{1,60}+)(?:\s{0,9}[(\[]\s?(?:0x)?[0-9a-f]{1,16}\s?[)\]])?(?:["']?\s{0,9}[=:]\s{0,9}["']?|\s{1,40})
    (?P<value>0x[0-9a-fo]{1,16}|[0-9a-f]{8}`[0-9a-f]{8}|[0-9a-f]{16})(?![0-9a-z_`])""",
    re.IGNORECASE | re.VERBOSE,
)
DEFINES = regex(r"#\s{0,9}define\s{1,40}\Z")  # before a name: the number after it is the header's definition
# Lines that a match can continue on, after the first.
LINES = 2
LINES_OF_CRASH = 6
LONGEST_HELD = 4096  # characters
# Characters at the end of a line where a word of a form may belong to a match that begins on the next line; more if the beginning of
# the form is unknown.
LAST_WORD = 12
LAST_WORDS = 40
MORE = 8  # extra characters that a match may have on its first line, compared with the lines in `seen`
SIGNED_BITS = 32  # of a number printed with a sign


@record
class Match:
    """A place where a form fits: its groups as text, and as numbers if they are. `damaged`: groups with a letter O among the digits."""

    form: LogForm
    start: int
    end: int
    texts: Mapping[str, str]
    numbers: Mapping[str, int]
    damaged: tuple[str, ...] = ()


Names = Callable[[], Mapping[str, str]]  # names of things with values, as squeeze writes them → as the catalogue spells them


class Finder:
    """Finds one form in text. Its pattern is compiled when a text first has the words for it."""

    def __init__(self, form: LogForm, place: int, names: Names) -> None:
        self.form = form
        self.place = place  # its place among all forms
        self.names = names
        self.kinds = groups_in(form)
        self.words = (*form.words, *form.later)
        self.has_digit = not {"0x", "dec", "int"}.isdisjoint(self.kinds.values())
        self.length = max(map(len, form.seen), default=LONGEST_HELD) + MORE
        self.end = LONGEST_HELD if form.own else sys.maxsize  # characters that are searched
        self.reach = (LINES_OF_CRASH if form.crash else LINES) if can_wrap(form) else 0  # lines it can continue on

    @cached_property
    def outline(self) -> Outline:
        return outline(self.form.pattern, self.words) if self.form.pattern else Outline()

    @cached_property
    def part(self) -> str:
        return self.outline.part

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return compile_pattern(self.form.pattern)

    def find(self, text: str) -> Iterator[Match]:
        if self.form.reader:
            return READ[self.form.reader](self.form, text, self.names)
        return (to_match(self.form, match, self.kinds) for match in self.pattern.finditer(text, 0, self.end))

    def may_begin(self, low: str) -> bool:
        """Whether a match may begin in this lower-case text and continue on the next line."""
        for start in self.outline.starts:  # a loop is faster than any(), and every line with a word comes here
            if low.rfind(start, -self.length) >= 0:
                return True
        end = low[-LAST_WORD if self.outline.starts else -LAST_WORDS :]
        for word in self.words:
            if word in end:
                return True
        return low.endswith(self.cuts)

    @cached_property
    def cuts(self) -> tuple[str, ...]:
        """Ends of a line on which a match begins, if the line is broken at one of the blanks in its beginning."""
        return tuple(start[: at.start()] for start in self.outline.starts for at in re.finditer(" ", start))


@record
class Taking:
    """The finders in use, by word, and what follows from the words: texts to search for, and how many lines to look back."""

    finders: Mapping[str, tuple[Finder, ...]]
    words: tuple[str, ...]
    longer: Mapping[str, Sequence[str]]
    backs: Sequence[tuple[bytes, int]]


class Recogniser:
    """Finds forms in text: at first only those that are meaningful in any log, and the others after `open`, in a log of Hyper-V.

    A line must have one of `words`, which are in lower case; `names` gives the names for the reader of that name.
    """

    def __init__(self, forms: Iterable[LogForm], names: Names = dict, *, is_open: bool = False) -> None:
        self._all = [Finder(form, place, names) for place, form in enumerate(forms)]
        self._taken: dict[bool, Taking] = {}
        self._hints: list[Recogniser] = []
        self._take(is_open=is_open)

    def anew(self) -> Recogniser:
        """A recogniser that has not read anything; it shares what this one has looked up and compiled."""
        other = copy(self)
        other._take(is_open=False)
        return other

    def open(self) -> None:
        """From now on every form counts."""
        self._take(is_open=True)

    def hints(self) -> Recogniser:
        """Only the forms that identify the machine, for the lines before the first one of Hyper-V."""
        if not self._hints:
            self._hints.append(Recogniser((finder.form for finder in self._all if finder.form.is_hint), is_open=True))
        return self._hints[0]

    def _take(self, *, is_open: bool) -> None:
        self.is_open = is_open
        if is_open not in self._taken:
            self._taken[is_open] = self._choose(is_open=is_open)
        taken = self._taken[is_open]
        self._finders, self.words, self._longer, self._backs = taken.finders, taken.words, taken.longer, taken.backs

    def _choose(self, *, is_open: bool) -> Taking:
        finders: dict[str, list[Finder]] = {}
        for finder in self._all:
            if is_open and finder.form.sign:
                continue
            closed = () if finder.form.needs or finder.form.is_hint else finder.form.words
            for word in finder.words if is_open else closed:
                finders.setdefault(word, []).append(finder)
        backs = ((word, max(finder.form.back for finder in several)) for word, several in finders.items())
        longer = nest(tuple(finders))
        return Taking(
            {word: tuple(several) for word, several in finders.items()},
            tuple(longer),
            longer,
            [(word.encode(), back) for word, back in backs if back],
        )

    def finders(self, low: str) -> tuple[Finder, ...]:
        """The finders with a word in a lower-case text, in the order of the specs."""
        words = [longer for word in self.words if word in low for longer in self._longer[word] if longer in low]
        if not words:
            return ()
        return merge([self._finders[word] for word in words])

    def back(self, line: bytes) -> int:
        """The number of earlier lines on which a form that ends on this line may have begun."""
        low = line.lower()
        return max((back for word, back in self._backs if word in low), default=0)

    def find(self, text: str) -> list[Match]:
        """The matches, in order."""
        low = text.lower()
        return find_with(self.finders(low), text, low)


@lru_cache(16)  # the same for each log
def nest(words: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """Each word that does not contain another one → the words that contain it: none of them is in a text without it."""
    shortest = [word for word in words if not any(other != word and other in word for other in words)]
    return {word: [other for other in words if word in other] for word in shortest}


def can_wrap(form: LogForm) -> bool:
    """Whether a line may break within a match: not without a blank in the pattern, nor between a name and its value."""
    return form.reader == "cpuid" or " " in form.pattern or r"\s" in form.pattern


def find_with(finders: Iterable[Finder], text: str, low: str) -> list[Match]:
    """The matches, in order; where two overlap, the form that comes first in the specs wins."""
    found: list[Match] = []
    taken = Taken()
    for finder in finders:
        if finder.part in low:
            found += (match for match in finder.find(text) if taken.take(match.start, match.end))
    return sorted(found, key=lambda one: one.start)


def has_sign(finders: Iterable[Finder], text: str) -> bool:
    """Whether a form that only occurs in logs of Hyper-V is in the text."""
    return any(finder.form.sign and finder.pattern.search(text, 0, finder.end) for finder in finders)


def begun(finders: tuple[Finder, ...], low: str) -> tuple[Finder, ...]:
    """The finders whose match may begin in a lower-case text and continue on the next lines."""
    low = low.rstrip()
    if not may_have_begun(finders)(low):
        return ()
    return tuple(finder for finder in finders if finder.reach and finder.may_begin(low))


@lru_cache(maxsize=64)
def may_have_begun(finders: tuple[Finder, ...]) -> Callable[[str], bool]:
    """A quick check of a lower-case text: whether any of these finders might have a match that begins there."""
    able = [finder for finder in finders if finder.reach]
    starts = {start for finder in able for start in finder.outline.starts}
    cuts = tuple({cut for finder in able for cut in finder.cuts})
    words = {word for finder in able for word in finder.words}
    is_sure = all(finder.outline.starts for finder in able)
    search = re.compile("|".join(map(re.escape, sorted(starts))) or "(?!)").search

    def may(low: str) -> bool:
        end = low[-LAST_WORD if is_sure else -LAST_WORDS :]
        return bool(search(low)) or low.endswith(cuts) or any(word in end for word in words)

    return may


def merge(several: Sequence[tuple[Finder, ...]]) -> tuple[Finder, ...]:
    """Finders from several tuples, in the order of the specs."""
    if len(several) == 1:
        return several[0]
    places = {finder.place: finder for finders in several for finder in finders}
    return tuple(places[place] for place in sorted(places))


def find_cpuid(form: LogForm, text: str, _: Names) -> Iterator[Match]:
    """CPUID leaves without subleaves, in any form of dump. An unreadable register is damaged."""
    for one in find_leaves(text):
        if one.subleaf:
            continue
        yield Match(form, one.start, one.end, one.lettered, {"leaf": one.leaf, **one.registers}, tuple(one.lettered))


def find_named(form: LogForm, text: str, names: Names) -> Iterator[Match]:
    """Known names, each with the number after it."""
    for match in NAMED.finditer(text):
        name = names().get(squeeze(match["name"])) if not DEFINES.search(text, 0, match.start()) else ""
        if name and name not in form.excepted:
            yield to_match(form, match, READERS["names"], name)


def squeeze(name: str) -> str:
    """The form in which names are compared: without case, hyphens and underscores."""
    return name.lower().replace("-", "").replace("_", "")


READ: Mapping[str, Callable[[LogForm, str, Names], Iterator[Match]]] = {"cpuid": find_cpuid, "names": find_named}


def to_match(form: LogForm, match: re.Match[str], kinds: Mapping[str, str], name: str = "") -> Match:
    """Makes a Match; `name` is the catalogue's spelling of the group `name`."""
    texts = {group: text for group, text in match.groupdict().items() if text is not None} | ({"name": name} if name else {})
    damaged = tuple(group for group, text in texts.items() if kinds[group] not in ("guid", "name") and "o" in text.lower())
    readable = [group for group in texts if group not in damaged and kinds[group] != "name"]
    numbers = {group: to_number(texts[group], kinds[group]) for group in readable}
    return Match(form, match.start(), match.end(), texts, numbers, damaged)


def to_number(text: str, kind: str) -> int:
    if kind == "guid":
        return guid_to_number(text)
    if kind == "int":
        return to_int(text) & (1 << SIGNED_BITS) - 1
    return to_int(text) if kind == "dec" else int(text.replace("`", ""), 16)
