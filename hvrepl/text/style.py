"""How text is laid out: colour, width, columns. Knows nothing of what it shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

SGR = {"name": "1", "number": "36", "meaning": "32", "dim": "2", "finding": "33"}


@dataclass(frozen=True, slots=True)
class Style:
    """`width` is where lines are wrapped (0: nowhere); `table` a style of tabulate."""

    color: bool = False
    width: int = 80
    table: str = "simple"

    def paint(self, role: str, text: str) -> str:
        return f"\x1b[{SGR[role]}m{text}\x1b[0m" if self.color and text else text


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """The text in lines of at most `width` columns; a word that is longer stays whole, so that it can be copied."""
    if not width or len(first) + len(text) <= width:
        return [first + text]
    return textwrap.wrap(text, max(width, 20), initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


def align(rows: Sequence[Sequence[str]], style: Style, roles: Sequence[str], right: Sequence[int] = (), indent: str = "  ") -> list[str]:
    """Rows as columns two blanks apart; the last column is wrapped below itself; `right` columns are right-aligned."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        start = indent + "  ".join(cells[:-1]) + "  "
        painted = indent + "  ".join(style.paint(role, cell) for role, cell in zip(roles, cells[:-1], strict=False)) + "  "
        tail = wrap(row[-1], style.width, start, " " * len(start)) if row[-1] else [start]
        first, *more = [line[len(start) :] for line in tail]
        lines.append((painted + style.paint(roles[-1], first)).rstrip())
        lines += [" " * len(start) + style.paint(roles[-1], line) for line in more]
    return lines
