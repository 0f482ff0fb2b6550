"""Any form of column → arrays of Arrow, and one of its values → the bytes of a thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import index

import pyarrow as pa
import pyarrow.types as kinds

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.targets import to_bytes
from hvrepl.digits import LONGEST_DECIMAL
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.readers.number import AMBIGUOUS, BARE_DIGITS, fit, read_cpuid, read_number, unwrap
from hvrepl.record import record
from hvrepl.wording import shorten

EXACT = 1 << 53  # up to here a floating-point number can hold every integer
NARROWEST_DECIMAL = 128  # bits of the narrowest decimal that Arrow can deduplicate
DUMP = regex(r"\s*(?:0x)?((?:[0-9a-fA-F]{2}[\s:-]*)+)")
FROM_LIST = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, OverflowError, UnicodeEncodeError)
NEITHER = "is neither an integer, nor hex text, nor bytes"


@record(eq=True)
class Unreadable:
    """A value that is not a number: its description, and the reason."""

    what: str
    why: str = NEITHER

    @property
    def reason(self) -> str:
        return f"{self.what} {self.why}"


def of_column(kind: object) -> Unreadable:
    """A value of a column that does not contain anything readable."""
    return Unreadable(f"a column of {kind}", "contains neither integers, nor hex text, nor bytes")


Plain = int | str | bytes | Unreadable  # the values of any column, before they are read


class Objects:
    """Values of several kinds, which one Arrow array cannot hold."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.values: list[Plain | None] = [to_plain(value) for value in values]


def to_plain(value: Any) -> Plain | None:
    """A value of any type in readable form. Never raises, and the result is hashable."""
    if value is None or type(value) in (int, str, bytes, Unreadable):
        return value  # type: ignore[no-any-return]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, bool):
        return Unreadable(str(value), "is not a number")
    if isinstance(value, float):
        return float_to_plain(value)
    if isinstance(value, Decimal):
        if not (value.is_finite() and value == value.to_integral_value()):
            return Unreadable(str(value), "is not an integer")
        return int(value) if value.adjusted() < LONGEST_DECIMAL else Unreadable(str(value), "is wider than any value")
    try:
        return index(value)
    except TypeError:  # not an integer of another library
        return Unreadable(f"a value of type {type(value).__name__}")


def float_to_plain(value: float) -> Plain:
    """A floating-point number as an integer, if it is one with all its digits."""
    if value.is_integer() and abs(value) <= EXACT:
        return int(value)
    why = "is too large for a floating-point number to hold every digit" if value.is_integer() else "is not an integer"
    return Unreadable(repr(float(value)), why)


def to_arrays(column: Any) -> list[pa.Array] | Objects:
    """The chunks of a column with the Arrow PyCapsule protocol, or of any sequence. UsageError for a table of several columns."""
    if isinstance(column, (str, bytes, Mapping)):
        raise UsageError(f"{type(column).__name__} is not a column")
    if str(getattr(column, "dtype", "")).lower() == "object":
        # Arrow would take text from pandas and NumPy for bytes and integers for floats, and addresses from Polars for values.
        column = [None if is_missing(value) else value for value in column]
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return chunks_of(column)
    if hasattr(column, "__arrow_c_stream__") or hasattr(column, "__arrow_c_array__"):
        return from_capsule(column)
    if not isinstance(column, Iterable):
        raise UsageError(f"{type(column).__name__} is not a column: it has neither __arrow_c_stream__ nor values")
    return from_values(column if isinstance(column, Sequence) or hasattr(column, "__array__") else list(column))


def from_capsule(column: Any) -> list[pa.Array] | Objects:
    try:
        return column_of(read_stream(column) if hasattr(column, "__arrow_c_stream__") else [pa.array(column)])
    except pa.ArrowException as error:  # a type that this Arrow does not know, such as Polars' 128-bit integers
        if hasattr(column, "columns") or not isinstance(column, Iterable):
            raise UsageError(f"{type(column).__name__} cannot be read: {error}") from error
        return Objects(column)


def from_values(values: Any) -> list[pa.Array] | Objects:
    if isinstance(values, Sequence) and len({type(value) for value in values} - {type(None)}) > 1:
        return Objects(values)
    try:
        return [pa.array(values)]
    except FROM_LIST:
        return Objects(values)


def is_missing(value: Any) -> bool:
    """Whether it is pandas' mark for a missing value: a float that is not a number, NaT or NA."""
    return type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)


