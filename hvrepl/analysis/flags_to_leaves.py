"""The QEMU flags of a guest → the CPUID leaves that it sees, and what the host decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hvrepl.analysis.added_flags import by_kubevirt, by_proxmox, machine_version, proxmox_rules
from hvrepl.analysis.cpus import SPACE, Cpus, Leaf, Reading
from hvrepl.analysis.flags import OFF, Flags, Version, read_value, to_number, to_version
from hvrepl.analysis.judge_flags import judge
from hvrepl.catalog.model import Flag, to_key
from hvrepl.catalog.parse_specs import CPUID_REGISTERS
from hvrepl.codec.decoded import Finding
from hvrepl.readers.guests.guest import KVM, LIBVIRT, X64, Given, Guest
from hvrepl.record import record
from hvrepl.wording import shorten

OF_QEMU = (KVM, "tcg", "hvf")  # the types of domains in QEMU
# Machine types that mean the newest of their QEMU; others without a version come from a distribution.
NEWEST = ("q35", "pc", "microvm", "isapc")
EVERYTHING = "*"


@record
class Open:
    """What the host decides: a field LEAF.field, a leaf, or EVERYTHING; and why. `is_likely`: its most likely value is known."""

    name: str
    why: str
    is_likely: bool = False


@record
class Config:
    """The flags of a guest that are on, by QEMU's name, and their leaves."""

    guest: Guest
    values: Mapping[str, str]  # on, auto, or the value of each flag
    cpus: Cpus
    open: tuple[Open, ...]
    findings: tuple[Finding, ...]

    @property
    def leaves_everything(self) -> bool:
        """Whether the host decides every leaf."""
        return bool(self.open) and self.open[0].name == EVERYTHING

    def is_open(self, path: str) -> bool:
        """Whether the host decides, or may decide, a field."""
        return any(one.name in (EVERYTHING, path) for one in self.open)


def refuse_guest(guest: Guest) -> str:
    """Why the leaves of a guest are unknown; "" for an x64 guest of QEMU."""
    name = guest.name or "the guest"
    if guest.kind == LIBVIRT and guest.accelerator and guest.accelerator not in OF_QEMU:
        return f"{name} is a domain of {shorten(guest.accelerator)}, not of QEMU"
    return "" if guest.arch in X64 else f"{name} is of {shorten(guest.arch)}, which has no CPUID leaves"


def settle(flags: Flags, guest: Guest, version: str = "") -> Config:
    """The flags that a guest gets, and their leaves; `version` is QEMU's, if known."""
    version = version or guest.version
    values, faults = read_values(flags, [*by_proxmox(flags, guest), *by_kubevirt(flags, guest), *guest.flags])
    remarks = [Finding(one.code, one.name, one.text) for one in guest.remarks]
    findings = dict.fromkeys([*remarks, *faults, *judge(flags, guest, values, version)])
    is_shown = guest.accelerator in (KVM, "") and bool(guest.left or flags.show(values))
    sets, opened = decide(flags, guest, values, version) if is_shown else ({}, [])
    empty = [leaf for name in values for leaf in flags[name].empty] if sets else []
    return Config(guest, values, {0: to_leaves(flags, sets, empty)}, tuple(opened), tuple(findings))


def read_values(flags: Flags, given: Sequence[Given]) -> tuple[dict[str, str], list[Finding]]:
    """The flags that are on, each with the last value that it was given, and findings about values and names."""
    values: dict[str, str] = {}
    faults = []
    for one in given:
        name = flags.find(one.name)
        if not name:
            faults.append(Finding("flag_unknown", one.name, f"{shorten(one.name)} is not a flag that QEMU has{flags.suggest(one.name)}"))
            continue
        values.pop(name, None)
        value, fault = read_value(name, flags[name], one.value)
        if not fault and value != OFF and (room := flags.room_of(name)) and to_number(flags[name], value) >> room:
            value, fault = OFF, f"{name}={shorten(one.value)} does not fit in {room} bits: QEMU refuses it"
        if fault:
            faults.append(Finding("flag_value", name, fault))
        if value != OFF:
            values[name] = value
    return values, faults


