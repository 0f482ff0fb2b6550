"""The lines of a log, one after another → the forms in each, also in lines that a mail has broken."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.patterns import regex
from hvrepl.readers.find_forms import LINES, LINES_OF_CRASH, LONGEST_HELD, Finder, Match, Recogniser, begun, find_with, has_sign, merge
from hvrepl.readers.plain_text import QUOTED_PRINTABLE
from hvrepl.record import record

MAIL_QUOTE = regex(r"^(?:\s*>\s?)+")
UNFINISHED = regex(r"\s*,\s*(?:\w+[:=]?\s*)?")  # the end of a line, after a match, that announces more
DIGIT = regex("[0-9]")
SOFT_BREAK = "="  # quoted-printable, at the end of a line
LONGEST_BEFORE = 3072  # bytes of the lines before the one on which a form ends


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
