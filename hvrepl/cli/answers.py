"""What completion offers → the answer of a shell that is not bash, in which every character of an offer is text and nothing else. Pure.

typer's own answers let a backslash through, which zsh and PowerShell evaluate; only its answer to fish is plain lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

Offer = tuple[str, str]  # the word, and what it is ("": nothing is said)

NOTHING = "_files"  # what zsh completes instead
# zsh takes the answer apart three times: _describe cuts at a colon, `((...))` is evaluated as words in double quotes, and _arguments
# takes one backslash from before each colon.
DESCRIBED = re.compile(r"[\\:]")
IN_QUOTES = re.compile(r'[\\"$`]')
BLANK = "\"$'\\x20'\""
MORE_BLANKS = re.compile("(?<= ) ")  # of which the script that asks leaves one
BETWEEN = ":::"  # word and title, for PowerShell
QUOTES = re.compile(r"['\u2018-\u201b]")  # each of which ends a text in quotes there, and two of which are one
PLAIN_WORD = re.compile(r"[\w%+=:./\\~-]+")  # which PowerShell takes as it is


def read_fish(answer: str) -> Iterator[Offer]:
    """The offers in typer's answer to fish: a line each, with a tab before what the word is."""
    for line in answer.splitlines():
        text, _, title = line.partition("\t")
        if text:
            yield text, title


def to_zsh(offers: Sequence[Offer]) -> str:
    """Evaluated by zsh's eval."""
    if not offers:
        return NOTHING
    words = "\n".join(":".join(quote_for_zsh(part) for part in offer if part) for offer in offers)
    return "_arguments '*: :((" + words.replace("'", r"'\''") + "))'"


def quote_for_zsh(text: str) -> str:
    quoted = IN_QUOTES.sub(r"\\\g<0>", DESCRIBED.sub(r"\\\g<0>", text)).replace(":", r"\:")
    return '"' + MORE_BLANKS.sub(lambda _: BLANK, quoted) + '"'


def to_powershell(offers: Sequence[Offer]) -> str:
    """PowerShell puts a word into the line as it is: what is more than a plain word needs its quotes here."""
    return "\n".join(f"{quote_for_powershell(text)}{BETWEEN}{title or ' '}" for text, title in offers if BETWEEN not in text)


def quote_for_powershell(text: str) -> str:
    return text if PLAIN_WORD.fullmatch(text) else "'" + QUOTES.sub(r"\g<0>\g<0>", text) + "'"


ANSWERS: Mapping[str, Callable[[Sequence[Offer]], str]] = {
    "complete_zsh": to_zsh,
    "complete_powershell": to_powershell,
    "complete_pwsh": to_powershell,
}
