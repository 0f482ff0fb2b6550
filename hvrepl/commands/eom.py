"""eom: the effect of freeing a slot of a message page, step by step, and the write that is then owed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.analysis.eom import PAGE, PENDING, TYPE, Freed, Owed, free, read_type
from hvrepl.codec.decoded import Decoded
from hvrepl.codec.encode.assignment import Assignment
from hvrepl.commands.inputs.operands import read_values
from hvrepl.commands.inputs.what import Target, number_or_none
from hvrepl.commands.output import emit_listing
from hvrepl.commands.output_files import open_output
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.render.listing import Listing
from hvrepl.render.parts import say_finding
from hvrepl.render.style import Style, align, loud_lines, titled

SHOWN_BYTES = 16
SLOT = regex("0x[0-9a-f]|1?[0-9]")
HEADERS = ("step", "what", "where", "value")


def eom(session: Session, words: Sequence[str], output: str = "") -> None:
    """eom PAGE SLOT [TYPE]"""
    if session.takes_stdin and words and SLOT.fullmatch(words[0]):  # a missing page comes from stdin
        words = ["-", *words]
    if len(words) not in (2, 3):
        raise UsageError("eom takes a page, a slot and optionally the type expected there: `eom PAGE SLOT [TYPE]`")
    target = Target(session.catalog.find_name(PAGE))
    values = list(read_values(session, target.found, words[:1]))
    if len(values) != 1:
        raise UsageError(f"{words[0][:40]!r} holds {len(values)} pages; expected one")
    if values[0].error:
        raise values[0].error
    slot = number_or_none(words[1])
    if slot is None:
        raise UsageError(f"{words[1][:40]!r} is not a slot; write a number from 0 to 15")
    expected = read_type(session.decoder, Assignment(TYPE, words[2], number_or_none(words[2]))) if len(words) > 2 else None
    freed = free(session.decoder, values[0].data, slot, expected)
    session.values.keep(target.found, freed.page)
    session.note_findings(freed.findings)
    if output:
        with open_output(session, output, "wb") as file:
            file.write(freed.page)
    rows = list(rows_of(session, freed))
    table = to_table(session, slot, freed)
    emit_listing(session, Listing(HEADERS, rows, [table], single=True, lines=lambda style: screen(slot, freed, rows, style)))


def to_table(session: Session, slot: int, freed: Freed) -> dict[str, Any]:
    """The JSON object."""
    owed = [owed_table(session, one) for one in freed.owed]
    return {"slot": slot, "page_after": freed.page.hex(), "owed": owed, "findings": [one.to_dict() for one in freed.findings]}


def owed_table(session: Session, one: Owed) -> dict[str, Any]:
    assert one.found.address  # it was found as a register
    number = session.catalog.spaces[one.found.address.space].write(one.found.number or 0)
    table: dict[str, Any] = {"arch": session.catalog.arch, "register": one.found.name, "number": number, "value": f"{one.value:#x}"}
    if one.call:
        table["hypercall"] = {"name": one.call, "control": f"0x{one.control[::-1].hex()}", "input": one.input.hex()}
    return table


def rows_of(session: Session, freed: Freed) -> Iterator[tuple[str, str, str, str]]:
    """The steps, up to the last one that applies."""
    kind, pending = freed.slot.find(f"header.{TYPE}"), freed.slot.find(f"header.{PENDING}")
    flags = freed.slot.find(f"header.{PENDING.partition('.')[0]}")
    assert kind  # a freed slot has one
    assert pending
    assert flags
    if not freed.is_freed:
        yield "1", "compare and exchange", place(kind), f"{kind.raw}, not 0x{freed.expected:08x}: fails" if kind.value else "already free"
        return
    yield "1", "compare and exchange", place(kind), f"{kind.raw} → 0x{0:08x}"
    yield "2", "full barrier", "", "the next read must not come before it"
    yield "3", "read again", place(flags, pending.name), "set: the host waits" if pending.value else "clear: no end of message is owed"
    for one in freed.owed:
        table = owed_table(session, one)
        yield "4", "write", f"{table['register']} ({table['number']})", "0, on the VP that owns the page"
        if "hypercall" in table:
            yield "", "by hypercall", table["hypercall"]["name"], f"control {table['hypercall']['control']}"
            yield "", "with input", "", spaced(one.input)


def place(part: Decoded, name: str = "") -> str:
    return f"{name or part.name} at +{part.offset}"


def spaced(data: bytes) -> str:
    return data.hex(" ")


def screen(slot: int, freed: Freed, rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    """The report for people: the slot, the steps, the bytes of the page that they change."""
    yield from titled(f"slot {slot}", freed.slot.summary, style)
    yield from align(rows, style, ("dim", "name", "number", "meaning"))
    if freed.is_freed:
        start = freed.slot.offset or 0
        yield "  the slot then begins with"
        yield f"  +{start}  {spaced(freed.page[start : start + SHOWN_BYTES])}"
    for finding in freed.findings:
        yield from loud_lines(say_finding(finding), style)
