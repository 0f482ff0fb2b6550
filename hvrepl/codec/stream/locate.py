"""Decodes a value as usual, and notes the bits of each node and the places that determine the shape of the tree."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.model import Field, Layout, Spec, context_of, counters
from hvrepl.codec.decode import Decoder, Place, as_shown
from hvrepl.codec.decoded import Decoded, Finding, join_path
from hvrepl.codec.parsed import Variant, WordValues
from hvrepl.codec.schema import Schemas
from hvrepl.codec.variants import pick_case
from hvrepl.hints import Any
from hvrepl.record import field, mutable, record, replace

SMALL_STRUCT = 16  # bytes


class UnlocatedError(Exception):
    """The shape of the tree depends on something without a place of its own in the number."""


@record
class Spot:
    """The place of a number: its bits in the whole, which is read as one little-endian number; and the field that gives it a meaning."""

    field: Field
    lsb: int
    width: int
    signed: bool = False

    def read(self, number: int) -> int:
        """Its value within the whole number."""
        return self.value(number >> self.lsb & (1 << self.width) - 1)

    def value(self, bits: int) -> int:
        return bits - (1 << self.width) if self.signed and bits >> self.width - 1 else bits


@record
class Choice:
    """A place that determines the shape: values with the same result of `pick` have the same shape there."""

    spot: Spot
    pick: Callable[[int], Hashable]

    def of(self, number: int) -> Hashable:
        return self.pick(self.spot.read(number))


@record
class OfField:
    """A node that may have findings by its field's definition, and its path."""

    node: Decoded
    path: str


@record
class OfLayouts:
    """A path where layouts declare findings."""

    path: str
    layouts: Sequence[Layout]


@mutable
class LocatedTree:
    """The tree of one value. `spots` and `layouts` are by the id of a node; `events` are the sources of findings in order, or findings
    that depend on the shape alone; `structs` are the small ones within the whole, each as the mask of its bits."""

    data: bytes = b""
    root: Decoded = field(default_factory=lambda: Decoded(name=""))
    spots: dict[int, Spot] = field(default_factory=dict)
    layouts: dict[int, Sequence[Layout]] = field(default_factory=dict)
    events: list[OfField | OfLayouts | Finding] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    structs: list[int] = field(default_factory=list)


