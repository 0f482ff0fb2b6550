"""Decoded → what a person reads: the sentence first, then field by field, strange things with `!`. Never by colour alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.record import replace
from hvrepl.render.style import Style, align, wrap

SHOWN_BYTES = 16
BYTES_A_ROW = 16
WIDE_ENOUGH = 75  # columns that a row of so many bytes takes
LEAST_RUN = 3  # elements that say nothing, to stand in one line
MOST_BINARY = 64  # bits that are written one by one
GAP = 6  # blanks between the sentence and how the value was read
ROLES = ("dim", "name", "number", "meaning")


def render_screen(node: Decoded, style: Style) -> Iterator[str]:
    """The lines of the default format."""
    yield from heading(node, style)
    yield from table_of_slots(node, style) if node.slots else align(list(rows_of(node)), style, ROLES)
    yield from findings_of(node, style)
    for other in node.other:
        yield from wrap(f"also {label_of(other)}", style.width, "  ", "    ")
    if node.dumped:
        yield from dump_of(node.to_bytes(), style)


def heading(node: Decoded, style: Style) -> Iterator[str]:
    """The sentence, how the value was read, and where the thing stands."""
    title = node.name if node.number else node.subtitle or node.name
    start = f"{title}  " if node.summary else title
    first, *more = wrap(node.summary, style.width, start, "    ") if node.summary else [title]
    if node.read and not more and (not style.width or len(first) + GAP + len(node.read) <= style.width):
        more, first = [], first + " " * GAP + node.read
    elif node.read:
        more.append(f"  {node.read}")
    yield style.paint("name", title) + first[len(title) :]
    yield from more
    if node.number and node.subtitle:
        for line in wrap(node.subtitle, style.width, "  ", "    "):
            yield style.paint("dim", line)


def rows_of(node: Decoded, depth: int = 0) -> Iterator[tuple[str, str, str, str]]:
    """(place, name, value, meaning) of each part; reserved bits that are clear stand in one line, as a run of empty elements does."""
    quiet = []
    if depth == 0 and node.kind == "number" and node.value is not None:
        yield from (("", label, text, "") for label, text in notations(node.value))
    elif depth == 0 and is_bare(node):
        yield "", "value", node.raw, "" if node.value is None else str(node.value)
    for part, last in runs_of(node.fields):
        if part.reserved and not part.is_set:
            quiet.append(place_of(part))
            continue
        if last is not part:
            yield place_of(part), f"{'  ' * depth}{part.name}…{last.name}", value_of(part) or "0", meaning_of(part)
            continue
        yield place_of(part), "  " * depth + part.name, value_of(part), meaning_of(part)
        if part.fields:
            yield from rows_of(part, depth + 1)
        for reading in part.readings:
            yield "", "  " * depth + f"or {reading.name}", value_of(reading), meaning_of(reading)
    if quiet:
        yield "", "  " * depth + "reserved", "0", ", ".join(quiet)


def notations(value: int) -> Iterator[tuple[str, str]]:
    """A number as people write it, and which of its bits are set."""
    yield "hex", f"{value:#x}"
    yield "decimal", str(value)
    digits = f"{value:b}"
    if len(digits) <= MOST_BINARY:
        yield "binary", " ".join(re.findall(r"\d{4}", digits.zfill(-(-len(digits) // 4) * 4)))
    runs = [(len(digits) - 1 - match.start(), len(digits) - match.end()) for match in re.finditer("1+", digits)]
    yield "bits", ", ".join(str(high) if high == low else f"{high}:{low}" for high, low in runs) or "none"


def runs_of(parts: Sequence[Decoded]) -> Iterator[tuple[Decoded, Decoded]]:
    """(itself, itself) of each part, but (first, last) of a run of elements in which nothing is set and which mean the same."""
    for _, group in groupby(parts, key=lambda part: meaning_of(part) if part.name.startswith("[") and not part.is_set else id(part)):
        run = list(group)
        yield from ((run[0], run[-1]),) if len(run) >= LEAST_RUN else ((part, part) for part in run)


def is_bare(node: Decoded) -> bool:
    """Whether it is a number that nobody lays out."""
    return node.is_number and not node.fields


def place_of(part: Decoded) -> str:
    """Bits as 63:12, a register of a CPUID leaf before them; bytes as +16."""
    if part.bits is None:
        return f"+{part.offset}" if part.offset is not None else ""
    high, low = part.bits
    bits = f"{high}:{low}" if high != low else str(high)
    return f"{part.register} {bits}" if part.register else bits


def value_of(part: Decoded) -> str:
    """The number in its natural base, bytes in hex as far as they fit; nothing for what only holds other parts."""
    if part.value is not None:
        single = part.bits is not None and part.bits[0] == part.bits[1]
        return str(part.value) if single or part.base == 10 else part.raw
    if part.fields:
        return ""
    return part.raw if part.is_number else short_bytes(part)


def summary_beside(node: Decoded, listed: Collection[str]) -> str:
    """The summary, unless it only repeats what is listed by name."""
    return "" if listed and set(node.summary.split(", ")) <= set(listed) else node.summary


def say_set(part: Decoded) -> str:
    """A part that is set, in a list of such: a flag by its name, a number with its meaning."""
    if part.bits and part.bits[0] == part.bits[1]:
        return part.name
    return f"{part.name} {meaning_of(part) or value_of(part)}"


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
    """The bytes in hex and as text, with their offsets; rows of zeros at the end are one line that says so."""
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
        for line in wrap(say_finding(finding), style.width, "! ", "  "):
            yield style.paint("finding", line)


def say_finding(finding: Finding) -> str:
    """The finding with its slot, and with its field where the sentence does not name it."""
    path, slot = finding.field, ""
    if path.startswith("slots["):
        number, _, path = path[6:].partition("]")
        slot, path = f"slot {number}: ", path.removeprefix(".")
    last = path.rpartition(".")[2]
    return slot + (f"{path}: " if path and last not in finding.text else "") + finding.text


def table_of_slots(node: Decoded, style: Style) -> list[str]:
    """One line for each slot in use, with the columns that its fields ask for."""
    used = [(index, slot) for index, slot in enumerate(node.slots) if not slot.unused]
    if not used:
        return ["  every slot is free"]
    columns = {part.column: None for _, slot in used for part in parts_with_column(slot)}
    rows = [["slot", *columns]]
    right = {0}
    for index, slot in used:
        cells = {part.column: part for part in parts_with_column(slot)}
        right |= {place for place, column in enumerate(columns, 1) if column in cells and cells[column].base == 10}
        rows.append([str(index), *(cell(cells[column]) if column in cells else "" for column in columns)])
    return align(rows, style, ["name"] * len(rows[0]), sorted(right))


def parts_with_column(node: Decoded) -> Iterator[Decoded]:
    for part in node.fields:
        if part.column:
            yield part
        else:
            yield from parts_with_column(part)


def cell(part: Decoded) -> str:
    """A part in a table: its name where it has one of its own, else number and meaning; of an array what is set. Nothing set is a dash."""
    if part.fields and not part.kind:
        return ", ".join(cell(one) for one in part.fields if one.is_set) or "-"
    if part.fields or part.summary:
        return part.summary or "-"
    if part.meaning:
        return part.meaning if part.meaning.isupper() or part.value is None else f"{part.raw} {part.meaning}"
    if part.value is None:
        return short_bytes(part) if part.raw else "-"
    return str(part.value) if part.base == 10 else f"{part.value:#x}"


def label_of(node: Decoded) -> str:
    """`cpuid 0x40000003 HV_CPUID_FEATURES`: a thing in a few words."""
    return " ".join(word for word in (node.space, node.number, node.name) if word) + (f": {node.summary}" if node.summary else "")


def render_bits(node: Decoded, style: Style) -> Iterator[str]:
    """A ruler of bits, 32 a row, each marked with the letter of its field; what is no word is shown as fields."""
    digits = node.raw.removeprefix("0x")
    bare = (replace(node, name="value", bits=(4 * len(digits) - 1, 0)),) if is_bare(node) else ()
    fields = [part for part in node.fields or bare if part.bits]
    if not fields or len(fields) < len(node.fields):
        yield from render_screen(node, style)
        return
    yield from heading(node, style)
    bits = "".join(f"{int(digit, 16):04b}" for digit in digits)
    letters = "".join(letter(i) * (len_of(part)) for i, part in enumerate(fields))
    for start in range(0, len(bits), 32):
        top = len(bits) - 1 - start
        row = range(start, min(start + 32, len(bits)), 4)
        yield "  " + " ".join(str(top - (i - start)).ljust(4) for i in row).rstrip()
        yield "  " + style.paint("number", " ".join(bits[i : i + 4] for i in row))
        yield "  " + style.paint("dim", " ".join(letters[i : i + 4] for i in row))
    rows = [(letter(i), place_of(part), part.name, value_of(part), meaning_of(part)) for i, part in enumerate(fields)]
    yield from align(rows, style, ("dim", *ROLES))
    yield from findings_of(node, style)


def len_of(part: Decoded) -> int:
    return part.bits[0] - part.bits[1] + 1 if part.bits else 0


def letter(index: int) -> str:
    """a … z, A … Z, and again."""
    return chr(ord("a") + index % 26) if index % 52 < 26 else chr(ord("A") + index % 26)
