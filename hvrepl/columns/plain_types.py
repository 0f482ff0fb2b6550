"""Arrow types for engines that lack some: Spark has no unsigned numbers, and some engines no dictionaries."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0)}


def to_signed(kind: pa.DataType) -> pa.DataType:
    """The type with signed numbers that can hold the same values."""
    return changed(kind, lambda one: WIDER.get(one, one))


def without_dictionaries(kind: pa.DataType) -> pa.DataType:
    return changed(kind, lambda one: one.value_type if pa.types.is_dictionary(one) else one)


def changed(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """The type with each type within it changed; a list of a fixed size becomes a list."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, changed(field.type, change)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(changed(kind.value_type, change))
    return change(kind)
