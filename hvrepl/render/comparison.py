"""Values of one thing, part by part, and the parts that differ. The callers know what is compared, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.record import record
from hvrepl.render.parts import SHOWN_BYTES, meaning_of, place_of, short_bytes, value_of
from hvrepl.render.style import Style, align, spread

ABSENT = "-"
ARROW = "→"
ROLES = ("dim", "name", "number")


@record
class Compared:
    """A part of several values: its place, its name, the text of each value, and whether they differ."""

    place: str
    name: str
    cells: tuple[str, ...]
    differs: bool
    note: str = ""


def compare(nodes: Sequence[Decoded]) -> Iterator[Compared]:
    """Every part that one of the values has, in order; differing bytes are shown from the first difference on."""
    parts = [dict(leaves(node)) for node in nodes]
    for path in dict.fromkeys(path for of_one in parts for path in of_one):
        found = [of_one.get(path) for of_one in parts]
        place = next(place_of(part) for part in found if part)
        differs = len({(part.raw, part.meaning) if part else None for part in found}) > 1
        cells = tuple(say_part(part) for part in found)
        yield Compared(place, path, bytes_apart(found) if differs and len(set(cells)) == 1 else cells, differs)


def say_part(part: Decoded | None) -> str:
    """A number in its natural base (a single bit is 1) with its meaning; a dash for a missing part."""
    return " ".join(text for text in (value_of(part), meaning_of(part)) if text) if part else ABSENT


def bytes_apart(parts: Sequence[Decoded | None]) -> tuple[str, ...]:
    """Bytes from the first difference on, for parts with equal beginnings."""
    raws = [part.raw for part in parts if part]
    first = next((at for at, digits in enumerate(zip(*raws, strict=False)) if len(set(digits)) > 1), min(map(len, raws))) // 2
    return tuple(f"byte {first}: {bytes.fromhex(raw)[first:][:SHOWN_BYTES].hex(' ') or 'the end'}" for raw in raws)


def changes(rows: Sequence[Compared], style: Style) -> list[str]:
    """Two values, A → B, in columns if they fit."""
    table = [(row.place, row.name, row.cells[0], ARROW, row.cells[1], row.note) for row in rows]
    if fit(table, style):
        return align(table, style, (*ROLES, "dim", "number", "dim"))
    texts = [f"{row.cells[0]} {ARROW} {row.cells[1]}" + (f" ({row.note})" if row.note else "") for row in rows]
    return spread([(row.place, row.name, text) for row, text in zip(rows, texts, strict=True)], style, ROLES)


def fit(table: Sequence[Sequence[str]], style: Style) -> bool:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return not style.width or sum(widths) + 2 * sum(width > 0 for width in widths) <= style.width


def heading_of(nodes: Sequence[Decoded], labels: Sequence[str], style: Style) -> Iterator[str]:
    """The compared thing, and each value with its summary."""
    yield style.paint("name", nodes[0].name)
    rows = [(label, node.raw if node.is_number else short_bytes(node), node.summary) for label, node in zip(labels, nodes, strict=True)]
    yield from spread(rows, style, ("dim", "number", ""))
