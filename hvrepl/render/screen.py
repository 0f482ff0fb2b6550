"""Decoded → the screen for people: the sentence first, then field by field, findings with `!`. Never relies on colour alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from hvrepl.catalog.parse_specs import CPUID_REGISTERS, REGISTER_BITS
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.record import record, replace
from hvrepl.render.style import Style, align, loud_lines, paint_text, wrap
from hvrepl.wording import printable

CPUID = "cpuid"  # the space whose values are four registers
SHOWN_BYTES = 16
BYTES_A_ROW = 16
WIDE_ENOUGH = 75  # columns of a row with so many bytes
REGISTERS_A_ROW = 4
WIDE_REGISTERS = 66  # columns of a row with so many registers
LEAST_RUN = 3  # the fewest empty elements that share one line
MOST_BINARY = 64  # the most bits of a number in binary
SLACK = 3  # columns by which reserved ranges may widen the column of places
NO_SLOT = "every slot is free"
GAP = 6  # blanks between the sentence and the way the value was read
AT_ADDRESS = re.compile(r"(?<=\d bytes) at 0x[0-9a-f]+")  # the address of the first byte, from a dump's reader
PLAIN = ("dim", "number", "number", "meaning")
SET = ("dim", "set", "set", "meaning")
ZERO = ("dim", "dim", "dim", "dim")
LOUD = ("finding", "finding", "finding", "finding")


@record
class Row:
    """(place, name, value, meaning) of a part, with the role of each; `quiet`: reserved bits that are clear.

    `parts` are the parts in the row: one, a run of elements, or all the reserved ones; `inside` is the part whose own rows come next.
    """

    cells: tuple[str, ...]
    roles: tuple[str, ...] = PLAIN
    quiet: bool = False
    parts: tuple[Decoded, ...] = ()
    inside: Decoded | None = None


@record
class Head:
    """The text above the rows: `value` of a word, or `where` a dump had it, and in parentheses how it was read."""

    title: str
    value: str
    where: str
    sentence: str
    read: str
    registers: Sequence[tuple[str, str]]
    numbers: str


@record
class SlotTable:
    """The slots in use: a column for each field that has one in its spec, and the columns that are right-aligned."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    slots: Sequence[Decoded]
    right: Sequence[int]


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


def head_of(node: Decoded) -> Head:
    where, read = say_read(node)
    return Head(
        title=title_of(node),
        value=node.raw if is_word(node) else "",
        where="" if is_word(node) else where,
        sentence=sentence_of(node),
        read=read,
        registers=registers_of(node),
        numbers=node.subtitle if node.number else "",
    )


def title_of(node: Decoded) -> str:
    """The name of a thing; without a number, with its kind."""
    return node.name if node.number else node.subtitle or node.name


def is_word(node: Decoded) -> bool:
    """Whether its value is one number: not a struct, and not the registers of a CPUID leaf."""
    return node.is_number and not registers_of(node)


def sentence_of(node: Decoded) -> str:
    """The summary; for a number without a layout the number in decimal, unless its hex looks the same."""
    is_bare = is_word(node) and not node.fields and node.value is not None and node.kind != "number"
    return node.summary or (str(node.value) if is_bare and f"{node.value:x}" != str(node.value) else "")


def say_read(node: Decoded) -> tuple[str, str]:
    """The address in the dump, for the title, and in parentheses how it was read."""
    read = printable(node.read)  # it may contain the name of a file
    dump = None if node.dumped else AT_ADDRESS.search(read)
    how = read.replace(dump[0], "", 1) if dump else read
    how = how.removeprefix("read ").removeprefix("as ").replace(", read ", ", ")
    return dump[0] if dump else "", f"({how})" if how else ""


