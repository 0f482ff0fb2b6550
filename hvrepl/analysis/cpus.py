"""The CPUID leaves of a machine's CPUs → one report: folded where equal, decoded, cross-checked. Reads no device or file."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from hvrepl.analysis.partial import decode_partial
from hvrepl.catalog.catalog import Found
from hvrepl.catalog.parse_specs import REGISTER_BITS, join_registers
from hvrepl.codec.decode import write_number
from hvrepl.codec.decoded import Decoded, Finding, leaves
from hvrepl.codec.meanings import say
from hvrepl.codec.phrases import declared_findings
from hvrepl.errors import NotFoundError
from hvrepl.hints import TYPE_CHECKING, TypeVar
from hvrepl.record import record, replace

if TYPE_CHECKING:
    from hvrepl.catalog.model import Space, Spec
    from hvrepl.codec.decode import Decoder
    from hvrepl.readers.cpuid import Leaves

# The leaves that identify the hypervisor; if the interface is a different one, later leaves have other meanings.
VENDOR = "HYPERV_CPUID_VENDOR_AND_MAX_FUNCTIONS"
INTERFACE = "HYPERV_CPUID_INTERFACE"
VERSION = "HYPERV_CPUID_VERSION"
SECOND = "HYPERVISOR_CPUID_SECOND_VENDOR"
HYPER_V = "Hyper-V"
SPACE = "cpuid"

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
        return join_registers(self.registers)

    def without(self, bits: int) -> int | None:
        return None if self.whole is None else self.whole & ~bits


Cpus = Mapping[int, Mapping[Leaf, Reading]]


def to_cpus(dumps: Sequence[Leaves]) -> Cpus:
    """The CPUs of one machine in a dump."""
    found: dict[int, dict[Leaf, Reading]] = {}
    for seen in dumps:
        for key, line in seen.items():
            found.setdefault(line.cpu or 0, {})[key] = Reading(line.registers, line.remark)
    return found


@record
class LeafSeen:
    """A leaf as most CPUs have it, and each CPU's own reading of it."""

    node: Decoded
    key: Leaf
    readings: Mapping[int, Reading]
    own: int = 0  # the bits that differ on each CPU by design

    @property
    def number(self) -> str:
        """Its number, with its subleaf unless that is the first."""
        return write_leaf(self.node.number, self.key)

    @property
    def is_alike(self) -> bool:
        return len(set(self.shared.values())) == 1

    @property
    def shared(self) -> dict[int, int | None]:
        """A CPU's bits that should be equal on all CPUs; None if a register is missing."""
        return {cpu: one.without(self.own) for cpu, one in self.readings.items()}


@record
class Machine:
    """The report: who the hypervisor is, each leaf, and findings that need several leaves.

    `others`: how many leaves of each CPU do not belong to a hypervisor.
    """

    hypervisor: str
    leaves: tuple[LeafSeen, ...]
    findings: tuple[Finding, ...]
    others: Mapping[int, int]


def survey(decoder: Decoder, cpus: Cpus) -> Machine:
    """Reports on the leaves that belong to a hypervisor."""
    space = decoder.catalog.spaces[SPACE]
    owners = Owners(decoder, cpus)
    found = tuple(see_leaf(decoder, key, readings, owners) for key, readings in readings_of(cpus, space).items())
    findings = [*damage(found), *cross_check(decoder, [one.node for one in found]), *outliers(decoder, found, len(cpus), owners)]
    others = {cpu: sum(not space.is_hypervisors(leaf) for leaf, _ in seen) for cpu, seen in cpus.items()}
    return Machine(say_hypervisor(found, owners), found, tuple(findings), others)


def readings_of(cpus: Cpus, space: Space) -> dict[Leaf, dict[int, Reading]]:
    """The leaves that belong to a hypervisor, ascending, each with the readings by CPU."""
    found: dict[Leaf, dict[int, Reading]] = {}
    for cpu, seen in cpus.items():
        for key, one in seen.items():
            if space.is_hypervisors(key[0]):
                found.setdefault(key, {})[cpu] = one
    return dict(sorted(found.items()))


def hyper_v_fields(decoder: Decoder, cpus: Cpus) -> dict[str, tuple[str, Decoded]]:
    """LEAF.field → (leaf, the field), for Hyper-V's leaves as most CPUs have them."""
    owners = Owners(decoder, cpus)
    found: dict[str, tuple[str, Decoded]] = {}
    for key, readings in readings_of(cpus, owners.space).items():
        if owners.of(key[0]) == HYPER_V and find_leaf(decoder, key, owners):
            node = decode_leaf(decoder, key, common(readings), owners)
            found |= {f"{node.name}.{path}": (node.name, part) for path, part in leaves(node)}
    return found


def see_leaf(decoder: Decoder, key: Leaf, readings: Mapping[int, Reading], owners: Owners) -> LeafSeen:
    found = find_leaf(decoder, key, owners)
    fields = found.spec.layout.fields if found and found.spec.layout else ()
    own = sum((1 << field.width) - 1 << field.lsb for field in fields if field.each)
    return LeafSeen(decode_leaf(decoder, key, common(readings, own), owners), key, readings, own)


