"""Completion offers → the answer to a shell other than bash, in which every character of an offer is plain text. Pure.

typer's own answers let a backslash through, which zsh and PowerShell evaluate; only its answer to fish consists of plain lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hvrepl.patterns import regex

Offer = tuple[str, str]  # the word and its description, which may be ""

NOTHING = "_files"  # zsh then completes files instead
# zsh takes the answer apart three times: _describe cuts at a colon, `((...))` is evaluated as words in double quotes, and _arguments
# removes one backslash in front of each colon.
DESCRIBED = regex(r"[\\:]")
IN_QUOTES = regex(r'[\\"$`]')
BLANK = "\"$'\\x20'\""
MORE_BLANKS = regex("(?<= ) ")  # the calling script keeps only one blank
BETWEEN = ":::"  # between word and title, for PowerShell
QUOTES = regex(r"['\u2018-\u201b]")  # in PowerShell each of them ends a quoted text, and a doubled one is one character
PLAIN_WORD = regex(r"[\w%+=:./\\~-]+")  # PowerShell takes it as it is


def read_fish(answer: str) -> Iterator[Offer]:
    """The offers in typer's answer to fish: one per line, with a tab before the description."""
    for line in answer.splitlines():
        text, _, title = line.partition("\t")
        if text:
            yield text, title


def to_zsh(offers: Sequence[Offer]) -> str:
    """The answer for zsh, which passes it to eval."""
    if not offers:
        return NOTHING
    words = "\n".join(":".join(quote_for_zsh(part) for part in offer if part) for offer in offers)
    return "_arguments '*: :((" + words.replace("'", r"'\''") + "))'"


def quote_for_zsh(text: str) -> str:
    quoted = IN_QUOTES.sub(r"\\\g<0>", DESCRIBED.sub(r"\\\g<0>", text)).replace(":", r"\:")
    return '"' + MORE_BLANKS.sub(lambda _: BLANK, quoted) + '"'


def to_powershell(offers: Sequence[Offer]) -> str:
    """The answer for PowerShell, which inserts a word as it is: anything but a plain word needs its quotes here."""
    return "\n".join(f"{quote_for_powershell(text)}{BETWEEN}{title or ' '}" for text, title in offers if BETWEEN not in text)


def quote_for_powershell(text: str) -> str:
    return text if PLAIN_WORD.fullmatch(text) else "'" + QUOTES.sub(r"\g<0>\g<0>", text) + "'"


ANSWERS: Mapping[str, Callable[[Sequence[Offer]], str]] = {
    "complete_zsh": to_zsh,
    "complete_powershell": to_powershell,
    "complete_pwsh": to_powershell,
}
