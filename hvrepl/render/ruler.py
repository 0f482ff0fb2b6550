"""Decoded → a ruler of bits: each bit with the letter of its field; set fields are marked, reserved bits fade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, groupby
from operator import itemgetter
from string import ascii_letters

from hvrepl.catalog.parse_specs import REGISTER_BITS
from hvrepl.codec.decoded import Decoded
from hvrepl.record import replace
from hvrepl.render.parts import registers_of
from hvrepl.render.rows import Row, rows_of
from hvrepl.render.screen import align_rows, findings_of, heading, render_screen
from hvrepl.render.style import Style

BITS_A_ROW = 32
BITS_A_GROUP = 4
WIDE_ENOUGH = 41  # columns of such a row
RESERVED, RESERVED_SET, MARK = ".", "!", "^"


def render_bits(node: Decoded, style: Style) -> Iterator[str]:
    """32 bits per row, with a mark below each field that is set; anything but a word is shown as fields."""
    digits = node.raw.removeprefix("0x")
    is_bare = node.is_number and not node.fields
    bare = (replace(node, name="value", bits=(4 * len(digits) - 1, 0)),) if is_bare else ()
    fields = [part for part in node.fields or bare if part.bits]
    if not fields or len(fields) < len(node.fields):
        yield from render_screen(node, style)
        return
    yield from heading(node, style)
    bits = "".join(f"{int(digit, 16):04b}" for digit in digits)
    letters = list(letters_of(fields))
    owners = [(part, letter) for part, letter in zip(fields, letters, strict=True) for _ in range(width_of(part))]
    under = [
        (letter_below(part, letter, bit), MARK if part.is_set and not part.reserved else " ")
        for (part, letter), bit in zip(owners, bits, strict=True)
    ]
    below = list(zip(*under, strict=True)) if node.fields else []
    roles = [role_of(part, bit) for (part, _), bit in zip(owners, bits, strict=True)]
    registers = [name for name, _ in reversed(registers_of(node))]
    step = BITS_A_ROW if not style.width or style.width >= WIDE_ENOUGH else BITS_A_ROW // 2
    for start in range(0, len(bits), step):
        row = slice(start, start + step)
        register = registers[start // REGISTER_BITS] if registers else ""
        top = len(bits) - 1 - start
        places = range(top, top - len(bits[row]), -BITS_A_GROUP)
        shown = " ".join(str(place % REGISTER_BITS if register else place).ljust(BITS_A_GROUP) for place in places)
        yield "  " + style.paint("dim", f"{shown} {register}".rstrip())
        for line in (bits, *below):
            if any(char != " " for char in line[row]):
                yield "  " + paint_bits(line[row], roles[row], style)
    names = {part.name: letter for part, letter in zip(fields, letters, strict=True)}
    yield from align_rows([mark(row, names.get(row.cells[1], RESERVED if row.quiet else "")) for row in rows_of(node)], style, place=1)
    yield from findings_of(node, style)


def width_of(part: Decoded) -> int:
    return part.bits[0] - part.bits[1] + 1 if part.bits else 0


def letters_of(fields: Sequence[Decoded]) -> Iterator[str]:
    """a … z, A … Z, and again; none for reserved bits."""
    letters = cycle(ascii_letters)
    return (next(letters) if not part.reserved else RESERVED_SET if part.is_set else RESERVED for part in fields)


def letter_below(part: Decoded, letter: str, bit: str) -> str:
    """The mark below a bit: a set reserved bit is loud."""
    return letter if not part.reserved else RESERVED_SET if bit == "1" else RESERVED


def role_of(part: Decoded, bit: str) -> str:
    if part.reserved:
        return "finding" if bit == "1" else "dim"
    return "set" if part.is_set else "number"


def mark(row: Row, letter: str) -> Row:
    """A row with its field's letter in the ruler."""
    return Row((letter, *row.cells), (row.roles[0], *row.roles), row.quiet)


def paint_bits(chars: Sequence[str], roles: Sequence[str], style: Style) -> str:
    """The characters in groups, each in its role."""
    painted = [(char, role if char != " " else "number") for char, role in zip(chars, roles, strict=True)]
    for at in range(len(painted) // BITS_A_GROUP * BITS_A_GROUP, 0, -BITS_A_GROUP):
        painted.insert(at, (" ", "number"))
    while painted[-1][0] == " ":
        painted.pop()
    return "".join(style.paint(role, "".join(char for char, _ in run)) for role, run in groupby(painted, key=itemgetter(1)))
