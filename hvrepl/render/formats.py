"""RENDERERS: a stream of Decoded → text, in pieces as soon as they are known. A new output is one function here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice

from hvrepl.codec.decoded import Decoded, dump, escape_unprintable, leaves, paths, quote_json
from hvrepl.errors import HvreplError, UsageError
from hvrepl.hints import Any
from hvrepl.record import record
from hvrepl.render.parts import meaning_of, place_of, say_finding, value_of
from hvrepl.render.screen import render_screen
from hvrepl.render.style import Style
from hvrepl.wording import printable


@record
class Item:
    """One result of a stream: a node, or a JSON object; `line` is its line of the input if that is asked for.

    `extra` are further keys of its object, such as its place; `where` is the place at the beginning of a line. `text`, if set, is whole
    lines of ndjson, and nothing else is used.
    """

    node: Decoded | None = None
    table: Mapping[str, Any] | None = None
    line: int | None = None
    extra: Mapping[str, Any] | None = None
    where: str = ""
    text: str = ""

    def to_dict(self) -> dict[str, Any]:
        table = (self.node.to_dict() if self.node else dict(self.table or {})) | dict(self.extra or {})
        return table if self.line is None else {"line": self.line} | table


UNSEEN = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # invisible letters and symbols, in addition to blanks and marks

Renderer = Callable[[Iterable[Item], Style], Iterator[str]]


def render_json(items: Iterable[Item], style: Style) -> Iterator[str]:
    """One document: an object for one value, an array for several, which only begins when the second arrives."""
    waiting, several, failed = "", False, None
    try:
        for item in items:
            if waiting:
                yield f"{'' if several else '['}{waiting},\n"
                several = True
            waiting = write_json(item.to_dict(), style)
    except HvreplError as error:  # the values before it are still a complete document
        failed = error
    if waiting:
        yield waiting + ("]\n" if several else "\n")
    if failed:
        raise failed


def write_json(value: Any, style: Style) -> str:
    """Compact, or for people with one line per key or element that does not fit on one line."""
    return indent_json(value, style.width) if style.is_terminal else dump(value)


def indent_json(value: Any, width: int, indent: str = "", used: int = 1) -> str:
    """JSON with objects and arrays over several lines if they exceed `width`, of which `used` columns are taken."""
    whole = escape_unprintable(json.dumps(value, ensure_ascii=False))
    if not value or not isinstance(value, dict | list | tuple) or len(indent) + used + len(whole) <= width:
        return whole
    deeper = indent + "  "
    if isinstance(value, dict):
        keys = [f"{quote_json(key)}: " for key in value]
        parts = [key + indent_json(one, width, deeper, len(key) + 1) for key, one in zip(keys, value.values(), strict=True)]
    else:
        parts = [indent_json(one, width, deeper) for one in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inside = ",\n".join(deeper + part for part in parts)
    return f"{opening}\n{inside}\n{indent}{closing}"


def render_ndjson(items: Iterable[Item], _: Style) -> Iterator[str]:
    return (item.text or dump(item.to_dict()) + "\n" for item in items)


def render_fields(items: Iterable[Item], style: Style) -> Iterator[str]:
    return screens(render_screen(item.node, style) for item in items if item.node)


def render_few(items: Iterable[Item], style: Style) -> Iterator[str]:
    """A few values side by side if they are of one thing and fit, otherwise like render_fields."""
    from hvrepl.render.side_by_side import MOST, show_side_by_side

    rest = iter(items)
    first: list[Item] = []
    failed = None
    try:
        first += islice(rest, MOST + 1)  # no more: a word may name an endless file
    except HvreplError as error:  # the values before it are still shown
        failed = error
    lines = show_side_by_side([item.node for item in first if item.node], style)
    yield from screens([lines]) if lines else render_fields(chain(first, rest), style)
    if failed:
        raise failed


def render_bit_rulers(items: Iterable[Item], style: Style) -> Iterator[str]:
    from hvrepl.render.ruler import render_bits

    return screens(render_bits(item.node, style) for item in items if item.node)


def screens(found: Iterable[Iterable[str]]) -> Iterator[str]:
    """Screens with an empty line between them."""
    between = ""
    for lines in found:
        yield between + "".join(f"{line}\n" for line in lines)
        between = "\n"


def render_line(items: Iterable[Item], style: Style) -> Iterator[str]:
    """`NAME 0xRAW  summary  ! finding`: one line per value."""
    for item in items:
        if item.node:
            yield item_line(item, style) + "\n"


def item_line(item: Item, style: Style) -> str:
    """One line that begins with the place of the value."""
    where = f"{printable(item.where)}  " if item.where else ""
    return where + (one_line(item.node, style) if item.node else "")


def one_line(node: Decoded, style: Style) -> str:
    raw = node.raw if node.is_number or len(node.raw) <= 64 else f"{len(node.raw) // 2} bytes"
    parts = [f"{style.paint('name', node.name)} {style.paint('number', raw)}".rstrip(), node.summary]
    parts += [style.paint("finding", f"! {say_finding(finding)}") for finding in node.findings]
    return "  ".join(part for part in parts if part)


def render_table(items: Iterable[Item], style: Style) -> Iterator[str]:
    """Each value as a table of tabulate, in any of its styles."""
    for item in items:
        if item.node:
            rows = [(place_of(part), path, value_of(part), meaning_of(part)) for path, part in paths(item.node)]
            yield f"{item_line(item, style)}\n{tabulate_rows(rows, ('place', 'name', 'value', 'meaning'), style)}\n"


def tabulate_rows(rows: Iterable[Iterable[str]], headers: Iterable[str], style: Style) -> str:
    import tabulate  # 50 ms that the other formats save

    if style.table not in tabulate.tabulate_formats:
        raise UsageError(f"no such style of tabulate: {style.table[:40]!r}; choose from {', '.join(tabulate.tabulate_formats)}")
    tabulate.PRESERVE_WHITESPACE = True
    return tabulate.tabulate(list(rows), headers=list(headers), tablefmt=style.table, disable_numparse=True)


def render_csv(items: Iterable[Item], _: Style) -> Iterator[str]:
    """A row per value, with the fields of the first as columns; fields of later values only go into the last column."""
    columns: list[str] | None = None
    places: list[str] = []
    for item in items:
        node = item.node or Decoded(name="")
        cells = {path: part.raw for path, part in leaves(node)}
        before = ({} if item.line is None else {"line": item.line}) | dict(item.extra or {})
        if columns is None:
            columns, places = list(cells), list(before)
            own = (*before, "name", "raw", "summary", "findings", "others")
            yield csv_row([*own[:-2], *(f".{path}" if path in own else path for path in columns), *own[-2:]])
        rest = {key: say_extra(one) for key, one in before.items() if key not in places} | {
            path: value for path, value in cells.items() if path not in columns
        }
        others = " ".join(f"{path}={value}" for path, value in rest.items())
        findings = "; ".join(map(say_finding, node.findings))
        yield csv_row(
            [
                *(say_extra(before.get(key, "")) for key in places),
                node.name,
                node.raw,
                node.summary,
                *(cells.get(path, "") for path in columns),
                findings,
                others,
            ]
        )


def say_extra(value: Any) -> str:
    """Additions to a node, in a cell: CPUs each with its value, or the reason for having none."""
    return " ".join(f"{one['cpu']}={one.get('raw') or one['error']}" for one in value) if isinstance(value, list) else str(value)


def csv_row(cells: Iterable[str]) -> str:
    """A row of RFC 4180; a cell that a spreadsheet would run is defused with an apostrophe."""
    import csv
    import io

    out = io.StringIO()
    # Not lineterminator="\n": before Python 3.13, a carriage return in a cell would not be quoted.
    csv.writer(out).writerow("'" + cell if is_formula(cell) else cell for cell in cells)
    return out.getvalue().removesuffix("\r\n") + "\n"


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may run a cell: some skip blanks and invisible marks, and accept = in its other widths."""
    if cell[:1].isascii() and cell[:1].isalnum():
        return False
    from unicodedata import normalize

    seen = next((c for c in cell if not (c.isspace() or c in UNSEEN or not c.isprintable())), "")
    return cell[:1] in ("\t", "\r", "\n") or normalize("NFKC", seen) in ("=", "+", "-", "@")


RENDERERS: Mapping[str, Renderer] = {
    "fields": render_fields,
    "table": render_table,
    "bits": render_bit_rulers,
    "line": render_line,
    "json": render_json,
    "ndjson": render_ndjson,
    "csv": render_csv,
}
