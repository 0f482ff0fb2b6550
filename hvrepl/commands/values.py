"""values: the meaning of `_`, `_1 _2 …` and names from `let`."""

from __future__ import annotations

from hvrepl.codec.decoded import Decoded
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.commands.values_in_hand import Kept
from hvrepl.hints import Any
from hvrepl.render.listing import Listing

HEADERS = ("word", "", "name", "value", "summary")


def list_values(session: Session, *, only_last: bool = False) -> None:
    """All values in hand, or the one of `_`."""
    last = session.values.last
    shown = [kept for kept in session.values.all() if kept is last or not only_last]
    tables = [to_table(session, kept) for kept in shown]
    rows = [
        (table["word"], "_" if kept is last else "", table.get("name", ""), say_raw(kept, table), table.get("summary", ""))
        for kept, table in zip(shown, tables, strict=True)
    ]
    emit_listing(session, Listing(HEADERS, rows, tables, single=only_last, roles=("number", "dim", "name", "number", "meaning")))


def to_table(session: Session, kept: Kept) -> dict[str, Any]:
    """The JSON object."""
    if kept.found is None:
        return {"word": kept.called, "raw": f"{kept.bare:#x}"}
    node: Decoded = session.decoder.decode(kept.found, kept.data)
    table = {"word": kept.called, "name": node.name, "raw": node.raw or kept.data.hex(), "summary": node.summary, "read": kept.how}
    return {key: value for key, value in table.items() if value}


def say_raw(kept: Kept, table: dict[str, Any]) -> str:
    return str(table["raw"]) if kept.number is not None else f"{len(kept.data)} bytes"
