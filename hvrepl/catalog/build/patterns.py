"""Counts the ways in which a regular expression can divide a text that it does not match, and refuses more than a few thousand.

re has no time limit, and no other engine has its syntax, so a user's pattern is judged before it is tried. Python's own parser takes it
apart: another parser might see another pattern than the one that runs.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from hvrepl.catalog.log_forms import BLANKS, TOKEN
from hvrepl.hints import Any

MOST_WAYS = 20_000
UNBOUNDED = 4096  # repetitions that are assumed without an upper bound
MOST_LENGTH = 4000  # characters of a pattern
NUMBER = "[-0-9a-z_]"  # instead of <value>: it always takes all digits, which is one way
SAMPLES = frozenset(map(chr, range(1, 128))) | frozenset("\x85\xa0\xb2\xe9\u0131\u017f\u0663\u2028\u212a\u4e00")
Item = tuple[Any, Any]  # a piece in the parser's form: its kind and its content

ONE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")  # kinds that match one character
REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def check_ways(pattern: str, *, is_form: bool = True) -> Iterator[str]:
    """The faults of a pattern that compiles; in a log form, <value> and blanks are abbreviations."""
    if len(pattern) > MOST_LENGTH:
        yield f"pattern: longer than {MOST_LENGTH} characters"
        return
    plain = TOKEN.sub(lambda match: NUMBER if match[1] else BLANKS, pattern) if is_form else pattern
    try:
        tree: Any = importlib.import_module("re._parser").parse(plain, re.IGNORECASE)
        ways = ways_of(list(tree), is_last=True)
    except RecursionError:
        yield "pattern: nested too deeply"
        return
    if ways > MOST_WAYS:
        yield (
            "pattern: it would try too many ways on a line that does not match; limit how often something repeats, as in {0,40}, "
            "do not repeat a repeat or a choice, or give nothing back, as in [a-z]++"
        )


def ways_of(items: Sequence[Item], after: Item | None = None, *, is_last: bool = False) -> int:
    """The ways of consecutive pieces, in front of a piece (None: unknown), or at the very end, where nothing can fail."""
    ways = 1
    for place, item in enumerate(items):
        following = items[place + 1] if place + 1 < len(items) else after
        ways *= ways_of_item(item, following, is_last=is_last and place + 1 == len(items))
        if ways > MOST_WAYS:
            break
    return ways


def ways_of_item(item: Item, after: Item | None, *, is_last: bool) -> int:
    kind, what = str(item[0]), item[1]
    if kind == "BRANCH":
        return sum(ways_of(list(one), after, is_last=is_last) for one in what[1])
    if kind == "SUBPATTERN":
        return ways_of(list(what[3]), after, is_last=is_last)
    if kind == "ATOMIC_GROUP":
        return ways_of(list(what))
    if kind in ("ASSERT", "ASSERT_NOT"):
        return ways_of(list(what[1]))
    if kind == "GROUPREF_EXISTS":
        return sum(ways_of(list(one)) for one in what[1:] if one is not None)
    return ways_of_repeat(kind, what, after, is_last=is_last) if kind in REPEATS else 1


def ways_of_repeat(kind: str, what: tuple[Any, Any, Any], after: Item | None, *, is_last: bool) -> int:
    least: int = what[0]
    most: int = min(what[1], UNBOUNDED)
    body = list(what[2])
    if most > 1 and not what[2].getwidth()[0]:
        return MOST_WAYS + 1  # empty repetitions never end
    inside = ways_of(body, after if most == 1 else None)  # otherwise the next repetition may follow
    if inside > 1 and most > 1:  # every repetition has these ways
        each: int = inside ** min(most, 20)
        return min(each, MOST_WAYS + 1) * (most - least + 1)
    if kind == "POSSESSIVE_REPEAT" or is_last or is_settled(body, after):
        return inside
    return most - least + inside


def is_settled(body: Sequence[Item], after: Item | None) -> bool:
    """Whether a repeated piece and the one after it begin with different characters: then the repeat can end in one place only."""
    one, other = first_of(body[0] if body else None), first_of(after)
    if one is None or other is None:
        return False
    samples = SAMPLES.union(characters_in(one), characters_in(other))
    return not any(takes(one, character) and takes(other, character) for character in samples)


def first_of(item: Item | None) -> Item | None:
    """The piece of one character that a piece certainly begins with, if any."""
    while item is not None and str(item[0]) not in ONE:
        kind, what = str(item[0]), item[1]
        inner: Any = what[3] if kind == "SUBPATTERN" else what[2] if kind in REPEATS and what[0] > 0 else ()
        item = inner[0] if len(inner) else None
    return item


def characters_in(item: Item) -> Iterator[str]:
    """The characters of a one-character piece, and the ends of its ranges: two overlapping sets share one of these."""
    kind, what = str(item[0]), item[1]
    if kind in ("LITERAL", "NOT_LITERAL"):
        yield from spellings(chr(what))
    elif kind == "RANGE":
        yield from (one for end in what for one in spellings(chr(end)))
    elif kind == "IN":
        yield from (one for part in what for one in characters_in(part))


def spellings(character: str) -> Iterable[str]:
    """The character in upper and lower case, as far as these are single characters."""
    return {one for one in (character, character.lower(), character.upper()) if len(one) == 1}


def takes(item: Item, character: str) -> bool:
    """Whether a one-character piece matches this character, in any case."""
    return any(takes_exactly(item, one) for one in spellings(character))


def takes_exactly(item: Item, character: str) -> bool:
    kind, what = str(item[0]), item[1]
    if kind in ("ANY", "NOT_LITERAL"):
        return True  # all but one
    if kind == "LITERAL":
        return bool(chr(what) == character)
    if kind == "RANGE":
        return bool(what[0] <= ord(character) <= what[1])
    if kind == "CATEGORY":
        return CATEGORIES[str(what)](character)
    if kind == "IN":
        is_not = bool(what) and str(what[0][0]) == "NEGATE"
        return any(takes_exactly(one, character) for one in what[is_not:]) != is_not
    return True


def is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


CATEGORIES: Mapping[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdecimal,
    "CATEGORY_NOT_DIGIT": lambda character: not character.isdecimal(),
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_NOT_SPACE": lambda character: not character.isspace(),
    "CATEGORY_WORD": is_word,
    "CATEGORY_NOT_WORD": lambda character: not is_word(character),
}