def registers_of(node: Decoded) -> list[tuple[str, str]]:
    """(register, value) of a CPUID leaf, of which only some may be known; empty for any other thing."""
    if node.space != CPUID:
        return []
    if node.is_number:
        digits = node.raw.removeprefix("0x")
        values = [digits[at : at + REGISTER_BITS // 4] for at in range(0, len(digits), REGISTER_BITS // 4)]
        return [(name, f"0x{value}") for name, value in zip(CPUID_REGISTERS, reversed(values), strict=True)]
    known = {part.register for part in node.fields}
    return [(name, f"0x{sum_up(part for part in node.fields if part.register == name):08x}") for name in CPUID_REGISTERS if name in known]


def sum_up(parts: Iterable[Decoded]) -> int:
    """The word that the fields make up."""
    return sum(part.value << part.bits[1] for part in parts if part.bits and part.value is not None)


def register_lines(node: Decoded, style: Style, indent: str = "  ") -> Iterator[str]:
    """The registers of a CPUID leaf with their values, side by side as far as they fit."""
    registers = [f"{name} {value}" for name, value in registers_of(node)]
    step = REGISTERS_A_ROW if not style.width or style.width >= WIDE_REGISTERS else REGISTERS_A_ROW // 2
    for at in range(0, len(registers), step):
        yield indent + "  ".join(registers[at : at + step])


def others_of(node: Decoded, style: Style) -> Iterator[str]:
    for text in say_others(node):
        yield from wrap(text, style.width, "  ", "    ")


def say_others(node: Decoded) -> Iterator[str]:
    """The other meanings of a number, as far as they add to what is shown already."""
    said = {node.name, *(part.meaning for part in node.fields if part.named)}
    for other in node.other:
        if other.name not in said and (other.summary or other.name) != node.summary:
            yield f"also {label_of(other)}"
        said.add(other.name)


def align_rows(rows: Sequence[Row], style: Style, *, place: int = 0, indent: str = "  ") -> list[str]:
    """Rows as columns; the places are in column `place`. A list of quiet ranges that would widen it gets a line of its own."""
    widest = SLACK + max((len(row.cells[place]) for row in rows if not row.quiet), default=WIDE_ENOUGH)
    cells = [row.cells if not row.quiet or len(row.cells[place]) <= widest else (line_of(row, place),) for row in rows]
    return align(cells, style, PLAIN, indent=indent, own_roles=[row.roles for row in rows])


def line_of(row: Row, place: int) -> str:
    """`63:21, 15:8  reserved  0`, after the column of marks."""
    before = [cell.ljust(1) for cell in row.cells[:place]]
    return "  ".join([*before, *row.cells[place : place + 3]])


def rows_of(node: Decoded, depth: int = 0) -> Iterator[Row]:
    """Each part with its inner parts indented; for a plain number, other notations come first."""
    if depth == 0:
        yield from number_rows(node)
    for row in rows_at(node):
        place, name, *others = row.cells
        yield replace(row, cells=(place, "  " * depth + name, *others))
        if row.inside:
            yield from rows_of(row.inside, depth + 1)


def number_rows(node: Decoded) -> Iterator[Row]:
    if node.kind == "number" and node.value is not None:
        yield from (Row(("", label, text, "")) for label, text in notations(node.value))


def rows_at(node: Decoded) -> Iterator[Row]:
    """Each part without its inner parts; clear reserved bits share one line, and so does a run of empty elements."""
    quiet = []
    for part, last in runs_of(node.fields):
        if part.reserved and not part.is_set:
            quiet.append(part)
            continue
        if last is not part:
            cells = (place_of(part), f"{part.name}…{last.name}", value_of(part) or "0", meaning_of(part))
            yield Row(cells, ZERO, parts=(part, last))
            continue
        cells = (place_of(part), part.name, value_of(part), meaning_of(part))
        yield Row(cells, roles_of(part), parts=(part,), inside=part if part.fields else None)
        for reading in part.readings:
            cells = ("", f"or {reading.name}", value_of(reading), meaning_of(reading))
            yield Row(cells, roles_of(reading), parts=(reading,))
    if quiet:
        yield Row((places_of(quiet), "reserved", "0", ""), ZERO, quiet=True, parts=tuple(quiet))


def roles_of(part: Decoded) -> tuple[str, ...]:
    """A set part is bold, a zero dim; one that only contains others is neither."""
    if part.reserved:
        return LOUD
    if part.fields and part.value is None:
        return PLAIN
    return SET if part.is_set else ZERO


def notations(value: int) -> Iterator[tuple[str, str]]:
    """A number in notations other than hex, and the bits that are set in it."""
    yield "decimal", str(value)
    digits = f"{value:b}"
    if len(digits) <= MOST_BINARY:
        yield "binary", " ".join(re.findall(r"\d{4}", digits.zfill(-(-len(digits) // 4) * 4)))
    runs = [(len(digits) - 1 - match.start(), len(digits) - match.end()) for match in re.finditer("1+", digits)]
    yield "bits", ", ".join(str(high) if high == low else f"{high}:{low}" for high, low in runs) or "none"


def runs_of(parts: Sequence[Decoded]) -> Iterator[tuple[Decoded, Decoded]]:
    """(part, part) for each part, but (first, last) for a run of empty elements with the same meaning."""
    for _, group in groupby(parts, key=lambda part: meaning_of(part) if part.name.startswith("[") and not part.is_set else id(part)):
        run = list(group)
        yield from ((run[0], run[-1]),) if len(run) >= LEAST_RUN else ((part, part) for part in run)


def place_of(part: Decoded) -> str:
    """Bits as 63:12, in a CPUID leaf after the register; bytes as +16."""
    if part.bits is None:
        return f"+{part.offset}" if part.offset is not None else ""
    high, low = part.bits
    bits = f"{high}:{low}" if high != low else str(high)
    return f"{part.register} {bits}" if part.register else bits


def places_of(parts: Sequence[Decoded]) -> str:
    """The places of several parts; a register is only repeated when it changes."""
    said = ""
    places = []
    for part in parts:
        place = place_of(part)
        places.append(place.removeprefix(f"{part.register} ") if part.register and part.register == said else place)
        said = part.register
    return ", ".join(places)


def value_of(part: Decoded) -> str:
    """The number in its natural base, or bytes in hex as far as they fit; "" for a part that only contains others."""
    if part.value is not None:
        return str(part.value) if part.is_bit or part.base == 10 else part.raw
    if part.fields:
        return ""
    return part.raw if part.is_number else short_bytes(part)


def summary_beside(node: Decoded, listed: Collection[str]) -> str:
    """The summary, unless it only repeats the listed names."""
    return "" if listed and set(node.summary.split(", ")) <= set(listed) else node.summary


def say_set(part: Decoded) -> str:
    """A set part in a list: a flag by its name, a number with its meaning."""
    if part.is_bit:
        return part.name
    return f"{part.name} {meaning_of(part) or value_of(part)}"


def flags_of(node: Decoded) -> Iterator[tuple[str, list[str]]]:
    """(register and its value, the set parts in it) low bits first; a word without registers has one list."""
    values = dict(registers_of(node))
    parts_of: dict[str, list[Decoded]] = {}
    for part in reversed(node.fields):
        if part.is_set:
            parts_of.setdefault(register_of(part, in_leaf=bool(values)), []).append(part)
    for register, parts in parts_of.items():
        value = values.get(register) or f"0x{sum_up(parts):08x}"
        yield f"{register} {value}" if register else "", [say_set(part) for part in parts]


def register_of(part: Decoded, *, in_leaf: bool) -> str:
    """The register of a CPUID leaf that contains a part; in other hypervisors' leaves, bits count through all four."""
    return CPUID_REGISTERS[part.bits[1] // REGISTER_BITS] if in_leaf and part.bits and not part.register else part.register


def short_bytes(part: Decoded) -> str:
    size = len(part.raw) // 2
    if size > 1 and not part.is_set:
        return f"{size} bytes of zero"
    shown = " ".join(part.raw[i : i + 2] for i in range(0, 2 * min(size, SHOWN_BYTES), 2))
    return shown if size <= SHOWN_BYTES else f"{shown} … {size} bytes"


def meaning_of(part: Decoded) -> str:
    if part.reserved and part.is_set:
        return "reserved, but set" if part.bits else "not part of it, but set"
    return part.meaning or part.summary


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


def say_finding(finding: Finding) -> str:
    """The finding with its slot, and with its field unless the sentence has it."""
    path, slot = finding.field, ""
    if path.startswith("slots["):
        number, _, path = path[6:].partition("]")
        slot, path = f"slot {number}: ", path.removeprefix(".")
    last = path.rpartition(".")[2]
    return slot + (f"{path}: " if path and last not in finding.text else "") + finding.text


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


def slot_table(node: Decoded) -> SlotTable:
    used = [(index, slot) for index, slot in enumerate(node.slots) if not slot.unused]
    columns = {part.column: None for _, slot in used for part in parts_with_column(slot)}
    rows = []
    right = {0}
    for index, slot in used:
        cells = {part.column: part for part in parts_with_column(slot)}
        right |= {place for place, column in enumerate(columns, 1) if column in cells and cells[column].base == 10}
        rows.append([str(index), *(cell(cells[column]) if column in cells else "" for column in columns)])
    return SlotTable(["slot", *columns], rows, [slot for _, slot in used], sorted(right))


def slot_lines(columns: Sequence[str], row: Sequence[str], style: Style) -> Iterator[str]:
    """A slot whose line would be too wide: its cells below one another."""
    yield "  " + style.paint("name", f"{columns[0]} {row[0]}")
    cells = [pair for pair in zip(columns[1:], row[1:], strict=True) if pair[1]]
    yield from align(cells, style, ("dim", "number"), indent=" " * 4)


def parts_with_column(node: Decoded) -> Iterator[Decoded]:
    for part in node.fields:
        if part.column:
            yield part
        else:
            yield from parts_with_column(part)


def cell(part: Decoded) -> str:
    """A part in a table: its own name if it has one, otherwise number and meaning; for an array the set elements; a dash for none."""
    if part.fields and not part.kind:
        return ", ".join(cell(one) for one in part.fields if one.is_set) or "-"
    if part.fields or part.summary:
        return part.summary or "-"
    if part.meaning:
        return part.meaning if part.meaning.isupper() or part.value is None else f"{part.meaning} ({part.value:#x})"
    if part.value is None:
        return short_bytes(part) if part.raw else "-"
    return str(part.value) if part.base == 10 else f"{part.value:#x}"


def label_of(node: Decoded) -> str:
    """`cpuid 0x40000003 HV_CPUID_FEATURES`: a thing in a few words."""
    return " ".join(word for word in (node.space, node.number, node.name) if word) + (f": {node.summary}" if node.summary else "")
