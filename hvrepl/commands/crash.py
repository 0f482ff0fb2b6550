"""crash: the crash parameters of a guest, explained by the operating system that wrote them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from hvrepl.analysis.claims import crash_in
from hvrepl.analysis.crash import Crash, tell_crash
from hvrepl.catalog.model import CRASH_PARAMETERS
from hvrepl.commands.inputs.files import read_file, read_rest
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.crash import COUNTS, find_crashes, read_parameters, read_pasted, split_pasted
from hvrepl.readers.plain_text import decode
from hvrepl.render.crash import LABELS, list_crash

CODE = regex(r"(?=.*\d)(?:0x)?[0-9a-f]{1,8}", re.IGNORECASE)
NOTHING = "no five crash parameters in it; expected them with labels, in brackets, or in a line of a host, a hypervisor or a debugger"


def crash(session: Session, words: Sequence[str]) -> None:
    """crash P0 P1 P2 P3 P4 [CTL]"""
    try:
        numbers, how = read_words(words)
        told = tell_crash(session.decoder, numbers[:CRASH_PARAMETERS], *numbers[CRASH_PARAMETERS:])
    except UsageError as error:
        given = words or (["-"] if session.takes_stdin else [])
        found = read_text(session, to_text(session, given))
        if found is None:
            source = source_of(words)
            raise UsageError(f"{source}: {NOTHING}") if source else error from None
        told, how = found
    session.values.keep(session.catalog.find_name(told.node.name), told.node.to_bytes())  # _ is the crash from now on
    session.note_findings(told.findings)
    emit_listing(session, list_crash(told, how, session.options.format))


def read_words(words: Sequence[str]) -> tuple[list[int], str]:
    """The parameters, one per word, and how they were read. UsageError explains the fault."""
    if len(words) in COUNTS:
        return read_parameters(words, LABELS)
    given = f"{len(words)} word{'s'[: len(words) != 1]}"
    codes = [part for part in split_pasted(" ".join(words)) if CODE.fullmatch(part)]
    hint = f"; for a bug check alone: `decode BUG_CHECK 0x{codes[0].lower().removeprefix('0x')}`" if len(codes) == 1 else ""
    raise UsageError(f"crash takes five parameters and optionally the control register, not {given}: `crash P0 P1 P2 P3 P4 [CTL]`{hint}")


def read_text(session: Session, text: str) -> tuple[Crash, str] | None:
    """The crash in a pasted text, and how it was read: a line from a host, hypervisor or debugger, or five numbers."""
    told = [
        one
        for match in find_crashes(text, session.catalog.log_forms())
        if (one := crash_in(session.decoder, match)) and match.form.struct in ("", one.node.name)
    ]
    if told:
        different = len({one.node.to_bytes() for one in told})
        more = f", the first of {different} crashes; annotate explains them all" if different > 1 else ""
        return told[0], f"read as pasted{more}"
    numbers, how = read_pasted(text), ""
    parts = split_pasted(text)
    if not numbers and len(parts) in COUNTS:
        with suppress(UsageError):
            numbers, how = read_parameters(parts, LABELS)
    if not numbers:
        return None
    hows = ", ".join(part for part in (how, "read as pasted") if part)
    return tell_crash(session.decoder, numbers[:CRASH_PARAMETERS], *numbers[CRASH_PARAMETERS:]), hows


def source_of(words: Sequence[str]) -> str:
    """The file that the words stand for, or stdin; "" if they are the text themselves."""
    if len(words) != 1 or not (words[0] == "-" or words[0].startswith("@")):
        return ""
    return "stdin" if words[0] == "-" else words[0][1:]


def to_text(session: Session, words: Sequence[str]) -> str:
    """The pasted text: the words themselves, or the text of stdin or a file."""
    if not source_of(words):
        return " ".join(words)
    if words[0] != "-":
        return decode_text(read_file(words[0][1:]))
    if session.is_script:
        raise UsageError("- is the script itself; give the parameters, or @FILE")
    return decode_text(read_rest(session))


def decode_text(raw: bytes) -> str:
    """UTF-8, or UTF-16 as PowerShell writes it; other bytes are replaced."""
    text = decode(raw)
    return raw.decode("utf-8", "replace") if text is None else text
