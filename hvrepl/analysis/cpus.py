"""The CPUID leaves of a machine's CPUs → what they say together: folded where equal, decoded, cross-checked. Reads no device or file."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from hvrepl.analysis.partial import decode_partial
from hvrepl.catalog.parse_specs import CPUID_REGISTERS
from hvrepl.codec.decode import write_number
from hvrepl.codec.decoded import Decoded, Finding, leaves
from hvrepl.codec.meanings import say
from hvrepl.codec.phrases import declared_findings
from hvrepl.errors import NotFoundError
from hvrepl.record import record

if TYPE_CHECKING:
    from hvrepl.catalog.catalog import Found
    from hvrepl.codec.decode import Decoder

# The leaves that say who it is; those behind them mean something else where the interface is another one.
VENDOR = "HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS"
INTERFACE = "HYPERV_CPUID_INTERFACE"
VERSION = "HYPERV_CPUID_VERSION"
SECOND = "HYPERVISOR_CPUID_SECOND_VENDOR"
HYPER_V = "Hyper-V"
SPACE = "cpuid"
REGISTER_BITS = 32

Value = TypeVar("Value", bound=Hashable)
Leaf = tuple[int, int]  # leaf, subleaf


@record(eq=True)
class Reading:
    """The registers of a leaf on one CPU; one that could not be read is missing, and `remark` says why."""

    registers: Mapping[str, int]
    remark: str = ""

    @property
    def whole(self) -> int | None:
        """EDX:ECX:EBX:EAX; None if a register is missing."""
        if len(self.registers) < len(CPUID_REGISTERS):
            return None
        return sum(self.registers[name] << REGISTER_BITS * place for place, name in enumerate(CPUID_REGISTERS))


Cpus = Mapping[int, Mapping[Leaf, Reading]]


@record
class LeafSeen:
    """A leaf as most CPUs have it, and the reading of each CPU that has it."""

    node: Decoded
    readings: Mapping[int, Reading]

    @property
    def is_alike(self) -> bool:
        return len({one.whole for one in self.readings.values()}) == 1


@record
class Machine:
    """What the leaves say: who the hypervisor is, each leaf, and what only shows when they are seen together.

    `others`: how many leaves each CPU has that are no hypervisor's.
    """

    hypervisor: str
    leaves: tuple[LeafSeen, ...]
    findings: tuple[Finding, ...]
    others: Mapping[int, int]


def survey(decoder: Decoder, cpus: Cpus) -> Machine:
    """Everything about the leaves that are a hypervisor's."""
    is_hypervisors = decoder.catalog.spaces[SPACE].is_hypervisors
    keys = sorted({key for seen in cpus.values() for key in seen if is_hypervisors(key[0])})
    readings = {key: {cpu: seen[key] for cpu, seen in cpus.items() if key in seen} for key in keys}
    foreign = is_foreign(decoder, cpus)
    found = tuple(LeafSeen(decode_leaf(decoder, key, common(readings[key]), foreign=foreign), readings[key]) for key in keys)
    findings = [*damage(found), *cross_check(decoder, [one.node for one in found]), *outliers(decoder, found, keys, len(cpus), foreign)]
    others = {cpu: sum(not is_hypervisors(leaf) for leaf, _ in seen) for cpu, seen in cpus.items()}
    return Machine(say_hypervisor({one.node.name: one.node for one in found}, foreign), found, tuple(findings), others)


def is_foreign(decoder: Decoder, cpus: Cpus) -> bool:
    """Whether the interface is not Hyper-V's, so that the leaves mean something else."""
    found = decoder.catalog.find_name(INTERFACE, SPACE)
    readings = {cpu: seen[found.number or 0, 0] for cpu, seen in cpus.items() if (found.number, 0) in seen}
    node = decode_leaf(decoder, (found.number or 0, 0), common(readings)) if readings else None
    return node is not None and any(one.code == "other_interface" for one in node.findings)


def fold(values: Mapping[int, Value]) -> list[tuple[Value, list[int]]]:
    """(value, the CPUs that have it): what most have first, of equals what the first CPU has."""
    cpus: dict[Value, list[int]] = {}
    for cpu, value in values.items():
        cpus.setdefault(value, []).append(cpu)
    return sorted(cpus.items(), key=lambda one: -len(one[1]))


def common(readings: Mapping[int, Reading]) -> Reading:
    """What most CPUs have, of those that could be read if there are any."""
    folded = fold({cpu: one.whole for cpu, one in readings.items()})
    _, cpus = next((one for one in folded if one[0] is not None), folded[0])
    return readings[cpus[0]]


def find_leaf(decoder: Decoder, key: Leaf) -> Found | None:
    """What the catalogue has at a leaf; what has a subleaf is none of Hyper-V's."""
    try:
        return decoder.catalog.find_number(key[0], SPACE) if key[1] == 0 else None
    except NotFoundError:
        return None


