"""For Azure Data Explorer's `python()` plugin, which passes a pandas frame as `df` and expects one as `result`.

Give the plugin the wheels of hvrepl, construct and pyarrow as external artifacts, or a sandbox image with them. Then:

    let id_of_vm = vms | project vm, id = tostring(guest_id);
    id_of_vm
    | evaluate python(typeof(*, summary: string, os_type_meaning: string, version_meaning: string, error: string),
        ```if 1:
            from hvrepl.columns.kusto import decoded
            result = decoded(df, "id", "guest-id", fields=["summary", "os_type_meaning", "version_meaning", "error"])
        ```)
    | summarize count() by summary

Kusto's `long` has 64 bits with a sign, which `decoded` understands. `real` cannot hold every digit of a number over 2^53: pass such a
number as text. With `hint.distribution = per_node` the plugin runs on each node's part of the table: each row is decoded by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from hvrepl.columns.decode import decode_column
from hvrepl.columns.plain_types import without_dictionaries
from hvrepl.errors import UsageError


def decoded(
    df: pd.DataFrame, column: str, what: str, *, fields: Sequence[str] | None = None, arch: str = "x64", is_hex: bool = False
) -> pd.DataFrame:
    """The frame with additional columns for the meaning of one of its columns: those of `column_type(what)`, or only `fields`.

    Lists, such as findings, are text with commas between. UsageError for an unknown column or field, and for a name that both have.
    """
    if column not in df.columns:
        raise UsageError(f"the frame has no column {column}; it has {', '.join(map(str, df.columns))}")
    made = decode_column(what, df[column], arch=arch, is_hex=is_hex)
    names = [field.name for field in made.type]
    for name in fields or ():
        if name not in names:
            raise UsageError(f"{what} has no field {name}; it has {', '.join(names)}")
    both = [name for name in fields or names if name in df.columns]
    if both:
        raise UsageError(f"the frame has a column {both[0]} already")
    found = df.copy()
    for name, part in zip(names, made.cast(without_dictionaries(made.type)).flatten(), strict=True):
        if name in (fields or names):  # as objects, so that a null does not turn them into floating-point numbers
            values = [", ".join(map(str, one)) if isinstance(one, list) else one for one in part.to_pylist()]
            found[name] = pd.Series(values, index=df.index, dtype=object)
    return found
