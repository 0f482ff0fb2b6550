"""Decoded → a fragment of HTML: the rows of the screen as a table. Without its own style or script, so that any page may contain it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from hvrepl.codec.decoded import Decoded
from hvrepl.render.parts import say_finding
from hvrepl.render.rows import LOUD, NO_SLOT, PLAIN, SET, ZERO, Head, Row, head_of, is_word, number_rows, rows_at, say_others, slot_table
from hvrepl.render.screen import dump_of
from hvrepl.render.style import Style
from hvrepl.wording import count_of, printable

ROW_CLASSES: dict[tuple[str, ...], str] = {PLAIN: "hv-plain", SET: "hv-set", ZERO: "hv-zero", LOUD: "hv-loud"}
LONGEST_RAW = 256  # bytes of the longest field that a row has as its data-raw: as many as a message
RESERVED = " hv-reserved"  # in addition to the class of its roles
COLUMNS = ("place", "name", "value", "meaning")
# Light or dark by the setting of the reader's system, but in a notebook by the notebook's theme, which it marks in its own way.
LIGHT = "--hv-text: #1a1a1a; --hv-back: #ffffff; --hv-dim: #666666; --hv-loud: #c4141b; --hv-line: #d8d8d8;"
DARK = "--hv-text: #e8e8e8; --hv-back: #1b1b1b; --hv-dim: #9a9a9a; --hv-loud: #ff6b6b; --hv-line: #444444;"
STYLE = f"""\
.hv-decoded {{ {LIGHT} }}
@media (prefers-color-scheme: dark) {{ .hv-decoded {{ {DARK} }} }}
[data-jp-theme-light="true"] .hv-decoded, .vscode-light .hv-decoded {{ {LIGHT} }}
[data-jp-theme-light="false"] .hv-decoded, .vscode-dark .hv-decoded {{ {DARK} }}
.hv-decoded {{ color: var(--hv-text); background: var(--hv-back); padding: 0.5em; overflow-x: auto; font-family: monospace; }}
.hv-decoded table {{ border-collapse: collapse; border: none; margin: 0; font: inherit; width: 100%; }}
.hv-decoded caption {{ caption-side: top; text-align: left; padding: 0 0 0.4em 0; color: inherit; }}
.hv-decoded tbody tr:nth-child(n) {{ background: none; }}
.hv-decoded th, .hv-decoded td {{ text-align: left; vertical-align: top; padding: 0.1em 1em 0.1em 0; font-weight: normal; border: none; }}
.hv-decoded .hv-right {{ text-align: right; }}
.hv-decoded th:last-child, .hv-decoded td:last-child {{ width: 100%; }}
.hv-decoded :is(.hv-place, .hv-name, .hv-value, thead th) {{ white-space: nowrap; }}
.hv-decoded .hv-reserved .hv-place {{ white-space: normal; }}
.hv-decoded thead th {{ border-bottom: 1px solid var(--hv-line); }}
.hv-decoded thead th, .hv-decoded .hv-place, .hv-decoded .hv-numbers, .hv-decoded .hv-read, .hv-decoded .hv-others,
.hv-decoded .hv-zero > * {{ color: var(--hv-dim); }}
.hv-decoded .hv-title, .hv-decoded .hv-set > .hv-name, .hv-decoded .hv-set > .hv-value {{ font-weight: bold; }}
.hv-decoded .hv-findings, .hv-decoded .hv-loud > * {{ color: var(--hv-loud); font-weight: bold; }}
.hv-decoded ul {{ list-style: none; margin: 0.4em 0 0 0; padding: 0; }}
.hv-decoded details table {{ border-left: 1px solid var(--hv-line); margin-left: 0.3em; }}
.hv-decoded details td:first-child, .hv-decoded details thead th:first-child {{ padding-left: 0.7em; }}
.hv-decoded summary {{ cursor: pointer; }}
"""


def render_html(node: Decoded, href: str = "") -> str:
    """A `div` of class hv-decoded, with the content of the screen in its order; all text is escaped.

    Each row of a field has its name as `data-name`, its bits as `data-raw` unless they are more than a message's, and its place as
    `data-bits="17:17"`, with `data-register` in a CPUID leaf, or as `data-offset` and `data-size`. Reserved bits that are clear share a
    row, whose `data-bits` has each range, with blanks between. `href` is the link of the heading, or "".
    """
    return "".join(pieces_of(node, href))


def pieces_of(node: Decoded, href: str) -> Iterator[str]:
    yield f'<div class="hv-decoded"{attributes(name=node.name, raw=node.raw if is_word(node) else "")}>'
    if node.slots:
        yield from table_of_slots(node, href)
    else:
        yield f"<table>{caption_of(head_of(node), href)}"
        rows = [*number_rows(node), *rows_at(node)]
        if rows:
            yield column_heads(COLUMNS)
            yield from rows_of_table(rows)
        yield "</table>"
    if node.findings:
        yield f'<ul class="hv-findings">{"".join(f"<li>! {text(say_finding(one))}</li>" for one in node.findings)}</ul>'
    others = list(say_others(node))
    if others:
        yield f'<ul class="hv-others">{"".join(f"<li>{text(one)}</li>" for one in others)}</ul>'
    if node.dumped:
        lines = "\n".join(map(text, dump_of(node.to_bytes(), Style())))
        yield f'<pre class="hv-dump">{lines}</pre>'
    yield "</div>"


def caption_of(head: Head, href: str) -> str:
    parts = [
        linked(span("title", head.title), href),
        span("word", f"= {head.value}" if head.value else ""),
        span("where", head.where.strip()),
    ]
    parts += [span("sentence", head.sentence), span("read", head.read)]
    lines = [" ".join(filter(None, parts))]
    if head.registers:
        lines.append(span("registers", ", ".join(f"{name} {value}" for name, value in head.registers)))
    if head.numbers:
        lines.append(span("numbers", head.numbers))
    return f"<caption>{'<br>'.join(lines)}</caption>"


def span(name: str, content: str) -> str:
    return f'<span class="hv-{name}">{text(content)}</span>' if content else ""


def linked(content: str, href: str) -> str:
    return f'<a href="{text(href)}">{content}</a>' if content and href else content


def column_heads(names: Iterable[str], right: Iterable[int] = ()) -> str:
    heads = (f'<th scope="col"{right_of(place, right)}>{text(name)}</th>' for place, name in enumerate(names))
    return f"<thead><tr>{''.join(heads)}</tr></thead>"


def rows_of_table(rows: Iterable[Row]) -> Iterator[str]:
    yield "<tbody>"
    for row in rows:
        place, name, value, meaning = row.cells
        yield f'<tr class="{ROW_CLASSES[row.roles]}{RESERVED * row.quiet}"{places_in_row(row)}>'
        yield f'<td class="hv-place">{text(place)}</td><th scope="row" class="hv-name">{text(name)}</th>'
        if row.inside:
            yield f'<td colspan="2">{"".join(nested(row.inside, " ".join(filter(None, (value, meaning)))))}</td>'
        else:
            yield f'<td class="hv-value">{text(value)}</td><td class="hv-meaning">{text(meaning)}</td>'
        yield "</tr>"
    yield "</tbody>"


def nested(part: Decoded, said: str) -> Iterator[str]:
    """A part that contains others: open, as on the screen, and foldable."""
    yield f"<details open><summary>{text(said or count_of(len(part.fields), 'field'))}</summary>"
    yield f'<table aria-label="{text(part.name)}">'
    yield from rows_of_table(rows_at(part))
    yield "</table></details>"


def places_in_row(row: Row) -> str:
    """The data attributes of a row; for a run of elements, only of its beginning."""
    if not row.parts:
        return ""
    first = row.parts[0]
    if row.quiet:
        return attributes(bits=" ".join(bits_of(part) for part in row.parts), register=first.register)
    if len(row.parts) > 1:
        return attributes(offset=first.offset)
    raw = first.raw if (first.size or 0) <= LONGEST_RAW else ""
    return attributes(bits=bits_of(first), register=first.register, offset=first.offset, size=first.size, name=first.name, raw=raw)


def bits_of(part: Decoded) -> str:
    return f"{part.bits[0]}:{part.bits[1]}" if part.bits else ""


def attributes(**named: str | int | None) -> str:
    return "".join(f' data-{name}="{text(str(value))}"' for name, value in named.items() if value not in ("", None))


def table_of_slots(node: Decoded, href: str) -> Iterator[str]:
    """A row per used slot, then each of them with its fields, folded."""
    table = slot_table(node)
    yield f'<table class="hv-slots">{caption_of(head_of(node), href)}'
    if not table.rows:
        yield f"<tbody><tr><td>{NO_SLOT}</td></tr></tbody></table>"
        return
    yield column_heads(table.columns, table.right)
    yield "<tbody>"
    for (number, *cells), slot in zip(table.rows, table.slots, strict=True):
        yield f"<tr{attributes(offset=slot.offset, size=slot.size, name=slot.name)}>"
        yield f'<th scope="row"{right_of(0, table.right)}>{text(number)}</th>'
        yield "".join(f"<td{right_of(place, table.right)}>{text(one)}</td>" for place, one in enumerate(cells, 1))
        yield "</tr>"
    yield "</tbody></table>"
    for (number, *_), slot in zip(table.rows, table.slots, strict=True):
        yield f'<details class="hv-slot"{attributes(name=slot.name)}><summary>{text(f"slot {number}  {slot.summary}".strip())}</summary>'
        yield f'<table aria-label="slot {text(number)}">{column_heads(COLUMNS)}'
        yield from rows_of_table(rows_at(slot))
        yield "</table></details>"


def right_of(place: int, right: Iterable[int]) -> str:
    return ' class="hv-right"' if place in right else ""


def text(content: str) -> str:
    """Text as HTML, with unprintable characters as on the screen."""
    return escape(printable(content))