class Owners:
    """Owners of a machine's leaves: for each interface, by its first leaf, HYPER_V, the vendor's name, or "" if unknown.

    The first interface says itself whether it is Hyper-V's, whatever its signature; if that leaf is missing, the vendor decides.
    """

    def __init__(self, decoder: Decoder, cpus: Cpus) -> None:
        self._decoder = decoder
        self.space = decoder.catalog.spaces[SPACE]
        self._vendor, self._interface = (decoder.catalog.find_name(name, SPACE) for name in (VENDOR, INTERFACE))
        bases = sorted({self.base(leaf) for seen in cpus.values() for leaf, _ in seen if self.space.is_hypervisors(leaf)})
        self._owners = {base: self._find(cpus, base) for base in bases}

    @property
    def first(self) -> int:
        return self.space.interfaces.start

    @property
    def is_hyper_v(self) -> bool:
        """Whether the first interface, if there is any, is Hyper-V's."""
        return self._owners.get(self.first, HYPER_V) == HYPER_V

    def base(self, leaf: int) -> int:
        """The first leaf of the interface that a leaf belongs to."""
        return leaf - (leaf - self.first) % self.space.interfaces.step

    def of(self, leaf: int) -> str:
        return self._owners.get(self.base(leaf), "")

    def spec_of(self, key: Leaf) -> Spec | None:
        """The leaf of another interface than Hyper-V's, if a spec lays it out."""
        owner = self.of(key[0])
        return self._decoder.catalog.leaf_of(owner, key[0] - self.base(key[0]), key[1]) if owner not in ("", HYPER_V) else None

    def _find(self, cpus: Cpus, base: int) -> str:
        interface = self._decode(self._interface, cpus, self._interface.number) if base == self.first else None
        if interface and interface.find("interface"):
            return HYPER_V if not interface.findings else self._sign(cpus, base)
        vendor = self._sign(cpus, base)
        return HYPER_V if base == self.first and vendor in ("", self.space.signature) else vendor

    def _sign(self, cpus: Cpus, base: int) -> str:
        node = self._decode(self._vendor, cpus, base)
        return part_of({VENDOR: node}, VENDOR, "vendor") if node else ""

    def _decode(self, found: Found, cpus: Cpus, leaf: int | None) -> Decoded | None:
        readings = {cpu: seen[leaf, 0] for cpu, seen in cpus.items() if leaf is not None and (leaf, 0) in seen}
        return decode_partial(self._decoder, found, common(readings).registers) if readings else None


def say_owner(decoder: Decoder, cpus: Cpus, found: Found) -> str:
    """A leaf's own meaning or owner, if the catalogue's entry at its number does not apply; otherwise empty."""
    owners = Owners(decoder, cpus)
    key = (found.number or 0, 0)
    here = find_leaf(decoder, key, owners)
    if here and here.spec is found.spec:
        return ""
    return here.spec.name if here else f"{owners.of(key[0]) or 'another interface'}'s"


def fold(values: Mapping[int, Value]) -> list[tuple[Value, list[int]]]:
    """(value, the CPUs that have it), the most frequent first; of equally frequent ones, the first CPU's first."""
    cpus: dict[Value, list[int]] = {}
    for cpu, value in values.items():
        cpus.setdefault(value, []).append(cpu)
    return sorted(cpus.items(), key=lambda one: -len(one[1]))


def common(readings: Mapping[int, Reading], own: int = 0) -> Reading:
    """The value that most CPUs have, preferably among complete ones; bits that differ by design do not count."""
    folded = fold({cpu: one.without(own) for cpu, one in readings.items()})
    _, cpus = next((one for one in folded if one[0] is not None), folded[0])
    return readings[cpus[0]]


def find_leaf(decoder: Decoder, key: Leaf, owners: Owners) -> Found | None:
    """What the catalogue has at a leaf: Hyper-V's, which have no subleaves, or that of the interface's owner."""
    spec = owners.spec_of(key)
    if spec:
        return Found(spec, decoder.catalog.arch)
    try:
        found = decoder.catalog.find_number(key[0], SPACE) if key[1] == 0 else None
    except NotFoundError:
        return None
    return found if found and (owners.of(key[0]) == HYPER_V or found.name in (VENDOR, INTERFACE, SECOND)) else None


def decode_leaf(decoder: Decoder, key: Leaf, reading: Reading, owners: Owners) -> Decoded:
    """A leaf as a node; raw registers if no spec lays it out."""
    found = find_leaf(decoder, key, owners)
    if found is None:
        return raw_leaf(decoder, key, reading)
    node = decode_partial(decoder, found, reading.registers)
    return node if found.address else replace(node, space=SPACE, number=owners.space.write(key[0]))


def write_leaf(number: str, key: Leaf) -> str:
    return f"{number}.{key[1]}" if key[1] else number


