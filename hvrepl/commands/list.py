"""list: the names of a space, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session, choose
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.render.listing import list_entries


def list_names(session: Session, words: Sequence[str]) -> None:
    """list [SPACE]"""
    if len(words) > 1:
        raise UsageError("list takes one space: `list SPACE`")
    space = choose("space", words[0].lower(), session.catalog.spaces, NotFoundError) if words else None
    emit_listing(session, list_entries(session.catalog.entries(space)))
