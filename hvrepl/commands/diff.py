"""diff: the fields that differ between two values."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.codec.decoded import Decoded
from hvrepl.commands.decode import decode_value
from hvrepl.commands.inputs.operands import read_values
from hvrepl.commands.inputs.what import Target, find_target
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.render.changes import list_changes


def diff(session: Session, words: Sequence[str]) -> None:
    """diff WHAT A B, or diff cpuid A B of two dumps"""
    if len(words) != 3:
        raise UsageError("diff takes a name and two values: `diff WHAT A B`")
    if words[0].lower() == "cpuid":
        from hvrepl.commands.diff_cpuid import diff_cpuid

        diff_cpuid(session, words[1], words[2])
        return
    target = find_target(session, words[0])
    a, b = (decode_single(session, target, word) for word in words[1:])
    listing = list_changes(a, b, is_headed=True)
    session.outcome.note(1 if listing.rows else 0)
    emit_listing(session, listing)


def decode_single(session: Session, target: Target, word: str) -> Decoded:
    found = list(read_values(session, target.found, [word], output=target.output))
    if len(found) != 1:
        raise UsageError(f"{word[:40]!r} holds {len(found)} values; expected one")
    return decode_value(session, target, found[0])
