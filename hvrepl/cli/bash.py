"""The words that bash passes to a completion → the line as it was typed; and the offers that bash gets. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from hvrepl.digits import to_int
from hvrepl.patterns import regex
from hvrepl.script.lines import split_typed

WORDS, INDEX = "COMP_WORDS", "COMP_CWORD"  # the line, and the number of the word that is completed
BREAKS = ("=", ":")  # separate words in bash, wherever they are
BREAK = regex(r" ([=:])(?: (?=\S))?")
HALF = regex(r"(?<!\\)(?:\\\\)*(\\)\Z")  # a text that ends with half of an escape
UNFINISHED = ("=", "/")  # ends of offers after which more must follow
UNQUOTABLE = "'*?["  # single quotes cannot hold it, or bash would expand it again when it takes the offers


def to_typer(environ: Mapping[str, str]) -> dict[str, str]:
    """bash's variables for typer, which removes quotes and backslashes from the words: quoted again, they stay as they were typed.

    @FILE is one word: bash splits it in two, but replaces both.
    """
    text = environ[WORDS]
    words = [*text.split("\n" if "\n" in text else " "), ""][: to_int(environ[INDEX]) + 1]
    joined = "\n".join(words).replace("\n@\n", "\n@").split("\n")
    return {WORDS: "\n".join(map(shlex.quote, joined)), INDEX: str(len(joined) - 1)}


def line_of(words: Sequence[str]) -> tuple[str, int]:
    """(the line up to the cursor as typed, how much of its last word bash counts as earlier words)."""
    line = BREAK.sub(r"\1", " ".join(words))
    last = "" if words[-1] in BREAKS else words[-1]
    return line, len(split_typed(line)[1]) - len(last)


def keep_whole(offers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Offers (text, title) for bash, which types the beginning that all texts share: that must not end with half of an escape.

    Where it would, as for a\\ b and a\\$c, the first offer that can has the character in quotes, so that they differ from there on.
    bash puts a blank after an only offer, so an unfinished one, such as masked= or dumps/, gets a longer second one.
    """
    if len(offers) == 1 and offers[0][0].endswith(UNFINISHED):
        text, title = offers[0]
        return [(text, title), (f"{text}...", title)]
    common = beginning([text for text, _ in offers])
    half = HALF.search(common) if len(offers) > 1 else None
    if half is None or any(text == common for text, _ in offers):
        return list(offers)
    at = half.start(1)
    place = next((place for place, (text, _) in enumerate(offers) if text[at + 1] not in UNQUOTABLE), 0)
    text, title = offers[place]
    sign = text[at + 1]
    quoted = f"'{sign}'" if sign not in UNQUOTABLE else f"$'\\x{ord(sign):02x}'"
    return [*offers[:place], (f"{text[:at]}{quoted}{text[at + 2 :]}", title), *offers[place + 1 :]]


def beginning(texts: Sequence[str]) -> str:
    """The characters with which all texts begin."""
    first, last = min(texts, default=""), max(texts, default="")
    return first[: next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))]
