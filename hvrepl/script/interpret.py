"""The grammar of a line without its options: which command words mean, on the command line, in scripts and in the shell alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.catalog.alike import alike
from hvrepl.catalog.model import to_key
from hvrepl.commands.inputs.file_kind import command_for
from hvrepl.commands.inputs.files import is_file
from hvrepl.commands.inputs.what import LONGEST_NAME, is_number_word
from hvrepl.commands.session import Session
from hvrepl.commands.table import ENTRIES
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.readers.number import read_given
from hvrepl.wording import shorten

FIELD = re.compile(r"(?!e[abcd]x=)[a-z_][\w.\[\]]*=(?!=)", re.IGNORECASE)  # FIELD=VALUE, which no value looks like
GIVEN = re.compile(r"([^=:\s]+(?::[^=:\s]+)?)(=|:)(.*)", re.DOTALL)  # X=V and X:, as logs and debuggers print them
TAKES_WHAT = ("decode", "encode", "show", "diff", "check")  # commands whose first word is WHAT
PART = re.compile(r"\d+|input|output")  # what can stand behind the dot of a name
# Words that name a space before a number; other spaces are things of their own.
SPACES = ("msr", "register", "cpuid", "hypercall", "vmbus", "whp_register")
TAGS = ("struct", "union", "enum")
MOST_ALIKE = 3
SNIFFED = 1 << 12  # bytes of a file that tell what it is


def interpret(session: Session, command: str, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command that is meant, and its words; `command` is the one that was given, or "". NotFoundError where nothing is."""
    if command == "cpuid" and words and is_number_word(session, words[0]):
        command, words = "", ["cpuid", *words]
    if command:
        return command, join_space(session, drop_tag(session, words)) if command in TAKES_WHAT else words
    words = join_space(session, take_apart(session, drop_tag(session, words)))
    first, *rest = words
    if any(FIELD.match(word) for word in rest):
        command = "encode"
    elif rest or is_value(session, first):
        command = "decode"
    else:
        command = "show"
    if not is_known(session, first):
        raise NotFoundError(say_unknown(session, first))
    return command, words


def take_apart(session: Session, words: Sequence[str]) -> Sequence[str]:
    """X=V, X: V and X = V as X V, where X is a known name or number, also behind the name of a space."""
    first, *rest = words
    if first.lower() in SPACES and rest:
        return [first, *take_apart(session, rest)]
    if rest[:1] == ["="]:
        return [first, *(rest[1:] or [""])]
    match = GIVEN.fullmatch(first)
    if match is None or (match[2] == ":" and match[3]) or not is_known(session, match[1]):
        return words
    is_empty = not match[3] and (rest or match[2] == ":")
    return [match[1], *([] if is_empty else [match[3]]), *rest]


def join_space(session: Session, words: Sequence[str]) -> Sequence[str]:
    """`msr 0x40000082 …` as `msr:0x40000082 …`."""
    if len(words) > 1 and words[0].lower() in SPACES and is_number_word(session, words[1]):
        return [f"{words[0]}:{words[1]}", *words[2:]]
    return words


def drop_tag(session: Session, words: Sequence[str]) -> Sequence[str]:
    """`struct hv_message …`, as C writes a type, without the first word."""
    return words[1:] if len(words) > 1 and words[0] in TAGS and is_name(session, words[1]) else words


def is_value(session: Session, word: str) -> bool:
    """Whether a word alone is a number, or would be one but for a fault in it; a name that is hex too is a name."""
    if word[:1].isdigit() or word[:1] in ("(", "=", "-"):
        return True
    return not is_name(session, word) and is_number(session, word)


def is_known(session: Session, word: str) -> bool:
    """Whether a first word is a number or a name, on whichever arch; the commands say what is wrong with one that is not quite."""
    return not word.strip() or is_value(session, word) or is_name(session, word) or is_called_so(session, word)


def is_called_so(session: Session, word: str) -> bool:
    """Whether a thing has the name but for underscores, or it is a constant. A number in hex is not taken for such a name."""
    from hvrepl.catalog.constants import find_constants

    base, _, part = word.partition(".")
    if len(word) > LONGEST_NAME or (part and (not PART.fullmatch(part) or is_file(word))):
        return False
    index = session.catalog.index
    return bool(index.names_but_for_underscores(to_key(base)) or find_constants(index, word, session.options.arch))


def is_name(session: Session, word: str) -> bool:
    _, colon, rest = word.rpartition(":")
    base, _, part = rest.partition(".")
    if part and not PART.fullmatch(part) and is_file(word):
        return False
    return bool(colon) or not base.strip() or bool(session.catalog.index.names(to_key(base)))


def is_number(session: Session, word: str) -> bool:
    try:
        read_given(word, is_hex=session.options.hex)
    except UsageError:
        return False
    return True


def say_unknown(session: Session, word: str) -> str:
    """What is spelled like the word, commands before names; or for which command a file of that name is."""
    said = f"no such command or name: {shorten(word)}"
    if is_file(word):
        return f"{said}; for the file: {command_for(session, word)}"
    if len(word.split()) > 1:
        return f"{said}; quotes made one word of it"
    if word.lower() in session.catalog.spaces:
        return f"{word} is a space of numbers: write `{word} NUMBER`, or `list {word}`"
    if re.search(r"\w[|>]", word):
        return f"{said}; | and > stand behind a blank"
    close = dict.fromkeys([*alike(word, ENTRIES, 2), *(session.catalog.like(word) if len(word) < SNIFFED else [])])
    return f"{said}; did you mean {' or '.join(list(close)[:MOST_ALIKE])}?" if close else said
