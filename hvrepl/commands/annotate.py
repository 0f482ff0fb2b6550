"""annotate: passes a log through as it comes, and says under each line what the numbers of the interface in it mean."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from hvrepl.analysis.claims import Claim, Teller
from hvrepl.catalog.catalog import Catalog
from hvrepl.codec.decode import Decoder
from hvrepl.commands.inputs.files import read_chunk
from hvrepl.commands.output import emit, failure
from hvrepl.commands.session import Session
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.readers.log_lines import LINES_OF_CRASH, LONGEST_BEFORE, LogReader, Match, Recogniser, squeeze
from hvrepl.readers.word_search import candidates
from hvrepl.record import record
from hvrepl.render.annotation import MARK, is_note
from hvrepl.render.annotation import annotate as annotate_claims
from hvrepl.render.formats import Item
from hvrepl.wording import printable

CHUNK = 1 << 16
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
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


def annotate(session: Session, words: Sequence[str], *, only: bool = False, full: bool = False) -> None:
    """annotate [FILE...]"""
    if not words and (session.is_script or session.is_shell):
        raise UsageError("annotate which log? `annotate FILE...`")
    if "-" in words and (len(words) > 1 or session.is_script):
        raise UsageError("- is the script itself" if session.is_script else "- must be the only word: the log then comes from stdin")
    sources = [word for word in words if word != "-"]
    items = (item for path in sources or [""] for item in annotate_source(session, path, only=only, full=full, several=len(sources) > 1))
    session.streams.stdout.flush()
    emit(session, items)


def annotate_source(session: Session, path: str, *, only: bool, full: bool, several: bool) -> Iterator[Item]:
    """Writes a log as `fields`, or gives its claims as items of the other formats."""
    try:
        for piece in pieces(session, read_file(path) if path else iter(partial(read_chunk, session), b"")):
            if session.options.strict and any(claim.findings for claim in piece.claims):
                session.outcome.note(1)
            if session.options.format == "fields":
                write_piece(session, piece, only=only, full=full)
            elif piece.claims:
                yield from to_items(session, piece, path if several else "")
    except HvreplError as error:
        if not session.options.keep_going:
            raise
        yield from failure(session, error, path)


def read_file(path: str) -> Iterator[bytes]:
    """Raises FileError."""
    try:
        with Path(path).open("rb") as file:
            yield from iter(partial(file.read, CHUNK), b"")
    except (OSError, ValueError) as error:  # a NUL in the name
        raise FileError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def pieces(session: Session, chunks: Iterable[bytes]) -> Iterator[Piece]:
    """The log, all of it and in order."""
    annotator = Annotator(session)
    held = b""
    for chunk in to_utf8(chunks):
        held += chunk
        end = held.rfind(b"\n") + 1
        if len(held) - end > LONGEST_LINE:
            end = len(held)
        yield from annotator.read(held[:end])
        held = held[end:]
    yield from annotator.read(held)
    yield from annotator.finish()


def to_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The log as it is; one that begins with the mark of UTF-16, as PowerShell writes files, recoded."""
    rest = iter(chunks)
    first = b""
    while len(first) < len(codecs.BOM_UTF32_LE) and (more := next(rest, b"")):
        first += more
    if first[:2] not in UTF16_MARKS or first.startswith(codecs.BOM_UTF32_LE):
        yield from chain([first], rest)
        return
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for chunk in chain([first], rest):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


class Annotator:
    """What one log says, block by block; `line` is the number of the line that it is at."""

    def __init__(self, session: Session) -> None:
        self.recogniser = Recogniser(session.catalog.log_forms(), partial(names_of, session.catalog))
        self.reader = LogReader(self.recogniser)
        self.teller = Teller(partial(decoder_of, session), session.options.arch, is_fixed=session.options.arch_is_given)
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
        has_notes = self._is_noted or MARK.encode() in block
        for start, end, has_word in self._lines_to_read(block, at):
            if has_notes and is_note(block, start, before=self._is_noted):
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
        """Once: what the lines say of the machine that stand before the first one of Hyper-V."""
        if self._has_looked_back:
            return
        self._has_looked_back = True
        hints = self.recogniser.hints()
        past = b"".join([*self._past, block[:start]])
        for start, end in candidates(past, hints.words):
            for hint in hints.find(past[start:end].decode("utf-8", "replace")):
                self.teller.tell(hint)

    def _lines_to_read(self, block: bytes, at: int) -> Iterator[tuple[int, int, bool]]:
        """(start, end, True) of the lines that have a word of some form, and with False those behind them on which that may go on."""
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
        """The rest of a line, or more of it: behind its end stands what its beginning said."""
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


@lru_cache(maxsize=1)
def names_of(catalog: Catalog) -> Mapping[str, str]:
    """The names of all registers that say something of their value."""
    return {squeeze(name): name for name in catalog.laid_out("register")}


def decoder_of(session: Session, arch: str) -> Decoder:
    if arch == session.options.arch:
        decoder: Decoder = session.decoder
        return decoder
    other = session.child()
    other.set(arch=arch)
    return decoder_of(other, arch)


def write_piece(session: Session, piece: Piece, *, only: bool, full: bool) -> None:
    """The bytes as they are, then what they mean. On a terminal what is no text is escaped."""
    if only and not piece.claims:
        return
    data = piece.before + piece.data if only else piece.data
    if piece.claims and data and not data.endswith(b"\n"):
        data += b"\n"
    notes = "".join(f"{line}\n" for line in annotate_claims(piece.claims, session.style, full=full))
    stdout: Any = session.streams.stdout
    if hasattr(stdout, "buffer") and not session.streams.stdout_is_terminal:
        stdout.buffer.write(data + notes.encode("utf-8", "backslashreplace"))
    else:
        text = data.decode("utf-8", "surrogateescape")
        stdout.write(printable(text, "\n\t") if session.streams.stdout_is_terminal else text)
        session.write(notes)


def to_items(session: Session, piece: Piece, path: str) -> Iterator[Item]:
    """One object a line for programs; for tables a row a thing."""
    text = (piece.before + piece.data).decode("utf-8", "backslashreplace").rstrip("\r\n")
    if session.options.format in ("json", "ndjson"):
        table: dict[str, Any] = {"line": piece.line, "text": text, "found": [claim.to_dict() for claim in piece.claims]}
        yield Item(table=table | ({"file": path} if path else {}))
    else:
        yield from (Item(claim.node, line=piece.line, where=f"{piece.line}:") for claim in piece.claims if claim.node)
