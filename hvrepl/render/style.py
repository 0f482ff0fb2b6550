"""The layout of text: colour, width, columns. Does not know the content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from hvrepl.patterns import regex
from hvrepl.record import record
from hvrepl.wording import printable

NARROW = 24  # the least columns of wrapped text
# Bright red is the only one of the sixteen colours that is readable on white and on black: a contrast of 3 or more in the palettes of
# xterm, GNOME, Tango, Windows Terminal, macOS, VGA and Solarized. Yellow, green and cyan fade on white, blue and magenta on black. So
# everything else is distinguished by weight: set values are bold, zeros dim.
SGR = {"name": "1", "set": "1", "number": "", "meaning": "", "dim": "2", "finding": "1;91", "error": "91"}
OWN_SGR = regex(rf"(\x1b\[(?:0|{'|'.join(filter(None, SGR.values()))})m)")


@record
class Style:
    """`width` is where lines wrap (0: never); `table` is a style of tabulate.

    `is_terminal`: a person reads it right now, so lists have a heading and a count, and JSON is indented; a script would count lines.
    """

    color: bool = False
    width: int = 80
    table: str = "simple"
    is_terminal: bool = False

    def paint(self, role: str, text: str) -> str:
        """The text in the colour of a role; "" is a role without colour."""
        return f"\x1b[{SGR[role]}m{text}\x1b[0m" if self.color and text and role and SGR[role] else text


def only_text(text: str, *, has_color: bool) -> str:
    """Text that is safe for a terminal: lines, tabs, and the colours of `paint`. Everything else is escaped."""
    pieces = OWN_SGR.split(text) if has_color else [text]
    pieces[::2] = [printable(piece, "\n\t") for piece in pieces[::2]]
    return "".join(pieces)


def table_styles() -> list[str]:
    import tabulate  # 50 ms that only --style costs

    return list(tabulate.tabulate_formats)


def wrap(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """The text in lines of at most `width` columns; a longer word stays whole, so that it can be copied."""
    if not width or len(first) + len(text) <= width or not text.strip():
        return [first + text]
    import textwrap  # only needed for text that does not fit into a line

    fill = partial(textwrap.wrap, text, max(width, NARROW), subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    lines = fill(initial_indent=first)
    return [first.rstrip(), *fill(initial_indent=rest)] if first.strip() and len(lines[0]) > width else lines


def titled(name: str, text: str, style: Style) -> list[str]:
    """A name, followed by its text, which continues below."""
    first, *more = wrap(text, style.width, f"{name}  ", "    ") if text else [name]
    return [style.paint("name", name) + first[len(name) :], *more]


def loud_lines(text: str, style: Style, indent: str = "") -> Iterator[str]:
    """A finding after its mark."""
    return (style.paint("finding", line) for line in wrap(text, style.width, f"{indent}! ", f"{indent}  "))


def align(
    rows: Sequence[Sequence[str]],
    style: Style,
    roles: Sequence[str],
    right: Sequence[int] = (),
    indent: str = "  ",
    own_roles: Sequence[Sequence[str]] = (),
) -> list[str]:
    """Rows as columns two blanks apart; the last cell of a row is wrapped below itself; `right` columns are right-aligned.

    `own_roles` are the roles of each row, if rows differ. A row with a single cell is a text outside the columns.
    """
    widths = column_widths([row for row in rows if len(row) > 1], style.width - len(indent) if style.width else 0)
    lines = []
    for at, row in enumerate(rows):
        painted = own_roles[at] if own_roles else roles
        if len(row) == 1:
            lines += [paint_text(line, style, painted[0]) for line in wrap(row[0], style.width, indent, f"{indent}  ")]
            continue
        last = max((i for i, cell in enumerate(row) if cell), default=0)
        gaps = squeeze([" " * (width - len(cell)) for cell, width in zip(row, widths, strict=True)], row, last, len(indent), style.width)
        cells = [
            gaps[i] + style.paint(painted[i], row[i]) if i in right else style.paint(painted[i], row[i]) + gaps[i] for i in range(last)
        ]
        hang = len(indent) + sum(len(row[i]) + len(gaps[i]) + 2 for i in range(last))
        first, *more = wrap_last(gaps[last] + row[last] if last in right else row[last], style.width, hang, len(indent) + 4)
        lines.append((indent + "  ".join([*cells, style.paint(painted[last], first)])).rstrip())
        lines += [paint_text(line, style, painted[last]) for line in more]
    return lines


def spread(rows: Sequence[Sequence[str]], style: Style, roles: Sequence[str], indent: str = "  ") -> list[str]:
    """Rows with a text as their last cell: next to the others if a third of the width is left for it, otherwise below them.

    The column of names, or without names the widest, is only as wide as leaves that room, and cells that are far longer than those of
    other columns do not widen theirs: they stick out. In a row that is wider than the terminal, the name begins a line of its own.
    """
    *columns, _ = zip(*rows, strict=True) if rows else ((),)
    widths = [max(map(len, column)) for column in columns]
    flexible = roles.index("name") if "name" in roles else max(range(len(widths)), key=widths.__getitem__, default=0)
    if style.width and widths:
        room = style.width - len(indent) - 2 - max(NARROW, style.width // 3)
        widths = [
            w if w <= NARROW else max((len(c) for c in cells if len(c) <= NARROW), default=0)
            for w, cells in zip(widths, columns, strict=True)
        ]
        room -= sum(width + 2 for place, width in enumerate(widths) if place != flexible)
        widths[flexible] = max((len(row[flexible]) for row in rows if row[-1] and len(row[flexible]) <= room), default=0)
    hang = len(indent) + sum(width + 2 for width in widths)
    return [line for row in rows for line in spread_row(row, widths, hang, flexible, style, roles, indent)]


def spread_row(
    row: Sequence[str], widths: Sequence[int], hang: int, flexible: int, style: Style, roles: Sequence[str], indent: str
) -> Iterator[str]:
    *cells, text = row
    plain = (indent + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))).rstrip()
    painted = [style.paint(role, cell) + " " * (width - len(cell)) for role, cell, width in zip(roles, cells, widths, strict=False)]
    is_wide = bool(style.width) and len(plain) > style.width
    if is_wide and not any(row[flexible + 1 :]):  # the longest cell is the last one, and is wrapped if it consists of words
        text, cells, painted, roles = cells[flexible], cells[:flexible], painted[:flexible], roles[: flexible + 1]
        hang = len(indent) + sum(width + 2 for width in widths[:flexible])
        is_wide = False
    start = indent + "  ".join(painted)
    if is_wide:
        fits = len(indent + "  ".join(cells[:flexible])) <= style.width
        before = ["  ".join(painted[:flexible])] if fits else painted[:flexible]
        yield from ((indent + cell).rstrip() for cell in before if cell.strip())
        lead = indent * 2 if len(indent * 2 + cells[flexible]) <= style.width else indent
        first, *more = wrap(cells[flexible], style.width, lead, lead)
        start = first.replace(first.lstrip(), style.paint(roles[flexible], first.lstrip()))
        if more or len("  ".join([first, *cells[flexible + 1 :]])) > style.width:
            yield start
            yield from (lead + style.paint(roles[flexible], line.lstrip()) for line in more)
            below = len(indent) + 4
            text = "  ".join(cell for cell in (*cells[flexible + 1 :], text) if cell)
            yield from (
                " " * below + style.paint(roles[-1], line.lstrip()) for line in wrap(text, style.width, " " * below, " " * below) if text
            )
            return
        start = "  ".join([start, *painted[flexible + 1 :]])
    if not text:
        yield start.rstrip()
        return
    below = len(indent) + 4
    fits = not style.width or len(indent + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False))) + 2 == hang
    first, *more = wrap_last(text, style.width, hang, below) if fits else ["", *wrap(text, style.width, " " * below, " " * below)]
    yield f"{start}  {style.paint(roles[-1], first)}" if first else start.rstrip()
    yield from (line[: -len(text)] + style.paint(roles[-1], text) for line in more if (text := line.lstrip()))


def paint_text(line: str, style: Style, role: str) -> str:
    """A line in a role, except the blanks before it."""
    text = line.lstrip()
    return line[: len(line) - len(text)] + style.paint(role, text)


def squeeze(gaps: list[str], row: Sequence[str], last: int, indent: int, width: int) -> list[str]:
    """Fewer blanks before the last cell that is not wrapped, if it would stick out."""
    end = last - 1 if " " in row[last] else last
    excess = indent + sum(len(gap) + len(cell) + 2 for gap, cell in zip(gaps[:end], row, strict=False)) + len(row[end]) - width
    if width and end > 0 and excess > 0:
        gaps[end - 1] = gaps[end - 1][excess:]
    return gaps


def column_widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """If the columns together exceed `width`, very wide cells and those with nothing after them stick out of the last column but one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width and len(widths) > 1 and sum(widths) + 2 * len(widths[1:]) > width:
        widths[-2] = max((len(row[-2]) for row in rows if row[-1] and len(row[-2]) <= NARROW), default=0)
    return widths


def wrap_last(text: str, width: int, hang: int, indent: int) -> list[str]:
    """The lines of a last column that starts at `hang`: the part next to the others, then whole lines below.

    If it would be narrow, it goes below them, from `indent` on.
    """
    if not text or not width or hang + len(text) <= width:
        return [text]
    if width - hang < max((NARROW, *map(len, text.split()))):
        return ["", *wrap(text, width, " " * indent, " " * indent)]
    first, *more = wrap(text, width, " " * hang, " " * hang)
    return [first[hang:], *more]