def decide(flags: Flags, guest: Guest, values: Mapping[str, str], version: str) -> tuple[dict[str, int], list[Open]]:
    """LEAF.field → number, and what the host decides."""
    whole = flags.whole(values)
    if guest.left or whole:
        return {}, [Open(EVERYTHING, guest.left or f"{whole}: the guest gets what this host's KVM and QEMU know")]
    # A machine type without a version is the newest of its QEMU.
    machine = machine_version(guest) or (to_version(version) if version else None)
    sets = own_sets(flags.base, values, "", machine)
    opened: list[Open] = []
    for name, value in values.items():
        flag = flags[name]
        own = own_sets(flag, values, value, machine)
        if flags.is_hosts(name, value):
            opened += [Open(path, f"{name}={value}") for path in own]
            continue
        for path, number in own.items():
            sets[path] = number if flag.value == path or path not in sets else max(sets[path], number)
    opened += [*by_some_hosts(flags, guest), *unsure(flags, values, machine, guest)]
    for leaf in flags.base.kvm:
        if guest.hides_kvm:
            sets = {path: number for path, number in sets.items() if not path.startswith(f"{leaf}.")}
        else:
            opened += of_kvm(flags, leaf, sets)
    return sets, opened


def own_sets(flag: Flag, values: Mapping[str, str], value: str, machine: Version | None) -> dict[str, int]:
    """LEAF.field → the number that a flag with a value puts there, given the other flags and the machine type."""
    own = {path: number for path, number in flag.sets.items() if flag.unless.get(path, "") not in values}
    if flag.value:
        own[flag.value] = to_number(flag, value)
    for until in flag.until:
        if machine and machine <= to_version(until.machine):
            own |= until.sets
    return own


def by_some_hosts(flags: Flags, guest: Guest) -> Iterator[Open]:
    """The fields that Proxmox turns on by itself, but only on some hosts."""
    given = {to_key(one.name) for one in guest.flags}
    for name, rule in proxmox_rules(flags, guest):
        if rule.host and to_key(name) not in given:
            yield from (Open(path, f"{name}: Proxmox turns it on, on {rule.host}") for path in flags[name].sets)


def unsure(flags: Flags, values: Mapping[str, str], machine: Version | None, guest: Guest) -> Iterator[Open]:
    """The reported version, if the machine type does not say which QEMU it belongs to."""
    if machine:
        return
    newest = max(flags.base.until, key=lambda one: to_version(one.machine))
    called = f"machine {guest.machine}" if guest.machine else "no machine type"
    is_own = not guest.machine or guest.machine in NEWEST
    read = "as QEMU has it" if is_own else "not one of QEMU's own; read as one"
    given = {flags[name].value for name in values}
    yield from (Open(path, f"{called}: {read} after {newest.machine}", is_likely=True) for path in newest.sets if path not in given)


def of_kvm(flags: Flags, leaf: str, sets: Mapping[str, int]) -> Iterator[Open]:
    """The leaves of KVM's own interface after its first: their contents depend on the CPU model and the host."""
    space = flags.catalog.spaces[SPACE]
    first = flags.catalog.find_name(leaf).number or 0
    own = [number for path, number in sets.items() if path.startswith(f"{leaf}.") and space.is_hypervisors(number)]
    last = max(own, default=first)
    yield from (Open(f"{SPACE}:{space.write(number)}", "KVM's own features") for number in range(first + 1, last + 1))


def to_leaves(flags: Flags, sets: Mapping[str, int], empty: Iterable[str]) -> dict[Leaf, Reading]:
    """The leaves with these fields, and empty ones."""
    from hvrepl.codec.encode.assign import Assigner, Assignment

    fields: dict[str, dict[str, int]] = {leaf: {} for leaf in empty}
    for path, number in sets.items():
        leaf, _, name = path.partition(".")
        fields.setdefault(leaf, {})[name] = number
    found: dict[Leaf, Reading] = {}
    for leaf, own in fields.items():
        thing = flags.catalog.find_name(leaf)
        data = Assigner(flags.decoder, thing).assign(bytes(16), [Assignment(name, str(number), number) for name, number in own.items()])
        found[thing.number or 0, 0] = Reading(
            {name: int.from_bytes(data[4 * place : 4 * place + 4], "little") for place, name in enumerate(CPUID_REGISTERS)}
        )
    return dict(sorted(found.items()))
