"""Lines as a terminal has them → HTML: what is painted is a span with a class, and everything else is escaped."""

from __future__ import annotations

from html import escape

from hvrepl.render.style import OWN_SGR, SGR

CLASSES = {"1": "hv-strong", "2": "hv-dim", SGR["finding"]: "hv-finding", SGR["error"]: "hv-error"}
OPENED = {f"\x1b[{code}m": f'<span class="{name}">' for code, name in CLASSES.items()}
CLOSED = "\x1b[0m"


def escape_lines(text: str) -> str:
    """The text as HTML for a `pre` or a paragraph. Any other escape sequence is text like the rest."""
    pieces = OWN_SGR.split(text)
    out, is_open = [], False
    for piece in pieces:
        if piece in OPENED or piece == CLOSED:
            out.append("</span>" * is_open + OPENED.get(piece, ""))
            is_open = piece in OPENED
        else:
            out.append(escape(piece))
    return "".join(out) + "</span>" * is_open
