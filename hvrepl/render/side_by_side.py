"""Several values of one thing → one screen: a column per value, with differences marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from hvrepl.catalog.parse_specs import CPUID_REGISTERS
from hvrepl.codec.decoded import Decoded
from hvrepl.hints import TypeAlias
from hvrepl.record import record, replace
from hvrepl.render.comparison import say_part
from hvrepl.render.parts import place_of, places_of, registers_of, say_finding, value_of
from hvrepl.render.rows import Row, say_read, sentence_of, title_of
from hvrepl.render.screen import align_rows, others_of
from hvrepl.render.style import Style, loud_lines, paint_text, titled, wrap

MOST = 8  # values shown side by side
MOST_NAMES = 3  # fields in the heading
MARK = "≠"
INDENT = "   "  # instead of a mark

Key: TypeAlias = "tuple[str, tuple[int, int], str]"  # register, bits and name


@record
class Across:
    """A field with each value's part: None in a value of another variant."""

    parts: tuple[Decoded | None, ...]

    @property
    def some(self) -> Decoded:
        return next(part for part in self.parts if part)

    @property
    def differs(self) -> bool:
        return len({part and part.raw for part in self.parts}) > 1

    @property
    def is_set(self) -> bool:
        return any(part and part.is_set for part in self.parts)

    @property
    def is_quiet(self) -> bool:
        return self.some.reserved and not self.is_set


def show_side_by_side(nodes: Sequence[Decoded], style: Style) -> list[str] | None:
    """The lines; None for values that cannot be side by side: different things, structs, and values that are too wide."""
    if not 1 < len(nodes) <= MOST or not all(is_flat(node) and title_of(node) == title_of(nodes[0]) for node in nodes):
        return None
    fields = fields_across(nodes)
    if style.width and max(map(len, table_lines(fields, Style(width=0)))) > style.width:
        return None
    return [
        *heading(nodes, [one.some.name for one in fields if one.differs], style),
        *table_lines(fields, replace(style, width=0)),
        *finding_lines(nodes, style),
        *others_of(nodes[0], style),
    ]


def is_flat(node: Decoded) -> bool:
    """Whether it is a word of plain fields."""
    return node.is_number and bool(node.fields) and all(part.bits and not part.fields and not part.readings for part in node.fields)


def fields_across(nodes: Sequence[Decoded]) -> list[Across]:
    """High bits first, with the fields of all variants."""
    parts = [{(part.register, part.bits or (0, 0), part.name): part for part in node.fields} for node in nodes]
    keys = sorted({key: None for one in parts for key in one}, key=order_of)
    return [Across(tuple(one.get(key) for one in parts)) for key in keys]


def order_of(key: Key) -> tuple[int, int, int]:
    register, (high, low), _ = key
    first = register.partition(":")[0]
    return -CPUID_REGISTERS.index(first) if first else 0, -high, -low


def heading(nodes: Sequence[Decoded], different: Sequence[str], style: Style) -> Iterator[str]:
    """The thing and the fields that differ, then each value with its sentence under the letter of its column."""
    yield from titled(title_of(nodes[0]), say_different(len(nodes), different), style)
    for letter, node in zip(ascii_lowercase, nodes, strict=False):
        value = "  ".join(f"{name} {value}" for name, value in registers_of(node)) or node.raw
        text = "  ".join(filter(None, (value, sentence_of(node), say_read(node)[1])))
        yield from wrap(text, style.width, f"{INDENT}{letter} = ", f"{INDENT}    ")
    if nodes[0].number and nodes[0].subtitle:
        yield from (paint_text(line, style, "dim") for line in wrap(nodes[0].subtitle, style.width, INDENT, f"{INDENT}  "))


def say_different(count: int, names: Sequence[str]) -> str:
    if not names:
        return f"{count} values; all the same"
    if len(names) > MOST_NAMES:
        return f"{count} values; {len(names)} fields differ"
    return f"{count} values; {' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))} differ{'s' * (len(names) == 1)}"


def table_lines(fields: Sequence[Across], style: Style) -> list[str]:
    shown = [one for one in fields if not one.is_quiet]
    letters = ascii_lowercase[: len(fields[0].parts)]
    rows = [Row((" ", "", "", *letters), ("name",) * (len(letters) + 3))]  # a blank: marks have a column even if nothing differs
    for one in shown:
        cells = (value_of(part) if part and part.reserved else say_part(part) for part in one.parts)  # findings report reserved bits
        role = "finding" if one.some.reserved else "set" if one.differs else "number" if one.is_set else "dim"
        rows.append(Row((MARK if one.differs else "", place_of(one.some), one.some.name, *cells), (role,) * (len(letters) + 3)))
    quiet = places_of([one.some for one in fields if one.is_quiet])
    if quiet:
        rows.append(Row(("", quiet, "reserved", *"0" * len(letters)), ("dim",) * (len(letters) + 3), quiet=True))
    return align_rows(rows, style, place=1, indent="")


def finding_lines(nodes: Sequence[Decoded], style: Style) -> Iterator[str]:
    """Each finding once, with the letters of its values unless all have it."""
    found: dict[str, str] = {}
    for letter, node in zip(ascii_lowercase, nodes, strict=False):
        for text in map(say_finding, node.findings):
            found[text] = found.get(text, "") + letter
    for text, letters in found.items():
        label = "" if len(letters) == len(nodes) else f"{', '.join(letters)}: "
        yield from loud_lines(f"{label}{text}", style)
