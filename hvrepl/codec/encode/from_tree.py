"""Decoded → bytes. encode(decode(b)) == b for every layout and all bytes; assignments to fields are in assign.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, join_path
from hvrepl.codec.parsed import left_over
from hvrepl.errors import UsageError


def encode(decoder: Decoder, found: Found, node: Decoded, *, output: bool = False, context: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a node from the values of its parts: a part's value counts before its raw, as a program may have changed it.

    A struct that was decoded from too few bytes keeps its length. UsageError for a part that the layout does not have, or whose value
    does not fit.
    """
    layout = found.spec.output if output else found.spec.layout
    if layout is None or not (node.fields or node.slots):
        return node.to_bytes()
    values = dict(values_of(node)) if node.fields else {}
    if node.slots:
        values["slots"] = [values_of(slot) for slot in node.slots]
    data = decoder.schemas.build(found.spec, layout, values, context or {})
    if not found.spec.width or output:
        size = size_of(node)
        data = (data + left_over(values, layout))[:size].ljust(size, b"\0")
    known = set(paths(decoder.decode(found, data, output=output, context=context)))
    unknown = next((path for path in paths(node) if path not in known), None)
    if unknown:
        raise UsageError(f"{found.called} has no field {unknown[:60]} with these values")
    return data


def paths(node: Decoded, base: str = "") -> Iterator[str]:
    for part in node:
        path = join_path(base, part.name)
        yield path
        yield from paths(part, path)


def size_of(node: Decoded) -> int:
    """Bytes of what a node holds: the sum of its members, as a program may have added elements."""
    if any(node) and all(part.offset is not None for part in node):
        return sum(size_of(part) for part in node)
    return len(node.to_bytes()) if node.raw else node.size or 0


def values_of(node: Decoded) -> Any:
    """A node as schema.py builds it: a dict of its parts, a list of its elements, a number or bytes."""
    if node.fields:
        if all(part.name.startswith("[") for part in node.fields):
            return [values_of(part) for part in node.fields]
        return {part.name: values_of(part) for part in node.fields}
    if node.value is None:
        return int(node.raw, 16) if node.is_number else node.to_bytes()
    width = width_of(node)
    if width and not -(1 << width - 1) <= node.value < 1 << width:
        raise UsageError(f"{node.name} is {width} bits wide; {node.value:#x} needs {node.value.bit_length() + (node.value < 0)}")
    return node.value


def width_of(node: Decoded) -> int:
    return node.bits[0] - node.bits[1] + 1 if node.bits else 8 * (node.size or 0)
