"""Quotes foreign text in one line that a terminal cannot obey, and words counts and lists."""

from __future__ import annotations

from collections.abc import Sequence


def printable(text: str, kept: str = "") -> str:
    """The text with control characters and invalid characters escaped, except those `kept`."""
    bare = text
    for character in kept:
        bare = bare.replace(character, "")
    if bare.isprintable():  # nearly always so, and many times as fast to find
        return text
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def shorten(text: str, limit: int = 40) -> str:
    """A quotation for an error message: one line of about `limit` characters at most, control characters escaped."""
    return printable(text[:limit]) + ("..." if len(text) > limit else "")


def say_reason(error: Exception) -> str:
    """Why a parser refuses a text, in words that do not depend on the version of Python."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def plural(word: str) -> str:
    """hypercalls, properties, statuses."""
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return word + ("es" if word.endswith(("s", "ch")) else "s")


def count_of(number: int, word: str) -> str:
    """1 match, 5,768 matches."""
    return f"{number:,} {word if number == 1 else plural(word)}"


def listed(words: Sequence[str], last: str) -> str:
    """0, 1 or 2: with the word `last` before the last one."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
