"""The structs and unions of preprocessed C: their members, with their paths in C. gcc knows their places.

Just enough of C's grammar for headers of the kernel: `-D__packed=` and the like have removed the attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

TOKEN = re.compile(r"[A-Za-z_]\w*|\d\w*|\"(?:\\.|[^\"])*\"|'(?:\\.|[^'])*'|\S")
OPEN = {"{": "}", "(": ")", "[": "]"}
AGGREGATES = ("struct", "union")


@dataclass(frozen=True, slots=True)
class OfLayouts:
    """A member: its name ("" if anonymous), its own members if they are written out, otherwise the tag of its struct type."""

    name: str
    inner: tuple[OfLayouts, ...] = ()
    tag: str = ""
    array: bool = False
    flexible: bool = False
    bits: bool = False


@dataclass(frozen=True, slots=True)
class MemberPath:
    """A member as C reaches it from the struct; `parts` says that it has members, which follow with their own paths.

    `owner` is the innermost named struct around it, and `own` its path in that.
    """

    text: str
    bits: bool
    flexible: bool
    parts: bool
    owner: str
    own: str


Structs: TypeAlias = "Mapping[str, tuple[OfLayouts, ...]]"  # `struct x` or `union x` → members


def read_structs(source: str) -> dict[str, tuple[OfLayouts, ...]]:
    """The structs and unions that are defined at the top of the text."""
    tokens = TOKEN.findall(re.sub(r"(?m)^#.*$", "", source))
    found: dict[str, tuple[OfLayouts, ...]] = {}
    at = 0
    while at < len(tokens):
        if tokens[at] in AGGREGATES and tokens[at + 2 : at + 3] == ["{"]:
            end = skip(tokens, at + 2)
            found[f"{tokens[at]} {tokens[at + 1]}"] = tuple(read_members(tokens[at + 3 : end - 1]))
            at = end
        else:
            at = skip(tokens, at)
    return found


def skip(tokens: list[str], at: int) -> int:
    """The position after the token, or after the bracket that closes it."""
    close = OPEN.get(tokens[at])
    at += 1
    if close:
        while tokens[at] != close:
            at = skip(tokens, at)
        at += 1
    return at


def read_members(tokens: list[str]) -> Iterator[OfLayouts]:
    for declaration in split(tokens, ";"):
        if declaration:
            yield from read_declaration(declaration)


def split(tokens: list[str], mark: str) -> Iterator[list[str]]:
    """The parts between marks that are not within brackets."""
    start = at = 0
    while at < len(tokens):
        if tokens[at] == mark:
            yield tokens[start:at]
            start = at + 1
        at = skip(tokens, at)
    yield tokens[start:]


def read_declaration(tokens: list[str]) -> Iterator[OfLayouts]:
    """`u32 a : 3, b[2]`, `struct { … } c`, `struct d e`: each declarator as a member."""
    tag, rest = "", tokens
    inner: tuple[OfLayouts, ...] = ()
    if tokens[0] in AGGREGATES:
        body = next((at for at in (1, 2) if tokens[at] == "{"), 0)
        if body:
            end = skip(tokens, body)
            inner, rest = tuple(read_members(tokens[body + 1 : end - 1])), tokens[end:]
        else:
            tag, rest = f"{tokens[0]} {tokens[1]}", tokens[2:]
    elif tokens[0] == "enum" and "{" in tokens:
        rest = tokens[skip(tokens, tokens.index("{")) :]
    if not rest:
        yield OfLayouts("", inner)
    for declarator in split(rest, ",") if rest else ():
        if "(" not in until(declarator, "["):  # a function pointer has no counterpart
            yield read_declarator(declarator, inner, "" if "*" in declarator else tag)


def read_declarator(tokens: list[str], inner: tuple[OfLayouts, ...], tag: str) -> OfLayouts:
    head = until(tokens, ":")
    name = until(head, "[")
    size = head[len(name) + 1 : -1]
    array = len(name) < len(head)
    return OfLayouts(name[-1], inner, tag, array, array and size in ([], ["0"]), len(head) < len(tokens))


def until(tokens: list[str], mark: str) -> list[str]:
    return tokens[: tokens.index(mark)] if mark in tokens else tokens


def paths(struct: str, structs: Structs) -> Iterator[MemberPath]:
    """Every member, and the members of those that are structs; for an array those of its first element."""
    return walk(structs[struct], structs, "", struct, "")


def walk(members: tuple[OfLayouts, ...], structs: Structs, above: str, owner: str, own: str) -> Iterator[MemberPath]:
    for one in members:
        named = one.tag in structs
        inner = structs[one.tag] if named else one.inner
        if one.name:
            yield MemberPath(above + one.name, one.bits, one.flexible, bool(inner), owner, own + one.name)
        step = f"{one.name}{'[0]' if one.array else ''}." if one.name else ""
        yield from walk(inner, structs, above + step, one.tag if named else owner, "" if named else own + step)
