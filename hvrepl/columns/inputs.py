"""Whatever holds a column → arrays of Arrow, and a value of one → the bytes of a thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import index
from typing import Any

import pyarrow as pa
import pyarrow.types as kinds

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.targets import to_bytes
from hvrepl.errors import UsageError
from hvrepl.readers.number import AMBIGUOUS, BARE_DIGITS, fit, read_cpuid, read_number, unwrap
from hvrepl.wording import shorten

EXACT = 1 << 53  # up to which a floating-point number holds every integer
DUMP = re.compile(r"\s*(?:0x)?((?:[0-9a-fA-F]{2}[\s:-]*)+)")
FROM_LIST = (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError)


class Objects:
    """Values of several kinds, which no array of Arrow can hold together."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = list(values)


def to_arrays(column: Any) -> list[pa.Array] | Objects:
    """The chunks of a column that speaks the Arrow PyCapsule protocol, or of any sequence. UsageError for a table of several columns."""
    if isinstance(column, (str, bytes, Mapping)):
        raise UsageError(f"{type(column).__name__} is not a column")
    if str(getattr(column, "dtype", "")) == "object":  # of pandas or NumPy: Arrow would take text for bytes, and integers for floats
        column = [None if value != value else value for value in column]
    if isinstance(column, Sequence) and len({type(value) for value in column} - {type(None)}) > 1:
        return Objects(column)
    try:
        chunks = read_chunks(column)
    except FROM_LIST:
        if not isinstance(column, Iterable):
            raise UsageError(f"{type(column).__name__} is not a column: it has neither __arrow_c_stream__ nor values") from None
        return Objects(column)
    if chunks and kinds.is_struct(chunks[0].type) and not isinstance(column, (pa.Array, pa.ChunkedArray)):  # it is a table
        if chunks[0].type.num_fields != 1:
            raise UsageError(f"a table of {chunks[0].type.num_fields} columns; give one of them: {names_of(chunks[0].type)}")
        return [chunk.field(0) for chunk in chunks]
    return chunks


def names_of(struct: pa.StructType) -> str:
    return ", ".join(struct.field(at).name for at in range(struct.num_fields))


def read_chunks(column: Any) -> list[pa.Array]:
    if isinstance(column, pa.Array):
        return [column]
    if isinstance(column, pa.ChunkedArray):
        return list(column.chunks) or [pa.array([], column.type)]
    if hasattr(column, "__arrow_c_stream__"):
        try:
            found = pa.chunked_array(column)
        except (ValueError, NotImplementedError):
            found = pa.RecordBatchReader.from_stream(column).read_all().to_struct_array()
        return list(found.chunks) or [pa.array([], found.type)]
    return [pa.array(column)]


def plain(array: pa.Array) -> pa.Array:
    """An array without the types that only save space: views, runs, extensions."""
    if isinstance(array, pa.ExtensionArray):
        return plain(array.storage)
    if kinds.is_string_view(array.type):
        return array.cast(pa.large_string())
    if kinds.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    if kinds.is_run_end_encoded(array.type):
        return plain(array.values.take(pa.array(run_of_each(array))))
    return array


def run_of_each(array: pa.RunEndEncodedArray) -> Iterator[int]:
    ends = array.run_ends.to_pylist()
    run = 0
    for at in range(array.offset, array.offset + len(array)):
        while at >= ends[run]:
            run += 1
        yield run


def is_of_numbers(kind: pa.DataType) -> bool:
    return bool(kinds.is_integer(kind))


def is_of_bytes(kind: pa.DataType) -> bool:
    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind))


def is_of_text(kind: pa.DataType) -> bool:
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind))


def refuse(kind: pa.DataType) -> str:
    """Why a column of a type cannot be read; "" where its values are looked at."""
    if any(one(kind) for one in (is_of_numbers, is_of_bytes, is_of_text, kinds.is_floating, kinds.is_decimal, kinds.is_null)):
        return ""
    return f"a column of {kind} holds neither integers, nor hex text, nor bytes"


def to_values(column: Any) -> list[Any]:
    """The values of a column as those of Python. UsageError for what has neither numbers nor text."""
    arrays = to_arrays(column)
    if isinstance(arrays, Objects):
        return arrays.values
    found: list[Any] = []
    for array in map(plain, arrays):
        reason = refuse(array.type.value_type if pa.types.is_dictionary(array.type) else array.type)
        if reason:
            raise UsageError(reason)
        found += array.to_pylist()
    return found


class Reader:
    """The bytes of one thing from the values of columns. `is_hex`: digits alone are hex too."""

    def __init__(self, decoder: Decoder, found: Found, *, output: bool = False, is_hex: bool = False) -> None:
        self.decoder = decoder
        self.found = found
        self.width = 0 if output else decoder.width(found.spec)
        self.is_hex = is_hex
        self._output = output

    def read(self, value: Any) -> bytes:
        """Raises UsageError with the reason why it cannot be read."""
        if isinstance(value, str):
            return self._read_text(value)
        if isinstance(value, bool) or not isinstance(value, (int, float, bytes)):
            value = to_int(value)
        if isinstance(value, float):
            value = to_int(value)
        if self._output and not isinstance(value, bytes):
            raise UsageError(f"{self.found.called} takes bytes here, not a number")
        return bytes(value) if self._output else to_bytes(self.decoder, self.found, value)

    def _read_text(self, text: str) -> bytes:
        if not self.width:
            return read_dump(text)
        if self.width > 64 and "=" in text:
            reading = read_cpuid([text])
            if reading:
                return reading.value.to_bytes(self.width // 8, "little")
        return fit(read_digits(text, is_hex=self.is_hex), self.width, self.found.called).to_bytes(self.width // 8, "little")


def read_digits(text: str, *, is_hex: bool) -> int:
    """A number as people write it. What can be hex or decimal is refused."""
    digits, _ = unwrap(text)
    if is_hex and re.fullmatch(BARE_DIGITS, digits):
        return int(digits, 16)
    if re.fullmatch(AMBIGUOUS, digits):
        raise UsageError(f"'{digits}' can be hex or decimal; write 0x{digits} or 0n{digits}, or say is_hex=True")
    return read_number(text).value


def read_dump(text: str) -> bytes:
    match = DUMP.fullmatch(text)
    if match is None:
        raise UsageError(f"'{shorten(text)}' is not bytes in hex")
    return bytes.fromhex(re.sub(r"[\s:-]+", "", match[1]))


def to_int(value: Any) -> int:
    """A number of another type, if it is an integer and holds all its digits."""
    if isinstance(value, bool):
        raise UsageError(f"{value} is not a number")
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= EXACT:
            return value.as_integer_ratio()[0]
        why = "is too large for a floating-point number to hold every digit" if value.is_integer() else "is not an integer"
        raise UsageError(f"{value!r} {why}")
    if hasattr(value, "__index__"):
        return index(value)
    if hasattr(value, "as_integer_ratio"):
        try:
            number, divisor = value.as_integer_ratio()
        except (OverflowError, ValueError):
            divisor = 0
        if divisor == 1:
            return index(number)
    raise UsageError(f"'{shorten(str(value))}' is neither an integer, nor hex text, nor bytes")
