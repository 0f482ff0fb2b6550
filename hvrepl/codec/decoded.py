"""Decoded: the one node that every renderer gets, and its JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from json.encoder import encode_basestring, encode_basestring_ascii
from operator import attrgetter

from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.record import record
from hvrepl.wording import shorten


@record(eq=True)
class Finding:
    """Something strange in a value: a stable code, the path of the field, and a sentence."""

    code: str
    field: str
    text: str

    def to_dict(self) -> dict[str, str]:
        return {key: value for key, value in (("code", self.code), ("field", self.field), ("text", self.text)) if value}


@record(eq=True, kw_only=True)
class Decoded:
    """A value, or a part of one, with its meaning.

    `raw` is all its bits: 0x and every hex digit of a number, the plain hex of bytes in memory order. `value` is the number,
    None above 64 bits and for bytes. `bits` is (high, low) in the word, or within `register` of a CPUID leaf; `offset` and `size` are
    bytes from the start of the outermost struct. `size_bits` is the width of the number.
    The last six are hints for display, and not part of its JSON.
    """

    name: str
    kind: str = ""
    type: str = ""
    arch: str = ""
    space: str = ""
    number: str = ""
    register: str = ""
    bits: tuple[int, int] | None = None
    offset: int | None = None
    size: int | None = None
    raw: str = ""
    value: int | None = None
    meaning: str = ""
    reserved: bool = False
    summary: str = ""
    fields: tuple[Decoded, ...] = ()
    slots: tuple[Decoded, ...] = ()
    readings: tuple[Decoded, ...] = ()
    findings: tuple[Finding, ...] = ()
    other: tuple[Decoded, ...] = ()
    read: str = ""
    source: tuple[str, ...] = ()
    subtitle: str = ""
    column: str = ""
    base: int = 16
    named: bool = False
    unused: bool = False
    dumped: bool = False

    def __iter__(self) -> Iterator[Decoded]:
        yield from self.slots
        yield from self.fields

    def find(self, path: str) -> Decoded | None:
        """The part at a path such as payload.timer_index, slots[2].header or [3]; None if there is none."""
        node: Decoded | None = self
        for part in split_path(path):
            if node is None or (part == "slots" and node.slots):
                continue
            for child in node.fields if not node.slots else node:  # a loop is faster than next(), and every phrase comes here
                if child.name == part:
                    node = child
                    break
            else:
                return None
        return node

    @property
    def is_bit(self) -> bool:
        return self.bits is not None and self.bits[0] == self.bits[1]

    @property
    def is_number(self) -> bool:
        return self.raw.startswith("0x")

    @property
    def is_set(self) -> bool:
        """Whether any bit is one, in its own bytes or in its parts."""
        return any(c in "123456789abcdef" for c in self.raw.removeprefix("0x")) if self.raw else any(part.is_set for part in self)

    def to_bytes(self) -> bytes:
        """The bytes in memory order; a number has as many as its hex digits fill."""
        digits = self.raw.removeprefix("0x")
        return bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))[:: -1 if self.is_number else 1]

    def __str__(self) -> str:
        """The screen, if hvrepl.render.display was asked for it, as hvrepl.decode does."""
        return DISPLAYS["text"](self) if DISPLAYS else repr(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002
        """What IPython prints."""
        printer.text(str(self))

    def _repr_html_(self) -> str | None:
        """HTML for a notebook; None if it only has the text."""
        return DISPLAYS["html"](self) if DISPLAYS else None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object: keys in the order that scripts rely on, without empty ones."""
        found: dict[str, Any] = {}
        for key, value in zip(KEYS, VALUES(self), strict=True):
            if value or (value == 0 and key in KEPT and value is not None):
                found[key] = encode_value(value) if value.__class__ is tuple else value
        return found


# How Python shows a node: filled in by hvrepl.render, which this folder does not know.
DISPLAYS: dict[str, Callable[[Decoded], str]] = {}

# JSON key → attribute, in the order of the contract.
KEYS: dict[str, str] = {key: key for key in ("name", "kind", "type", "arch", "space", "number")}
KEYS |= {"reg": "register"}
KEYS |= {key: key for key in ("bits", "offset", "size", "raw", "value", "meaning", "reserved", "summary", "fields", "slots")}
KEYS |= {key: key for key in ("readings", "findings", "other", "read", "source")}
VALUES = attrgetter(*KEYS.values())
KEPT = ("bits", "offset", "size", "value")  # here zero is a value


