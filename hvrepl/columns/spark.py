"""For Spark: `decoded(df, "id", "guest-id")` is the frame with one more column, made by its workers batch by batch, without a shuffle."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from hvrepl.columns.crashes import crash_column, crash_type
from hvrepl.columns.decode import column_type, decode_column
from hvrepl.columns.logs import annotate_column, annotated_type
from hvrepl.columns.plain_types import to_signed, without_dictionaries
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Make = Callable[[pa.RecordBatch], Any]


def decoded(
    df: DataFrame, column: str, what: str, *, name: str = "decoded", arch: str = "x64", summary: bool = True, is_hex: bool = False
) -> DataFrame:
    """The frame with an additional struct with the fields of `column_type(what)`, under its own name.

    Spark has no unsigned numbers: a field has the next wider type, for 64 bits decimal(20,0). The workers need hvrepl and pyarrow.
    Raises NotFoundError and UsageError as `column_type` does, UsageError for an unknown column, or a name that the frame already has.
    """
    kind = column_type(what, arch=arch, summary=summary)
    return extended(
        df, [column], name, kind, lambda batch: decode_column(what, batch.column(column), arch=arch, summary=summary, is_hex=is_hex)
    )


def crashes(df: DataFrame, *columns: str, name: str = "crash", arch: str = "x64", is_hex: bool = False) -> DataFrame:
    """The same for five columns of crash parameters, with the fields of `crash_type()`."""
    return extended(df, columns, name, crash_type(), lambda batch: crash_column(*map(batch.column, columns), arch=arch, is_hex=is_hex))


def annotated(df: DataFrame, column: str, *, name: str = "annotated", arch: str | None = None) -> DataFrame:
    """The same for annotate's claims about a column of texts, with the fields of `annotated_type()`."""
    return extended(df, [column], name, annotated_type(), lambda batch: annotate_column(batch.column(column), arch=arch))


def extended(df: DataFrame, columns: Any, name: str, kind: pa.StructType, make: Make) -> DataFrame:
    """The frame with one more column, a struct made from other columns."""
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StructField, StructType

    missing = [column for column in columns if column not in df.columns]
    if missing:
        raise UsageError(f"the frame has no column {missing[0]}; it has {', '.join(df.columns)}")
    if name in df.columns:
        raise UsageError(f"the frame has a column {name} already: give another name")
    plain = without_dictionaries(to_signed(kind))

    def batches(whole: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in whole:
            yield pa.RecordBatch.from_arrays([*batch.columns, make(batch).cast(plain)], names=[*batch.schema.names, name])

    schema = StructType([*df.schema.fields, StructField(name, from_arrow_type(plain))])
    return df.mapInArrow(batches, schema)
