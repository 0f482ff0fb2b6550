"""Decoded → the screen for people: the sentence first, then field by field, findings with `!`. Never relies on colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.codec.decoded import Decoded
from hvrepl.record import replace
from hvrepl.render.parts import registers_of, say_finding
from hvrepl.render.rows import NO_SLOT, PLAIN, Row, head_of, rows_of, say_others, slot_table
from hvrepl.render.style import Style, align, loud_lines, paint_text, wrap

BYTES_A_ROW = 16
WIDE_ENOUGH = 75  # columns of a row with so many bytes
REGISTERS_A_ROW = 4
WIDE_REGISTERS = 66  # columns of a row with so many registers
SLACK = 3  # columns by which reserved ranges may widen the column of places
GAP = 6  # blanks between the sentence and the way the value was read


def render_screen(node: Decoded, style: Style) -> Iterator[str]:
    """The lines of the default format."""
    yield from heading(node, style)
    yield from table_of_slots(node, style) if node.slots else align_rows(list(rows_of(node)), style)
    yield from findings_of(node, style)
    yield from others_of(node, style)
    if node.dumped:
        yield from dump_of(node.to_bytes(), style)


def heading(node: Decoded, style: Style) -> Iterator[str]:
    """Name, value and sentence, how the value was read, and the numbers of the thing."""
    head = head_of(node)
    title, sentence, read = head.title, head.sentence, head.read
    value = f" = {head.value}" if head.value else head.where
    start = f"{title}{value}"
    before = []
    if value and style.width and len(start) > style.width:
        before, start = [title], f" {value}"
    first, *more = wrap(sentence, style.width, f"{start}  ", "    ") if sentence else [start]
    if read and not more and (not style.width or len(first) + GAP + len(read) <= style.width):
        first += " " * GAP + read
    elif read:
        more += wrap(read, style.width, "  ", "    ")
    if before:
        yield style.paint("name", title)
        yield first
    else:
        yield style.paint("name", title) + first[len(title) :]
    yield from more
    yield from register_lines(node, style)
    if head.numbers:
        for line in wrap(head.numbers, style.width, "  ", "    "):
            yield paint_text(line, style, "dim")


def register_lines(node: Decoded, style: Style, indent: str = "  ") -> Iterator[str]:
    """The registers of a CPUID leaf with their values, side by side as far as they fit."""
    registers = [f"{name} {value}" for name, value in registers_of(node)]
    step = REGISTERS_A_ROW if not style.width or style.width >= WIDE_REGISTERS else REGISTERS_A_ROW // 2
    for at in range(0, len(registers), step):
        yield indent + "  ".join(registers[at : at + step])


def others_of(node: Decoded, style: Style) -> Iterator[str]:
    for text in say_others(node):
        yield from wrap(text, style.width, "  ", "    ")


def align_rows(rows: Sequence[Row], style: Style, *, place: int = 0, indent: str = "  ") -> list[str]:
    """Rows as columns; the places are in column `place`. A list of quiet ranges that would widen it gets a line of its own."""
    widest = SLACK + max((len(row.cells[place]) for row in rows if not row.quiet), default=WIDE_ENOUGH)
    cells = [row.cells if not row.quiet or len(row.cells[place]) <= widest else (line_of(row, place),) for row in rows]
    return align(cells, style, PLAIN, indent=indent, own_roles=[row.roles for row in rows])


def line_of(row: Row, place: int) -> str:
    """`63:21, 15:8  reserved  0`, after the column of marks."""
    before = [cell.ljust(1) for cell in row.cells[:place]]
    return "  ".join([*before, *row.cells[place : place + 3]])


def dump_of(data: bytes, style: Style) -> Iterator[str]:
    """The bytes in hex and as text, with their offsets; rows of zeros at the end become one line."""
    step = BYTES_A_ROW if not style.width or style.width >= WIDE_ENOUGH else BYTES_A_ROW // 2
    end = -(-len(data.rstrip(b"\0")) // step) * step
    rows = []
    for at in range(0, min(end, len(data)), step):
        row = data[at : at + step]
        rows.append((f"+{at}", row.hex(" "), "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)))
    if end < len(data):
        rows.append((f"+{end}", f"* zeros to the end at +{len(data)}", ""))
    yield from align(rows, style, ("dim", "number", "dim"))


def findings_of(node: Decoded, style: Style) -> Iterator[str]:
    for finding in node.findings:
        yield from loud_lines(say_finding(finding), style)


def table_of_slots(node: Decoded, style: Style) -> list[str]:
    """One line per slot in use, with a column for each field that has one in its spec."""
    table = slot_table(node)
    if not table.rows:
        return [f"  {NO_SLOT}"]
    rows = [table.columns, *table.rows]
    roles = [["name"] * len(rows[0]), *(["number"] * len(rows[0]) for _ in table.rows)]
    lines = align(rows, style, (), table.right, own_roles=roles)
    if not style.width or max(map(len, align(rows, replace(style, color=False), roles[0], table.right))) <= style.width:
        return lines
    return [line for row in table.rows for line in slot_lines(table.columns, row, style)]


def slot_lines(columns: Sequence[str], row: Sequence[str], style: Style) -> Iterator[str]:
    """A slot whose line would be too wide: its cells below one another."""
    yield "  " + style.paint("name", f"{columns[0]} {row[0]}")
    cells = [pair for pair in zip(columns[1:], row[1:], strict=True) if pair[1]]
    yield from align(cells, style, ("dim", "number"), indent=" " * 4)
