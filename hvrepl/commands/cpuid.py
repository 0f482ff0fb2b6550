"""cpuid: a whole CPUID dump, or this machine's: who the hypervisor is, every hypervisor leaf, and what does not go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hvrepl.analysis.cpus import Cpus, LeafSeen, Machine, say_cpus, survey, to_cpus
from hvrepl.codec.decoded import Decoded
from hvrepl.commands.inputs.file_kind import say_command
from hvrepl.commands.inputs.files import read_file, read_rest
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import FileError, UsageError
from hvrepl.readers.cpuid import read_file as read_cpuid_file
from hvrepl.record import record
from hvrepl.render.listing import Listing
from hvrepl.render.screen import flags_of, meaning_of, place_of, register_lines, registers_of, say_finding, summary_beside, value_of
from hvrepl.render.style import Style, align, wrap

if TYPE_CHECKING:
    from typing import TypeAlias

INDENT = " " * 4
MOST_MACHINES = 1000  # each is held until all are written, and takes a hundred times the memory of its text
HEADERS = ("leaf", "name", "place", "field", "value", "meaning")


@record
class Read:
    """The CPUs of one machine, and the line of the text on which they begin: 0 where there is none."""

    cpus: Cpus
    line: int = 0


Surveyed: TypeAlias = "tuple[Machine, Read]"


def cpuid(session: Session, words: Sequence[str]) -> None:
    """cpuid [FILE]"""
    if len(words) > 1:
        raise UsageError("cpuid takes one dump, or none for this machine: `cpuid FILE`")
    dumps = read_dumps(session, words[0]) if words else [Read(read_machine(session))]
    machines = [(survey(on_x64(session).decoder, dump.cpus), dump) for dump in dumps]
    if session.options.strict and any(map(has_findings, machines)):
        session.outcome.note(1)
    emit_listing(session, to_listing(machines))


def has_findings(one: Surveyed) -> bool:
    machine, _ = one
    return bool(machine.findings or any(seen.node.findings for seen in machine.leaves))


def on_x64(session: Session) -> Session:
    """The session on the only arch that has CPUID leaves, whatever the arch in force."""
    child = session.child()
    child.set(arch="x64")
    return child


def read_dumps(session: Session, word: str) -> list[Read]:
    """The machines of a dump in a file (FILE or @FILE), or on stdin."""
    if word == "-" and session.is_script:
        raise UsageError("- is the script itself; give the name of a file")
    raw = read_rest(session) if word == "-" else read_file(word.removeprefix("@"))
    path = "" if word == "-" else word.removeprefix("@")
    try:
        dumps = read_cpuid_file(raw, path or "stdin", session.catalog.spaces["cpuid"])
    except UsageError:
        other = say_command(session, path, "a CPUID dump")
        if not other:
            raise
        raise UsageError(f"{path}: no CPUID leaf in it; {other}") from None
    if len(dumps) > MOST_MACHINES:
        raise UsageError(f"{path or 'stdin'}: the leaves of {len(dumps):,} machines; at most {MOST_MACHINES:,} are surveyed at once")
    return [Read(to_cpus(dump.cpus), dump.line) for dump in dumps]


def read_machine(session: Session) -> Cpus:
    """The CPUs of this machine, through their devices or Debian's tool. FileError says why neither can be read."""
    from hvrepl.readers.device import DEV, Devices, read_cpuid_tool

    numbers = [row.low for row in on_x64(session).catalog.index.all_numbers("cpuid")]
    try:
        return to_cpus(Devices(DEV).read_cpuids(numbers, session.catalog.spaces["cpuid"]))
    except FileError as error:
        try:
            return to_cpus(read_cpuid_tool(session.catalog.spaces["cpuid"]))
        except FileError as other:
            raise FileError(f"{error}; {other}") from None


def to_listing(machines: Sequence[Surveyed]) -> Listing:
    """One machine by itself; of several each with its number and where it begins."""
    if len(machines) == 1:
        machine, read = machines[0]
        rows, tables, headers = list(rows_of(machine)), [to_table(machine, read.cpus)], HEADERS
        return Listing(headers, rows, tables, single=True, lines=lambda style: screen(machine, read.cpus, style))
    numbered = list(enumerate(machines, 1))
    rows = [(str(number), *row) for number, (machine, _) in numbered for row in rows_of(machine)]
    tables = [
        {"machine": number, **({"line": read.line} if read.line else {}), **to_table(machine, read.cpus)}
        for number, (machine, read) in numbered
    ]
    return Listing(("machine", *HEADERS), rows, tables, lines=lambda style: screens(machines, style))


