"""Expressions for Polars: after `import hvrepl.columns.polars`, `pl.col("id").hv.decode("guest-id")` is a column of structs."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pyarrow as pa

from hvrepl.columns.crashes import crash_column, crash_type
from hvrepl.columns.decode import column_type, decode_column
from hvrepl.columns.logs import annotate_column, annotated_type
from hvrepl.columns.table import empty
from hvrepl.hints import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvrepl.catalog import Specs


@pl.api.register_expr_namespace("hv")
class Expressions:
    """The meaning of Hyper-V's numbers in a column."""

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def decode(self, what: str, *, arch: str = "x64", specs: Specs = None, summary: bool = True, is_hex: bool = False) -> pl.Expr:
        """The column as structs with the fields of `column_type(what)`; raises the same errors."""
        kind = column_type(what, arch=arch, specs=specs, summary=summary)
        return self._map(lambda column: decode_column(what, column, arch=arch, specs=specs, summary=summary, is_hex=is_hex), kind)

    def annotate(self, *, arch: str | None = None, specs: Specs = None) -> pl.Expr:
        """The column of texts as structs with the fields of `annotated_type()`."""
        return self._map(lambda column: annotate_column(column, arch=arch, specs=specs), annotated_type())

    def _map(self, function: Callable[[Any], Any], kind: pa.StructType) -> pl.Expr:
        return self._expression.map_batches(lambda series: to_series(function(series)), return_dtype=to_dtype(kind), is_elementwise=True)


def crash(*parameters: pl.Expr | str, arch: str = "x64", specs: Specs = None, is_hex: bool = False) -> pl.Expr:
    """Five columns of crash parameters as structs with the fields of `crash_type()`."""
    return pl.map_batches(
        list(parameters),
        lambda columns: to_series(crash_column(*columns, arch=arch, specs=specs, is_hex=is_hex)),
        return_dtype=to_dtype(crash_type()),
        is_elementwise=True,
    )


def to_series(array: pa.StructArray) -> pl.Series:
    return pl.Series(array)


def to_dtype(kind: pa.StructType) -> pl.DataType:
    return to_series(empty(kind)).dtype
