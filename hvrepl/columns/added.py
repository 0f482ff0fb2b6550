"""COLUMN=WHAT → the column of structs that it adds to a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from hvrepl.catalog.alike import alike
from hvrepl.columns.crashes import crash_column, crash_type
from hvrepl.columns.decode import column_type, decode_column
from hvrepl.columns.logs import annotate_column, annotated_type
from hvrepl.columns.plain_types import without_dictionaries
from hvrepl.columns.shape import ERROR
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.record import record
from hvrepl.wording import shorten

if TYPE_CHECKING:
    from hvrepl.catalog import Specs

CRASH, ANNOTATE = "crash", "annotate"  # command words, which are not names of things
IN_PYTHON, ON_COMMAND_LINE = "pass is_hex=True", "use --hex"


@record
class Added:
    """A column that is made from `columns`: `name` is its name, `label` the prefix of its fields' names in CSV."""

    columns: Sequence[str]
    name: str
    label: str
    type: pa.StructType
    make: Callable[[Callable[[str], Any]], pa.StructArray]

    def of(self, column: Callable[[str], Any]) -> pa.StructArray:
        """The rows, from a function that gives the values of a column."""
        return reworded(self.make(column))


def to_added(word: str, *, arch: str, is_fixed: bool, specs: Specs = None, is_hex: bool = False) -> Added:
    """COLUMN=WHAT, COLUMN=annotate or crash=P0,P1,P2,P3,P4. `is_fixed`: the arch in a text does not count.

    Raises NotFoundError and UsageError as `column_type` does.
    """
    column, _, what = word.rpartition("=")
    if not column or not what:
        raise UsageError(f"{shorten(word)}: write COLUMN=WHAT, such as guest_id=guest-id")
    if column == CRASH and "," in what:
        columns = what.split(",")
        return Added(
            columns,
            CRASH,
            CRASH,
            without_dictionaries(crash_type()),
            lambda read: crash_column(*map(read, columns), arch=arch, specs=specs, is_hex=is_hex),
        )
    if what == ANNOTATE:
        kind = without_dictionaries(annotated_type())
        given = arch if is_fixed else None
        return Added([column], f"{column}_annotated", column, kind, lambda read: annotate_column(read(column), arch=given, specs=specs))
    if what == CRASH:
        raise UsageError(f"{shorten(word)}: a crash has five columns: crash=p0,p1,p2,p3,p4")
    return Added(
        [column],
        f"{column}_decoded",
        column,
        without_dictionaries(column_type(what, arch=arch, specs=specs)),
        lambda read: decode_column(what, read(column), arch=arch, specs=specs, is_hex=is_hex),
    )


def reworded(array: pa.StructArray) -> pa.StructArray:
    """The rows, with the command line's option in the reasons instead of Python's."""
    children = [array.field(at) for at in range(array.type.num_fields)]
    if children[-1].null_count == len(array):
        return array
    children[array.type.get_field_index(ERROR)] = pc.replace_substring(children[-1], IN_PYTHON, ON_COMMAND_LINE)
    return pa.StructArray.from_arrays(children, fields=list(array.type), mask=array.is_null() if array.null_count else None)


def check_columns(path: str, names: Sequence[str], added: Sequence[Added], why: str = "") -> None:
    """UsageError if a table lacks a column that is read, or has one twice."""
    for name in (name for one in added for name in one.columns):
        if name not in names:
            close = alike(name, names)
            few = f"it has {', '.join(names[:8])}{' ...'[: 4 * (len(names) > 8)]}" if names else "it has no columns"
            raise UsageError(f"{path} has no column {shorten(name) or repr(name)}; {f'did you mean {close[0]}?' if close else few}{why}")
        if list(names).count(name) > 1:
            raise UsageError(f"{path} has several columns {name}")


def flat_names(added: Sequence[Added]) -> list[str]:
    """The names of the added columns in formats without structs."""
    return [f"{one.label}.{field.name}" for one in added for field in one.type]


def check_new(path: str, names: Sequence[str], added: Sequence[Added], *, is_flat: bool) -> None:
    """UsageError if an added column would have the name of an existing one."""
    for name in flat_names(added) if is_flat else [one.name for one in added]:
        if name in names:
            raise UsageError(f"{path} already has a column {name}")
