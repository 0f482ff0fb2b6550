"""What each word of a line being typed is: command, name, field, number, value, or one that cannot be right. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import to_key
from hvrepl.errors import UsageError
from hvrepl.frontends.complete import LONGEST, OPTIONS, TAKES_FIELDS, TAKES_NAME, Completer, paths_of
from hvrepl.text.read_value import read_number

PIECE = re.compile(r"\s+|[^\s(]*\([^)]*\)?\S*|\S+")


def classify(text: str, completer: Completer, last: Found | None = None) -> Iterator[tuple[str, str]]:
    """(class, piece) of each piece of the line; together the pieces are the line. The word at the end may still be growing."""
    if len(text) > LONGEST or text.lstrip().startswith(("!", "#")):
        yield "", text
        return
    words: list[str] = []
    for match in PIECE.finditer(text):
        piece = match[0]
        if piece.isspace():
            yield "", piece
            continue
        growing = match.end() == len(text)
        yield from classify_word(piece, words, growing, completer, last)
        words.append(piece)


def classify_word(piece: str, words: list[str], growing: bool, completer: Completer, last: Found | None) -> Iterator[tuple[str, str]]:
    command = words[0] if words else ""
    if words and words[-1] in OPTIONS:
        yield "value" if piece in OPTIONS[words[-1]] else doubt(growing), piece
    elif piece.startswith(("-", "@")) or {"|", ">", ">>", "#"} & {piece, *words}:
        yield "", piece
    elif not words:
        yield first_word(piece, growing, completer), piece
    elif command in TAKES_NAME and len(words) == 1:
        yield name_or_number(piece, growing, completer), piece
    elif "=" in piece and (command in TAKES_FIELDS or command not in completer.command_names):
        yield from assignment(piece, words, growing, completer, last)
    else:
        yield "number" if is_number(piece) else "", piece


def doubt(growing: bool) -> str:
    """A word that nothing knows is wrong once it is complete."""
    return "" if growing else "error"


def first_word(piece: str, growing: bool, completer: Completer) -> str:
    if piece in completer.command_names:
        return "command"
    return name_or_number(piece, growing, completer)


def name_or_number(piece: str, growing: bool, completer: Completer) -> str:
    base = to_key(piece.rpartition(":")[2].partition(".")[0])
    if base in completer.keys:
        return "name"
    if is_number(piece) or is_number(base) or piece == "_":
        return "number"
    if growing and any(key.startswith(base) for key in completer.keys):
        return ""
    return "error" if not growing or not completer.hits(base) else ""


def assignment(piece: str, words: list[str], growing: bool, completer: Completer, last: Found | None) -> Iterator[tuple[str, str]]:
    path, _, value = piece.partition("=")
    found = last if words[0] == "set" else completer.find(words[1] if words[0] in TAKES_NAME and len(words) > 1 else words[0])
    bare = path.rstrip("!")
    known = found is None or is_path(bare, found, completer)
    yield "field" if known else "error", path
    yield "", "="
    if value:
        yield "number" if is_number(value) else "value" if known else doubt(growing), value


def is_path(path: str, found: Found, completer: Completer) -> bool:
    plain = re.sub(r"\[\d+\]", "", path)
    paths = [name for name, _ in paths_of(found.spec, found.spec.layout, completer.catalog)]
    shorthands = [shorthand.name for shorthand in found.spec.shorthands]
    return plain in paths or plain in shorthands or any(name.rpartition(".")[2] == plain for name in paths) or "[" in path


def is_number(text: str) -> bool:
    try:
        read_number(text)
    except UsageError:
        return False
    return True
