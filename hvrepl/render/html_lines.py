"""Lines for a terminal → HTML: painted text becomes a span with a class, and everything else is escaped."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from hvrepl.render.style import OWN_SGR, SGR

CLASSES = {"1": "hv-strong", "2": "hv-dim", SGR["finding"]: "hv-finding", SGR["error"]: "hv-error"}
OPENED = {f"\x1b[{code}m": f'<span class="{name}">' for code, name in CLASSES.items()}
CLOSED = "\x1b[0m"
NAME = f"\x1b[{SGR['name']}m"


def escape_lines(text: str, link: Callable[[str], str] = str) -> str:
    """The text as HTML for a `pre` or a paragraph. Other escape sequences are plain text.

    `link` turns the escaped name at the beginning of a line into HTML: headings may be links.
    """
    pieces = OWN_SGR.split(text)
    out, is_open, is_name, begins = [], False, False, True
    for piece in pieces:
        if piece in OPENED or piece == CLOSED:
            out.append("</span>" * is_open + OPENED.get(piece, ""))
            is_open, is_name = piece in OPENED, piece == NAME
        elif piece:
            out.append(link(escape(piece)) if begins and is_name else escape(piece))
            begins = piece.endswith("\n")
    return "".join(out) + "</span>" * is_open
