"""Enumerations that include the names of a space, or the values of another: a name is defined once, and valid in larger numbers too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hvrepl.catalog.model import COMMON, Enumerator, Spec, fill, space_of
from hvrepl.catalog.parse_specs import parse_spec
from hvrepl.hints import Any
from hvrepl.record import replace


def taken(spec: Spec, specs: Sequence[Spec], above: tuple[str, ...] = ()) -> Iterator[Enumerator]:
    """The values that an enumeration includes from these specs, as its own: those that fit in its bits."""
    for one in spec.takes:
        shift = one.value - one.first
        for value in values_of_type(one.type, spec, specs, above):
            if value.low >= one.first and not (value.high + shift) >> spec.width:
                yield replace(value, low=value.low + shift, high=value.high + shift, source=(), taken=True)


def values_of_type(name: str, spec: Spec, specs: Sequence[Spec], above: tuple[str, ...]) -> Iterator[Enumerator]:
    """The names of a space, or the values of an enumeration, that a spec can refer to; none if enumerations include each other."""
    seen = [other for other in specs if other.arch in (COMMON, spec.arch)]
    if space := space_of(name):
        for other in seen:
            for address in other.addresses:
                if address.space == space:
                    yield from as_values(other, other.addresses.index(address))
        return
    for other in seen:
        if other.name == name and name not in (*above, spec.name):
            yield from (value for value in other.values if not value.taken)
            yield from taken(other, specs, (*above, spec.name))


def as_values(spec: Spec, place: int) -> Iterator[Enumerator]:
    """An address of a space as values: one, or one per element of an array."""
    address = spec.addresses[place]
    also = (*address.also, *spec.also)
    for element in (None,) if spec.count is None else range(spec.count):
        step = address.stride * (element or 0)
        names = tuple(fill(name, element) for name in also)
        yield Enumerator(address.low + step, address.high + step, address.named(element), names, fill(spec.title, element) or spec.doc)


def take_in(found: Iterable[tuple[dict[str, Any], Spec]]) -> list[tuple[dict[str, Any], Spec]]:
    """The tables and specs; enumerations have everything that they include under `taken`."""
    specs = list(found)
    alone = [spec for _, spec in specs]
    return [fill_in(table, spec, alone) if spec.takes else (table, spec) for table, spec in specs]


def fill_in(table: dict[str, Any], spec: Spec, specs: Sequence[Spec]) -> tuple[dict[str, Any], Spec]:
    filled = {**table, "taken": [to_table(value) for value in taken(spec, specs)]}
    return filled, parse_spec(filled, spec.arch, spec.file)


def to_table(value: Enumerator) -> dict[str, Any]:
    number = value.low if value.low == value.high else f"{value.low:#x}-{value.high:#x}"
    words = {"also": list(value.also), "doc": value.doc, "note": value.note}
    return {"value": number, "name": value.name} | {key: word for key, word in words.items() if word}
