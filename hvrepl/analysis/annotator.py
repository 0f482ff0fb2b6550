"""A log, block by block → its lines as they are, each with what it says. Knows nothing of where it comes from or how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import pairwise

from hvrepl.analysis.claims import Claim, Teller
from hvrepl.catalog.catalog import Catalog
from hvrepl.codec.decode import Decoder
from hvrepl.readers.log_lines import LINES_OF_CRASH, LONGEST_BEFORE, LogReader, Match, Recogniser, squeeze
from hvrepl.readers.notes import has_notes, is_note
from hvrepl.readers.word_search import candidates
from hvrepl.record import record

PAST = 1 << 16  # bytes before the first line of Hyper-V, in which a machine may have said what it is
NEWLINE = ord("\n")
LONGEST_LINE = 1 << 20  # of what is longer only the beginning is looked at


@record
class Piece:
    """Bytes of a log: a line, its number and what it says, or lines that say nothing. `before`: lines on which what is said here began."""

    data: bytes
    line: int = 0
    claims: tuple[Claim, ...] = ()
    before: bytes = b""


class Annotator:
    """What one log says, block by block; `line` is the number of the line that it is at.

    `decoders` gives the decoder of an arch; the catalogue's own is that of a log that says nothing else, or (`is_fixed`) whatever it says.
    `recogniser` is one of `recogniser_of` that has read nothing yet.
    """

    def __init__(
        self, catalog: Catalog, decoders: Callable[[str], Decoder], *, is_fixed: bool = False, recogniser: Recogniser | None = None
    ) -> None:
        self.recogniser = recogniser or recogniser_of(catalog)
        self.reader = LogReader(self.recogniser)
        self.teller = Teller(decoders, catalog.arch, is_fixed=is_fixed)
        self.line = 1
        self._is_inside = False  # whether a line's beginning was passed on already
        self._late: tuple[Claim, ...] = ()  # what that beginning said, for the line's end
        self._is_noted = False  # whether what came last was a note of an earlier annotate
        self._before: list[bytes] = []
        self._tail = b""  # the end of the blocks before
        self._has_looked_back = False
        self._past: list[bytes] = []  # blocks before this one, until the log is one of Hyper-V

    def read(self, block: bytes) -> Iterator[Piece]:
        """A block of lines; where the last one lacks its end, what comes next goes on with it and is only passed on."""
        at = (block.find(b"\n") + 1 or len(block)) if self._is_inside else 0
        if at:
            yield self._go_on(block[:at])
        counted = at
        is_noted = self._is_noted or has_notes(block)
        for start, end, has_word in self._lines_to_read(block, at):
            if is_noted and is_note(block, start, before=self._is_noted):
                continue
            self.line += block.count(b"\n", counted, start)
            counted = end
            piece = self._read_line(block, start, end, has_word=has_word)
            if piece.claims:
                if at < start:
                    yield Piece(block[at:start])
                yield piece
                at = end
        self.line += block.count(b"\n", counted)
        if at < len(block):
            yield Piece(block[at:])
        if block:
            self._is_inside = not block.endswith(b"\n")
            self._is_noted = is_note(block, block.rfind(b"\n", 0, -1) + 1, before=self._is_noted)
            self._tail = (self._tail + block[-LONGEST_BEFORE:])[-LONGEST_BEFORE:]
        self._past = [] if self._has_looked_back else [*self._past, block]
        while len(self._past) > 1 and sum(map(len, self._past[1:])) > PAST:
            self._past.pop(0)

    def finish(self) -> Iterator[Piece]:
        claims = (*self._late, *self._tell(self.reader.finish(), b"", 0))
        if claims:
            yield Piece(b"", self.line, claims, b"".join(self._before))

    def _tell(self, matches: Sequence[Match], block: bytes, start: int) -> tuple[Claim, ...]:
        """What matches on a line mean. The first that mean something make it a log of Hyper-V: of what machine, lines before may say."""
        if not matches:
            return ()
        if self.recogniser.is_open:
            self._look_back(block, start)
        claims = tuple(claim for match in matches for claim in self.teller.tell(match))
        if self.recogniser.is_open or all(claim.form.elsewhere for claim in claims):
            return claims
        self._look_back(block, start)
        self.recogniser.open()
        return tuple(claim for match in matches for claim in self.teller.tell(match))

    def _look_back(self, block: bytes, start: int) -> None:
        """Once: what the lines say of the machine that come before the first one of Hyper-V."""
        if self._has_looked_back:
            return
        self._has_looked_back = True
        hints = self.recogniser.hints()
        past = b"".join([*self._past, block[:start]])
        for start, end in candidates(past, hints.words):
            for hint in hints.find(past[start:end].decode("utf-8", "replace")):
                self.teller.tell(hint)

    def _lines_to_read(self, block: bytes, at: int) -> Iterator[tuple[int, int, bool]]:
        """(start, end, True) of the lines that have a word of some form, and with False those after them on which that may go on."""
        start = end = at
        words: tuple[str, ...] = ()
        found: Iterator[tuple[int, int]] = iter(())
        while at < len(block):
            if self.recogniser.words is not words:  # also after a line has told that the log is of Hyper-V: more forms count then
                words = self.recogniser.words
                found = candidates(block, words, at)
                start, end = next(found, (len(block), len(block)))
            if self.reader.is_open and at < start:
                after = block.find(b"\n", at) + 1 or len(block)
                yield at, after, False
                at = after
            elif start < len(block):
                yield start, end, True
                at = end
                start, end = next(found, (len(block), len(block)))
            else:
                return

    def _lines_before(self, block: bytes, start: int, end: int) -> list[bytes]:
        """The lines before one on which a form ends that may have begun on them, without the notes of an earlier annotate."""
        count = self.recogniser.back(block[start:end])
        if not count:
            return []
        text = (self._tail + block[max(0, start - LONGEST_BEFORE) : start])[-LONGEST_BEFORE:]
        begins = [0, *(at + 1 for at, byte in enumerate(text) if byte == NEWLINE)]
        lines = [text[at:end] for at, end in pairwise(begins) if not is_note(text, at, before=False)]
        return lines[-count:]

    def _go_on(self, data: bytes) -> Piece:
        """The rest of a line, or more of it: after its end stands what its beginning said."""
        ended = data.endswith(b"\n")
        piece = Piece(data, self.line, self._late if ended else ())
        self._late = () if ended else self._late
        self.line += ended
        return piece

    def _read_line(self, block: bytes, start: int, end: int, *, has_word: bool) -> Piece:
        data = block[start:end]
        lines = self._lines_before(block, start, end) if has_word else []
        texts = [line.decode("utf-8", "replace") for line in (*lines, data[:LONGEST_LINE])]
        matches = self.reader.read(texts[-1], texts[:-1], has_word=has_word)
        claims = self._tell(matches, block, start)
        began = self.reader.began_before
        before = b"".join((lines or self._before)[-began:]) if claims and began else b""
        self._before = [*(lines or self._before[-LINES_OF_CRASH:]), data] if self.reader.is_open else []
        if len(data) > LONGEST_LINE and not data.endswith(b"\n"):
            self._late, claims = claims, ()
        piece = Piece(data, self.line, claims, before)
        self.line += data.endswith(b"\n")
        return piece


def recogniser_of(catalog: Catalog) -> Recogniser:
    """What finds the forms of a catalogue in text."""
    return Recogniser(catalog.log_forms(), partial(names_of, catalog))


@lru_cache(maxsize=1)
def names_of(catalog: Catalog) -> Mapping[str, str]:
    """The names of all registers that say something of their value."""
    return {squeeze(name): name for name in catalog.laid_out("register")}
