"""How text is laid out: colour, width, columns. Knows nothing of what it shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

NARROW = 24  # columns that a wrapped text should have at least
SGR = {"name": "1", "number": "36", "meaning": "32", "dim": "2", "finding": "33"}


@dataclass(frozen=True, slots=True)
class Style:
    """`width` is where lines are wrapped (0: nowhere); `table` a style of tabulate."""

    color: bool = False
    width: int = 80
    table: str = "simple"

    def paint(self, role: str, text: str) -> str:
        return f"\x1b[{SGR[role]}m{text}\x1b[0m" if self.color and text else text


def table_styles() -> list[str]:
    import tabulate  # 50 ms that only --style pays

    return list(tabulate.tabulate_formats)


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """The text in lines of at most `width` columns; a word that is longer stays whole, so that it can be copied."""
    if not width or len(first) + len(text) <= width:
        return [first + text]
    return textwrap.wrap(text, max(width, 20), initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)


def align(rows: Sequence[Sequence[str]], style: Style, roles: Sequence[str], right: Sequence[int] = (), indent: str = "  ") -> list[str]:
    """Rows as columns two blanks apart; the last column is wrapped below itself; `right` columns are right-aligned."""
    widths = column_widths(rows, style.width - len(indent) if style.width else 0)
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row[:-1]):
            gap = " " * (widths[i] - len(cell))
            cells.append(gap + style.paint(roles[i], cell) if i in right else style.paint(roles[i], cell) + gap)
        hang = len(indent) + sum(widths[:-1]) + 2 * len(cells)
        first, *more = wrap_last(row[-1], style.width, hang, len(indent) + 4)
        lines.append((indent + "  ".join([*cells, style.paint(roles[-1], first)])).rstrip())
        lines += [line[: -len(text)] + style.paint(roles[-1], text) for line in more if (text := line.lstrip())]
    return lines


def column_widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Where the columns are wider than `width`, a cell with nothing behind it does not widen its own."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width and len(widths) > 1 and sum(widths) + 2 * len(widths[1:]) > width:
        widths[-2] = max((len(row[-2]) for row in rows if row[-1]), default=0)
    return widths


def wrap_last(text: str, width: int, hang: int, indent: int) -> list[str]:
    """The lines of a last column that starts at `hang`: what stands beside the others, then whole lines for below.

    Where it would be narrow it stands below them, from `indent` on.
    """
    if not width or hang + len(text) <= width:
        return [text]
    if width - hang < NARROW:
        return ["", *wrap(text, width, " " * indent, " " * indent)]
    first, *more = wrap(text, width, " " * hang, " " * hang)
    return [first[hang:], *more]
