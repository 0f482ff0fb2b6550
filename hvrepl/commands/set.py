"""set: the last value with fields changed, and the effect."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.commands.decode import decode_value
from hvrepl.commands.encode import encode_one, write_value
from hvrepl.commands.inputs.operands import Value
from hvrepl.commands.inputs.what import Target, to_assignment
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.render.changes import list_changes


def set_fields(session: Session, words: Sequence[str]) -> None:
    """set FIELD=V...: the last value with fields changed, and the effect."""
    kept = session.values.last
    if kept is None:
        raise UsageError("set changes the last value, but there is none yet; decode or encode one first")
    if kept.found is None:
        raise UsageError(f"the last value is a bare number, without fields; say what it is: `WHAT {kept.word}`")
    if not words or not all("=" in word for word in words):
        raise UsageError("set takes fields: `set FIELD=VALUE`")
    target = Target(kept.found)
    before = decode_value(session, target, Value("", kept.data))
    after = decode_value(session, target, Value("", encode_one(session, target, kept.data, [to_assignment(word) for word in words])))
    session.values.keep(kept.found, after.to_bytes(), how=kept.how)
    session.write(f"{write_value(target, after.to_bytes())}  {after.summary}".rstrip() + "\n")
    emit_listing(session, list_changes(before, after))
