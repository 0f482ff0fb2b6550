"""Batches → a file, in turn: Parquet and NDJSON with structs as they are, CSV with a column for each field of a struct."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet
import pyarrow.types as kinds

from hvrepl.columns.added import Added, flat_names
from hvrepl.hints import IO, Any
from hvrepl.patterns import regex

QUOTED = regex(r'[",\r\n\t]')


class ParquetSink:
    def __init__(self, path: str, schema: pa.Schema, added: Sequence[Added]) -> None:
        self._schema = with_added(schema, added)
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)

    def write(self, batch: pa.RecordBatch, made: Sequence[pa.StructArray]) -> None:
        self._writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, *made], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


class TextSink:
    """A text file, written row by row."""

    def __init__(self, path: str, added: Sequence[Added]) -> None:
        self._file: IO[str] = open(path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115
        self._added = added

    def write(self, batch: pa.RecordBatch, made: Sequence[pa.StructArray]) -> None:
        self._file.writelines(self._lines(batch, made))

    def _lines(self, batch: pa.RecordBatch, made: Sequence[pa.StructArray]) -> Iterator[str]:
        raise NotImplementedError

    def close(self) -> None:
        self._file.close()


class CsvSink(TextSink):
    """Null is an empty cell, and an empty text is "". The input's columns stay as they were."""

    def __init__(self, path: str, schema: pa.Schema, added: Sequence[Added], delimiter: str = ",") -> None:
        super().__init__(path, added)
        self._delimiter = delimiter
        self._file.write(self._row([*schema.names, *flat_names(added)]))

    def _row(self, cells: Sequence[str | None]) -> str:
        return self._delimiter.join(map(to_cell, cells)) + "\n"

    def _lines(self, batch: pa.RecordBatch, made: Sequence[pa.StructArray]) -> Iterator[str]:
        columns = [*batch.columns, *(column for one in made for column in one.flatten())]
        cells = [[say_cell(value) for value in to_python(column)] for column in columns]
        return (self._row(row) for row in zip(*cells, strict=True))


def to_cell(text: str | None) -> str:
    if text is None:
        return ""
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if not text or QUOTED.search(text) else text


def say_cell(value: Any) -> str | None:
    """A value as text; codes separated, other lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "; ".join(value) or None
    if isinstance(value, bytes):
        return value.hex()
    return to_json(value) if isinstance(value, list | dict | bool) else str(value)


class JsonSink(TextSink):
    """Null and empty values in added columns are left out."""

    def __init__(self, path: str, schema: pa.Schema, added: Sequence[Added]) -> None:
        super().__init__(path, added)
        self._names = schema.names

    def _lines(self, batch: pa.RecordBatch, made: Sequence[pa.StructArray]) -> Iterator[str]:
        columns = [to_python(column) for column in batch.columns]
        structs = [array.to_pylist() for array in made]
        for at in range(batch.num_rows):
            row: dict[str, Any] = {name: column[at] for name, column in zip(self._names, columns, strict=True)}
            row |= {one.name: without_empty(values[at]) for one, values in zip(self._added, structs, strict=True)}
            yield to_json(row) + "\n"


def without_empty(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: value for name, value in row.items() if value is not None and value != []}


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=say_other)


def say_other(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def to_python(array: pa.Array) -> list[Any]:
    """The values of a column; times as text, as Python does not have nanoseconds, and a float that is not a number as null."""
    if kinds.is_temporal(array.type) and not kinds.is_duration(array.type):
        array = array.cast(pa.string())
    values = (array.cast(pa.int64()) if kinds.is_duration(array.type) else array).to_pylist()
    if kinds.is_floating(array.type):
        return [value if value is None or math.isfinite(value) else None for value in values]
    return list(values)


SINKS: Mapping[str, Any] = {
    ".parquet": ParquetSink,
    ".csv": CsvSink,
    ".tsv": lambda path, schema, added: CsvSink(path, schema, added, "\t"),
    ".ndjson": JsonSink,
    ".jsonl": JsonSink,
}


def is_flat(path: str) -> bool:
    """Whether a table, by its suffix, has a column for each field of a struct."""
    return path.lower().endswith((".csv", ".tsv"))


def with_added(schema: pa.Schema, added: Sequence[Added]) -> pa.Schema:
    """The columns of a table and the added ones, with the table's own metadata."""
    return pa.schema([*schema, *(pa.field(one.name, one.type) for one in added)], metadata=schema.metadata)