class Locator(Decoder):
    """A decoder that takes notes. Not for two values at once."""

    most_empty = most_fields = 0  # every node needs its own notes

    def __init__(self, catalog: Catalog, schemas: Schemas) -> None:
        super().__init__(catalog)
        self.schemas = schemas
        self._tree = LocatedTree()
        self._places: dict[str, Spot] = {}
        # Outer ones first; a choice by path is resolved at the end, when every path is known.
        self._asked: list[Choice | tuple[str, str, Callable[[int], Hashable]]] = []
        self._main: list[Finding] = []  # further readings of the same bytes have their own lists of findings
        self._seen = 0
        self._word_at = 0

    def locate(self, found: Found, data: bytes, *, output: bool = False) -> LocatedTree:
        """Raises UnlocatedError if the shape of the tree depends on something without a place."""
        self._tree, self._places, self._asked, self._seen, self._word_at = LocatedTree(data), {}, [], 0, 0
        self._tree.root = self.decode(found, data, output=output)
        self._note_found(self._main)
        self._tree.structs = list(find_structs(self._tree.root))
        for one in self._asked:
            self._tree.choices.append(one if isinstance(one, Choice) else Choice(self._find(one[0], one[1]), one[2]))
        return self._tree

    def _word(self, found: Found, layout: Layout | None, data: bytes, place: Place) -> Decoded:
        self._main = place.findings
        node = super()._word(found, layout, data, place)
        self._tree.spots[id(node)] = Spot(Field(""), 0, 8 * len(data))
        return node

    def _struct(self, found: Found, layout: Layout, data: bytes, place: Place) -> Decoded:
        self._main = place.findings
        return super()._struct(found, layout, data, place)

    def _whole(self, head: Mapping[str, Any], parts: Mapping[str, Any], layouts: Sequence[Layout], place: Place) -> Decoded:
        node = super()._whole(head, parts, layouts, place)
        self._tree.layouts[id(node)] = layouts
        return node

    def _sum_up(self, parts: Mapping[str, Any], layouts: Sequence[Layout], path: str, place: Place) -> dict[str, Any]:
        self._note_found(place.findings)
        words = super()._sum_up(parts, layouts, path, place)
        self._note(OfLayouts(path, layouts), place)
        return words

    def _bits(self, values: WordValues, base: int, path: str, place: Place) -> tuple[Decoded, ...]:
        for one, switch in values.word.choices:
            pick = partial(self._pick_case, one, switch)
            self._asked.append(Choice(Spot(switch, self._word_at + base + switch.lsb, switch.width), pick))
        return super()._bits(values, base, path, place)

    def _pick_case(self, one: Field, switch: Field, value: int) -> str | None:
        return pick_case(one, value, switch, self.catalog)

    def _bit_field(self, one: Field, value: int | WordValues, base: int, path: str, place: Place) -> Decoded:
        self._note_found(place.findings)
        node = super()._bit_field(one, value, base, path, place)
        self._note_node(node, Spot(one, self._word_at + base + one.lsb, one.width), value, path, place)
        return node

    def _member(self, one: Field, value: Any, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        if isinstance(value, list):
            self._asked += [(path, name, same) for name in counters(one.count)]
        return super()._member(one, value, at, path, place)

    def _leaf(self, one: Field, inner: Spec | None, value: Any, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        self._note_found(place.findings)
        if isinstance(one.size, str) and one.size != "rest":
            self._asked.append((path, one.size, same))
        self._word_at = 8 * at
        nodes, end = super()._leaf(one, inner, value, at, path, place)
        if nodes and end <= place.end:
            signed = isinstance(value, int) and one.type[:1] == "i"
            self._note_node(nodes[0], Spot(shown(one, value, end - at), 8 * at, 8 * (end - at), signed), value, path, place)
        return nodes, end

    def _region(self, one: Field, value: Variant, at: int, path: str, place: Place) -> tuple[list[Decoded], int]:
        if not context_of(one.switch):
            self._asked.append((path, one.switch, partial(pick_name, value.pick)))
        sizes = (one.used, one.size if isinstance(one.size, str) and one.size != "rest" else "")
        self._asked += [(path, name, same) for name in sizes if name]
        return super()._region(one, value, at, path, place)

    def _case(self, one: Field, value: Variant, at: int, end: int, path: str, place: Place) -> list[Decoded]:
        self._word_at = 8 * at
        return super()._case(one, value, at, end, path, place)

    def _nested(self, node: Decoded, layouts: Sequence[Layout], path: str, place: Place) -> list[Decoded]:
        nodes = super()._nested(node, layouts, path, place)
        for one in nodes:
            self._tree.layouts[id(one)] = layouts
        return nodes

    def _note_node(self, node: Decoded, spot: Spot, value: Any, path: str, place: Place) -> None:
        self._tree.spots[id(node)] = spot
        if isinstance(value, WordValues) and node.fields:
            self._tree.layouts[id(node)] = value.word.layouts
        if place.findings is self._main:
            self._places[path] = spot
        self._note(OfField(node, path), place)

    def _note(self, event: OfField | OfLayouts, place: Place) -> None:
        if place.findings is self._main:
            self._tree.events.append(event)
            self._seen = len(self._main)

    def _note_found(self, findings: list[Finding]) -> None:
        """Notes the findings since the last event, which do not belong to a single node."""
        if findings is self._main:
            self._tree.events += findings[self._seen :]
            self._seen = len(findings)

    def _find(self, path: str, name: str) -> Spot:
        """The place of a name that is used at a path: in the struct there, or in one around it."""
        while path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
            if join_path(path, name) in self._places:
                return self._places[join_path(path, name)]
        raise UnlocatedError(name)


def find_structs(node: Decoded) -> Iterator[int]:
    for one in (*node.fields, *node.slots):
        if one.fields and one.offset is not None and one.size and one.size <= SMALL_STRUCT:
            yield (1 << 8 * one.size) - 1 << 8 * one.offset
        else:
            yield from find_structs(one)


def shown(one: Field, value: Any, size: int) -> Field:
    """The field as far as it gives meanings: for bytes only the formatter counts, and a value as large as a GUID is shown as one."""
    if isinstance(value, bytes) and one.type != "guid":
        return replace(one, type="", values=())
    return as_shown(one, size)


def same(value: int) -> int:
    return value


def pick_name(pick: Callable[[int], Spec | None] | None, value: int) -> str | None:
    """The name of the picked spec."""
    spec = pick(value) if pick else None
    return spec.name if spec else None
