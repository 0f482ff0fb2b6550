"""The pattern of a log form → plain text that every match contains, so that lines are searched before the pattern is tried. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from hvrepl.patterns import regex
from hvrepl.record import record

ATOM = regex(r"\\(?P<escape>.)|\[\^?\]?(?:\\.|[^\]\\])*\]|<\w+(?::(?P<kind>\w+))?>|(?P<plain>[^][\\<>()^$.|?*+{ ])|.", re.DOTALL)
MANY = regex(r"(?:[?*+]|\{(?P<least>\d*)(?:,\d*)?\})\??")
ZERO_WIDTH = regex(r"\(\?<?[=!]|[\^$]|\\[bB]")


MOST_STARTS = 16
MOST_KEPT = 1024  # outlines; the built-in patterns are a fifth of that


@record
class Outline:
    """In lower case: a match begins with one of `starts` (empty: with anything), and contains `part` ("": unknown)."""

    starts: tuple[str, ...] = ()
    part: str = ""


@record
class Atom:
    """A piece of a pattern: literal text, a group, or something else. Optional: it can be absent."""

    text: str = ""
    group: str = ""
    is_optional: bool = False
    ends: bool = False  # whether something else can follow before the next piece


@lru_cache(MOST_KEPT)  # a shell or script that annotates many logs works each out once
def outline(pattern: str, words: tuple[str, ...] = ()) -> Outline:
    """The outline of a pattern that is not empty. A match has one of `words` anyway, so `part` preferably is another text."""
    starts = [start.strip() for start in heads(pattern)[0]]
    return Outline(() if "" in starts else tuple(starts), best_part(pattern, words))


def heads(pattern: str) -> tuple[list[str], bool]:
    """The beginnings of a match, and whether they are all of it."""
    each = [head(alternative) for alternative in split(pattern)]
    return [start for starts, _ in each for start in starts], all(whole for _, whole in each)


def head(alternative: str) -> tuple[list[str], bool]:
    starts = [""]
    for atom in atoms(alternative):
        more, whole = heads(inside(atom.group)) if atom.group else ([atom.text], bool(atom.text))
        if not whole and atom.is_optional:
            return starts, False
        longer = [start + one for start in starts for one in ([*more, ""] if atom.is_optional else more)]
        if len(longer) > MOST_STARTS:
            return starts, False
        starts = longer
        if not whole or atom.ends:
            return starts, False
    return starts, True


def best_part(pattern: str, words: Collection[str]) -> str:
    """The longest plain text without blanks that is in every match, preferably one that is not long because of a word."""
    if len(split(pattern)) > 1:
        return ""
    runs = [""]
    for atom in atoms(pattern):
        is_text = atom.text.strip() and not atom.is_optional
        runs[-1] += atom.text if is_text else ""
        if not is_text or atom.ends:
            runs.append("")
    return max(runs, key=lambda run: len(run) if not any(word in run for word in words) else 1)


def atoms(pattern: str) -> Iterator[Atom]:
    """Its pieces, except those without a width."""
    at = 0
    while match := ATOM.match(pattern, at):
        start, at = at, group_end(pattern, at) if match[0] == "(" else match.end()
        many = MANY.match(pattern, at)
        at = many.end() if many else at
        if ZERO_WIDTH.match(pattern, start):
            continue
        text = match["plain"] or (match["escape"] if match["escape"] and not match["escape"].isalnum() else "")
        text = " " if match[0] == " " else text
        is_optional = many is not None and (many[0][0] in "?*" or many["least"] in ("", "0"))
        yield Atom(
            "0x" if match["kind"] == "0x" else text.lower(),
            pattern[start:at] if match[0] == "(" else "",
            is_optional,
            (many is not None and not is_optional) or match["kind"] == "0x",
        )


def group_end(pattern: str, at: int) -> int:
    """The end of the group that begins there."""
    depth = 0
    while match := ATOM.match(pattern, at):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        at = match.end()
        if not depth:
            break
    return at


def inside(group: str) -> str:
    """(a group without its brackets, its repetition)."""
    return group[: group_end(group, 0) - 1].removeprefix("(").removeprefix("?:")


def split(pattern: str) -> list[str]:
    """Its alternatives."""
    parts, start, at = [], 0, 0
    while match := ATOM.match(pattern, at):
        if match[0] == "|":
            parts.append(pattern[start:at])
            start = match.end()
        at = group_end(pattern, at) if match[0] == "(" else match.end()
    return [*parts, pattern[start:]]
