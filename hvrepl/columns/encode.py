"""encode_column: columns of fields → a column of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import pyarrow as pa

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decode import Decoder
from hvrepl.codec.encode.assign import Assigner, Assignment
from hvrepl.codec.targets import find_target, open_decoder
from hvrepl.columns.inputs import Plain, readable, to_values
from hvrepl.columns.shape import ERROR, number_type
from hvrepl.columns.table import Rows
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.readers.number import read_number

if TYPE_CHECKING:
    from hvrepl.catalog import Specs

VALUE = "value"
WIDEST = 64


def encoded_type(what: str, *, arch: str = "x64", specs: Specs = None) -> pa.StructType:
    """The type of `encode_column`'s result: `value`, an unsigned integer of the thing's width or bytes, and `error`."""
    found, output = find_target(what, arch, specs)
    width = 0 if output else open_decoder(arch, specs).width(found.spec)
    return pa.struct([(VALUE, number_type(width) if 0 < width <= WIDEST else pa.binary()), (ERROR, pa.string())])


def encode_column(what: str, fields: Mapping[str, Any], *, arch: str = "x64", specs: Specs = None) -> Any:
    """Columns of fields, by the fields' names → a pyarrow.StructArray of `encoded_type(what)`, one row per value.

    A field's values are numbers, or texts as `hvrepl.encode` takes them; a null leaves the field out, and a row of only nulls stays null.
    A row that cannot be encoded is null with the reason in `error`. UsageError without columns, or for columns of different lengths.
    """
    kind = encoded_type(what, arch=arch, specs=specs)
    found, output = find_target(what, arch, specs)
    decoder = open_decoder(arch, specs)
    columns = [to_values(column) for column in fields.values()]
    if len(set(map(len, columns))) != 1:
        raise UsageError("the columns of the fields have different lengths" if columns else f"name a field of {what} and give its column")
    names = list(fields)
    is_number = kind.field(VALUE).type != pa.binary()
    rows = Rows(kind, lambda values: {VALUE: build(decoder, found, names, values, output=output, is_number=is_number)})
    return rows.across(columns)


def build(
    decoder: Decoder, found: Found, names: Sequence[str], values: Sequence[Plain | None], *, output: bool, is_number: bool
) -> int | bytes:
    """The value with these fields. Raises HvreplError."""
    assignments = [to_assignment(name, value) for name, value in zip(names, values, strict=True) if value is not None]
    data = Assigner(decoder, found, output=output).assign(None, assignments)
    return int.from_bytes(data, "little") if is_number else data


def to_assignment(name: str, value: Plain) -> Assignment:
    """A field with its value; text can be a number as people write it. UsageError if it cannot be read."""
    if isinstance(value, str):
        with suppress(UsageError):
            return Assignment(name, value, read_number(value).value)
        return Assignment(name, value)
    try:
        number = readable(value)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    return Assignment(name, number.hex()) if isinstance(number, bytes) else Assignment(name, str(number), number)