def rows_of(machine: Machine) -> Iterator[tuple[str, ...]]:
    """Who it is, each field of each leaf, and what was found, as cells."""
    yield "", "hypervisor", "", "", "", machine.hypervisor
    for seen in machine.leaves:
        node = seen.node
        yield from ((seen.number, node.name, place_of(part), part.name, value_of(part), meaning_of(part)) for part in node.fields)
        yield from ((seen.number, node.name, "!", one.code, "", one.text) for one in node.findings)
    yield from (("", one.field, "!", one.code, "", one.text) for one in machine.findings)


def to_table(machine: Machine, cpus: Cpus) -> dict[str, Any]:
    """The JSON object."""
    return {
        "hypervisor": machine.hypervisor,
        "cpus": [{"cpu": cpu, "leaves": len(leaves) - machine.others[cpu], "other": machine.others[cpu]} for cpu, leaves in cpus.items()],
        "leaves": [leaf_table(seen) for seen in machine.leaves],
        "findings": [one.to_dict() for one in machine.findings],
    }


def leaf_table(seen: LeafSeen) -> dict[str, Any]:
    """The node of a leaf, with its subleaf if it is not the first; where CPUs differ, with what each has."""
    table = seen.node.to_dict() | ({"subleaf": seen.key[1]} if seen.key[1] else {})
    if seen.is_alike:
        return table
    raws = {cpu: f"0x{one.whole:032x}" for cpu, one in seen.readings.items() if one.whole is not None}
    return table | {"cpus": [{"cpu": cpu, **({"raw": raws[cpu]} if cpu in raws else {})} for cpu in seen.readings]}


def screens(machines: Sequence[Surveyed], style: Style) -> Iterator[str]:
    for number, (machine, read) in enumerate(machines, 1):
        if number > 1:
            yield ""
        yield style.paint("dim", f"machine {number} of {len(machines)}" + (f", from line {read.line}" if read.line else ""))
        yield from screen(machine, read.cpus, style)


def screen(machine: Machine, cpus: Cpus, style: Style) -> Iterator[str]:
    """What a person reads."""
    alike = all(seen.is_alike and len(seen.readings) == len(cpus) for seen in machine.leaves)
    count = f"{len(cpus)} CPUs, {'all alike' if alike else 'not all alike'}" if len(cpus) > 1 else say_cpus(list(cpus))
    others = max(machine.others.values(), default=0)
    text = f"{count}; {others} other lea{'f' if others == 1 else 'ves'}" if others else count
    *lines, who = wrap(machine.hypervisor, style.width, "", "    ")
    yield from (style.paint("name", line) for line in lines)
    first, *more = wrap(text, style.width, f"{who}  ", "    ")
    yield style.paint("name", who) + first[len(who) :]
    yield from more
    for seen in machine.leaves:
        yield from leaf_lines(seen, style)
    yield from finding_lines(machine.findings, style)


def leaf_lines(seen: LeafSeen, style: Style) -> Iterator[str]:
    """A leaf's heading, its registers with what is set in them by name, and its own findings."""
    node = seen.node
    name = "" if node.name.startswith(f"{node.space}:") else node.name
    heading = "  ".join(part for part in (seen.number, name) if part)
    flags = [] if node.summary and says_all(node) else list(flags_of(node))
    summary = summary_beside(node, [flag for _, names in flags for flag in names])
    first, *more = wrap(summary or ("" if flags else "0"), style.width, f"{heading}  ", "    ")
    yield (style.paint("name", heading) + first[len(heading) :]).rstrip()
    yield from more
    if flags:
        clear = [name for name, value in registers_of(node) if not int(value, 16)]
        rows = [(label, ", ".join(names)) for label, names in flags] + ([(f"{', '.join(clear)}  0",)] if clear else [])
        roles = [("number", "meaning")] * len(flags) + [("dim",)] * bool(clear)
        yield from align(rows, style, (), indent=INDENT, own_roles=roles)
    elif node.is_set:
        yield from register_lines(node, style, INDENT)
    yield from finding_lines(node.findings, style)


def says_all(node: Decoded) -> bool:
    """Whether the summary tells all fields: of a leaf that has no flags."""
    return not node.name.startswith(f"{node.space}:") and not any(part.bits and part.bits[0] == part.bits[1] for part in node.fields)


def finding_lines(findings: Sequence[Any], style: Style) -> Iterator[str]:
    for finding in findings:
        text = finding.text if finding.field.startswith(("HYPERV", "cpuid:")) else say_finding(finding)
        for line in wrap(text, style.width, "! ", "  "):
            yield style.paint("finding", line)