def decode_leaf(decoder: Decoder, key: Leaf, reading: Reading, *, foreign: bool = False) -> Decoded:
    """A leaf as a node; raw registers where nobody lays it out, or where the interface is not Hyper-V's."""
    found = find_leaf(decoder, key)
    if found is None or (foreign and found.name not in (VENDOR, INTERFACE, SECOND)):
        return raw_leaf(decoder, key, reading)
    return decode_partial(decoder, found, reading.registers)


def raw_leaf(decoder: Decoder, key: Leaf, reading: Reading) -> Decoded:
    space = decoder.catalog.spaces[SPACE]
    number = space.write(key[0])
    fields = [
        Decoded(name=name, register=name, bits=(REGISTER_BITS - 1, 0), raw=write_number(value, REGISTER_BITS), value=value)
        for name, value in reversed(list(reading.registers.items()))
    ]
    text = say("ascii", (reading.whole or 0) >> REGISTER_BITS)
    return Decoded(
        name=f"{SPACE}:{number}" + (f".{key[1]}" if key[1] else ""),
        kind=SPACE,
        arch=decoder.catalog.arch,
        space=SPACE,
        number=number,
        raw="" if reading.whole is None else write_number(reading.whole, space.bits),
        fields=tuple(fields),
        summary=text.strip() if len(text) > 2 and "\\" not in text else "",
    )


def cross_check(decoder: Decoder, nodes: Sequence[Decoded]) -> Iterator[Finding]:
    """The findings that the leaves' specs declare of several leaves."""
    for node in nodes:
        found = decoder.catalog.find_name(node.name) if not node.name.startswith(f"{SPACE}:") else None
        if found and found.spec.layout:
            seen = {(one.code, one.text) for one in node.findings}
            together = Decoded(name="", fields=(*node.fields, *nodes))
            for one in declared_findings(together, [found.spec.layout], decoder.catalog):
                if (one.code, one.text) not in seen:
                    yield Finding(one.code, f"{node.name}.{one.field}" if one.field else node.name, one.text)


def damage(found: Sequence[LeafSeen]) -> Iterator[Finding]:
    """What could not be read of the leaves."""
    for seen in found:
        for cpu, reading in seen.readings.items():
            if reading.remark:
                where = f", CPU {cpu}" if len(seen.readings) > 1 else ""
                yield Finding("unreadable", seen.node.name, f"{seen.node.number}{where}: {reading.remark}")


def outliers(decoder: Decoder, found: Sequence[LeafSeen], keys: Sequence[Leaf], cpus: int, foreign: bool) -> Iterator[Finding]:
    """The CPUs that differ from most, with the leaf and the fields in which they do."""
    for key, seen in zip(keys, found, strict=True):
        usual = common(seen.readings).whole
        for whole, numbers in fold({cpu: one.whole for cpu, one in seen.readings.items()}):
            if whole in (usual, None):
                continue
            node = decode_leaf(decoder, key, seen.readings[numbers[0]], foreign=foreign)
            text = f"{say_cpus(numbers)} {'differs' if len(numbers) == 1 else 'differ'} in {', '.join(say_changes(seen.node, node))}"
            yield Finding("cpus_differ", seen.node.name, f"{seen.node.number}: {text}")
        if len(seen.readings) < cpus:
            yield Finding("cpus_differ", seen.node.name, f"{seen.node.number}: only {say_cpus(list(seen.readings))} of {cpus} CPUs has it")


def say_changes(usual: Decoded, other: Decoded) -> Iterator[str]:
    parts = dict(leaves(usual))
    for path, part in leaves(other):
        if path in parts and part.raw != parts[path].raw:
            yield f"{path} ({say_value(part)}, not {say_value(parts[path])})"


def say_value(part: Decoded) -> str:
    single = part.bits is not None and part.bits[0] == part.bits[1]
    return str(part.value) if single or (part.base == 10 and part.value is not None) else part.raw


def say_cpus(numbers: Sequence[int]) -> str:
    """`CPU 3`, `CPUs 0-2, 5`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    text = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"CPU{'s' if len(numbers) > 1 else ''} {text}"


def say_hypervisor(nodes: Mapping[str, Decoded], foreign: bool) -> str:
    """Who it is, in a few words: `Hyper-V 10.0.19041.685-0-0 (Microsoft Hv, Hv#1)`."""
    vendor, second = (part_of(nodes, name, "vendor") for name in (VENDOR, SECOND))
    interface = part_of(nodes, INTERFACE, "interface")
    if not nodes or (VENDOR in nodes and not vendor):
        return "no hypervisor"
    if foreign:
        return vendor or "a hypervisor with another interface"
    version = nodes[VERSION].summary if VERSION in nodes and not nodes[VERSION].findings else ""
    signs = ", ".join(sign for sign in (vendor, interface) if sign)
    name = f"{second}, which offers the interface of {version or HYPER_V}" if second else version or HYPER_V
    return f"{name} ({signs})" if signs else name


def part_of(nodes: Mapping[str, Decoded], name: str, field: str) -> str:
    part = nodes[name].find(field) if name in nodes else None
    return part.meaning or part.raw if part and part.is_set else ""
