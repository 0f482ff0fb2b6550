"""cpuid: a whole CPUID dump, this machine's leaves, or those that a guest's flags lead to."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.analysis.cpus import Cpus, LeafSeen, survey, to_cpus
from hvrepl.analysis.enlightenments import Config
from hvrepl.commands.flags import check_version, read_configs, write_flags
from hvrepl.commands.inputs.file_kind import say_command
from hvrepl.commands.inputs.files import read_file, read_rest
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import FileError, UsageError
from hvrepl.readers.cpuid import read_file as read_cpuid_file
from hvrepl.readers.guests.formats import say_root
from hvrepl.record import record, replace
from hvrepl.render.cpuid import Surveyed, has_findings, list_machines
from hvrepl.wording import shorten

MOST_MACHINES = 1000  # each is kept until all are written, and takes a hundred times the memory of its text


@record
class Read:
    """The CPUs of one machine, and the line of the text on which they begin, or 0."""

    cpus: Cpus
    line: int = 0
    config: Config | None = None  # for a guest that is not running yet: its flags, which determine the leaves


def cpuid(session: Session, words: Sequence[str], *, flags: str = "", qemu: str = "") -> None:
    """cpuid [FILE]"""
    if len(words) > 1:
        raise UsageError("cpuid takes one dump, or none for this machine: `cpuid FILE`")
    version = check_version(qemu) if qemu else ""
    dumps = read_dumps(session, words[0], version) if words else [Read(read_machine(session))]
    if flags:
        write_flags(on_x64(session), flags, [(dump.cpus, dump.config) for dump in dumps])
        return
    machines = [survey_one(on_x64(session), dump) for dump in dumps]
    session.note_findings(*map(has_findings, machines))
    emit_listing(session, list_machines(machines))


def survey_one(session: Session, read: Read) -> Surveyed:
    """A machine's leaves; for a guest without the fields that its flags leave to the host."""
    machine = survey(session.decoder, read.cpus)
    opened = {one.name for one in read.config.open if not one.is_likely} if read.config else set()
    if opened:
        machine = replace(machine, leaves=tuple(without(seen, opened) for seen in machine.leaves))
    return Surveyed(machine, read.cpus, read.line, read.config)


def without(seen: LeafSeen, opened: set[str]) -> LeafSeen:
    kept = tuple(part for part in seen.node.fields if f"{seen.node.name}.{part.name}" not in opened)
    return seen if len(kept) == len(seen.node.fields) else replace(seen, node=replace(seen.node, fields=kept, raw=""))


def on_x64(session: Session) -> Session:
    """The session on the only arch with CPUID leaves, whatever the current arch."""
    child = session.child()
    child.set(arch="x64")
    return child


def read_dumps(session: Session, word: str, version: str = "") -> list[Read]:
    """The machines of a dump in a file (FILE or @FILE) or on stdin, or the guests that a file starts, with a version of QEMU."""
    if word == "-" and session.is_script:
        raise UsageError("- is the script itself; give the name of a file")
    raw = read_rest(session) if word == "-" else read_file(word.removeprefix("@"))
    path = "" if word == "-" else word.removeprefix("@")
    configs = read_configs(on_x64(session), raw, path or "stdin", version)
    if configs is not None:
        return [Read(one.cpus, one.guest.line, one) for one in configs]
    try:
        dumps = read_cpuid_file(raw, path or "stdin", session.catalog.spaces["cpuid"])
    except UsageError:
        if root := say_root(raw, path or "stdin"):
            raise UsageError(
                f"{path or 'stdin'}: XML, but neither a CPUID dump nor a libvirt domain: its root is {shorten(root)}"
            ) from None
        other = say_command(session, path, "a CPUID dump")
        if not other:
            raise
        raise UsageError(f"{path}: no CPUID leaf in it; {other}") from None
    if len(dumps) > MOST_MACHINES:
        raise UsageError(f"{path or 'stdin'}: the leaves of {len(dumps):,} machines; at most {MOST_MACHINES:,} are surveyed at once")
    return [Read(to_cpus(dump.cpus), dump.line) for dump in dumps]


def read_machine(session: Session) -> Cpus:
    """The CPUs of this machine, through their devices or Debian's tool. FileError explains why neither works."""
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
        rows, tables, headers = list(rows_of(machines[0])), [to_table(machines[0])], HEADERS
        return Listing(headers, rows, tables, single=True, lines=lambda style: screen((machine, read), style))
    numbered = list(enumerate(machines, 1))
    rows = [(str(number), *row) for number, one in numbered for row in rows_of(one)]
    tables = [{"machine": number, **({"line": one[1].line} if one[1].line else {}), **to_table(one)} for number, one in numbered]
    return Listing(("machine", *HEADERS), rows, tables, lines=lambda style: screens(machines, style))


