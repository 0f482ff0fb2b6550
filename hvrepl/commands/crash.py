"""crash: the crash parameters of a guest, told by the operating system that wrote them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hvrepl.analysis.crash import PARAMETERS, Crash, label_of, say_parameter, tell_crash
from hvrepl.codec.decoded import Decoded
from hvrepl.commands.inputs.files import read_file, read_rest
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.readers.crash import read_parameters, read_pasted
from hvrepl.render.listing import Listing
from hvrepl.render.screen import findings_of, heading, say_finding, value_of
from hvrepl.render.style import Style, align

HEADERS = ("parameter", "name", "value", "meaning")
LABELS = [label_of(place) for place in range(PARAMETERS + 1)]


def crash(session: Session, words: Sequence[str]) -> None:
    """crash P0 P1 P2 P3 P4 [CTL]"""
    pasted = read_pasted(to_text(session, words if words or not session.takes_stdin else ["-"]))
    if pasted:
        emit_crash(session, tell_crash(session.decoder, pasted), "read as pasted")
        return
    if len(words) not in (PARAMETERS, PARAMETERS + 1):
        given = f"{len(words)} word{'s'[: len(words) != 1]}"
        raise UsageError(f"crash takes five parameters and perhaps the control register, not {given}: `crash P0 P1 P2 P3 P4 [CTL]`")
    numbers, how = read_parameters(words, LABELS)
    emit_crash(session, tell_crash(session.decoder, numbers[:PARAMETERS], *numbers[PARAMETERS:]), how)


def to_text(session: Session, words: Sequence[str]) -> str:
    """What was pasted: the words, or what stands on stdin or in a file."""
    if len(words) == 1 and words[0] == "-":
        if session.is_script:
            raise UsageError("- is the script itself here; give the parameters, or @FILE")
        return read_rest(session).decode("utf-8", "replace")
    if len(words) == 1 and words[0].startswith("@"):
        return read_file(words[0][1:]).decode("utf-8", "replace")
    return " ".join(words)


def emit_crash(session: Session, told: Crash, how: str = "") -> None:
    """The crash in the format in force; `how` says how its numbers were read. It is what `_` means then."""
    session.values.keep(session.catalog.find_name(told.node.name), told.node.to_bytes())
    if told.findings and session.options.strict:
        session.outcome.note(1)
    headers, rows = (FLAT.get(session.options.format) or by_parameter)(told)
    table = told.to_dict()
    emit_listing(session, Listing(headers, rows, [table], single=True, lines=lambda style: screen(told, how, style)))


def by_parameter(told: Crash) -> tuple[Sequence[str], list[Sequence[str]]]:
    return HEADERS, list(rows_of(told))


def as_line(told: Crash) -> tuple[Sequence[str], list[Sequence[str]]]:
    return ("crash",), [(told.summary, *(f"! {say_finding(one)}" for one in told.findings))]


def as_row(told: Crash) -> tuple[Sequence[str], list[Sequence[str]]]:
    """The crash as a row of a spreadsheet."""
    raws = [one.raw for one in told.parameters]
    headers = ("os", "summary", *LABELS[: len(raws)], "findings")
    return headers, [(told.os, told.summary, *raws, "; ".join(map(say_finding, told.findings)))]


# What shows a crash in one line.
FLAT: Mapping[str, Callable[[Crash], tuple[Sequence[str], list[Sequence[str]]]]] = {"line": as_line, "csv": as_row}


def rows_of(told: Crash) -> Iterator[tuple[str, str, str, str]]:
    for label, one in zip(LABELS, told.parameters, strict=False):
        yield label, one.name, value_of(one), say_parameter(one)


def screen(told: Crash, how: str, style: Style) -> Iterator[str]:
    """What a person reads: the sentence, the parameters, what is strange about them."""
    system, _, rest = told.summary.partition("  ")
    yield from heading(Decoded(name=system, summary=rest, read=how), style)
    yield from align(list(rows_of(told)), style, ("dim", "name", "number", "meaning"))
    yield from findings_of(told.node, style)
