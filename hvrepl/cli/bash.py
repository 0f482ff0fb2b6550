"""The words that bash gives to a completion → the line as it was typed. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from hvrepl.digits import to_int
from hvrepl.script.lines import split_typed

WORDS, INDEX = "COMP_WORDS", "COMP_CWORD"  # the line, and which word of it is completed
BREAKS = ("=", ":")  # words of their own in bash, wherever they stand
BREAK = re.compile(r" ([=:])(?: (?=\S))?")


def to_typer(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of bash for typer, which takes quotes and backslashes from the words: quoted once more, they stay as they were typed.

    @FILE is one word: bash makes two of it, but replaces both.
    """
    text = environ[WORDS]
    words = [*text.split("\n" if "\n" in text else " "), ""][: to_int(environ[INDEX]) + 1]
    joined = "\n".join(words).replace("\n@\n", "\n@").split("\n")
    return {WORDS: "\n".join(map(shlex.quote, joined)), INDEX: str(len(joined) - 1)}


def line_of(words: Sequence[str]) -> tuple[str, int]:
    """The line up to the cursor as it was typed, and how much of its last word bash has for words before the one it completes."""
    line = BREAK.sub(r"\1", " ".join(words))
    last = "" if words[-1] in BREAKS else words[-1]
    return line, len(split_typed(line)[1]) - len(last)
