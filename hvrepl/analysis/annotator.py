"""A log, block by block → its lines unchanged, each with its meaning. Does not know where the log comes from or how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import pairwise

from hvrepl.analysis.claims import Claim, Teller
from hvrepl.catalog.catalog import Catalog
from hvrepl.codec.decode import Decoder
from hvrepl.readers.find_forms import LINES_OF_CRASH, Match, Recogniser, squeeze
from hvrepl.readers.log_lines import LONGEST_BEFORE, LogReader
from hvrepl.readers.notes import has_notes, is_note
from hvrepl.readers.word_search import candidates
from hvrepl.record import record

PAST = 1 << 16  # bytes before the first line of Hyper-V, searched for what the machine is
NEWLINE = ord("\n")
LONGEST_LINE = 1 << 20  # only this much of a longer line is read


@record
class Piece:
    """Bytes of a log: a line with its number and claims, or lines without any. `before`: the earlier lines where the claims began."""

    data: bytes
    line: int = 0
    claims: tuple[Claim, ...] = ()
    before: bytes = b""


class Annotator:
    """Explains one log, block by block; `line` is the number of the current line.

    `decoders` gives the decoder of an arch. The catalogue's own arch holds until the log names another, or always (`is_fixed`).
    `recogniser` comes from `recogniser_of` and has not read anything yet.
    """

    def __init__(
        self, catalog: Catalog, decoders: Callable[[str], Decoder], *, is_fixed: bool = False, recogniser: Recogniser | None = None
    ) -> None:
        self.recogniser = recogniser or recogniser_of(catalog)
        self.reader = LogReader(self.recogniser)
        self.teller = Teller(decoders, catalog.arch, is_fixed=is_fixed)
        self.line = 1
        self._is_inside = False  # whether the beginning of the current line was already passed on
        self._late: tuple[Claim, ...] = ()  # its claims, kept for the end of the line
        self._is_noted = False  # whether the last line was a note of an earlier annotate
        self._before: list[bytes] = []
        self._tail = b""  # the end of the earlier blocks
        self._has_looked_back = False
        self._past: list[bytes] = []  # earlier blocks, until a line shows that the log is Hyper-V's

    def read(self, block: bytes) -> Iterator[Piece]:
        """Annotates a block of lines. If its last line is incomplete, the rest of that line is passed on unread."""
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
        """Claims of a line's matches. The first line with any makes the log Hyper-V's; then earlier lines may say which machine it is."""
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
        """Reads, once, the hints about the machine in the lines before the first one of Hyper-V."""
        if self._has_looked_back:
            return
        self._has_looked_back = True
        hints = self.recogniser.hints()
        past = b"".join([*self._past, block[:start]])
        for start, end in candidates(past, hints.words):
            for hint in hints.find(past[start:end].decode("utf-8", "replace")):
                self.teller.tell(hint)

    def _lines_to_read(self, block: bytes, at: int) -> Iterator[tuple[int, int, bool]]:
        """(start, end, True) for each line with a word of some form, and (start, end, False) for lines that may continue one."""
        start = end = at
        words: tuple[str, ...] = ()
        found: Iterator[tuple[int, int]] = iter(())
        while at < len(block):
            if self.recogniser.words is not words:  # they grow once a line shows that the log is Hyper-V's
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
        """Whether the layouts of a slot's type cover its payload to the last byte, and some byte is not zero."""
        count = self.recogniser.back(block[start:end])
        if not count:
            return []
        text = (self._tail + block[max(0, start - LONGEST_BEFORE) : start])[-LONGEST_BEFORE:]
        begins = [0, *(at + 1 for at, byte in enumerate(text) if byte == NEWLINE)]
        lines = [text[at:end] for at, end in pairwise(begins) if not is_note(text, at, before=False)]
        return lines[-count:]

    def _go_on(self, data: bytes) -> Piece:
        """The rest of a line, or more of it; the claims of its beginning follow its end."""
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
    """Finds the log forms of a catalogue in text."""
    return Recogniser(catalog.log_forms(), partial(names_of, catalog))


@lru_cache(maxsize=1)
def names_of(catalog: Catalog) -> Mapping[str, str]:
    """The names of all registers with a layout."""
    return {squeeze(name): name for name in catalog.laid_out("register")}
