"""The CPUID leaves of machines, and of guests that are not running yet: the hypervisor, every leaf, contradictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.analysis.cpus import Cpus, LeafSeen, Machine, say_cpus
from hvrepl.analysis.flags_to_leaves import Config
from hvrepl.analysis.judge_flags import MISSING
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.hints import Any
from hvrepl.record import record
from hvrepl.render.guest_flags import flag_lines, missing_lines, open_lines
from hvrepl.render.listing import Listing
from hvrepl.render.parts import flags_of, meaning_of, place_of, registers_of, say_finding, summary_beside, value_of
from hvrepl.render.screen import register_lines
from hvrepl.render.style import Style, align, loud_lines, titled, wrap

INDENT = " " * 4
IDENTITY = "second_interface"  # the finding that a dump is of KVM, which is known of a guest with flags
HEADERS = ("leaf", "name", "place", "field", "value", "meaning")


@record
class Surveyed:
    """A machine, its CPUs, and the line of the text on which they begin, or 0."""

    machine: Machine
    cpus: Cpus
    line: int = 0
    config: Config | None = None  # for a guest that is not running yet: its flags, which determine the leaves


def has_findings(one: Surveyed) -> bool:
    return bool(findings_of(one) or any(seen.node.findings for seen in one.machine.leaves))


def findings_of(one: Surveyed) -> list[Finding]:
    """Findings about the leaves together and about a guest's flags, which already say that its hypervisor is KVM."""
    if one.config is None:
        return list(one.machine.findings)
    return [*(found for found in one.machine.findings if found.code != IDENTITY), *one.config.findings]


def list_machines(machines: Sequence[Surveyed]) -> Listing:
    """One machine on its own, or several, each with its number and first line."""
    if len(machines) == 1:
        one = machines[0]
        return Listing(HEADERS, list(rows_of(one)), [to_table(one)], single=True, lines=lambda style: screen(one, style))
    numbered = list(enumerate(machines, 1))
    rows = [(str(number), *row) for number, one in numbered for row in rows_of(one)]
    tables = [{"machine": number, **({"line": one.line} if one.line else {}), **to_table(one)} for number, one in numbered]
    return Listing(("machine", *HEADERS), rows, tables, lines=lambda style: screens(machines, style))


def rows_of(one: Surveyed) -> Iterator[tuple[str, ...]]:
    """The cells: the hypervisor, a guest's flags, each field of each leaf, the findings."""
    yield "", "hypervisor", "", "", "", one.machine.hypervisor
    for name, value in one.config.values.items() if one.config else ():
        yield "", "flag", "", name, value, ""
    for seen in one.machine.leaves:
        node = seen.node
        yield from ((seen.number, node.name, place_of(part), part.name, value_of(part), meaning_of(part)) for part in node.fields)
        yield from ((seen.number, node.name, "!", found.code, "", found.text) for found in node.findings)
    yield from (("", part.name, "host", "", "", part.why) for part in (one.config.open if one.config else ()))
    yield from (("", found.field, "!", found.code, "", found.text) for found in findings_of(one))


def to_table(one: Surveyed) -> dict[str, Any]:
    """The JSON object; a guest has its flags too, and the leaves and fields that they leave to the host."""
    machine, cpus = one.machine, {} if one.config else one.cpus
    return {
        "hypervisor": machine.hypervisor,
        **(guest_table(one.config) if one.config else {}),
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
    """The node of a leaf, with its subleaf unless it is 0; if CPUs differ, with the value on each."""
    table = seen.node.to_dict() | ({"subleaf": seen.key[1]} if seen.key[1] else {})
    if seen.is_alike:
        return table
    raws = {cpu: f"0x{one.whole:032x}" for cpu, one in seen.readings.items() if one.whole is not None}
    return table | {"cpus": [{"cpu": cpu, **({"raw": raws[cpu]} if cpu in raws else {})} for cpu in seen.readings]}


def screens(machines: Sequence[Surveyed], style: Style) -> Iterator[str]:
    for number, one in enumerate(machines, 1):
        if number > 1:
            yield ""
        yield style.paint("dim", f"machine {number} of {len(machines)}" + (f", from line {one.line}" if one.line else ""))
        yield from screen(one, style)


def screen(one: Surveyed, style: Style) -> Iterator[str]:
    """For people."""
    machine, cpus = one.machine, one.cpus
    if one.config:
        yield from guest_screen(machine, one.config, findings_of(one), style)
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
    """A guest's flags, the leaves that follow from them, the rest that they leave to the host, and the findings."""
    yield from flag_lines(config, style)
    if machine.leaves:
        yield from (style.paint("name", line) for line in wrap(machine.hypervisor, style.width, "", "    "))
    elif config.leaves_everything:
        yield style.paint("name", "the host decides every leaf")
    for seen in machine.leaves:
        yield from leaf_lines(seen, style)
    yield from open_lines(config, style)
    yield from finding_lines([one for one in findings if one.code != MISSING], style)
    yield from missing_lines(findings, style)


def leaf_lines(seen: LeafSeen, style: Style) -> Iterator[str]:
    """A leaf's heading, its registers with the names of the bits that are set, and its own findings."""
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
    """Whether the summary covers all fields, as in a leaf without flags."""
    return not node.name.startswith(f"{node.space}:") and not any(part.is_bit for part in node.fields)


def finding_lines(findings: Sequence[Any], style: Style) -> Iterator[str]:
    for finding in findings:
        is_whole = finding.field.startswith(("HYPERV", "cpuid:")) or finding.code.startswith("flag")
        yield from loud_lines(finding.text if is_whole else say_finding(finding), style)
