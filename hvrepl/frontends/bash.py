"""The words that bash gives to a completion → the line as it was typed. What completes it is not its business."""

from __future__ import annotations

import re
from collections.abc import Mapping

WORDS, INDEX = "COMP_WORDS", "COMP_CWORD"  # the line, and which word of it is completed
BREAKS = ("=", ":")  # words of their own in bash, wherever they stand
BREAK = re.compile(r" ([=:])(?: (?=\S))?")


def words_of(environ: Mapping[str, str]) -> list[str]:
    """The words up to the cursor, of which the last can be empty."""
    text = environ[WORDS]
    return [*text.split("\n" if "\n" in text else " "), ""][: int(environ[INDEX]) + 1]


def join_at(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of bash with @FILE as one word: bash makes two of it, but replaces both."""
    joined = "\n".join(words_of(environ)).replace("\n@\n", "\n@")
    return {WORDS: joined, INDEX: str(joined.count("\n"))}


def line_of(environ: Mapping[str, str]) -> tuple[str, int]:
    """The line up to the cursor as it was typed, and how much of its last word bash has for words before the one it completes."""
    words = words_of(environ)[1:]
    line = BREAK.sub(r"\1", " ".join(words))
    last = "" if words[-1] in BREAKS else words[-1]
    return line, len(line.rpartition(" ")[2]) - len(last)
