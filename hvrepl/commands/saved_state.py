"""The processors of a guest in a saved state: each chunk of the hypervisor's state, decoded by its spec."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.analysis.saved_state import Saved, StateReader
from hvrepl.commands.session import Session
from hvrepl.readers.images.memory import Memory
from hvrepl.record import replace
from hvrepl.render.formats import Item
from hvrepl.wording import printable


def state_items(session: Session, path: str, memory: Memory) -> Iterator[Item]:
    """An item for each of them, with its processor and VTL; chunks without a known layout are listed on stderr, in one line."""
    reader = StateReader(session.decoder, memory.facts.arch or session.options.arch)
    for one in reader.read(memory.facts.state() if memory.facts.state else ()):
        yield to_item(session, path, one)
    if reader.unknown:
        session.warn(printable(f"{path}: also saved, in layouts that are not documented: {', '.join(reader.unknown)}"))


def to_item(session: Session, path: str, one: Saved) -> Item:
    session.note_findings(one.node.findings)
    owner = say_owner(one)
    where = {"file": path} | {key: value for key, value in (("vp", one.vp), ("vtl", one.vtl)) if value is not None}
    return Item(replace(one.node, read=owner), extra=where, where=f"{path}: {owner}")


def say_owner(one: Saved) -> str:
    """Whose state it is, in words."""
    vtl = "" if one.vtl is None else f", VTL {one.vtl}"
    return f"partition{vtl}" if one.vp is None else f"VP {one.vp}{vtl}"
