"""Lines of JSON objects → rows, and the types that can hold all values of their columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from hvrepl.codec.decoded import dump
from hvrepl.columns.inputs import EXACT
from hvrepl.errors import FileError
from hvrepl.hints import Any, BinaryIO
from hvrepl.record import field, mutable
from hvrepl.wording import say_reason

INTEGERS = (pa.int64(), -(1 << 63), (1 << 63) - 1), (pa.uint64(), 0, (1 << 64) - 1)


def read_objects(path: str, file: BinaryIO, block: int) -> Iterator[list[dict[str, Any]]]:
    """The objects from lines of about so many bytes at a time. FileError for a line without an object, after those before it."""
    number = 0
    while lines := file.readlines(block):
        rows: list[dict[str, Any]] = []
        for line in lines:
            number += 1
            if line.isspace():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield rows
                cut = " (cut off)" if not line.endswith(b"\n") else ""
                raise FileError(f"{path}:{number}: not JSON{cut}: {getattr(error, 'msg', None) or say_reason(error)}") from error
            if not isinstance(row, dict):
                yield rows
                raise FileError(f"{path}:{number}: not a JSON object")
            rows.append(row)
        yield rows


@mutable
class Kind:
    """Statistics of a column's values: their Python types, the least and the greatest integer, and the type of lists and objects."""

    types: set[type] = field(default_factory=set)
    least: int = 0
    most: int = 0
    nested: pa.DataType | None = None

    def add(self, values: Sequence[Any]) -> None:
        self.types |= set(map(type, values)) - {type(None)}
        if int in self.types:
            numbers = [value for value in values if type(value) is int]
            self.least, self.most = min([self.least, *numbers]), max([self.most, *numbers])
        if self.types & {list, dict}:
            self._add_nested(values)

    def merge(self, other: Kind) -> None:
        self.types |= other.types
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        try:
            self.nested = unify(self.nested, other.nested) if self.nested and other.nested else self.nested or other.nested
        except pa.ArrowException:
            self.types.add(str)

    def _add_nested(self, values: Sequence[Any]) -> None:
        try:
            found = pa.array(values).type
            self.nested = unify(self.nested, found) if self.nested is not None else found
        except (pa.ArrowException, OverflowError, TypeError):
            self.types.add(str)  # text can hold them all

    def type(self) -> pa.DataType:
        """The type that can hold all values; for several kinds, text with their JSON."""
        if self.types <= {bool}:
            return pa.bool_() if self.types else pa.null()
        if self.types == {int}:
            return next((kind for kind, least, most in INTEGERS if least <= self.least and self.most <= most), pa.string())
        if self.types == {float} or (self.types == {int, float} and self.least >= -EXACT and self.most <= EXACT):
            return pa.float64()
        return self.nested if self.nested is not None and len(self.types) == 1 else pa.string()


def unify(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    schemas = [pa.schema([("x", kind)]) for kind in (one, other)]
    return pa.unify_schemas(schemas, promote_options="permissive").field("x").type


class Kinds:
    """The kinds of all columns, in the order of their first appearance."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        columns: dict[str, list[Any]] = {}
        for row in rows:
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        for name, values in columns.items():
            self._kinds.setdefault(name, Kind()).add(values)

    def merge(self, other: Kinds) -> None:
        for name, kind in other._kinds.items():
            self._kinds.setdefault(name, Kind()).merge(kind)

    def schema(self) -> pa.Schema:
        return pa.schema([(name, kind.type()) for name, kind in self._kinds.items()])

    def to_batch(self, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
        arrays = [to_array([row.get(name) for row in rows], schema.field(name).type) for name in schema.names]
        return pa.RecordBatch.from_arrays(arrays, schema=schema) if arrays else pa.RecordBatch.from_struct_array(empty_rows(len(rows)))


def to_scalar(value: Any) -> Any:
    """A value for a decoder of columns: lists and objects, which it cannot read, become text."""
    return dump(value) if isinstance(value, list | dict) else value


def empty_rows(count: int) -> pa.StructArray:
    return pa.array([{}] * count, pa.struct([]))


def to_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        values = [value if value is None or isinstance(value, str) else dump(value) for value in values]
    return pa.array(values, kind)