def raw_leaf(decoder: Decoder, key: Leaf, reading: Reading) -> Decoded:
    space = decoder.catalog.spaces[SPACE]
    number = space.write(key[0])
    fields = [
        Decoded(name=name, register=name, bits=(REGISTER_BITS - 1, 0), raw=write_number(value, REGISTER_BITS), value=value)
        for name, value in reversed(list(reading.registers.items()))
    ]
    text = say("ascii", (reading.whole or 0) >> REGISTER_BITS)
    return Decoded(
        name=f"{SPACE}:{write_leaf(number, key)}",
        kind=SPACE,
        arch=decoder.catalog.arch,
        space=SPACE,
        number=number,
        raw="" if reading.whole is None else write_number(reading.whole, space.bits),
        fields=tuple(fields),
        summary=text.strip() if len(text) > 2 and "\\" not in text else "",
    )


def cross_check(decoder: Decoder, nodes: Sequence[Decoded]) -> Iterator[Finding]:
    """The findings that the specs declare across several leaves."""
    for node in nodes:
        found = decoder.catalog.find_name(node.name) if not node.name.startswith(f"{SPACE}:") else None
        if found and found.spec.layout:
            seen = {(one.code, one.text) for one in node.findings}
            together = Decoded(name="", fields=(*node.fields, *nodes))
            for one in declared_findings(together, [found.spec.layout], decoder.catalog):
                if (one.code, one.text) not in seen:
                    yield Finding(one.code, f"{node.name}.{one.field}" if one.field else node.name, one.text)


def damage(found: Sequence[LeafSeen]) -> Iterator[Finding]:
    """The reasons why leaves could not be read."""
    for seen in found:
        for cpu, reading in seen.readings.items():
            if reading.remark:
                where = f", CPU {cpu}" if len(seen.readings) > 1 else ""
                yield Finding("unreadable", seen.node.name, f"{seen.number}{where}: {reading.remark}")


def outliers(decoder: Decoder, found: Sequence[LeafSeen], cpus: int, owners: Owners) -> Iterator[Finding]:
    """The CPUs that differ from most, with the leaves and fields in which they do."""
    for seen in found:
        usual = common(seen.readings, seen.own).without(seen.own)
        for shared, numbers in fold(seen.shared):
            if shared in (usual, None):
                continue
            node = decode_leaf(decoder, seen.key, seen.readings[numbers[0]], owners)
            text = f"{say_cpus(numbers)} {'differs' if len(numbers) == 1 else 'differ'} in {', '.join(say_changes(seen.node, node))}"
            yield Finding("cpus_differ", seen.node.name, f"{seen.number}: {text}")
        if len(seen.readings) < cpus:
            yield Finding("cpus_differ", seen.node.name, f"{seen.number}: only {say_cpus(list(seen.readings))} of {cpus} CPUs has it")


def say_changes(usual: Decoded, other: Decoded) -> Iterator[str]:
    parts = dict(leaves(usual))
    for path, part in leaves(other):
        if path in parts and part.raw != parts[path].raw:
            yield f"{path} ({say_value(part)}, not {say_value(parts[path])})"


def say_value(part: Decoded) -> str:
    return str(part.value) if part.is_bit or (part.base == 10 and part.value is not None) else part.meaning or part.raw


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


def say_hypervisor(found: Sequence[LeafSeen], owners: Owners) -> str:
    """The hypervisor in a few words: `Hyper-V 10.0.19041.685-0-0 (Microsoft Hv, Hv#1)`, `Xen 4.11`."""
    nodes = {one.node.name: one.node for one in found}
    vendor, second = (say_vendor(found, owners, name) for name in (VENDOR, SECOND))
    interface = part_of(nodes, INTERFACE, "interface")
    if not nodes or (VENDOR in nodes and not vendor and not interface and is_read(found, VENDOR)):
        return "no hypervisor"
    if VENDOR in nodes and not vendor and INTERFACE not in nodes:
        return "a hypervisor whose signature cannot be read"
    if not owners.is_hyper_v:
        return vendor or "a hypervisor with another interface"
    version = nodes[VERSION].summary if VERSION in nodes and not nodes[VERSION].findings else ""
    signs = ", ".join(sign for sign in (vendor, interface) if sign)
    name = f"{second}, which offers the interface of {version or HYPER_V}" if second else version or HYPER_V
    return f"{name} ({signs})" if signs else name


def is_read(found: Sequence[LeafSeen], leaf: str) -> bool:
    """Whether all registers of a leaf could be read on some CPU."""
    return any(one.whole is not None for seen in found if seen.node.name == leaf for one in seen.readings.values())


def say_vendor(found: Sequence[LeafSeen], owners: Owners, leaf: str) -> str:
    """The vendor of an interface, from a more precise leaf if there is one."""
    signed = next((one for one in found if one.node.name == leaf), None)
    if signed is None:
        return ""
    own = ((one, owners.spec_of(one.key)) for one in found if owners.base(one.key[0]) == signed.key[0])
    names = (one.node.summary for one, spec in own if spec and spec.interface and spec.interface.names)
    return next(names, "") or part_of({leaf: signed.node}, leaf, "vendor")


def part_of(nodes: Mapping[str, Decoded], name: str, field: str) -> str:
    part = nodes[name].find(field) if name in nodes else None
    return part.meaning or part.raw if part and part.is_set else ""