def rows_of(one: Surveyed) -> Iterator[tuple[str, ...]]:
    """Who it is, a guest's flags, each field of each leaf, and what was found, as cells."""
    machine, read = one
    yield "", "hypervisor", "", "", "", machine.hypervisor
    for name, value in read.config.values.items() if read.config else ():
        yield "", "flag", "", name, value, ""
    for seen in machine.leaves:
        node = seen.node
        yield from ((seen.number, node.name, place_of(part), part.name, value_of(part), meaning_of(part)) for part in node.fields)
        yield from ((seen.number, node.name, "!", found.code, "", found.text) for found in node.findings)
    yield from (("", part.name, "host", "", "", part.why) for part in (read.config.open if read.config else ()))
    yield from (("", found.field, "!", found.code, "", found.text) for found in findings_of(one))


def to_table(one: Surveyed) -> dict[str, Any]:
    """The JSON object; of a guest with its flags, and what they leave to the host."""
    machine, read = one
    cpus = {} if read.config else read.cpus
    return {
        "hypervisor": machine.hypervisor,
        **(guest_table(read.config) if read.config else {}),
        "cpus": [{"cpu": cpu, "leaves": len(leaves) - machine.others[cpu], "other": machine.others[cpu]} for cpu, leaves in cpus.items()],
        "leaves": [leaf_table(seen) for seen in machine.leaves],
        "findings": [found.to_dict() for found in findings_of(one)],
    }


def guest_table(config: Config) -> dict[str, Any]:
    guest = {"kind": config.guest.kind, "name": config.guest.name, "machine": config.guest.machine}
    return {
        "guest": {key: value for key, value in guest.items() if value} | {"flags": dict(config.values)},
        "host": [{"name": one.name, "why": one.why} for one in config.open],
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
        yield from screen((machine, read), style)


def screen(one: Surveyed, style: Style) -> Iterator[str]:
    """What a person reads."""
    machine, read = one
    cpus = read.cpus
    if read.config:
        yield from guest_screen(machine, read.config, findings_of(one), style)
        return
    alike = all(seen.is_alike and len(seen.readings) == len(cpus) for seen in machine.leaves)
    count = f"{len(cpus)} CPUs, {'all alike' if alike else 'not all alike'}" if len(cpus) > 1 else say_cpus(list(cpus))
    others = max(machine.others.values(), default=0)
    text = f"{count}; {others} other lea{'f' if others == 1 else 'ves'}" if others else count
    *lines, who = wrap(machine.hypervisor, style.width, "", "    ")
    yield from (style.paint("name", line) for line in lines)
    yield from titled(who, text, style)
    for seen in machine.leaves:
        yield from leaf_lines(seen, style)
    yield from finding_lines(machine.findings, style)


def guest_screen(machine: Machine, config: Config, findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """A guest's flags, the leaves that they make, what they leave to the host, and what is wrong with them."""
    yield from flag_lines(config, style)
    if machine.leaves:
        yield from (style.paint("name", line) for line in wrap(machine.hypervisor, style.width, "", "    "))
    elif leaves_everything(config):
        yield style.paint("name", "the host decides every leaf")
    for seen in machine.leaves:
        yield from leaf_lines(seen, style)
    yield from open_lines(config.open, style)
    yield from finding_lines([one for one in findings if one.code != MISSING], style)
    yield from missing_lines(findings, style)


def leaf_lines(seen: LeafSeen, style: Style) -> Iterator[str]:
    """A leaf's heading, its registers with what is set in them by name, and its own findings."""
    node = seen.node
    name = "" if node.name.startswith(f"{node.space}:") else node.name
    heading = "  ".join(part for part in (seen.number, name) if part)
    flags = [] if node.summary and says_all(node) else list(flags_of(node))
    summary = summary_beside(node, [flag for _, names in flags for flag in names])
    yield from titled(heading, summary or ("" if flags or not node.fields else "0"), style)
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
    return not node.name.startswith(f"{node.space}:") and not any(part.is_bit for part in node.fields)


def finding_lines(findings: Sequence[Any], style: Style) -> Iterator[str]:
    for finding in findings:
        is_whole = finding.field.startswith(("HYPERV", "cpuid:")) or finding.code.startswith("flag")
        yield from loud_lines(finding.text if is_whole else say_finding(finding), style)
