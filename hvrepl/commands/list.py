"""list: the names of a space or of a kind, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.catalog.alike import alike
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import to_key
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.render.names import list_entries
from hvrepl.wording import plural


def list_names(session: Session, words: Sequence[str]) -> None:
    """list [SPACE]: also a kind"""
    if len(words) > 1:
        raise UsageError("list takes one space or kind: `list SPACE`")
    group = choose_group(session.catalog, words[0]) if words else None
    is_space = group in session.catalog.spaces
    emit_listing(session, list_entries(session.catalog.entries(group if is_space else None, kind=None if is_space else group)))


def choose_group(catalog: Catalog, word: str) -> str:
    """The space or kind of a word, in the singular or plural. NotFoundError lists them."""
    groups = catalog.groups()
    forms = {form: group for group in reversed(groups) for form in (plural(group), group)}
    if to_key(word) in forms:
        return forms[to_key(word)]
    close = alike(to_key(word), forms)
    hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(groups)}; `find TEXT` searches names"
    raise NotFoundError(f"no such space or kind: {word[:40]!r}; {hint}")
