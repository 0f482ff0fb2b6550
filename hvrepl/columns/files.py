"""Tables in files, recognised by suffix: Parquet, CSV, NDJSON, event logs → parts, one by one; memory holds one at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from hvrepl.columns.json_lines import Kinds, read_objects, to_scalar
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.hints import Any, BinaryIO
from hvrepl.patterns import regex
from hvrepl.readers.event_log import MAGIC as EVENT_LOG
from hvrepl.readers.event_log import EventLog
from hvrepl.readers.events import Event, write_event
from hvrepl.record import record
from hvrepl.wording import listed

ROWS = 1 << 16  # rows of a part of a Parquet file
BLOCK = 1 << 23  # bytes of a part of a CSV or NDJSON file; a row cannot be longer
MAGIC = b"PAR1"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
AS_VALUE = regex(r"[-+]?\d.*|(?:0[xX])?[0-9a-fA-F]{8,}")  # the beginning of a row rather than a header


@record
class Part:
    """Some rows of a table: `column` gives input for `decode_column`, `to_batch` all columns with the types of the table's schema."""

    rows: int
    column: Callable[[str], Any]
    to_batch: Callable[[pa.Schema], pa.RecordBatch]


class Table:
    """A file with a table. `schema` is that of its rows; `names` are its columns, known before the schema."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self.names: Sequence[str] = ()
        self.schema: pa.Schema | None = None

    def survey(self, advance: Callable[[int], None]) -> None:
        """Finds the schema if that takes all rows; `advance` is called with the number of bytes passed."""

    def parts(self, columns: Sequence[str] | None, advance: Callable[[int], None]) -> Iterator[Part]:
        """The rows, with only some columns if these are named. FileError if the file becomes unreadable."""
        raise NotImplementedError

    def says_no_column(self) -> str:
        """A possible reason for a missing column."""
        return ""


class ParquetTable(Table):
    def __init__(self, path: str, file: BinaryIO) -> None:
        super().__init__(path, file)
        refuse_cut(path, file, self.size)
        with arrow_errors(path):
            self._opened = pyarrow.parquet.ParquetFile(file, page_checksum_verification=True)
            self.schema = self._opened.schema_arrow
        self.names = self.schema.names

    def parts(self, columns: Sequence[str] | None, advance: Callable[[int], None]) -> Iterator[Part]:
        rows = passed = 0
        with arrow_errors(self.path, lambda: rows):
            for batch in self._opened.iter_batches(ROWS, columns=list(columns) if columns is not None else None):
                yield of_batch(batch)
                rows += batch.num_rows
                here = self.size * rows // max(self._opened.metadata.num_rows, 1)
                advance(here - passed)
                passed = here


def refuse_cut(path: str, file: BinaryIO, size: int) -> None:
    """FileError for a file that is not Parquet, or lacks its end, without which nothing can be read."""
    begin = file.read(len(MAGIC))
    file.seek(max(size - len(MAGIC), 0))
    end = file.read()
    file.seek(0)
    if begin != MAGIC:
        raise FileError(f"{path}: {'empty' if not size else 'not a Parquet file'}")
    if size < 2 * len(MAGIC) or end != MAGIC:
        raise FileError(f"{path}: cut off: the end of a Parquet file says where its rows are, and it is missing; nothing can be read")


class CsvTable(Table):
    """All columns are text, as written: numbers keep every digit, including leading zeros.

    If the header has semicolons and no comma, they separate the columns, as spreadsheets write them where the comma is for decimals.
    """

    def __init__(self, path: str, file: BinaryIO, delimiter: str = ",") -> None:
        super().__init__(path, file)
        encoding = "utf-16" if file.read(2) in UTF_16 else "utf8"
        self._read = pyarrow.csv.ReadOptions(block_size=BLOCK, encoding=encoding, use_threads=False)
        file.seek(0)
        header = file.readline(BLOCK)
        self._delimiter = ";" if delimiter == "," and b";" in header and b"," not in header else delimiter
        if not self.size:
            raise FileError(f"{path}: empty: the first line of a CSV file names its columns")
        with arrow_errors(path):
            self.names = self._open({}).schema.names
        self.schema = pa.schema([(name, pa.string()) for name in self.names])

    def _open(self, types: Mapping[str, pa.DataType], columns: Sequence[str] | None = None) -> pyarrow.csv.CSVStreamingReader:
        self.file.seek(0)
        is_narrow = len(types) == 1  # then an empty line is a row
        parse = pyarrow.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, ignore_empty_lines=not is_narrow)
        convert = pyarrow.csv.ConvertOptions(
            column_types=types, include_columns=columns, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        return pyarrow.csv.open_csv(unclosed(self.file), self._read, parse, convert)

    def parts(self, columns: Sequence[str] | None, advance: Callable[[int], None]) -> Iterator[Part]:
        rows = passed = 0
        with arrow_errors(self.path, lambda: rows):
            for batch in self._open({name: pa.string() for name in self.names}, columns):
                yield of_batch(batch)
                here = self.file.tell()
                advance(here - passed)
                passed = here
                rows += batch.num_rows

    def says_no_column(self) -> str:
        values = [name for name in self.names if AS_VALUE.fullmatch(name)]
        return f"; its first line has {values[0]}, and should name the columns" if values else ""


class JsonTable(Table):
    """The type of a column depends on all its values."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        super().__init__(path, file)
        self.kinds = Kinds()
        blocks = read_objects(path, file, BLOCK)
        first = next(blocks, []) or next(blocks, [])  # after an empty first block comes the reason for it
        self.names = list(dict.fromkeys(name for row in first for name in row))

    def survey(self, advance: Callable[[int], None]) -> None:
        if self.schema is not None:
            return
        with suppress(FileError):  # parts() will report it, after the rows before it
            for rows in self._blocks(advance):
                self.kinds.add(rows)
        self.take(self.kinds)

    def take(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.schema = kinds.schema()
        self.names = self.schema.names

    def parts(self, _: Sequence[str] | None, advance: Callable[[int], None]) -> Iterator[Part]:
        return (self._part(rows) for rows in self._blocks(advance))

    def _part(self, rows: Sequence[Mapping[str, Any]]) -> Part:
        return Part(len(rows), lambda name: [to_scalar(row.get(name)) for row in rows], lambda schema: self.kinds.to_batch(rows, schema))

    def _blocks(self, advance: Callable[[int], None]) -> Iterator[Sequence[Mapping[str, Any]]]:
        self.file.seek(0)
        passed = 0
        for rows in read_objects(self.path, self.file, BLOCK):
            yield rows
            here = self.file.tell()
            advance(here - passed)
            passed = here


class EventTable(Table):
    """A Windows event log: its events, each with its text."""

    EVENTS = 4096  # events of a part

    def __init__(self, path: str, file: BinaryIO) -> None:
        super().__init__(path, file)
        if file.read(len(EVENT_LOG)) != EVENT_LOG:
            raise FileError(f"{path}: {'not a Windows event log' if self.size else 'empty'}")
        text = dict.fromkeys(("time", "provider", "vm", "vm_id", "text"), pa.string())
        types = {"record": pa.int64(), "time": text["time"], "provider": text["provider"], "event": pa.int64()} | text
        self.schema = pa.schema(list(types.items()))
        self.names = self.schema.names

    def parts(self, _: Sequence[str] | None, advance: Callable[[int], None]) -> Iterator[Part]:
        log = EventLog(self.path, self.path)
        events = log.read()
        while held := list(islice(events, self.EVENTS)):
            yield of_batch(pa.RecordBatch.from_pylist([row_of(event) for event in held], self.schema))
        advance(self.size)
        if log.errors:
            raise FileError(log.say_errors())


def row_of(event: Event) -> Mapping[str, Any]:
    return {
        "record": event.record,
        "time": event.time,
        "provider": event.provider,
        "event": event.event,
        "vm": event.vm or None,
        "vm_id": event.vm_id or None,
        "text": write_event(event).rstrip("\n"),
    }


def of_batch(batch: pa.RecordBatch) -> Part:
    return Part(batch.num_rows, batch.column, lambda schema: batch.cast(schema) if batch.schema != schema else batch)


# Suffix → the function that opens a file with it.
TABLES: Mapping[str, Callable[[str, BinaryIO], Table]] = {
    ".parquet": ParquetTable,
    ".csv": CsvTable,
    ".tsv": lambda path, file: CsvTable(path, file, "\t"),
    ".ndjson": JsonTable,
    ".jsonl": JsonTable,
    ".evtx": EventTable,
}
READ_ONLY = (".evtx",)
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
MOST_NAMED = 4  # columns in an error message


def suffix_of(path: str, *, is_output: bool = False) -> str:
    """The suffix of a table's file, in lower case. UsageError for an unknown one."""
    suffix = os.path.splitext(path)[1].lower()
    known = [one for one in TABLES if not (is_output and one in READ_ONLY)]
    if suffix in PACKED and not is_output:
        raise UsageError(f"{path} is packed: unpack it first")
    if suffix not in known:
        raise UsageError(f"{path}: the name of a table ends with {listed(known, 'or')}")
    return suffix


def open_table(path: str) -> Table:
    """The table in a file, which the caller closes. FileError if it cannot be opened, UsageError if its suffix is not a table's."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:  # a NUL in the name
        raise FileError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return TABLES[suffix_of(path)](path, file)
    except HvreplError:
        file.close()
        raise


def unclosed(file: BinaryIO) -> pa.PythonFile:
    """A file for an Arrow reader, which would otherwise close it."""
    return pa.PythonFile(Lent(file), mode="r")


class Lent:
    """A file that stays open, as far as reading needs it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell

    def close(self) -> None:
        """Does nothing: the owner closes the file."""


@contextmanager
def arrow_errors(path: str, rows: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Turns Arrow's errors about a file into FileError, with the number of rows before it."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:
        after = f"after row {rows():,}: " if rows() else ""
        raise FileError(f"{path}: {after}{say_arrow(error)}") from error


def say_arrow(error: Exception) -> str:
    """The first line of Arrow's message."""
    first = str(error).partition("\n")[0]
    return re.sub(r"^(?:CSV parse error|Could not open Parquet input source '[^']*'): ", "", first) or type(error).__name__


def same_columns(tables: Sequence[Table]) -> pa.Schema:
    """The common schema of surveyed tables. UsageError if one has other columns than the first.

    Tables of JSON get the types that hold the values of all.
    """
    lines = [table for table in tables if isinstance(table, JsonTable)]
    if len(lines) > 1:
        kinds = Kinds()
        for table in lines:
            kinds.merge(table.kinds)
        for table in lines:
            table.take(kinds)
    return same_schema(tables)


def same_schema(tables: Sequence[Table]) -> pa.Schema:
    first, *others = tables
    assert first.schema is not None
    for table in others:
        assert table.schema is not None
        if not table.schema.equals(first.schema):
            raise UsageError(f"{table.path}: {say_difference(first.schema, table.schema, first.path)}")
    return first.schema


def say_difference(wanted: pa.Schema, found: pa.Schema, path: str) -> str:
    missing = [name for name in wanted.names if name not in found.names]
    more = [name for name in found.names if name not in wanted.names]
    if missing or more:
        parts = [f"no column {few(missing)}"] * bool(missing) + [f"a column {few(more)}"] * bool(more)
        return f"has {' and '.join(parts)}, unlike {path}"
    kinds = [name for name in wanted.names if wanted.field(name).type != found.field(name).type]
    if kinds:
        name = kinds[0]
        return f"the column {name} is of {found.field(name).type}, and of {wanted.field(name).type} in {path}"
    return f"has its columns in a different order from {path}"


def few(names: Sequence[str]) -> str:
    """The first of some names, and the number of the others."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