def encode_value(value: tuple[Any, ...]) -> list[Any]:
    return [one.to_dict() if isinstance(one, (Decoded, Finding)) else one for one in value]


def dump(table: Any) -> str:
    """Compact JSON as UTF-8 text."""
    return escape_unprintable(json.dumps(table, ensure_ascii=False, separators=(",", ":")))


def quote_json(text: str) -> str:
    """Text as a string of JSON."""
    return escape_unprintable(encode_basestring(text))


def escape_unprintable(text: str) -> str:
    """JSON on one line, with characters escaped that json keeps although a terminal may obey them: DEL, C1, direction marks."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else encode_basestring_ascii(c)[1:-1] for c in text)


@lru_cache(maxsize=4096)
def split_path(path: str) -> tuple[str, ...]:
    """slots[2].header → ("slots", "[2]", "header")."""
    return tuple([part for part in path.replace("[", ".[").split(".") if part])


def name_of(path: str) -> str:
    """The last name of a path, without an index."""
    return next((part for part in reversed(split_path(path)) if not part.startswith("[")), "")


def join_path(base: str, name: str) -> str:
    """The path of a part; the index of an array joins without a dot."""
    return name if not base else f"{base}{name}" if name.startswith("[") else f"{base}.{name}"


def paths(node: Decoded, base: str = "") -> Iterator[tuple[str, Decoded]]:
    """(path, part) of every part of a node, parents before children."""
    for children, before in ((node.slots, join_path(base, "slots")), (node.fields, base)):
        for part in children:
            path = join_path(before, part.name)
            yield path, part
            yield from paths(part, path)


def leaves(node: Decoded) -> Iterator[tuple[str, Decoded]]:
    """(path, part) of every part without children."""
    return ((path, part) for path, part in paths(node) if not part.fields)


def from_dict(table: Mapping[str, Any], around: str = "", depth: int = 0) -> Decoded:
    """A node from the result of to_dict, as far as encoding needs it: names, raws, values and children.

    UsageError if it is malformed, as the table may come from anywhere; it begins with the path of the node within `around`.
    """
    if not isinstance(table, Mapping):
        raise UsageError(f"{at(around)}{shorten(str(table))!r} is not an object with name, raw and value")
    name = member(table, "name", str, "", around)
    path = shorten(join_path(around, name), LONGEST_PATH) if depth else ""
    if depth > MOST_DEEP:
        raise UsageError(f"{at(path)}parts within parts, over {MOST_DEEP} deep")
    raw = member(table, "raw", str, "", path)
    if not re.fullmatch("0x[0-9a-fA-F]+|(?:[0-9a-fA-F]{2})*", raw):
        raise UsageError(f"{at(path)}raw {shorten(raw)!r} is not hex")
    bits = member(table, "bits", list, None, path)
    if bits is not None and not (len(bits) == 2 and all(isinstance(bit, int) for bit in bits)):
        raise UsageError(f"{at(path)}bits must be [high, low], not {shorten(str(bits))}")
    size = member(table, "size", int, None, path)
    if size is not None and size < 0:
        raise UsageError(f"{at(path)}size must be a number of bytes, not {shorten(str(size))}")
    return Decoded(
        name=name,
        kind=member(table, "kind", str, "", path),
        raw=raw,
        value=member(table, "value", int, None, path),
        bits=(bits[0], bits[1]) if bits else None,
        offset=member(table, "offset", int, None, path),
        size=size,
        fields=tuple([from_dict(one, path, depth + 1) for one in member(table, "fields", list, [], path)]),
        slots=tuple([from_dict(one, join_path(path, "slots"), depth + 1) for one in member(table, "slots", list, [], path)]),
    )


def at(path: str) -> str:
    """The beginning of an error about the part at a path."""
    return f"{path}: " if path else ""


def member(table: Mapping[str, Any], key: str, kind: type, default: Any, path: str) -> Any:
    """A value of a JSON object; if present, it must be of a type."""
    value = table.get(key, default)
    if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
        raise UsageError(f"{at(path)}{key} must be {JSON_TYPES[kind]}, not {shorten(str(value))!r}")
    return value


JSON_TYPES = {str: "text", int: "a number", list: "an array"}
MOST_DEEP = 32  # nested parts; no layout comes near it
LONGEST_PATH = 200
