"""Distinct values, each decoded like a single one, as rows of a table; columns are made from them by row number."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from hvrepl.codec.decoded import Decoded, paths
from hvrepl.columns.inputs import to_plain
from hvrepl.columns.leaves import Leaf
from hvrepl.columns.shape import ERROR, FINDINGS, SUMMARY, TEXT, Column, struct_type
from hvrepl.errors import HvreplError
from hvrepl.hints import Any
from hvrepl.record import mutable, record


class Texts:
    """Texts, each with its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._array: pa.Array | None = None

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def array(self) -> pa.Array:
        if self._array is None or len(self._array) < len(self._numbers):
            self._array = pa.array(list(self._numbers), pa.string())
        return self._array


@record
class Part:
    """The rows of a column. `valid` marks those with a value (None: all); if no row has one, only the type exists."""

    type: pa.DataType
    values: pa.Array
    valid: pa.Array | None
    pattern: bytes
    is_empty: bool = False
    texts: Texts | None = None


def to_part(array: pa.Array, texts: Texts | None = None) -> Part:
    kind = TEXT if texts else array.type
    if array.null_count == 0 or not pa.types.is_integer(array.type):
        return Part(kind, array, None, b"", is_empty=array.null_count == len(array), texts=texts)
    valid = array.is_valid()
    return Part(kind, array.fill_null(0), valid, valid.buffers()[1].to_pybytes(), is_empty=array.null_count == len(array), texts=texts)


@mutable
class Gathering:
    """Shared by the columns of one batch: the row numbers, and the bitmaps made so far."""

    rows: pa.Array
    bitmaps: dict[bytes, pa.Buffer]

    def take(self, part: Part) -> pa.Array:
        """A column of the rows; those with the same gaps share one bitmap."""
        count = len(self.rows)
        if part.is_empty:
            return pa.nulls(count, part.type)
        values = pc.take(part.values, self.rows, boundscheck=False)
        if part.valid is not None:
            if part.pattern not in self.bitmaps:
                self.bitmaps[part.pattern] = pc.take(part.valid, self.rows, boundscheck=False).buffers()[1]
            values = pa.Array.from_buffers(values.type, count, [self.bitmaps[part.pattern], values.buffers()[1]])
        return pa.DictionaryArray.from_arrays(values, part.texts.array(), safe=False) if part.texts else values


class Rows:
    """Rows of a type, each made once from a value by `make`, which returns its cells by column or raises the reason for having none."""

    def __init__(self, kind: pa.StructType, make: Callable[[Any], dict[str, Any]]) -> None:
        self.type = kind
        self._make = make
        self._rows: dict[Hashable, int] = {}
        self._arrays: dict[str, pa.Array] = {}
        self._texts = {field.name: Texts() for field in self.type if field.type == TEXT}
        self._parts: dict[str, Part] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, values: Sequence[Hashable]) -> list[int]:
        """The row numbers of values; new values get new rows."""
        new = [value for value in dict.fromkeys(values) if value not in self._rows]
        if new:
            self._add(new)
        return [self._rows[value] for value in values]

    def gather(self, rows: pa.Array) -> list[pa.Array]:
        """A column for each field of the type."""
        gathering = Gathering(rows, {})
        return [gathering.take(self._parts[field.name]) for field in self.type]

    def take(self, rows: pa.Array, *, has_null: bool) -> pa.StructArray:
        """The rows with these numbers. `has_null`: the row of None is among them, which is null as a whole."""
        if not len(rows):
            return empty(self.type)
        mask = pc.equal(rows, pa.scalar(self.rows([None])[0], rows.type)) if has_null else None
        return pa.StructArray.from_arrays(self.gather(rows), fields=list(self.type), mask=mask)

    def column(self, values: Sequence[Hashable]) -> pa.StructArray:
        """The row of each value."""
        return self.take(pa.array(self.rows(values), pa.int32()), has_null=None in values)

    def across(self, columns: Sequence[Sequence[Hashable]]) -> pa.StructArray:
        """The row of each combination of values in the columns; if all are null, null."""
        return self.column([None if all(one is None for one in values) else values for values in zip(*columns, strict=True)])

    def _add(self, values: Sequence[Hashable]) -> None:
        found = [self._read(value) for value in values]
        for field in self.type:
            made = self._to_array(field, [row.get(field.name) for row in found])
            old = self._arrays.get(field.name)
            self._arrays[field.name] = array = made if old is None else pa.concat_arrays([old, made])
            self._parts[field.name] = to_part(array, self._texts.get(field.name))
        for value in values:
            self._rows[value] = len(self._rows)

    def _to_array(self, field: pa.Field, values: list[Any]) -> pa.Array:
        texts = self._texts.get(field.name)
        if texts is None:
            return pa.array(values, field.type)
        return pa.array([None if text is None else texts.number(text) for text in values], pa.int32())

    def _read(self, value: Hashable) -> dict[str, Any]:
        """The cells of a row by column."""
        if value is None:
            return {}
        try:
            return self._make(value)
        except HvreplError as error:
            return {ERROR: str(error)}


def empty(kind: pa.StructType) -> pa.StructArray:
    return pa.StructArray.from_arrays([pa.nulls(0, field.type) for field in kind], fields=list(kind))


class Table(Rows):
    """The rows of one thing. `decode` returns the bytes and the tree of a value, or raises the reason if it cannot be read."""

    def __init__(self, columns: Sequence[Column], decode: Callable[[Any], tuple[bytes, Decoded]], *, summary: bool) -> None:
        super().__init__(struct_type(columns, summary=summary), lambda value: self._spread(*decode(value)))
        self._columns = columns
        self._summary = summary
        self._looked_up: dict[pa.DataType, tuple[pa.Array, pa.Array]] = {}  # by type: the values and their rows

    def rows_of(self, distinct: pa.Array) -> pa.Array:
        """The row numbers of an array of distinct values; known ones are looked up without Python."""
        values, rows = self._looked_up.get(distinct.type, (None, None))
        if values is not None:
            places = pc.index_in(distinct, value_set=values)
            if not places.null_count:
                return pc.take(rows, places, boundscheck=False)
        found = pa.array(self.rows([to_plain(value) for value in distinct.to_pylist()]), pa.int32())
        if values is None:
            self._looked_up[distinct.type] = distinct, found
        else:
            is_new = places.is_null()
            self._looked_up[distinct.type] = (
                pa.concat_arrays([values, distinct.filter(is_new)]),
                pa.concat_arrays([rows, found.filter(is_new)]),
            )
        return found

    def _spread(self, data: bytes, node: Decoded) -> dict[str, Any]:
        parts = dict(paths(node)) or {"value": node}
        row: dict[str, Any] = {}
        for column in self._columns:
            part = parts.get(column.leaf.path)
            if part is None:
                continue
            row[column.name] = value_of(column.leaf, part, data)
            if column.meaning and part.meaning:
                row[column.meaning] = part.meaning
        if self._summary:
            row[SUMMARY] = node.summary
            row[FINDINGS] = [finding.code for finding in node.findings]
        return row


def value_of(leaf: Leaf, part: Decoded, data: bytes) -> Any:
    """A part's value for the column of a leaf; None if the bytes are incomplete."""
    if leaf.count:
        values = [one.value for one in part.fields]
        return values if len(values) == leaf.count and None not in values else None
    if leaf.bits:
        return part.value
    if part.raw:
        return part.to_bytes()
    return data[part.offset or 0 :][: part.size] if leaf.whole and part.size else None
