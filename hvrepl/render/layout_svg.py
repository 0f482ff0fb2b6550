"""The fields of `show` → a picture of the layout: bits as a ruler, high bits first, bytes as a map. SVG with selectable text.

It contains no colours: the page styles the classes, so that one picture is readable in light and in dark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from hvrepl.catalog.parse_specs import CPUID_REGISTERS
from hvrepl.hints import Any, TypeAlias
from hvrepl.record import record
from hvrepl.render.definition import place_of, say_place

FieldTable: TypeAlias = Mapping[str, Any]  # a field from `describe`
Link: TypeAlias = Callable[[FieldTable], str]

BITS_A_ROW, BYTES_A_ROW = 32, 16
PICTURE_WIDTH = 696  # so that a bit is 20 wide
GUTTER = 56  # for the range at the left
CHARACTER = 6.7  # the most that a character is wide, in the page's size
LOW, LINE = 30, 16  # the least height of a row, and the height of a line of text
MOST_LETTERS = 24  # letters of a vertical name
MOST_ROWS = 64
SHOWN_ROWS = 2  # the most rows of bytes for one member, without those it shares with others
VARIES = "varies"  # a variant's bits, and bytes that depend on the value


@record
class Cell:
    """A part of a row: from column `start`, `length` columns long."""

    start: int
    length: int
    name: str
    title: str
    role: str = ""
    href: str = ""


@record
class Row:
    """The content of a row, and the range at its left. `highest`: the number of its first bit; `is_cut`: it represents many rows."""

    place: str
    cells: tuple[Cell, ...]
    highest: int | None = None
    is_cut: bool = False


def draw_layout(fields: Sequence[FieldTable], width: int, label: str, link: Link) -> str:
    """The picture of simultaneous fields, in a word of so many bits (0: in a struct); "" if there is little to see.

    `link` gives the address of a field's explanation, or "".
    """
    rows = list(rows_of_bits(fields, width, link) if width else rows_of_bytes(fields, link))
    if not 0 < len(rows) <= MOST_ROWS or sum(len(row.cells) for row in rows) == 1:
        return ""
    unit = (PICTURE_WIDTH - GUTTER) / (BITS_A_ROW if width else BYTES_A_ROW)
    pieces, top = [], 1
    for row in rows:
        drawn, height = draw_row(row, unit, top)
        pieces.append(drawn)
        top += height
    wide = round(GUTTER + max(cell.start + cell.length for row in rows for cell in row.cells) * unit) + 1
    said = escape(label)
    opening = f'<svg class="layout" width="{wide}" height="{top + 1}" viewBox="0 0 {wide} {top + 1}" role="group" aria-label="{said}">'
    return f"{opening}<title>{said}</title>{''.join(pieces)}</svg>"


def draw_row(row: Row, unit: float, top: int) -> tuple[str, int]:
    """The row, and its height with the gap to the next."""
    head = 0 if row.highest is None else LINE
    height = max([LOW, *(upright_height(cell) for cell in row.cells if is_upright(cell, unit))])
    middle = top + head + height / 2 + 4
    pieces = [text_at(0, middle, row.place, "place")]
    for cell in row.cells:
        left, wide = GUTTER + cell.start * unit, cell.length * unit
        is_whole = fits(cell, unit) or (is_upright(cell, unit) and len(cell.name) <= MOST_LETTERS)
        title = "" if is_whole else f"<title>{escape(cell.title)}</title>"
        whole = f'{title}<rect x="{left:g}" y="{top + head}" width="{wide:g}" height="{height}"/>'
        if is_upright(cell, unit):
            name = cell.name if len(cell.name) <= MOST_LETTERS else cell.name[: MOST_LETTERS - 1] + "…"
            at = f"{left + wide / 2 + 4:g} {top + head + height - 6}"
            whole += f'<text transform="translate({at}) rotate(-90)">{escape(name)}</text>'
        elif fits(cell, unit):
            whole += text_at(left + wide / 2, middle, cell.name, "mid")
        whole = f'<a href="{escape(cell.href)}" tabindex="-1">{whole}</a>' if cell.href else whole
        pieces.append(f'<g class="{cell.role}">{whole}</g>' if cell.role else whole if cell.href else f"<g>{whole}</g>")
        if row.highest is not None:
            for place in dict.fromkeys((0, cell.length - 1)):
                x = GUTTER + (cell.start + place + 0.5) * unit
                pieces.append(text_at(x, top + head - 4, str(row.highest - cell.start - place), "bit"))
    if row.is_cut:
        pieces.append(f'<path class="cut" d="M{GUTTER - 6} {top + height / 2 + 3:g}l12 -6m-12 9l12 -6"/>')
    return "".join(pieces), head + height + (6 if head else 0)


def text_at(x: float, y: float, text: str, role: str) -> str:
    return f'<text x="{round(x, 1):g}" y="{round(y, 1):g}" class="{role}">{escape(text)}</text>'


def fits(cell: Cell, unit: float) -> bool:
    return len(cell.name) * CHARACTER <= cell.length * unit - 4


def is_upright(cell: Cell, unit: float) -> bool:
    return not fits(cell, unit) and not cell.role


def upright_height(cell: Cell) -> int:
    return round(min(len(cell.name), MOST_LETTERS) * CHARACTER) + 12


def rows_of_bits(fields: Sequence[FieldTable], width: int, link: Link) -> Iterator[Row]:
    """32 bits per row, the highest first; bits without a field belong to a variant."""
    spans = sorted(((*span_of_bits(field), field) for field in fields), key=lambda one: -one[0])
    is_leaf = any("reg" in field for field in fields)
    for low in range((width - 1) // BITS_A_ROW * BITS_A_ROW, -1, -BITS_A_ROW):
        high = min(low + BITS_A_ROW, width) - 1
        cells, at = [], high
        for first, last, field in spans:
            if last <= high and first >= low:
                first, last = min(first, high), max(last, low)
                cells += varying(high - at, at - first)
                cells.append(cell_of(field, high - first, first - last + 1, link))
                at = last - 1
        cells += varying(high - at, at - low + 1)
        yield Row(CPUID_REGISTERS[low // BITS_A_ROW] if is_leaf else f"{high}:{low}", tuple(cells), high - low if is_leaf else high)


def span_of_bits(field: FieldTable) -> tuple[int, int]:
    """(high, low) in the whole word; in a CPUID leaf the registers count from eax."""
    high, low = field["bits"]
    before = BITS_A_ROW * CPUID_REGISTERS.index(field["reg"].rpartition(":")[2]) if "reg" in field else 0
    return before + high, before + low


def varying(start: int, length: int) -> list[Cell]:
    return [Cell(start, length, "varies", "depends on other fields", VARIES)] if length > 0 else []


def cell_of(field: FieldTable, start: int, length: int, link: Link, role: str = "") -> Cell:
    is_reserved = "reserved" in field
    count = f" × {field['count']}" if isinstance(field.get("count"), int) else ""
    name = "reserved" if is_reserved else field["name"] + count
    return Cell(start, length, name, f"{say_place(field)}: {name}", "reserved" if is_reserved else role, link(field))


def rows_of_bytes(fields: Sequence[FieldTable], link: Link) -> Iterator[Row]:
    """16 bytes per row; a member without a fixed size or place has its own row, and the many rows of a long member become one."""
    cells: list[Cell] = []
    begin = end = 0
    for field in fields:
        at, size = field.get("offset"), size_of(field)
        if at is None or size is None:
            yield from [Row(f"+{begin}", tuple(cells))] if cells else []
            yield Row(place_of(field), (cell_of(field, 0, BYTES_A_ROW, link, VARIES),))
            cells, begin = [], end
            continue
        if cells and at > end:  # bytes of a variant
            cells += varying(end - begin, min(at, begin + BYTES_A_ROW) - end)
        while size:
            if cells and at - begin >= BYTES_A_ROW:
                yield Row(f"+{begin}", tuple(cells))
                cells = []
            begin = begin if cells else at
            is_long = not cells and size > SHOWN_ROWS * BYTES_A_ROW
            taken = size // BYTES_A_ROW * BYTES_A_ROW if is_long else min(size, begin + BYTES_A_ROW - at)
            cells.append(cell_of(field, at - begin, min(taken, BYTES_A_ROW), link))
            at, size = at + taken, size - taken
            if is_long:
                yield Row(f"+{begin}", tuple(cells), is_cut=True)
                cells = []
        end = at
    yield from [Row(f"+{begin}", tuple(cells))] if cells else []


def size_of(field: FieldTable) -> int | None:
    """Bytes of a member, or of a whole array; None if they depend on the value."""
    size, count = field.get("size"), field.get("count", 1)
    return size * count if isinstance(size, int) and isinstance(count, int) else None
