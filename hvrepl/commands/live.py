"""live: the MSRs of this machine, or of a saved tree, register by register. It only reads; a refused register does not end it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hvrepl.analysis.cpus import fold, say_changes, say_cpus, to_cpus
from hvrepl.catalog.catalog import Found
from hvrepl.catalog.index import is_seen
from hvrepl.codec.decode import write_number
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.commands.inputs.what import find_target
from hvrepl.commands.output import emit
from hvrepl.commands.session import Session
from hvrepl.digits import to_int
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.hints import Any
from hvrepl.readers.device import DEV, NOT_ON_ARM, Device, Devices, RefusedError, Saved
from hvrepl.record import field, mutable, record, replace
from hvrepl.render.formats import Item
from hvrepl.render.parts import say_finding
from hvrepl.render.style import align, loud_lines, wrap

SPACE = "msr"
REFUSED = "EIO"
ROLES = ("dim", "name", "number", "meaning")


@mutable
class Read:
    """A register on each CPU: a value, or the reason for having none."""

    found: Found
    values: dict[int, int] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)

    @property
    def cpus(self) -> list[int]:
        return sorted([*self.values, *self.errors])


@record
class Shown:
    """A register for display: its nodes, each with its CPUs."""

    read: Read
    nodes: list[tuple[Decoded, list[int]]]


def live(session: Session, words: Sequence[str], root: str = "") -> None:
    """live [WHAT...]"""
    if session.options.arch != "x64":
        raise FileError(f"{session.options.arch} has {NOT_ON_ARM[SPACE]}")
    registers = [find_register(session, word) for word in words]
    devices = Devices(Path(root) if root else DEV)
    cpus = devices.open_msrs()
    for failure in devices.failures.values():
        session.warn(failure)
    asker = Asker(session, devices)
    try:
        found = [read_register(one, cpus) for one in registers or all_registers(session) if words or not one.spec.on_read]
    finally:
        for device in cpus.values():
            device.close()
    shown = [Shown(one, to_nodes(session, asker, one)) for one in found]
    session.note_findings(*(node.findings for one in shown for node, _ in one.nodes))
    if words or session.options.format != "fields":
        emit(session, (item for one in shown for item in items_of(session, one)))
    else:
        overview(session, shown)
    if not any(one.values for one in found):
        code = next(iter(found[0].errors.values())) if found else ""
        raise FileError(f"no register could be read: {RefusedError(code)}" if found else "there is no register to read")


def items_of(session: Session, one: Shown) -> Iterator[Item]:
    """A node for the register, or for people one per distinct value."""
    nodes = one.nodes[:1] if session.options.format in ("json", "ndjson") else one.nodes
    for node, cpus in nodes:
        yield Item(node, extra={"cpus": cpu_tables(one.read, one.read.cpus if len(nodes) == 1 else cpus)}, where=node.read)


def find_register(session: Session, word: str) -> Found:
    """The MSR of a WHAT; UsageError if it has none."""
    found = find_target(session, word).found
    address = next((one for one in found.spec.addresses if one.space == SPACE), None)
    if address is None:
        raise UsageError(f"{found.called} has no MSR, so it cannot be read here")
    return replace(found, address=address)


def all_registers(session: Session) -> Iterator[Found]:
    """Every MSR with a name, by number."""
    for row in session.catalog.index.all_numbers(SPACE):
        if row.low == row.high and is_seen(row.arch, session.catalog.arch):
            yield session.catalog.find_number(row.low, SPACE)


def read_register(found: Found, cpus: Mapping[int, Device | Saved]) -> Read:
    one = Read(found)
    for cpu, device in cpus.items():
        try:
            one.values[cpu] = device.msr(found.number or 0)
        except RefusedError as error:
            one.errors[cpu] = error.code
    return one


def cpu_tables(one: Read, cpus: Sequence[int]) -> list[dict[str, Any]]:
    """The value on each CPU, or the error from reading it."""
    return [
        {"cpu": cpu} | ({"raw": write_number(one.values[cpu], 64)} if cpu in one.values else {"error": one.errors[cpu]}) for cpu in cpus
    ]


def to_nodes(session: Session, asker: Asker, one: Read) -> list[tuple[Decoded, list[int]]]:
    """(node, its CPUs): the most frequent value, with findings about others; or each value, if every CPU has its own, such as a page."""
    findings = tuple(refusals(asker, one))
    if not one.values:
        return [(refused_node(session, one, findings), one.cpus)]
    (value, usual), *others = [(decode_value(session, one.found, value), cpus) for value, cpus in fold(one.values)]
    if len(usual) * 2 > len(one.values):
        odd = tuple(Finding("cpus_differ", "", say_odd(value, other, cpus)) for other, cpus in others)
        return [(replace(value, read=say_cpus(usual), findings=(*value.findings, *odd, *findings)), usual)]
    nodes = [(replace(node, read=say_cpus(cpus)), cpus) for node, cpus in ((value, usual), *others)]
    return [*nodes[:-1], (replace(nodes[-1][0], findings=(*nodes[-1][0].findings, *findings)), nodes[-1][1])]


def decode_value(session: Session, found: Found, value: int) -> Decoded:
    data = value.to_bytes(8, "little")[: session.decoder.width(found.spec) // 8]
    session.values.keep(found, data)
    node: Decoded = session.decoder.decode(found, data)
    return node


def refused_node(session: Session, one: Read, findings: tuple[Finding, ...]) -> Decoded:
    """A register without a value."""
    number = session.catalog.spaces[SPACE].write(one.found.number or 0)
    head: dict[str, Any] = {"name": one.found.name, "kind": one.found.spec.kind, "arch": one.found.arch, "space": SPACE, "number": number}
    return Decoded(**head, subtitle=f"{SPACE} {number}", source=one.found.spec.source, findings=findings)


def say_odd(usual: Decoded, other: Decoded, cpus: Sequence[int]) -> str:
    verb = "has" if len(cpus) == 1 else "have"
    return f"{say_cpus(cpus)} {verb} {other.raw}: {', '.join(say_changes(usual, other))}"


def refusals(asker: Asker, one: Read) -> Iterator[Finding]:
    """Why the register could not be read, and on which CPUs."""
    for code, numbers in fold(one.errors):
        where = f"{say_cpus(numbers)}: " if one.values else ""
        yield Finding("refused" if code == REFUSED else "unread", "", where + asker.explain(one.found, code, numbers[0]))


class Asker:
    """Explains why a register is refused: it looks up the privilege for it in the machine's CPUID."""

    def __init__(self, session: Session, devices: Devices) -> None:
        self.session = session
        self.devices = devices
        self._bits: dict[tuple[str, int], int | None] = {}

    def explain(self, found: Found, code: str, cpu: int) -> str:
        text = str(RefusedError(code))
        space, _, rest = found.spec.privilege.partition(":")
        if code != REFUSED or not rest:
            return text
        number, _, name = rest.partition(".")
        bit = self.bit(found.spec.privilege, cpu)
        state = "which cannot be read here" if bit is None else "which is set" if bit else "which is clear"
        return f"{text}: needs {name} of {space} {number}, {state}"

    def bit(self, privilege: str, cpu: int) -> int | None:
        """A privilege from the machine's CPUID; None if that cannot be read."""
        key = (privilege, cpu)
        if key not in self._bits:
            space, _, rest = privilege.partition(":")
            number, _, name = rest.partition(".")
            self._bits[key] = self._read(to_int(number, 0), name, cpu) if space == "cpuid" else None
        return self._bits[key]

    def _read(self, leaf: int, name: str, cpu: int) -> int | None:
        try:
            seen = to_cpus([self.devices.read_cpuid(cpu, (), self.session.catalog.spaces["cpuid"])])
            whole = next(iter(seen.values()))[leaf, 0].whole
            found = self.session.catalog.find_number(leaf, "cpuid")
        except (HvreplError, KeyError, StopIteration):
            return None
        part = self.session.decoder.decode(found, whole.to_bytes(16, "little")).find(name) if whole is not None else None
        return part.value if part else None


