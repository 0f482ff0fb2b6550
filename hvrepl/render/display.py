"""Makes Python show a Decoded: `print` as the screen, a notebook as a table. Imports either only when something is shown."""

from __future__ import annotations

from hvrepl.codec.decoded import DISPLAYS, Decoded


def set_displays() -> None:
    """Gives every Decoded its text and its HTML from now on."""
    DISPLAYS.update(text=to_text, html=to_html)


def to_text(node: Decoded) -> str:
    """The screen at 80 columns, without colour."""
    from hvrepl.render.screen import render_screen
    from hvrepl.render.style import Style, only_text

    return only_text("\n".join(render_screen(node, Style())), has_color=False)


def to_html(node: Decoded) -> str:
    """The table with its style, for a page without one."""
    from hvrepl.render.html import STYLE, render_html

    return f"<style>\n{STYLE}</style>{render_html(node)}"
