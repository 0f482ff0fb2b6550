"""Names and types of a thing's columns: they depend on the thing alone, so they are the same for every part of a table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from hvrepl.columns.leaves import Leaf
from hvrepl.record import record

TEXT = pa.dictionary(pa.int32(), pa.string())
CODES = pa.list_(pa.string())
SUMMARY, FINDINGS, ERROR = "summary", "findings", "error"
WIDTHS = (8, 16, 32, 64)


@record
class Column:
    """A leaf with the names of its column and of the column of its meaning ("": it has none)."""

    leaf: Leaf
    name: str
    meaning: str = ""

    @property
    def type(self) -> pa.DataType:
        if not self.leaf.bits:
            return pa.binary()
        number = number_type(self.leaf.bits, signed=self.leaf.signed)
        return pa.list_(number, self.leaf.count) if self.leaf.count else number


def number_type(bits: int, *, signed: bool = False) -> pa.DataType:
    """The smallest integer type with so many bits."""
    width = next(width for width in WIDTHS if bits <= width)
    return pa.type_for_alias(f"{'' if signed else 'u'}int{width}")


def name_columns(leaves: Sequence[Leaf], *, summary: bool) -> list[Column]:
    """A column has the name of its path; if that is one of our own names, with _value at its end."""
    own = {SUMMARY, FINDINGS, ERROR}
    names = [f"{leaf.path}_value" if leaf.path in own else leaf.path for leaf in leaves]
    return [Column(leaf, name, f"{name}_meaning" if leaf.says and summary else "") for leaf, name in zip(leaves, names, strict=True)]


def struct_type(columns: Sequence[Column], *, summary: bool) -> pa.StructType:
    fields = [(SUMMARY, TEXT)] if summary else []
    for column in columns:
        fields.append((column.name, column.type))
        if column.meaning:
            fields.append((column.meaning, TEXT))
    return pa.struct([*fields, *([(FINDINGS, CODES)] if summary else []), (ERROR, pa.string())])
