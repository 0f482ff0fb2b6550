"""SQL functions for DuckDB: `register(connection, "guest-id")`, then `SELECT hv_guest_id(id).summary, count(*) FROM vms GROUP BY ALL`.

DuckDB needs NumPy for functions in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal

import duckdb
import pyarrow as pa

from hvrepl.catalog.model import CRASH_PARAMETERS
from hvrepl.columns.added import ANNOTATE, CRASH
from hvrepl.columns.crashes import crash_column, crash_type
from hvrepl.columns.decode import column_type, decode_column
from hvrepl.columns.inputs import Plain, of_column, to_plain
from hvrepl.columns.logs import annotate_column, annotated_type
from hvrepl.columns.plain_types import without_dictionaries
from hvrepl.hints import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvrepl.catalog import Specs

Function = Callable[..., Any]
SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
# The form in which a value is passed, by its SQL type. All others, and those of several columns, are text after a letter for their kind.
KINDS = (
    (("VARCHAR",), "VARCHAR", "CAST(x AS VARCHAR)"),
    (("BLOB",), "BLOB", "TRY_CAST(x AS BLOB)"),
    (SIGNED, "BIGINT", "TRY_CAST(x AS BIGINT)"),
    (UNSIGNED, "UBIGINT", "TRY_CAST(x AS UBIGINT)"),
    (("FLOAT", "DOUBLE"), "DOUBLE", "TRY_CAST(x AS DOUBLE)"),
)
INTEGERS = (*SIGNED, *UNSIGNED, "HUGEINT", "UHUGEINT", "BIGNUM", "VARINT")
MARKED = f"""CASE
    WHEN x IS NULL THEN NULL
    WHEN typeof(x) IN {("VARCHAR", "JSON")} OR typeof(x) LIKE 'ENUM%' THEN 't' || CAST(x AS VARCHAR)
    WHEN typeof(x) IN {INTEGERS} OR typeof(x) LIKE 'DECIMAL%' THEN 'n' || CAST(x AS VARCHAR)
    WHEN typeof(x) IN {("FLOAT", "DOUBLE")} THEN 'f' || CAST(x AS VARCHAR)
    WHEN typeof(x) = 'BLOB' THEN 'b' || hex(TRY_CAST(x AS BLOB))
    ELSE 'o' || typeof(x)
END"""
READ_MARKED: dict[str, Callable[[str], Plain | None]] = {
    "t": lambda text: text,
    "n": lambda digits: to_plain(Decimal(digits)),
    "f": lambda number: to_plain(float(number)),
    "b": bytes.fromhex,
    "o": of_column,
}
TYPES = {pa.binary(): "BLOB", pa.string(): "VARCHAR"} | {
    pa.type_for_alias(f"{sign}int{bits}"): f"{sign.upper()}{name}"
    for bits, name in ((8, "TINYINT"), (16, "SMALLINT"), (32, "INTEGER"), (64, "BIGINT"))
    for sign in ("", "u")
}


def register(
    connection: duckdb.DuckDBPyConnection,
    *whats: str,
    arch: str = "x64",
    specs: Specs = None,
    summary: bool = True,
    is_hex: bool = False,
    prefix: str = "hv_",
) -> list[str]:
    """Gives a connection a function for each thing, and returns their names: "guest-id" is `hv_guest_id(x)`, which returns a STRUCT.

    `x` is an integer, text or a BLOB, as for `decode_column`; the fields are those of `column_type`. "crash" is `hv_crash(p0, …, p4)`
    with the fields of `crash_type`, "annotate" is `hv_annotate(text)` with those of `annotated_type`.
    Raises NotFoundError and UsageError as `column_type` does. Registering a function again replaces it.
    """
    names = []
    for what in whats:
        name = f"{prefix}{re.sub(r'[^0-9a-z]+', '_', what.lower())}"
        if what == CRASH:
            define(connection, name, [f"p{place}" for place in range(CRASH_PARAMETERS)], crash_type(), crasher(arch, specs, is_hex=is_hex))
        elif what == ANNOTATE:
            define_one(connection, name, ["VARCHAR"], annotated_type(), lambda texts: annotate_column(texts, specs=specs))
        else:
            kind = column_type(what, arch=arch, specs=specs, summary=summary)
            define(connection, name, ["x"], kind, decoder(what, arch, specs, summary=summary, is_hex=is_hex))
        names.append(name)
    return names


def crasher(arch: str, specs: Specs, *, is_hex: bool) -> Function:
    return lambda *columns: crash_column(*columns, arch=arch, specs=specs, is_hex=is_hex)


def decoder(what: str, arch: str, specs: Specs, *, summary: bool, is_hex: bool) -> Function:
    return lambda column: decode_column(what, column, arch=arch, specs=specs, summary=summary, is_hex=is_hex)


def define(connection: duckdb.DuckDBPyConnection, name: str, parameters: list[str], kind: pa.StructType, function: Function) -> None:
    """A macro that passes its values to a function for their type."""
    define_one(connection, f"{name}_of_any", ["VARCHAR"] * len(parameters), kind, lambda *columns: function(*map(read_marked, columns)))
    marked = ", ".join(MARKED.replace("(x", f"({parameter}").replace(" x ", f" {parameter} ") for parameter in parameters)
    any_type = f"{name}_of_any({marked})"
    if len(parameters) > 1:
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {name}({', '.join(parameters)}) AS {any_type}")
        return
    cases = []
    for types, to, cast in KINDS:
        inner = f"{name}_of_{to.lower()}"
        define_one(connection, inner, [to], kind, function)
        cases.append(f"WHEN typeof(x) IN ({', '.join(repr(one) for one in types)}) THEN {inner}({cast})")
    connection.execute(f"CREATE OR REPLACE TEMP MACRO {name}(x) AS CASE {' '.join(cases)} ELSE {any_type} END")


def read_marked(column: pa.ChunkedArray) -> list[Plain | None]:
    return [None if text is None else READ_MARKED[text[0]](text[1:]) for text in column.to_pylist()]


def define_one(connection: Any, name: str, takes: Sequence[str], kind: pa.StructType, function: Function) -> None:
    with suppress(duckdb.InvalidInputException):
        connection.remove_function(name)
    types = [connection.dtype(one) for one in takes]
    connection.create_function(
        name, in_chunks(function, len(types)), types, connection.dtype(sql_type(kind)), type="arrow", null_handling="special"
    )


def in_chunks(function: Function, count: int) -> Function:
    """The function in the form that DuckDB calls: it counts the parameters, and expects an array of chunks.

    DuckDB passes some 2,000 values at a time, and would read a whole dictionary each time, so texts are returned as they are.
    """

    def call(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
        found = function(*columns)
        return pa.chunked_array([found.cast(without_dictionaries(found.type))])

    return (lambda x: call(x)) if count == 1 else lambda p0, p1, p2, p3, p4: call(p0, p1, p2, p3, p4)


def sql_type(kind: pa.DataType) -> str:
    """An Arrow type in DuckDB's spelling."""
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{quote(field.name)} {sql_type(field.type)}' for field in kind)})"
    if pa.types.is_dictionary(kind):
        return sql_type(kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        return f"{sql_type(kind.value_type)}[{kind.list_size}]"
    return f"{sql_type(kind.value_type)}[]" if pa.types.is_list(kind) else TYPES[kind]


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
