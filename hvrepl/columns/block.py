"""The values that were read from a column, side by side, and any bits of all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

WORD = 64
POWERS = (8, 4, 2, 1)


def u64(number: int) -> pa.Scalar:
    return pa.scalar(number, pa.uint64())


class Block:
    """Values of `size` bytes each; `live` marks those that could be read (None: all), the others are zeros.

    Up to eight bytes they are numbers, otherwise bytes of a fixed size.
    """

    def __init__(self, data: pa.Array, size: int, live: pa.Array | None) -> None:
        self.data = data
        self.size = size
        self.live = live
        self._words: dict[int, pa.Array] = {}

    def __len__(self) -> int:
        return len(self.data)

    def value(self, row: int) -> bytes:
        """The bytes of one value."""
        value = self.data[row].as_py()
        return value if isinstance(value, bytes) else value.to_bytes(self.size, "little")

    def values(self) -> list[bytes] | list[int]:
        found: list[bytes] | list[int] = self.data.to_pylist()
        return found

    def bits(self, lsb: int, width: int) -> pa.Array:
        """Up to 64 bits of each value, as 64-bit numbers."""
        word, low = divmod(lsb, WORD)
        found = self._word(word)
        if low:
            found = pc.shift_right(found, u64(low))
        if low + width > WORD:
            found = pc.bit_wise_or(found, pc.shift_left(self._word(word + 1), u64(WORD - low)))
        return found if width == WORD or low + width == self._bits_of(word) else pc.bit_wise_and(found, u64((1 << width) - 1))

    def slice(self, at: int, size: int) -> pa.Array:
        """Some bytes of each value."""
        if pa.types.is_integer(self.data.type):
            numbers = self.bits(8 * at, 8 * size).to_pylist()
            return pa.array([number.to_bytes(size, "little") for number in numbers], pa.binary(size))
        return pc.binary_slice(self.data, at, at + size)

    def _bits_of(self, word: int) -> int:
        return min(WORD, 8 * self.size - WORD * word)

    def _word(self, word: int) -> pa.Array:
        if word not in self._words:
            self._words[word] = self.data if pa.types.is_integer(self.data.type) else self._load(word)
        return self._words[word]

    def _load(self, word: int) -> pa.Array:
        if self.size % 8 == 0:
            step = self.size // 8
            whole = pa.Array.from_buffers(pa.uint64(), len(self) * step, [None, self.data.buffers()[1]])
            return pc.take(whole, places(len(self), step, word), boundscheck=False)
        found, at, low = None, 8 * word, 0
        for size in POWERS:
            if at + size <= self.size and low + 8 * size <= WORD:
                piece = as_numbers(self.slice(at, size), size)
                found = piece if found is None else pc.bit_wise_or(found, pc.shift_left(piece, u64(low)))
                at, low = at + size, low + 8 * size
        return found


@lru_cache(maxsize=64)
def places(count: int, step: int, first: int) -> pa.Array:
    """first, first + step, …"""
    return pa.array(range(first, first + count * step, step), pa.int64())


def as_numbers(array: pa.Array, size: int) -> pa.Array:
    """Bytes of a fixed size that is a power of two, as 64-bit numbers."""
    kind = pa.type_for_alias(f"uint{8 * size}")
    return pa.Array.from_buffers(kind, len(array), [None, array.buffers()[1]], offset=array.offset).cast(pa.uint64())


def all_of(masks: Sequence[pa.Array | None]) -> pa.Array | None:
    """The rows in all of these masks; None in a mask means every row."""
    found = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else pc.and_(found, mask)
    return found


def any_of(masks: Sequence[pa.Array | None]) -> pa.Array | None:
    """The rows in any of these masks."""
    found: pa.Array | None = None
    for mask in masks:
        if mask is None:
            return None
        found = mask if found is None else pc.or_(found, mask)
    return found


def with_bitmap(values: pa.Array, valid: pa.Array | None) -> pa.Array:
    """Numbers with gaps. Those with the same mask share its bitmap."""
    if valid is None:
        return values
    return pa.Array.from_buffers(values.type, len(values), [valid.buffers()[1], values.buffers()[1]])
