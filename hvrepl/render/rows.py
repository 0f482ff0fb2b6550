"""Decoded → its content for screens and pages: a heading, rows, the slots of a page. Knows neither lines nor HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from hvrepl.codec.decoded import Decoded
from hvrepl.patterns import regex
from hvrepl.record import record, replace
from hvrepl.render.parts import cell, label_of, meaning_of, place_of, places_of, registers_of, value_of
from hvrepl.wording import printable

LEAST_RUN = 3  # the fewest empty elements that share one line
MOST_BINARY = 64  # the most bits of a number in binary
NO_SLOT = "every slot is free"
AT_ADDRESS = regex(r"(?<=\d bytes) at 0x[0-9a-f]+")  # the address of the first byte, from a dump's reader
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


def say_others(node: Decoded) -> Iterator[str]:
    """The other meanings of a number, as far as they add to what is shown already."""
    said = {node.name, *(part.meaning for part in node.fields if part.named)}
    for other in node.other:
        if other.name not in said and (other.summary or other.name) != node.summary:
            yield f"also {label_of(other)}"
        said.add(other.name)


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


def parts_with_column(node: Decoded) -> Iterator[Decoded]:
    for part in node.fields:
        if part.column:
            yield part
        else:
            yield from parts_with_column(part)
