"""FIELD VALUE, FIELD = VALUE, FIELD:VALUE and a flag's name alone → FIELD=VALUE, if the words cannot mean anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.commands.inputs.what import Target, fields_called
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.number import is_number

COLON = regex(r"([^:=]+):([^:=].*)", re.DOTALL)
NAME = regex(r"!?[a-z_][\w.\[\]]*", re.IGNORECASE)


def join_fields(session: Session, target: Target, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words after WHAT, with each assignment as one word, and the assignments that were written differently.

    UsageError for a field without a value, unless it is one bit: its name sets it, and `!name` clears it.
    """
    done: list[str] = []
    joined: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        colon = COLON.fullmatch(word)
        if colon and is_field(session, target, colon[1]):
            done.append(f"{colon[1]}={colon[2]}")
            joined.append(done[-1])
            continue
        if not is_field(session, target, word.removesuffix("=")):
            done.append(word)
            continue
        text = take_value(session, target, word, waiting)
        done.append(text)
        joined += [text] if text != word else []
    return done, joined


def is_field(session: Session, target: Target, word: str) -> bool:
    """Whether a word is the name of a field, and not a value."""
    if not NAME.fullmatch(word) or is_number(word):
        return False
    name = word.removeprefix("!")
    return bool(target.found.spec.shorthand(name) or fields_called(session, target.found, name))


def take_value(session: Session, target: Target, word: str, waiting: list[str]) -> str:
    """FIELD=VALUE for a word that names a field; the words after it that belong to it are removed."""
    name, has_sign = word.removesuffix("="), word.endswith("=")
    if waiting[:1] == ["="] and not has_sign:
        waiting.pop(0)
        has_sign = True
    elif waiting and waiting[0].startswith("=") and not has_sign:
        return name + waiting.pop(0)
    follows = bool(waiting) and "=" not in waiting[0] and (has_sign or not is_field(session, target, waiting[0]))
    if follows and not name.startswith("!"):
        return f"{name}={waiting.pop(0)}"
    if has_sign:
        return f"{name}="
    fields = fields_called(session, target.found, name.removeprefix("!"))
    if fields and all(field.width == 1 for field in fields):
        return f"{name.removeprefix('!')}={0 if name.startswith('!') else 1}"
    raise UsageError(f"{name} has no value: write {name.removeprefix('!')}=VALUE")
