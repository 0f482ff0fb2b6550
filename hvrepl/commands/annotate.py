"""annotate: passes a log through as it comes, and says under each line what the numbers of the interface in it mean."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from hvrepl.analysis.annotator import LONGEST_LINE, Annotator, Piece
from hvrepl.codec.decode import Decoder
from hvrepl.commands.inputs.files import read_chunk
from hvrepl.commands.output import emit, failure
from hvrepl.commands.session import Session
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.render.annotation import annotate as annotate_claims
from hvrepl.render.formats import Item
from hvrepl.wording import printable

CHUNK = 1 << 16
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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
    annotator = Annotator(session.catalog, partial(decoder_of, session), is_fixed=session.options.arch_is_given)
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
