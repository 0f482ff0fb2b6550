"""crash_column: five columns of crash parameters → the meaning of each crash."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from hvrepl.analysis.crash import SIZE, label_of, say_parameter, tell_crash
from hvrepl.catalog.model import CRASH_PARAMETERS
from hvrepl.codec.decode import Decoder
from hvrepl.codec.targets import open_decoder
from hvrepl.columns.inputs import Plain, read_digits, readable, to_values
from hvrepl.columns.shape import CODES, ERROR, FINDINGS, SUMMARY, TEXT
from hvrepl.columns.table import Rows
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.readers.number import fit

if TYPE_CHECKING:
    from hvrepl.catalog import Specs

BITS = 8 * SIZE
LABELS = [label_of(place) for place in range(CRASH_PARAMETERS)]


def crash_type() -> pa.StructType:
    """The type of `crash_column`'s result: `os`, `summary`, each parameter with its name and meaning, `findings`, `error`."""
    parameters = [
        (f"{label.lower()}{end}", kind) for label in LABELS for end, kind in (("", pa.uint64()), ("_name", TEXT), ("_meaning", TEXT))
    ]
    return pa.struct([("os", TEXT), (SUMMARY, TEXT), *parameters, (FINDINGS, CODES), (ERROR, pa.string())])


def crash_column(*parameters: Any, arch: str = "x64", specs: Specs = None, is_hex: bool = False) -> Any:
    """Five columns, P0 to P4 of crashes → a pyarrow.StructArray of `crash_type()`, one row per crash.

    The columns are as in `decode_column`, of integers or of numbers as text. A row of only nulls stays null; if a parameter is missing
    or cannot be read, `error` says which. UsageError unless there are five columns of equal length.
    """
    if len(parameters) != CRASH_PARAMETERS:
        raise UsageError(
            f"a crash has {CRASH_PARAMETERS} parameters, {LABELS[0]} to {LABELS[-1]}: give a column of each, not {len(parameters)}"
        )
    columns = [to_values(column) for column in parameters]
    if len(set(map(len, columns))) > 1:
        raise UsageError(f"the columns of the parameters have different lengths: {', '.join(str(len(column)) for column in columns)}")
    decoder = open_decoder(arch, specs)
    rows = Rows(crash_type(), lambda values: tell(decoder, values, is_hex=is_hex))
    return rows.across(columns)


def tell(decoder: Decoder, values: Sequence[Plain | None], *, is_hex: bool) -> dict[str, Any]:
    """A row. Raises UsageError for a parameter that cannot be read."""
    numbers = [read_parameter(label, value, is_hex=is_hex) for label, value in zip(LABELS, values, strict=True)]
    told = tell_crash(decoder, numbers)
    row: dict[str, Any] = {"os": told.os, SUMMARY: told.summary, FINDINGS: [finding.code for finding in told.findings]}
    for label, number, part in zip(LABELS, numbers, told.parameters, strict=False):
        row |= {label.lower(): number, f"{label.lower()}_name": part.name, f"{label.lower()}_meaning": say_parameter(part) or None}
    return row


def read_parameter(label: str, value: Plain | None, *, is_hex: bool) -> int:
    if value is None:
        raise UsageError(f"{label} is missing")
    try:
        number = read_digits(value, is_hex=is_hex) if isinstance(value, str) else readable(value)
    except UsageError as error:
        raise UsageError(f"{label}: {error}") from None
    if isinstance(number, bytes):
        raise UsageError(f"{label} takes a number, not bytes")
    return fit(number, BITS, label)
