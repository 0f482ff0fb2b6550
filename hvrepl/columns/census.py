"""Counts how often each summary occurs in a decoded column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from hvrepl.columns.shape import ERROR, FINDINGS, SUMMARY
from hvrepl.record import field, mutable, record

MOST = 1 << 20  # summaries that are counted individually


@record
class Count:
    """A summary (None: rows without one, for the reason in `error` if there is one) and the number of its rows."""

    summary: str | None
    count: int
    error: str = ""


@mutable
class Census:
    """`unreadable` comes with its first reason; `rest` are rows with further summaries after too many different ones."""

    summaries: Counter[str] = field(default_factory=Counter)
    nulls: int = 0
    unreadable: int = 0
    reason: str = ""
    rest: int = 0
    has_findings: bool = False

    def look(self, array: pa.StructArray) -> list[pa.Array]:
        """Whether anything has findings, and what cannot be read; the columns of the rows."""
        columns: list[pa.Array] = array.flatten()
        findings, errors = (columns[array.type.get_field_index(name)] for name in (FINDINGS, ERROR))
        unreadable = len(array) - errors.null_count
        if unreadable and not self.reason:
            self.reason = errors.drop_null()[0].as_py()
        self.unreadable += unreadable
        self.has_findings |= bool(pc.any(pc.greater(pc.list_value_length(findings), 0)).as_py())
        return columns

    def add(self, array: pa.StructArray) -> None:
        """Counts the rows."""
        summaries = self.look(array)[array.type.get_field_index(SUMMARY)]
        self.nulls += array.null_count
        for one in summaries.drop_null().value_counts().to_pylist():
            if one["values"] in self.summaries or len(self.summaries) < MOST:
                self.summaries[one["values"]] += one["counts"]
            else:
                self.rest += one["counts"]

    @property
    def rows(self) -> int:
        return self.summaries.total() + self.nulls + self.unreadable + self.rest

    def counts(self) -> Iterator[Count]:
        """The most frequent summary first, then the rows without one."""
        yield from (Count(text, count) for text, count in sorted(self.summaries.items(), key=lambda pair: (-pair[1], pair[0])))
        if self.rest:
            yield Count(None, self.rest, f"more than {MOST:,} different summaries")
        if self.nulls:
            yield Count(None, self.nulls)
        if self.unreadable:
            yield Count(None, self.unreadable, self.reason)
