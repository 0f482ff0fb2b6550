"""Mostly different values: shifted and masked all at once, at the places where decoding one of them has found each part.

As in codec/stream, the decoder itself decodes one value of each shape and notes the place of each node; no layout is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, paths
from hvrepl.codec.stream.locate import Choice, LocatedTree, Locator, Spot
from hvrepl.columns.block import Block, any_of, u64, with_bitmap
from hvrepl.columns.leaves import Leaf
from hvrepl.columns.shape import Column
from hvrepl.columns.table import Texts
from hvrepl.hints import Any
from hvrepl.record import record

MOST_STEPS = 4096  # steps to known shapes
MOST_SHAPES = 32  # in one block; with more, decoding each value is as fast


class TooManyError(Exception):
    """The values of a block have too many shapes."""


@record
class Run:
    """Bytes of a value without a number. `is_raw`: they have no layout."""

    at: int
    size: int
    is_raw: bool


@record
class Shape:
    """The places of the parts in all values of one shape."""

    places: dict[str, Spot | Run]


class Shifts:
    """Makes the columns of numbers of one thing. Not thread-safe."""

    def __init__(self, decoder: Decoder, found: Found, columns: Sequence[Column], *, output: bool = False) -> None:
        self.columns = columns
        self._decoder = decoder
        self._found = found
        self._output = output
        self._locator = Locator(decoder.catalog, decoder.schemas)
        self._steps: dict[tuple[Hashable, ...], Choice | Shape] = {}

    def spread(self, block: Block, texts: dict[str, Texts]) -> dict[str, pa.Array]:
        """A column per name; for meanings, the numbers of their texts. UnlocatedError or TooManyError if that is impossible."""
        shapes = list(self._split(block))
        spread = Spread(block, shapes)
        found: dict[str, pa.Array] = {}
        for column in self.columns:
            found[column.name] = spread.column(column)
            if column.meaning:
                found[column.meaning] = spread.meaning(column, texts[column.meaning], self._say)
        return found

    def _say(self, spot: Spot, number: int) -> str:
        return self._decoder.meaning_of(spot.field, number)[0]

    def _split(self, block: Block) -> Iterator[tuple[Shape, pa.Array | None]]:
        """The shapes in a block, each with its rows."""
        waiting: list[tuple[tuple[Hashable, ...], pa.Array | None]] = [((), block.live)]
        count = 0
        while waiting:
            picks, mask = waiting.pop()
            if picks not in self._steps:
                self._explore(block, mask)
            step = self._steps.get(picks)
            if isinstance(step, Choice):
                waiting += (((*picks, pick), rows) for pick, rows in choose(block, step, mask))
            elif step is not None:
                count += 1
                if count > MOST_SHAPES:
                    raise TooManyError
                yield step, mask

    def _explore(self, block: Block, mask: pa.Array | None) -> None:
        """Decodes one value of some rows: returns the choices that lead to its shape, and the shape."""
        row = 0 if mask is None else pc.index(mask, True).as_py()
        if row < 0 or not len(block):
            return
        data = block.value(row)
        if len(self._steps) > MOST_STEPS:
            raise TooManyError
        tree = self._locator.locate(self._found, data, output=self._output)
        taken: tuple[Hashable, ...] = ()
        for choice in tree.choices:
            self._steps.setdefault(taken, choice)
            taken += (choice.of(int.from_bytes(data, "little")),)
        self._steps[taken] = Shape(places_of(tree))


def choose(block: Block, choice: Choice, mask: pa.Array | None) -> Iterator[tuple[Hashable, pa.Array | None]]:
    """The pick in some rows, and these rows."""
    spot = choice.spot
    bits = block.bits(spot.lsb, spot.width)
    if mask is not None:
        bits = pc.if_else(mask, bits, pa.scalar(None, pa.uint64()))
    encoded = bits.dictionary_encode()
    picked = [choice.pick(spot.value(number)) for number in encoded.dictionary.to_pylist()]
    different = list(dict.fromkeys(picked))
    if len(different) > MOST_SHAPES:
        raise TooManyError
    if len(different) == 1:
        yield different[0], mask
        return
    for one in different:
        rows = pc.take(pa.array([pick == one for pick in picked]), encoded.indices)
        yield one, rows.fill_null(False) if rows.null_count else rows


def places_of(tree: LocatedTree) -> dict[str, Spot | Run]:
    parts = dict(paths(tree.root)) or {"value": tree.root}
    return {path: place for path, part in parts.items() if (place := place_of(tree, part))}


def place_of(tree: LocatedTree, part: Decoded) -> Spot | Run | None:
    spot = tree.spots.get(id(part))
    if spot is not None:
        return spot
    return Run(part.offset, part.size, bool(part.raw)) if part.offset is not None and part.size else None


class Spread:
    """Makes the columns of one block."""

    def __init__(self, block: Block, shapes: Sequence[tuple[Shape, pa.Array | None]]) -> None:
        self.block = block
        self.shapes = shapes
        self._masks: dict[tuple[int, ...], pa.Array | None] = {}
        self._parts: dict[tuple[int, int, bool], pa.Array] = {}

    def column(self, column: Column) -> pa.Array:
        pieces = self._pieces(column)
        if not pieces:
            return pa.nulls(len(self.block), column.type)
        if not column.leaf.bits or column.leaf.count:
            return self._join_runs(column, pieces)
        joined: pa.Array | None = None
        for spot, numbers in pieces:
            part = self._number(spot, column.type, signed=column.leaf.signed)
            joined = part if joined is None else pc.if_else(self._mask(numbers), part, joined)
        return with_bitmap(joined, self._mask(tuple(number for _, numbers in pieces for number in numbers)))

    def meaning(self, column: Column, texts: Texts, say: Callable[[Spot, int], str]) -> pa.Array:
        """The numbers of the texts of the meanings."""
        joined: pa.Array | None = None
        for spot, numbers in self._pieces(column):
            if not isinstance(spot, Spot) or spot.width > 64:
                codes = self._wide_meanings(spot, numbers, texts, say)
            else:
                codes = self._meanings(spot, numbers, texts, say)
            joined = codes if joined is None else pc.coalesce(joined, codes)
        return pa.nulls(len(self.block), pa.int32()) if joined is None else joined

    def _meanings(self, spot: Spot, numbers: tuple[int, ...], texts: Texts, say: Callable[[Spot, int], str]) -> pa.Array:
        bits = with_bitmap(self.block.bits(spot.lsb, spot.width), self._mask(numbers))
        encoded = bits.dictionary_encode()
        said = [say(spot, number) for number in encoded.dictionary.to_pylist()]
        codes = pa.array([texts.number(text) if text else None for text in said], pa.int32())
        return pc.take(codes, encoded.indices, boundscheck=False)

    def _wide_meanings(self, spot: Spot | Run, numbers: tuple[int, ...], texts: Texts, say: Callable[[Spot, int], str]) -> pa.Array:
        mask = self._mask(numbers)
        if not isinstance(spot, Spot) or not (spot.field.show or spot.field.type):
            return pa.nulls(len(self.block), pa.int32())
        said = [say(spot, int.from_bytes(value, "little")) for value in self._run_values(spot)]
        live = [True] * len(said) if mask is None else mask.to_pylist()
        return pa.array([texts.number(text) if text and is_live else None for text, is_live in zip(said, live, strict=True)], pa.int32())

    def _pieces(self, column: Column) -> list[tuple[Any, tuple[int, ...]]]:
        """The places of a column, each with the numbers of its shapes."""
        found: dict[tuple[object, ...], tuple[Any, list[int]]] = {}
        for number, (shape, _) in enumerate(self.shapes):
            place = shape.places.get(column.leaf.path)
            if place is not None and fits(column.leaf, place):
                found.setdefault(key_of(place, meaning=bool(column.meaning)), (place, []))[1].append(number)
        return [(place, tuple(numbers)) for place, numbers in found.values()]

    def _mask(self, numbers: tuple[int, ...]) -> pa.Array | None:
        """The rows of some shapes."""
        if numbers not in self._masks:
            every = len(numbers) == len(self.shapes)
            self._masks[numbers] = self.block.live if every else any_of([self.shapes[number][1] for number in numbers])
        return self._masks[numbers]

    def _number(self, spot: Spot, kind: pa.DataType, *, signed: bool) -> pa.Array:
        bits = self.block.bits(spot.lsb, spot.width)
        if signed:
            wide = pc.shift_left(bits, u64(64 - spot.width)) if spot.width < 64 else bits
            bits = pc.shift_right(wide.view(pa.int64()), pa.scalar(64 - spot.width, pa.int64()))
        return bits if bits.type == kind else bits.cast(kind, safe=False)

    def _run_values(self, place: Spot | Run) -> list[bytes]:
        """The bytes of a place in each value; bits fill as many bytes as their hex digits."""
        if isinstance(place, Run):
            return self.block.slice(place.at, place.size).to_pylist()  # type: ignore[no-any-return]
        size = (place.width + 7) // 8
        if place.lsb % 8 == 0 and place.width % 8 == 0:
            return self.block.slice(place.lsb // 8, size).to_pylist()  # type: ignore[no-any-return]
        mask = (1 << place.width) - 1
        values = (value if isinstance(value, int) else int.from_bytes(value, "little") for value in self.block.values())
        return [(value >> place.lsb & mask).to_bytes(size, "little") for value in values]

    def _join_runs(self, column: Column, pieces: Sequence[tuple[Any, tuple[int, ...]]]) -> pa.Array:
        """Bytes, or lists of numbers."""
        joined: pa.Array | None = None
        for place, numbers in pieces:
            part = self._run(column, place)
            mask = self._mask(numbers)
            if joined is None and mask is None:
                joined = part
            else:
                gap = pa.nulls(len(self.block), column.type) if joined is None else joined
                joined = pc.if_else(mask, part, gap)
        return joined

    def _run(self, column: Column, place: Spot | Run) -> pa.Array:
        if not column.leaf.count:
            return pa.array(self._run_values(place), pa.binary())
        assert isinstance(place, Run)
        number = column.type.value_type
        data = self.block.slice(place.at, place.size)
        values = pa.Array.from_buffers(number, len(self.block) * column.leaf.count, [None, compact(data)])
        return pa.FixedSizeListArray.from_arrays(values, column.leaf.count)


def fits(leaf: Leaf, place: Spot | Run) -> bool:
    """Whether a place suits a column: numbers for numbers, bytes without a layout or a number for bytes."""
    if isinstance(place, Run):
        return bool(leaf.count) or (not leaf.bits and (place.is_raw or leaf.whole))
    return not leaf.count


def compact(array: pa.Array) -> pa.Buffer:
    """The bytes of an array of a fixed size, without those before and after it."""
    size = array.type.byte_width
    return array.buffers()[1].slice(array.offset * size, len(array) * size)


def key_of(place: Spot | Run, *, meaning: bool) -> tuple[object, ...]:
    """The key that distinguishes places: if they have meanings, it includes the field."""
    if isinstance(place, Run):
        return place.at, place.size
    return place.lsb, place.width, place.signed, place.field if meaning else None
