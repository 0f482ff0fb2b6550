"""Words without a command → the command that they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.commands.inputs.what import find_anywhere
from hvrepl.commands.session import Session
from hvrepl.errors import HvreplError, NotFoundError
from hvrepl.readers.number import read_number

FIELD = re.compile(r"(?!e[abcd]x=)[a-z_][\w.\[\]]*=[^=]", re.IGNORECASE)  # FIELD=VALUE, which no value looks like


def interpret(session: Session, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command and its words: FIELD=VALUE is for encode; several words and numbers are decoded; a name is shown."""
    first, *rest = words
    if rest[:1] == ["="] and len(rest) > 1:  # NAME = VALUE, as logs and debuggers print it
        words = [first, *rest[1:]]
    if any(FIELD.match(word) for word in rest):
        return "encode", words
    if rest or first[:1].isdigit() or first[:1] in "(=":
        return "decode", words
    return ("show" if is_shown(session, first) else "decode"), words


def is_shown(session: Session, word: str) -> bool:
    """Whether a word alone is shown: what has the name; not a number written without 0x. NotFoundError if neither is known."""
    try:
        find_anywhere(session, word)
    except NotFoundError as error:
        try:
            read_number(word)
        except HvreplError:
            raise error from None
        return False
    return True
