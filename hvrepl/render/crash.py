"""A crash in every format: one sentence, and the meaning of each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hvrepl.analysis.crash import Crash, label_of, say_parameter
from hvrepl.catalog.model import CRASH_PARAMETERS
from hvrepl.codec.decoded import Decoded
from hvrepl.render.listing import Listing
from hvrepl.render.parts import say_finding, value_of
from hvrepl.render.screen import findings_of, heading
from hvrepl.render.style import Style, align

HEADERS = ("parameter", "name", "value", "meaning")
LABELS = [label_of(place) for place in range(CRASH_PARAMETERS + 1)]


def list_crash(told: Crash, how: str, form: str) -> Listing:
    """`how` describes how its numbers were read; `form` is the format, as some show a crash in one row."""
    headers, rows = (FLAT.get(form) or by_parameter)(told)
    return Listing(headers, rows, [told.to_dict()], single=True, lines=lambda style: screen(told, how, style))


def by_parameter(told: Crash) -> tuple[Sequence[str], list[Sequence[str]]]:
    return HEADERS, list(rows_of(told))


def as_line(told: Crash) -> tuple[Sequence[str], list[Sequence[str]]]:
    return ("crash",), [(told.summary, *(f"! {say_finding(one)}" for one in told.findings))]


def as_row(told: Crash) -> tuple[Sequence[str], list[Sequence[str]]]:
    """The crash as a row of a spreadsheet."""
    raws = [one.raw for one in told.parameters]
    headers = ("os", "summary", *LABELS[: len(raws)], "findings")
    return headers, [(told.os, told.summary, *raws, "; ".join(map(say_finding, told.findings)))]


# Formats that show a crash in one row.
FLAT: Mapping[str, Callable[[Crash], tuple[Sequence[str], list[Sequence[str]]]]] = {"line": as_line, "csv": as_row}


def rows_of(told: Crash) -> Iterator[tuple[str, str, str, str]]:
    for label, one in zip(LABELS, told.parameters, strict=False):
        yield label, one.name, value_of(one), say_parameter(one)


def screen(told: Crash, how: str, style: Style) -> Iterator[str]:
    """For people: the sentence, the parameters, the findings."""
    system, _, rest = told.summary.partition("  ")
    yield from heading(Decoded(name=system, summary=rest, read=how), style)
    yield from align(list(rows_of(told)), style, ("dim", "name", "number", "meaning"))
    yield from findings_of(told.node, style)
