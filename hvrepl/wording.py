"""How text of others is quoted: one line, nothing that a terminal would obey."""

from __future__ import annotations


def printable(text: str, kept: str = "") -> str:
    """The text with control characters, and what is no character, escaped, but for those that are `kept`."""
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def shorten(text: str, limit: int = 40) -> str:
    """What an error quotes of its input: one line, at most about `limit` characters, control characters escaped."""
    return printable(text[:limit]) + ("..." if len(text) > limit else "")