def chunks_of(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    if isinstance(column, pa.Array):
        return [column]
    return list(column.chunks) or [pa.array([], column.type)]


def read_stream(column: Any) -> list[pa.Array]:
    try:
        return chunks_of(pa.chunked_array(column))
    except (ValueError, NotImplementedError):
        return chunks_of(pa.chunked_array(pa.RecordBatchReader.from_stream(column).read_all().to_struct_array()))


def column_of(chunks: list[pa.Array]) -> list[pa.Array]:
    """The only column of a table; any other column as it is."""
    kind = chunks[0].type
    if not kinds.is_struct(kind):
        return chunks
    if not kind.num_fields:
        raise UsageError("a table without columns")
    if kind.num_fields != 1:
        raise UsageError(f"a table of {kind.num_fields} columns; give one of them: {names_of(kind)}")
    return [chunk.field(0) for chunk in chunks]


def names_of(struct: pa.StructType) -> str:
    return ", ".join(struct.field(at).name for at in range(struct.num_fields))


def plain(array: pa.Array) -> pa.Array:
    """An array without the types that only save space: views, runs, narrow decimals; and without extensions."""
    if isinstance(array, pa.ExtensionArray):
        return plain(array.storage)
    if kinds.is_string_view(array.type):
        return array.cast(pa.large_string())
    if kinds.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    if kinds.is_decimal(array.type) and array.type.bit_width < NARROWEST_DECIMAL:
        return array.cast(pa.decimal128(array.type.precision, array.type.scale))
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
    """Why a column of a type cannot be read; "" if its values must be examined."""
    if any(one(kind) for one in (is_of_numbers, is_of_bytes, is_of_text, kinds.is_floating, kinds.is_decimal, kinds.is_null)):
        return ""
    return of_column(kind).reason


def to_values(column: Any) -> list[Plain | None]:
    """The values of a column, one by one."""
    arrays = to_arrays(column)
    if isinstance(arrays, Objects):
        return arrays.values
    found: list[Plain | None] = []
    for array in map(plain, arrays):
        kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        if refuse(kind):
            found += [of_column(kind) if is_there else None for is_there in array.is_valid().to_pylist()]
        else:
            found += map(to_plain, array.to_pylist())
    return found


class Reader:
    """The bytes of one thing from the values of columns. `is_hex`: bare digits are hex too."""

    def __init__(self, decoder: Decoder, found: Found, *, output: bool = False, is_hex: bool = False) -> None:
        self.decoder = decoder
        self.found = found
        self.width = 0 if output else decoder.width(found.spec)
        self.is_hex = is_hex
        self._output = output

    def read(self, value: Plain) -> bytes:
        """Raises UsageError with the reason if it cannot be read."""
        if isinstance(value, str):
            return self._read_text(value)
        number = readable(value)
        if self._output and not isinstance(number, bytes):
            raise UsageError(f"{self.found.called} takes bytes here, not a number")
        return bytes(number) if self._output else to_bytes(self.decoder, self.found, number)

    def _read_text(self, text: str) -> bytes:
        if not self.width:
            return read_dump(text)
        if self.width > 64 and "=" in text:
            reading = read_cpuid([text])
            if reading:
                return reading.value.to_bytes(self.width // 8, "little")
        return fit(read_digits(text, is_hex=self.is_hex), self.width, self.found.called).to_bytes(self.width // 8, "little")


def read_digits(text: str, *, is_hex: bool) -> int:
    """A number as people write it. Text that can be hex or decimal is refused."""
    digits, _ = unwrap(text)
    if is_hex and re.fullmatch(BARE_DIGITS, digits):
        return int(digits, 16)
    if re.fullmatch(AMBIGUOUS, digits):
        raise UsageError(f"'{digits}' can be hex or decimal; write 0x{digits} or 0n{digits}, or pass is_hex=True")
    return read_number(text).value


def read_dump(text: str) -> bytes:
    match = DUMP.fullmatch(text)
    if match is None:
        raise UsageError(f"'{shorten(text)}' is not bytes in hex")
    return bytes.fromhex(re.sub(r"[\s:-]+", "", match[1]))


def readable(value: int | bytes | Unreadable) -> int | bytes:
    """The value. UsageError if it cannot be read."""
    if isinstance(value, Unreadable):
        raise UsageError(value.reason)
    return value
