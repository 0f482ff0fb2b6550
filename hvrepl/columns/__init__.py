"""Columns of numbers → columns of their meanings, in Arrow's memory: for tables of many machines. Needs pyarrow.

Uses catalog, readers, codec, analysis and render. Each engine has a module to import: duckdb, polars, spark, kusto.
"""

from __future__ import annotations

try:
    import pyarrow
except ImportError as error:
    raise ImportError("hvrepl.columns needs pyarrow: pip install pyarrow") from error

from hvrepl.columns.crashes import crash_column, crash_type
from hvrepl.columns.decode import column_type, decode_batches, decode_column
from hvrepl.columns.encode import encode_column, encoded_type
from hvrepl.columns.logs import annotate_column, annotated_type

__all__ = [
    "annotate_column",
    "annotated_type",
    "column_type",
    "crash_column",
    "crash_type",
    "decode_batches",
    "decode_column",
    "encode_column",
    "encoded_type",
]

del pyarrow
