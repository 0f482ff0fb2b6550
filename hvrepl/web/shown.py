"""The output of an answer: text as the command line prints it, and HTML. Neither grows beyond what anyone reads."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape

from hvrepl.record import field, mutable
from hvrepl.render.formats import Item, render_fields
from hvrepl.render.html import render_html
from hvrepl.render.html_bits import bit_buttons
from hvrepl.render.html_lines import escape_lines
from hvrepl.render.style import Style
from hvrepl.wording import printable

MOST_OUT = 200_000  # characters of an answer: a browser can show more, but nobody reads it
MOST_HTML = 1 << 20
MOST_CLICKED = 4  # numbers of an answer that get a button for each bit


class Enough(BrokenPipeError):  # noqa: N818  it is not an error
    """The answer is longer than anyone reads."""


class Bounded(io.StringIO):
    """Keeps the first MOST_OUT characters. Raises Enough for more."""

    def write(self, text: str) -> int:
        room = MOST_OUT - self.tell()
        super().write(text[:room])
        if len(text) > room:
            raise Enough
        return len(text)


@mutable
class Shown:
    """The output of an answer so far. `out` has the text as the command line prints it; `parts` has the HTML, which may be added later."""

    out: Bounded = field(default_factory=Bounded)
    err: io.StringIO = field(default_factory=io.StringIO)
    parts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    status: int = 0
    taken: int = 0  # characters of `out` that are in `parts`
    size: int = 0
    clicked: int = 0
    page_of: Callable[[str], str] | None = None  # name → path of its page, "" if it has none
    trees: list[str] = field(default_factory=list)  # as text, for an answer that would take too long to run twice
    has_trees: bool = False

    def lines(self) -> None:
        """Moves the lines written since the last time into the HTML."""
        text = self.out.getvalue()[self.taken :]
        self.taken += len(text)
        if text.strip():
            self.parts.append(f'<pre class="hv-lines">{escape_lines(text.strip(chr(10)), self.link)}</pre>')

    def link(self, name: str) -> str:
        """A name as HTML, linked to its page if it has one. The path starts at the root of the site."""
        path = self.page_of(name) if self.page_of else ""
        return f'<a href="{escape(path)}">{name}</a>' if path else name

    def node(self, item: Item) -> None:
        """Adds a tree, with bits to click if it is one number. Raises Enough."""
        self.lines()
        if item.node is None:
            return
        if self.has_trees:
            self.trees += render_fields([item], Style(width=0))
        where = f'<p class="hv-where">{escape_lines(printable(item.where))}</p>' if item.where else ""
        buttons = bit_buttons(item.node) if self.clicked < MOST_CLICKED else ""
        self.clicked += bool(buttons)
        self.parts.append(f"{where}{buttons}{render_html(item.node, self.page_of(item.node.name) if self.page_of else '')}")
        self.size += len(self.parts[-1])
        if self.size > MOST_HTML:
            raise Enough

    def error(self, text: str, status: int = 2) -> None:
        self.lines()
        self.errors.append(text)
        self.status = self.status or status
        self.parts.append(f'<p class="hv-error">{escape_lines(printable(text))}</p>')

    def note(self, text: str) -> None:
        self.lines()
        self.parts.append(f'<p class="hv-note">{escape_lines(printable(text))}</p>')
