"""annotate: passes a log through as it arrives, and explains under each line the numbers of the interface in it."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path

from hvrepl.analysis.annotator import LONGEST_LINE, Annotator, Piece, recogniser_of
from hvrepl.analysis.claims import Claim
from hvrepl.codec.decode import Decoder
from hvrepl.commands.inputs.files import is_file, read_chunk
from hvrepl.commands.output import emit, failure
from hvrepl.commands.session import Session
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.hints import Any
from hvrepl.readers.event_log import MAGIC, EventLog
from hvrepl.readers.events import Event, write_event
from hvrepl.readers.find_forms import Recogniser
from hvrepl.record import replace
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
        raise UsageError("- is the script itself" if session.is_script else "- must be the only word: then the log comes from stdin")
    sources = [word for word in words if word != "-"]
    items = (item for path in sources or [""] for item in annotate_source(session, path, only=only, full=full, several=len(sources) > 1))
    session.streams.stdout.flush()
    emit(session, items)


def annotate_source(session: Session, path: str, *, only: bool, full: bool, several: bool) -> Iterator[Item]:
    """Writes a log as `fields`, or yields its claims as items for the other formats."""
    try:
        chunks = read_file(path) if path else iter(partial(read_chunk, session), b"")
        start = read_start(chunks, MAGIC)
        if start.startswith(MAGIC):
            yield from annotate_events(session, path, chain([start], chunks), full=full, several=several)
            return
        for piece in pieces(session, chain([start], chunks)):
            session.note_findings(*(claim.findings for claim in piece.claims))
            if session.options.format == "fields":
                write_piece(session, piece, only=only, full=full)
            elif piece.claims:
                yield from to_items(session, piece, path if several else "")
    except HvreplError as error:
        if not session.options.keep_going:
            raise
        yield from failure(session, error, path)


def annotate_text(session: Session, text: str) -> bool:
    """What lines that were typed or pasted say: those that say something with it, one line alone without itself. Whether any does."""
    found = [piece for piece in pieces(session, [f"{text}\n".encode("utf-8", "backslashreplace")]) if piece.claims]
    session.note_findings(*(claim.findings for piece in found for claim in piece.claims))
    if session.options.format != "fields":
        emit(session, (item for piece in found for item in to_items(session, piece, "")))
    for piece in found if session.options.format == "fields" else ():
        write_piece(session, piece if "\n" in text else replace(piece, before=b"", data=b""), only=True, full=False)
    return bool(found)


def read_start(chunks: Iterator[bytes], magic: bytes) -> bytes:
    """The first bytes, as many as the magic has."""
    start = next(chunks, b"")
    while magic.startswith(start) and len(start) < len(magic) and (more := next(chunks, b"")):
        start += more
    return start


def annotate_events(session: Session, path: str, chunks: Iterable[bytes], *, full: bool, several: bool) -> Iterator[Item]:
    """The events of an event log with claims, each a log of its own; the others are only counted, as nobody reads them as text."""
    with spooled(path, chunks) as readable:
        log = EventLog(readable, path or "stdin")
        said = 0
        recogniser = recogniser_of(session.catalog)
        for event in log.read():
            annotator = annotator_of(session, recogniser.anew())
            found = [*annotator.read(write_event(event).encode("utf-8", "replace")), *annotator.finish()]
            claims = [claim for piece in found for claim in piece.claims]
            said += bool(claims)
            session.note_findings(*(claim.findings for claim in claims))
            if claims and session.options.format == "fields":
                for piece in found:
                    write_piece(session, piece, only=False, full=full)
            elif claims:
                yield from event_to_items(session, event, claims, log.name if several else "")
    if session.options.format == "fields":
        session.warn(f"{log.name}: {log.events:,} event{'s' * (log.events != 1)}, {said:,} explained")
    if not log.errors:
        return
    fault = FileError(log.say_errors())
    if session.options.keep_going:
        yield from failure(session, fault, path)
    else:
        session.fail(fault)
        session.report(fault)


@contextmanager
def spooled(path: str, chunks: Iterable[bytes]) -> Iterator[str]:
    """The path of a seekable file; data from a pipe is copied to a temporary one."""
    if path and is_file(path):
        yield path
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        copy = Path(folder) / "log.evtx"
        try:
            with copy.open("wb") as file:
                file.writelines(chunks)
        except OSError as error:
            raise FileError(f"{copy}: {error.strerror}") from error
        yield str(copy)


def read_file(path: str) -> Iterator[bytes]:
    """Raises FileError."""
    try:
        with Path(path).open("rb") as file:
            yield from iter(partial(file.read, CHUNK), b"")
    except (OSError, ValueError) as error:  # a NUL in the name
        raise FileError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def annotator_of(session: Session, recogniser: Recogniser | None = None) -> Annotator:
    is_fixed = session.options.arch_is_given
    return Annotator(session.catalog, partial(decoder_of, session), is_fixed=is_fixed, recogniser=recogniser)


def pieces(session: Session, chunks: Iterable[bytes]) -> Iterator[Piece]:
    """The log, all of it and in order."""
    annotator = annotator_of(session)
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
    """The log unchanged; one that begins with the mark of UTF-16, as PowerShell writes files, is recoded."""
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
    """The bytes unchanged, then their meanings. On a terminal, anything but text is escaped."""
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
    """One object per line of the log for programs; one row per claim for tables."""
    text = (piece.before + piece.data).decode("utf-8", "backslashreplace").rstrip("\r\n")
    if session.options.format in ("json", "ndjson"):
        table: dict[str, Any] = {"line": piece.line, "text": text, "found": [claim.to_dict() for claim in piece.claims]}
        yield Item(table=table | ({"file": path} if path else {}))
    else:
        yield from (Item(claim.node, line=piece.line, where=f"{piece.line}:") for claim in piece.claims if claim.node)


def event_to_items(session: Session, event: Event, claims: Sequence[Claim], path: str) -> Iterator[Item]:
    """One object per event for programs, like those for lines of a log; one row per claim for tables."""
    if session.options.format in ("json", "ndjson"):
        machine = {key: value for key, value in (("vm", event.vm), ("vm_id", event.vm_id)) if value}
        table: dict[str, Any] = {"line": event.record, "time": event.time, "provider": event.provider, "event": event.event} | machine
        table |= {"text": write_event(event).rstrip("\n"), "found": [claim.to_dict() for claim in claims]}
        yield Item(table=table | ({"file": path} if path else {}))
    else:
        yield from (Item(claim.node, line=event.record, where=f"{event.record}:") for claim in claims if claim.node)