def overview(session: Session, shown: Sequence[Shown]) -> None:
    """A line for each value of the readable registers with its findings, then the unreadable registers by reason."""
    readable = [(node, cpus, len(one.read.values)) for one in shown if one.read.values for node, cpus in one.nodes]
    rows = [(node.number, node.name, node.raw, say_row(node, len(cpus), count)) for node, cpus, count in readable]
    session.write("".join(f"{line}\n" for line in align(rows, session.style, ROLES)))
    write_findings(session, [f"{node.name}: {say_finding(one)}" for node, *_ in readable for one in node.findings])
    reasons: dict[str, list[str]] = {}
    for one in shown:
        if not one.read.values:
            reasons.setdefault("; ".join(finding.text for finding in one.nodes[0][0].findings), []).append(one.read.found.name)
    write_findings(session, [f"{reason}: {', '.join(names)}" for reason, names in reasons.items()])
    for found in all_registers(session):
        if found.spec.on_read:
            session.write(
                "".join(f"{line}\n" for line in wrap(f"not read: {found.name}: {found.spec.on_read}", session.style.width, "", "  "))
            )


def say_row(node: Decoded, cpus: int, count: int) -> str:
    """The summary, with its CPUs if several values are listed."""
    return node.summary if cpus * 2 > count else "  ".join(text for text in (node.summary, f"({node.read})") if text)


def write_findings(session: Session, texts: Sequence[str]) -> None:
    for text in texts:
        session.write("".join(f"{line}\n" for line in loud_lines(text, session.style)))
