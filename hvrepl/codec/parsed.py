"""The result of parsing: the values of a word and of a variant. Without construct, which is slow to import and not needed for words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import Layout, Spec
from hvrepl.codec.variants import Word, Words, expand_word
from hvrepl.hints import Any


class Variant(dict[str, Any]):
    """The fields of the case that a switch picked (`spec` is None without one), the bytes of its region, and how many belong to the case.

    `pick` is the function that picks a case by the switch's value.
    """

    spec: Spec | None = None
    pick: Callable[[Any], Spec | None] | None = None
    word: WordValues | None = None
    size: int = 0
    used: int = 0


class WordValues(dict[str, Any]):
    """The values of a word's fields, with its number and the fields and layouts that apply."""

    def __init__(self, number: int, word: Word) -> None:
        super().__init__()
        self.number = number
        self.word = word


def split_word(spec: Spec, layout: Layout, number: int, words: Words, context: Mapping[str, str]) -> WordValues:
    values = WordValues(number, words.of(spec, layout, number, context))
    for field in values.word.fields:
        part = number >> field.lsb & (1 << field.width) - 1
        inner = words.catalog.type(field.type) if field.type else None
        values[field.name] = split_word(inner, inner.layout, part, words, context) if inner and inner.layout else part
    return values


def join_word(spec: Spec, layout: Layout, values: Mapping[str, Any], catalog: Catalog, context: Mapping[str, str]) -> int:
    number = 0
    for field in expand_word(spec, layout, lambda field: values.get(field.name, 0), catalog, context).fields:
        part = values.get(field.name, 0)
        inner = catalog.type(field.type)
        if inner and inner.layout and not isinstance(part, int):
            part = join_word(inner, inner.layout, part, catalog, context)
        number |= (part & (1 << field.width) - 1) << field.lsb
    return number


def left_over(values: Mapping[str, Any], layout: Layout | None) -> bytes:
    """The bytes after a struct's members: decode.py's `rest`."""
    own = any(field.name == "rest" for field in layout.fields) if layout else False
    rest = values.get("rest", b"")
    return b"" if own or not isinstance(rest, bytes) else rest


def descend(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        value = value.get(part, 0) if isinstance(value, Mapping) else 0
    if isinstance(value, bytes):  # an incomplete number
        return int.from_bytes(value, "little")
    return 0 if value is None else value
