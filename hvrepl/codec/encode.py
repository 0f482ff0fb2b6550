"""Decoded → bytes. encode(decode(b)) == b for every layout and all bytes; assignments to fields are in assign.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.errors import UsageError


def encode(decoder: Decoder, found: Found, node: Decoded, *, output: bool = False, context: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a node from the values of its parts: a part's value counts before its raw, as a program may have changed it.

    A struct that was decoded from too few bytes keeps its length. UsageError for a part that the layout does not have.
    """
    layout = found.spec.output if output else found.spec.layout
    if layout is None or not (node.fields or node.slots):
        return node.to_bytes()
    values = dict(values_of(node)) if node.fields else {}
    if node.slots:
        values["slots"] = [values_of(slot) for slot in node.slots]
    data = decoder.schemas.build(found.spec, layout, values, context or {})
    if found.spec.width:
        return data
    if all(member.name != "rest" for member in layout.fields):
        data += values.get("rest", b"")
    size = len(node.to_bytes()) if node.raw else len(data)
    return data[:size].ljust(size, b"\0")


def values_of(node: Decoded) -> Any:
    """A node as schema.py builds it: a dict of its parts, a list of its elements, a number or bytes."""
    if node.fields:
        if all(part.name.startswith("[") for part in node.fields):
            return [values_of(part) for part in node.fields]
        return {part.name: values_of(part) for part in node.fields}
    if node.value is not None:
        return node.value
    try:
        return int(node.raw, 16) if node.is_number else bytes.fromhex(node.raw)
    except ValueError:
        raise UsageError(f"{node.name}: raw {node.raw[:40]!r} is no hex") from None
