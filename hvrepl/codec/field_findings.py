"""Findings from a field's own definition: reserved bits, unknown values, ranges, counts that exceed the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.index import other_arch
from hvrepl.catalog.model import Field, count_from, counters, space_of
from hvrepl.codec.decoded import Decoded, Finding, join_path
from hvrepl.codec.parsed import descend
from hvrepl.hints import Any


def find_in_field(one: Field, node: Decoded, path: str, catalog: Catalog) -> Iterator[Finding]:
    if one.reserved in ("zero", "preserve") and node.is_set:
        yield Finding("reserved_set", path, "reserved bits are set" if node.bits else "reserved bytes are set")
    elif one.reserved == "one" and set(node.to_bytes()) - {0xFF} and node.value != (1 << one.width) - 1:
        yield Finding("reserved_clear", path, "bits that are reserved as one are clear")
    if node.value is None:
        return
    if one.max is not None and node.value > one.max:
        yield Finding("out_of_range", path, f"{last_part(path)} is {node.value}; the maximum is {one.max}")
    if not node.named and not one.reserved and is_closed(one, catalog):
        yield Finding("unknown_value", path, f"{last_part(path)} {say_unknown(one, node.value, catalog)}")


def is_closed(one: Field, catalog: Catalog) -> bool:
    """Whether the field has an enumeration that is meant to be complete."""
    if one.values or space_of(one.type):
        return True
    spec = catalog.type(one.type)
    return bool(spec and spec.kind == "enumeration" and not spec.open)


def say_unknown(one: Field, value: int, catalog: Catalog) -> str:
    """The sentence about a value without a name; if only the other arch has the number, with its name there."""
    row = catalog.elsewhere(space, value) if (space := space_of(one.type)) else None
    if row:
        return f"{value:#x} is {row.name}, which exists only on {other_arch(catalog.arch)}"
    return f"{value:#x} has no known name"


def find_short_count(count: str, held: int, values: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """A finding if a counter among the values asks for more elements than the bytes hold."""
    paths = counters(count)
    if not paths or any(one.partition(".")[0] not in values for one in paths):
        return
    said = count_from(count, (descend(values, one) for one in paths))
    if said > held:
        yield Finding("truncated", join_path(path, paths[0]), f"{paths[0]} calls for {said} elements; the bytes hold {held}")


def last_part(path: str) -> str:
    """A field's name in a sentence: slots[2].header.sender is sender, names[1] stays."""
    return path.rpartition(".")[2]
