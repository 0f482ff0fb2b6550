"""The lines of a log, one after another → the forms in each, also in lines that a mail has broken."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.catalog.guids import guid_to_number
from hvrepl.catalog.log_forms import READERS, LogForm, compile_pattern, groups_in
from hvrepl.catalog.outline import Outline, outline
from hvrepl.digits import to_int
from hvrepl.readers.cpuid import Taken, find_leaves
from hvrepl.readers.plain_text import QUOTED_PRINTABLE
from hvrepl.record import record

# A name, perhaps its number in brackets, and a value that nobody could take for decimal.
NAMED = re.compile(
    r"""(?<![\w.-])(?P<name>[a-z_][\w-]{1,60}+)(?:\s{0,9}[(\[]\s?(?:0x)?[0-9a-f]{1,16}\s?[)\]])?(?:["']?\s{0,9}[=:]\s{0,9}["']?|\s{1,40})
    (?P<value>0x[0-9a-fo]{1,16}|[0-9a-f]{8}`[0-9a-f]{8}|[0-9a-f]{16})(?![0-9a-z_`])""",
    re.IGNORECASE | re.VERBOSE,
)
DEFINES = re.compile(r"#\s{0,9}define\s{1,40}\Z")  # before a name: what is after it is what a header takes it for
MAIL_QUOTE = re.compile(r"^(?:\s*>\s?)+")
UNFINISHED = re.compile(r"\s*,\s*(?:\w+[:=]?\s*)?")  # the end of a line, after a match, that announces more
DIGIT = re.compile("[0-9]")
SOFT_BREAK = "="  # of quoted-printable, at the end of a line
# Over which one thing may stretch after the line where it begins.
LINES = 2
LINES_OF_CRASH = 6
LONGEST_HELD = 4096  # characters
LONGEST_BEFORE = 3072  # bytes of the lines before one on which a form ends
# Characters at the end of a line in which a word of a form still may belong to what only begins on the next; more where nobody knows
# how that begins.
LAST_WORD = 12
LAST_WORDS = 40
MORE = 8  # characters that what a form finds may have more on its first line than a line in which the form was seen
SIGNED_BITS = 32  # of a number that is printed with a sign


@record
class Match:
    """Where a form fits: its groups as text, and as numbers those that are. `damaged`: groups with a letter O among the digits."""

    form: LogForm
    start: int
    end: int
    texts: Mapping[str, str]
    numbers: Mapping[str, int]
    damaged: tuple[str, ...] = ()


Names = Callable[[], Mapping[str, str]]  # the names of what may have a value, in the form of squeeze → as the catalogue spells them


class Finder:
    """Finds one form in text. Its pattern is compiled when a text first has what it must have."""

    def __init__(self, form: LogForm, place: int, names: Names) -> None:
        self.form = form
        self.place = place  # among all forms
        self.names = names
        self.kinds = groups_in(form)
        self.words = (*form.words, *form.later)
        self.has_digit = not {"0x", "dec", "int"}.isdisjoint(self.kinds.values())
        self.length = max(map(len, form.seen), default=LONGEST_HELD) + MORE
        self.end = LONGEST_HELD if form.own else sys.maxsize  # how far it is looked for
        self.reach = (LINES_OF_CRASH if form.crash else LINES) if can_wrap(form) else 0  # lines

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
        """Whether it may begin in a text of lower case, of which the next line is not known."""
        for start in self.outline.starts:  # a loop, which is faster than any(): this is asked of every line that has a word
            if low.rfind(start, -self.length) >= 0:
                return True
        end = low[-LAST_WORD if self.outline.starts else -LAST_WORDS :]
        for word in self.words:
            if word in end:
                return True
        return low.endswith(self.cuts)

    @cached_property
    def cuts(self) -> tuple[str, ...]:
        """What a line may end with on which it begins, where it is broken at one of its blanks."""
        return tuple(start[: at.start()] for start in self.outline.starts for at in re.finditer(" ", start))


@record
class Taking:
    """The finders that count at a time by their words, and what follows from those: what a line is searched for, and how far back."""

    finders: Mapping[str, tuple[Finder, ...]]
    words: tuple[str, ...]
    longer: Mapping[str, Sequence[str]]
    backs: Sequence[tuple[bytes, int]]


class Recogniser:
    """Finds forms in text, at first those alone that say something in any log: the others after `open`, in one of Hyper-V.

    `words` are what a line must have one of, lower case; `names` gives the names that the reader of that name knows.
    """

    def __init__(self, forms: Iterable[LogForm], names: Names = dict, *, is_open: bool = False) -> None:
        self._all = [Finder(form, place, names) for place, form in enumerate(forms)]
        self._taken: dict[bool, Taking] = {}
        self._hints: list[Recogniser] = []
        self._take(is_open=is_open)

    def anew(self) -> Recogniser:
        """One that has not read anything yet, as this one was before: what both have looked up and compiled is shared."""
        other = copy(self)
        other._take(is_open=False)
        return other

    def open(self) -> None:
        """From now on every form counts."""
        self._take(is_open=True)

    def hints(self) -> Recogniser:
        """The forms that only say something of the machine, for what is before the first line that has made a log one of Hyper-V."""
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
        """Those of which a text of lower case has a word, in the order of the specs."""
        words = [longer for word in self.words if word in low for longer in self._longer[word] if longer in low]
        if not words:
            return ()
        return merge([self._finders[word] for word in words])

    def back(self, line: bytes) -> int:
        """How many lines before this one a form that ends on it may have begun; 0 where none does."""
        low = line.lower()
        return max((back for word, back in self._backs if word in low), default=0)

    def find(self, text: str) -> list[Match]:
        """What fits, in order."""
        low = text.lower()
        return find_with(self.finders(low), text, low)


@lru_cache(16)  # the same for each log
def nest(words: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """Each word that has no other in it, with those in which it is: where that one is not in a text, none of them is."""
    shortest = [word for word in words if not any(other != word and other in word for other in words)]
    return {word: [other for other in words if word in other] for word in shortest}


def can_wrap(form: LogForm) -> bool:
    """Whether a line may break within it: not where it has no blank, nor between a name and its value."""
    return form.reader == "cpuid" or " " in form.pattern or r"\s" in form.pattern


def find_with(finders: Iterable[Finder], text: str, low: str) -> list[Match]:
    """What fits, in order; of what overlaps, the form that stands first."""
    found: list[Match] = []
    taken = Taken()
    for finder in finders:
        if finder.part in low:
            found += (match for match in finder.find(text) if taken.take(match.start, match.end))
    return sorted(found, key=lambda one: one.start)


def has_sign(finders: Iterable[Finder], text: str) -> bool:
    """Whether a text shows that a log is of Hyper-V by a form that is for nothing else."""
    return any(finder.form.sign and finder.pattern.search(text, 0, finder.end) for finder in finders)


def begun(finders: tuple[Finder, ...], low: str) -> tuple[Finder, ...]:
    """Those of what may begin in a text of lower case and go on over the next lines."""
    low = low.rstrip()
    if not may_have_begun(finders)(low):
        return ()
    return tuple(finder for finder in finders if finder.reach and finder.may_begin(low))


@lru_cache(maxsize=64)
def may_have_begun(finders: tuple[Finder, ...]) -> Callable[[str], bool]:
    """What tells of a text of lower case whether it is worth while to ask each of the finders what may begin there."""
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
    """Finders of several lines, in the order of the specs."""
    if len(several) == 1:
        return several[0]
    places = {finder.place: finder for finders in several for finder in finders}
    return tuple(places[place] for place in sorted(places))


def find_cpuid(form: LogForm, text: str, _: Names) -> Iterator[Match]:
    """CPUID leaves in any form of dump, none of which has a subleaf. A register that cannot be read is damaged."""
    for one in find_leaves(text):
        if one.subleaf:
            continue
        yield Match(form, one.start, one.end, one.lettered, {"leaf": one.leaf, **one.registers}, tuple(one.lettered))


def find_named(form: LogForm, text: str, names: Names) -> Iterator[Match]:
    """Names that are known, each with the number after it."""
    for match in NAMED.finditer(text):
        name = names().get(squeeze(match["name"])) if not DEFINES.search(text, 0, match.start()) else ""
        if name and name not in form.excepted:
            yield to_match(form, match, READERS["names"], name)


def squeeze(name: str) -> str:
    """The form in which names are recognised: case, hyphen and underscore do not matter, nor whether there are any."""
    return name.lower().replace("-", "").replace("_", "")


READ: Mapping[str, Callable[[LogForm, str, Names], Iterator[Match]]] = {"cpuid": find_cpuid, "names": find_named}


def to_match(form: LogForm, match: re.Match[str], kinds: Mapping[str, str], name: str = "") -> Match:
    """`name`: what the catalogue calls the group of that name."""
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


@record
class Held:
    """A line, or its end, on which something may have begun, and the number of lines to wait for the rest."""

    text: str
    left: int
    finders: tuple[Finder, ...] = ()  # of the forms that may have begun there


class LogReader:
    """Reads the lines of one log in order, and finds matches on one line, or broken over several by a mail."""

    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser
        self.began_before = 0  # how many lines before the last one its earliest match began
        self._held: list[Held] = []
        self._waiting: list[Match] = []

    @property
    def is_open(self) -> bool:
        """Whether the next line may continue something that has begun."""
        return bool(self._held)

    def read(self, line: str, lines: Sequence[str] = (), *, has_word: bool = True) -> list[Match]:
        """The matches that end on this line. A match waits for the next line if this one breaks off after it.

        `lines`: earlier lines, if a form may have begun on them without any of its words. `has_word`: False if this line is known not to
        have a word of any form, and is only read because of earlier lines.
        """
        text = plain(line)
        if lines:
            self._held = [Held(plain(one), LINES) for one in lines]
        if self._held:
            text = MAIL_QUOTE.sub("", text, count=1)
        own = self.recogniser.finders(text.lower()) if has_word else ()
        if own and not self.recogniser.is_open and has_sign(own, text):
            self.recogniser.open()
            own = self.recogniser.finders(text.lower())
        self.began_before = 0
        starts: Sequence[int] = ()
        if not (self._held or self._waiting):  # most lines: nothing waits, so only the line itself is searched
            finders, joined, boundary = own, text, 0
        else:
            finders = merge([own, *(held.finders for held in self._held)])
            starts, before = self._join()
            joined, boundary = before + text, len(before)
        if text.endswith(SOFT_BREAK) and finders and len(self._held) < LINES_OF_CRASH and len(joined) <= LONGEST_HELD:
            self._held.append(Held(text, LINES, finders))
            return []
        low = joined.lower()
        able = finders if DIGIT.search(text) else [finder for finder in finders if not finder.has_digit]
        found = [match for match in find_with(able, joined, low) if match.end > boundary] if able else []
        if self._waiting:
            if not any(match.start < boundary for match in found):
                found = self._waiting + found
            self._waiting = []
        used = boundary
        if found:
            if found[-1].end > boundary and breaks_off(joined, found[-1]):
                self._waiting = [found.pop()]
            lines_back = (sum(start > match.start for start in starts) + 1 for match in found if match.start < boundary)
            self.began_before = max(lines_back, default=0)
            used = max([boundary, *(match.end for match in found)])
        self._hold(joined[used:], begun(own, low[used:]) if own else (), goes_on=not found)
        return found

    def finish(self) -> list[Match]:
        """The matches that still wait at the end of the log."""
        _, text = self._join()
        found = self._waiting or (self.recogniser.find(text) if self._held and self._held[-1].text.endswith(SOFT_BREAK) else [])
        self._waiting, self._held = [], []
        return found

    def _join(self) -> tuple[Sequence[int], str]:
        """(the start of each held line in the joined text, the joined text)."""
        starts: list[int] = []
        text = ""
        for held in self._held:
            starts.append(len(text))
            more = MAIL_QUOTE.sub("", held.text, count=1) if text else held.text
            text += more[:-1] if more.endswith(SOFT_BREAK) else more + " "
        return starts, text

    def _hold(self, rest: str, finders: tuple[Finder, ...], *, goes_on: bool) -> None:
        """Holds the unused rest of a line, and, if nothing was found, the earlier lines that still wait."""
        if not (finders or self._held):
            return
        held = [Held(one.text, one.left - 1, one.finders) for one in self._held] if goes_on else []
        if finders or held:
            held.append(Held(rest, max((finder.reach for finder in finders), default=0), finders))
        while held and (held[0].left <= 0 or sum(len(one.text) for one in held) > LONGEST_HELD):
            held.pop(0)
        self._held = held


def plain(line: str) -> str:
    """A line without its line end, and with the = that a mail has encoded."""
    text = line.rstrip("\r\n")
    return QUOTED_PRINTABLE.sub("=", text) if "=3" in text else text


def breaks_off(text: str, match: Match) -> bool:
    """Whether a line after a match ends as if more followed: with a comma, or a comma and a word."""
    return bool(UNFINISHED.fullmatch(text, match.end))
