"""What people type or paste instead of a plain line → that line: a copied prompt, the program's name, NAME?, help on a sign. Pure."""

from __future__ import annotations

import re

from hvrepl.patterns import regex
from hvrepl.script.lines import quote

# The prompt of this shell, copied along with the line.
OWN_PROMPT = regex(r"\s*hv (?:x64|arm64)>(?:\s+|\Z)")
# The program's name, with its path and the prompt of a system shell before it.
PROGRAM = regex(
    r"""\s*(?:(?:[$%>] | [\w.-]+@[^\s$#]+[^$#%|>]*[$#%] | \[[^\]]+\][$#] | PS\ [^>]*> | [A-Z]:\\[^>]*>)\s*)?
    (?:[^\s|>!\#'"]*[/\\])?hvrepl(?:\.exe)?(?:\s+|\Z)""",
    re.VERBOSE,
)
# Options, a command or a file can follow.
ASKED = regex(r"\s*(?:\?\s*([\w.:-]+)|([\w.:-]+)\s*\?)(\s+[-|>].*)?\s*", re.DOTALL)
SIGN = regex(r"\s*(help|\.help|\?)\s+([|>]{1,2}|[#'\"()\\])\s*")


def drop(start: re.Pattern[str], text: str) -> str:
    """The text without its prompts and the program's name."""
    match = start.match(text)
    return text[match.end() :] if match else text


def expand(text: str) -> str:
    """The line that is meant; most lines mean themselves."""
    line = drop(PROGRAM, drop(OWN_PROMPT, text))
    if asked := ASKED.fullmatch(line):
        return f"help {asked[1] or asked[2]}{asked[3] or ''}"
    if sign := SIGN.fullmatch(line):
        return f"{sign[1]} {quote(sign[2])}"
    return line
