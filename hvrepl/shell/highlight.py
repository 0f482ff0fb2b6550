"""Classifies each word of a line while it is typed: command, name, field, number, value, or error. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import Field, Layout, to_key
from hvrepl.commands.inputs.register_value import lowest_fields
from hvrepl.commands.session import ARCH_WORDS, FORMATS
from hvrepl.commands.values_in_hand import WORD
from hvrepl.patterns import regex
from hvrepl.readers.number import is_number
from hvrepl.record import record
from hvrepl.script.complete import LONGEST, TAKES_FIELDS
from hvrepl.script.interpret import GIVEN, SPACES, TAKES_WHAT
from hvrepl.script.lexicon import Held, Lexicon
from hvrepl.script.option_words import Positional, awaits, choices_of

# A blank, an operator, or a word, in which | and > are allowed within parentheses and quotes only.
PIECE = regex(r"""\s+|[|>](?!=)[|>]*|(?:[^\s('"]|\([^)]*\)?|'[^']*'?|"[^"]*"?)+""")
HEX = regex(r"(?:0x|\\x)?[0-9a-fA-F`_]+[hH]?,?")
PART = regex(r"\.(?:\d+|input|output)")


@record
class Place:
    """The context of a word: the word before it ("" if none), all earlier words that are not options, and whether it may still grow."""

    last: str
    before: list[str]
    growing: bool

    @property
    def command(self) -> str:
        return next(iter(self.before), "")

    @property
    def doubt(self) -> str:
        """A class for unknown words: an error once the word is complete."""
        return "" if self.growing else "error"


def classify(text: str, lexicon: Lexicon, hand: Sequence[Held] = (), *, done: bool = False) -> Iterator[tuple[str, str]]:
    """(class, piece) of each piece; together they are the line. The last word may still grow unless `done`."""
    if len(text) > LONGEST or text.lstrip().startswith("!"):
        yield "", text
        return
    last, before = "", Positional()
    for match in PIECE.finditer(text):
        piece = match[0]
        if piece[0] == "#" or re.match(r"[|>](?!=)", piece):
            yield "", text[match.start() :]
            return
        if piece.isspace():
            yield "", piece
            continue
        yield from classify_word(piece, Place(last, before.words, match.end() == len(text) and not done), lexicon, hand)
        before.take(piece)
        last = piece


def classify_word(piece: str, place: Place, lexicon: Lexicon, hand: Sequence[Held]) -> Iterator[tuple[str, str]]:
    option = awaits(place.last)
    given = GIVEN.fullmatch(piece)
    is_given = given is not None and (given[2] == "=" or not given[3])
    if option and (choices := choices_of(option)):
        yield "value" if piece in choices or (option.key == "arch" and piece.lower() in ARCH_WORDS) else place.doubt, piece
    elif option or piece[0] in "-@'\"":
        yield "", piece
    elif not place.before and given and is_given and (kind := name_or_number(given[1], place, lexicon, hand)) in ("name", "number"):
        yield kind, given[1]
        yield "", given[2]
        if given[3]:
            yield "number" if is_number(given[3]) else place.doubt, given[3]
    elif not place.before:
        yield "command" if piece in lexicon.command_names else name_or_number(piece.strip("?") or piece, place, lexicon, hand), piece
    elif place.command in TAKES_WHAT and len(place.before) == 1:
        yield name_or_number(piece, place, lexicon, hand), piece
    elif place.command in lexicon.command_names and place.command not in (*TAKES_WHAT, "set"):
        yield word_of(piece, place, lexicon), piece
    elif "=" in piece.strip("="):
        yield from assignment(piece, place, lexicon, hand)
    else:
        yield value(piece, place, lexicon, hand), piece


def word_of(piece: str, place: Place, lexicon: Lexicon) -> str:
    """The class of the word after arch, format, list ..."""
    choices = {"arch": tuple(ARCH_WORDS), "format": FORMATS, "list": tuple(lexicon.catalog.spaces)}
    if place.command not in choices:
        return "command" if piece in lexicon.command_names else "number" if is_number(piece) else ""
    return "value" if piece.lower() in choices[place.command] else place.doubt


def name_or_number(piece: str, place: Place, lexicon: Lexicon, hand: Sequence[Held]) -> str:
    space, _, rest = piece.rpartition(":")
    base = to_key(PART.sub("", rest))
    if space and space.lower() not in lexicon.catalog.spaces:
        return place.doubt
    if lexicon.has_name(base) or piece.lower() in SPACES:
        return "name"
    if is_number(piece) or is_number(rest) or is_held(piece, hand):
        return "number"
    if place.growing and (HEX.fullmatch(rest) or rest[:1].isdigit() or rest[:1] in "(="):
        return ""
    return "error" if not place.growing or not lexicon.hits(base) else ""


def is_held(piece: str, hand: Sequence[Held]) -> bool:
    """Whether a word is a value in hand, or arithmetic with some."""
    if piece.startswith("("):
        return is_number(WORD.sub(lambda match: "1" if is_held(match[0], hand) else match[0], piece))
    return piece == "_" or any(one.name == piece for one in hand)


def thing_at(place: Place, lexicon: Lexicon, hand: Sequence[Held]) -> tuple[Found, Layout | None] | None:
    """The thing that the word belongs to."""
    words = place.before
    what = "_" if words[0] == "set" else words[1] if words[0] in TAKES_WHAT and len(words) > 1 else words[0]
    return lexicon.find_held(what, hand) or lexicon.find(what)


def value(piece: str, place: Place, lexicon: Lexicon, hand: Sequence[Held]) -> str:
    """The class of a VALUE after a name: a number, bytes, or the name of one of its values."""
    if place.command == "set":
        return place.doubt
    if is_number(piece) or piece == "=" or is_held(piece, hand):
        return "number"
    thing = thing_at(place, lexicon, hand)
    if thing is None:
        return ""
    found, layout = thing
    named = [one for field in lowest_fields(found.spec, layout) for one in lexicon.catalog.enumerators(field)]
    if any(to_key(piece) in map(to_key, (one.name, *one.also)) for one in named):
        return "value"
    return "number" if HEX.fullmatch(piece) else "" if piece[0] in "({" else place.doubt


def assignment(piece: str, place: Place, lexicon: Lexicon, hand: Sequence[Held]) -> Iterator[tuple[str, str]]:
    path, _, text = piece.partition("=")
    bare = path.rstrip("!<>")
    thing = thing_at(place, lexicon, hand)
    is_register = place.command not in TAKES_FIELDS and re.fullmatch("e[abcd]x", bare, re.IGNORECASE)
    known = thing is None or is_register or is_path(bare, *thing, lexicon)
    yield "field" if known else "error", path
    yield "", "="
    if text:
        fields = lexicon.fields_at(bare, *thing) if thing else []
        right = known and (not fields or any(may_be(text, field, lexicon) for field in fields))
        yield "number" if is_number(text) else "value" if right or (known and place.growing) else place.doubt, text


def is_path(path: str, found: Found, layout: Layout | None, lexicon: Lexicon) -> bool:
    return bool(found.spec.shorthand(path)) or "[" in path or bool(lexicon.fields_at(path, found, layout))


def may_be(text: str, field: Field, lexicon: Lexicon) -> bool:
    """Whether a word can be a field's value: an enumerator, or text that only the field's formatter or type can judge."""
    named = lexicon.catalog.enumerators(field)
    if field.show or (field.type and not named):
        return True
    return any(to_key(text) in map(to_key, (one.name, *one.also)) for one in named)
