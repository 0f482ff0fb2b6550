"""Hyper-V flags of a guest ⇄ its CPUID leaves, by what the specs say of each flag; and what is wrong with a set of flags. Reads no file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from hvrepl.analysis.cpus import HYPER_V, SPACE, Cpus, Leaf, Owners, Reading, common, decode_leaf, find_leaf
from hvrepl.catalog.alike import alike
from hvrepl.catalog.model import ByProxmox, Flag, Spec, to_key
from hvrepl.catalog.parse_specs import CPUID_REGISTERS
from hvrepl.codec.decoded import Decoded, Finding, leaves
from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.readers.guests.guest import ELSEWHERE, KUBEVIRT, LIBVIRT, X64, Given, Guest
from hvrepl.record import record
from hvrepl.wording import listed, shorten

if TYPE_CHECKING:
    from hvrepl.catalog.catalog import Catalog
    from hvrepl.codec.decode import Decoder

ON, OFF, AUTO = "on", "off", "auto"
LONGEST_TEXT = 12  # bytes of the three registers with a vendor
KVM = "kvm"
OF_QEMU = (KVM, "tcg", "hvf")  # the types of domains that QEMU runs
NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|0[0-7]{1,22}|0|[1-9][0-9]{0,19}")  # as C reads them: 010 is octal
# pc-q35-7.2, pc-i440fx-2.9, pc-q35-11.0+pve2. Red Hat's and Ubuntu's machine types count otherwise.
MACHINE = re.compile(r"(?:pc-)?(?:q35|i440fx)-(\d{1,3}\.\d{1,3})(?:\+pve\d+)?|pc-(\d{1,3}\.\d{1,3})")
NEWEST = (
    "q35",
    "pc",
    "microvm",
    "isapc",
)  # machine types that are the newest of their QEMU; others without a version are of a distribution
EVERYTHING = "*"
VENDORS = {"vmx": "Intel", "svm": "AMD"}  # of what lets a guest run a hypervisor
IDENTITY = "second_interface"  # the finding that a dump is of KVM, which of a guest's flags is known

Version = tuple[int, int]


@record
class Open:
    """What the host decides: a field LEAF.field, a leaf, or EVERYTHING; and why. `is_likely`: what it most likely is, is known."""

    name: str
    why: str
    is_likely: bool = False


@record
class Config:
    """The flags of a guest that count, by QEMU's name, with what they decide."""

    guest: Guest
    values: Mapping[str, str]  # of each flag that is on: on, auto, or its value
    cpus: Cpus
    open: tuple[Open, ...]
    findings: tuple[Finding, ...]


@record
class Grant:
    """A flag that gives fields which a machine's leaves have; `missing` of what it needs is not among the flags."""

    spec: Spec
    value: str
    missing: tuple[str, ...] = ()


@record
class Explained:
    """The flags that give a machine's leaves, and the fields that no flag gives, each with its leaf's name."""

    grants: tuple[Grant, ...]
    unexplained: tuple[tuple[str, Decoded], ...]
    findings: tuple[Finding, ...]


def to_version(text: str) -> Version:
    major, _, minor = text.partition(".")
    return to_int(major), to_int(minor or "0")


class Flags:
    """QEMU's flags as the specs have them."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.catalog: Catalog = decoder.catalog
        specs = [spec for spec in self.catalog.flags() if spec.flag]
        self.base = next(spec for spec in specs if table(spec).any)
        self.specs = {spec.name: spec for spec in specs if spec is not self.base}
        sets = {path for spec in self.specs.values() for path in table(spec).sets}
        self.raised = sets & set(table(self.base).sets)  # such as the largest leaf: flags make more of what is there with any of them
        self.keys = {to_key(name): spec.name for spec in self.specs.values() for name in (spec.name, *spec.also)}

    def paths(self, attribute: str) -> dict[str, str]:
        """Of each flag that has one its path in a libvirt domain, or in a KubeVirt machine."""
        return {name: path for name, spec in self.specs.items() if (path := getattr(table(spec), attribute))}

    def find(self, name: str) -> Spec | None:
        return self.specs.get(self.keys.get(to_key(name), ""))

    # Flags → leaves

    def settle(self, guest: Guest, version: str = "") -> Config:
        """What a guest's flags come to, on a QEMU of a version where that is known."""
        given = [*self.by_proxmox(guest), *self.by_kubevirt(guest), *guest.flags]
        findings = [Finding(one.code, one.name, one.text) for one in guest.remarks]
        values: dict[str, str] = {}
        for one in given:
            spec = self.find(one.name)
            if spec is None:
                findings.append(Finding("flag_unknown", one.name, self.say_unknown(one.name)))
                continue
            values.pop(spec.name, None)
            value, fault = read_value(spec, one.value)
            if not fault and value != OFF and (room := self.room_of(spec)) and to_number(table(spec), value) >> room:
                value, fault = OFF, f"{spec.name}={shorten(one.value)} does not fit in {room} bits: QEMU refuses it"
            if fault:
                findings.append(Finding("flag_value", spec.name, fault))
            if value != OFF:
                values[spec.name] = value
        known = version or guest.version
        findings += self.judge(guest, values, known)
        is_shown = guest.accelerator in (KVM, "") and bool(guest.left or any(table(self.specs[name]).enables for name in values))
        sets, opened = self.decide(guest, values, known) if is_shown else ({}, [])
        empty = dict.fromkeys(leaf for name in values for leaf in table(self.specs[name]).empty) if sets else {}
        cpus = {0: self.to_leaves(sets, empty)}
        return Config(guest, values, cpus, tuple(opened), tuple(dict.fromkeys(findings)))

    def room_of(self, spec: Spec) -> int:
        """The bits that there are for the number that a flag takes; 0 where it takes none."""
        leaf, _, name = table(spec).value.partition(".")
        if table(spec).reads != "number":
            return 0
        field = self.catalog.find_name(leaf).spec.field(name)
        return field.width if field else 0

    def by_proxmox(self, guest: Guest) -> Iterator[Given]:
        """The flags that Proxmox turns on by itself."""
        yield from (Given(name, rule.value or ON) for name, rule in self.rules(guest) if not rule.host)

    def by_kubevirt(self, guest: Guest) -> Iterator[Given]:
        """The flags that KubeVirt turns on because others need them, where the machine says nothing of them."""
        if guest.kind != KUBEVIRT:
            return
        said = {one.name for one in guest.flags}
        waiting = [one.name for one in guest.flags if one.value != OFF]
        while waiting:
            spec = self.find(waiting.pop())
            added = [name for name in table(spec).kubevirt_adds if name not in said] if spec else []
            said.update(added)
            waiting += added
            yield from (Given(name, ON) for name in added)

    def rules(self, guest: Guest) -> Iterator[tuple[str, ByProxmox]]:
        """The flags that Proxmox turns on for a guest, some on some hosts only."""
        machine = machine_version(guest)
        for name, spec in self.specs.items() if guest.windows and guest.accelerator == KVM else ():
            rule = table(spec).proxmox
            if rule and guest.windows >= rule.windows and (not machine or not rule.machine or machine >= to_version(rule.machine)):
                yield name, rule

    def decide(self, guest: Guest, values: Mapping[str, str], version: str) -> tuple[dict[str, int], list[Open]]:
        """LEAF.field → number, and what is left to the host."""
        whole = self.whole(values)
        if guest.left or whole:
            return {}, [Open(EVERYTHING, guest.left or f"{whole}: the guest gets what this host's KVM and QEMU know")]
        # A machine type without a version is the newest of its QEMU.
        machine = machine_version(guest) or (to_version(version) if version else None)
        sets: dict[str, int] = {}
        opened: list[Open] = []
        for name in (self.base.name, *values):
            flag = table(self.base if name == self.base.name else self.specs[name])
            own = own_sets(flag, values, values.get(name, ""), machine)
            if flag.host and flag.host == values.get(name):
                opened += [Open(path, f"{name}={values[name]}") for path in own]
                continue
            for path, value in own.items():
                sets[path] = value if flag.value == path or path not in sets else max(sets[path], value)
        opened += [*self.of_proxmox(guest), *self.unsure(values, machine, guest)]
        for leaf in table(self.base).kvm:
            if guest.hides_kvm:
                sets = {path: value for path, value in sets.items() if not path.startswith(f"{leaf}.")}
            else:
                opened += self.of_kvm(leaf, sets)
        return sets, opened

    def of_proxmox(self, guest: Guest) -> Iterator[Open]:
        """What Proxmox turns on by itself on some hosts only."""
        given = {to_key(one.name) for one in guest.flags}
        for name, rule in self.rules(guest):
            if rule.host and to_key(name) not in given:
                yield from (Open(path, f"{name}: Proxmox turns it on, on {rule.host}") for path in table(self.specs[name]).sets)

    def of_kvm(self, leaf: str, sets: Mapping[str, int]) -> Iterator[Open]:
        """The leaves of KVM's own interface after its first, to which only a CPU model and the host know what is in them."""
        space = self.catalog.spaces[SPACE]
        first = self.catalog.find_name(leaf).number or 0
        own = [value for path, value in sets.items() if path.startswith(f"{leaf}.") and space.is_hypervisors(value)]
        last = max(own, default=first)
        yield from (Open(f"{SPACE}:{space.write(number)}", "KVM's own features") for number in range(first + 1, last + 1))

    def unsure(self, values: Mapping[str, str], machine: Version | None, guest: Guest) -> Iterator[Open]:
        """The version that is reported, where the machine type does not say of which QEMU it is."""
        if machine:
            return
        newest = max(table(self.base).until, key=lambda one: to_version(one.machine))
        called = f"machine {guest.machine}" if guest.machine else "no machine type"
        is_own = not guest.machine or guest.machine in NEWEST
        why = (
            f"{called}: as QEMU has it after {newest.machine}"
            if is_own
            else f"{called}: not one of QEMU's own; read as one after {newest.machine}"
        )
        given = {table(self.specs[name]).value for name in values}
        yield from (Open(path, why, is_likely=True) for path in newest.sets if path not in given)

    def to_leaves(self, sets: Mapping[str, int], empty: Iterable[str]) -> dict[Leaf, Reading]:
        """The leaves with these fields, and empty ones."""
        from hvrepl.codec.encode.assign import Assigner, Assignment

        fields: dict[str, dict[str, int]] = {leaf: {} for leaf in empty}
        for path, value in sets.items():
            leaf, _, name = path.partition(".")
            fields.setdefault(leaf, {})[name] = value
        found: dict[Leaf, Reading] = {}
        for leaf, own in fields.items():
            thing = self.catalog.find_name(leaf)
            data = Assigner(self.decoder, thing).assign(bytes(16), [Assignment(name, str(value), value) for name, value in own.items()])
            found[thing.number or 0, 0] = Reading(
                {name: int.from_bytes(data[4 * place : 4 * place + 4], "little") for place, name in enumerate(CPUID_REGISTERS)}
            )
        return dict(sorted(found.items()))

    # What is wrong with a set of flags

    def judge(self, guest: Guest, values: Mapping[str, str], version: str) -> Iterator[Finding]:
        if guest.accelerator not in (KVM, "") and values:
            yield Finding("flag_no_kvm", "", f"{guest.accelerator}, not KVM: the flags have no effect")
        elif not guest.accelerator and values:
            yield Finding("flag_no_kvm", "", "the command line does not ask for KVM (-accel kvm): without it the flags have no effect")
        for name in values:
            flag = table(self.specs[name])
            if flag.harm:
                yield Finding("flag_caution", name, f"{name}: {flag.harm}")
            if flag.advised in VENDORS and guest.nested in VENDORS and guest.nested != flag.advised:
                yield Finding(
                    "flag_caution", name, f"{name} works on {VENDORS[flag.advised]} alone; {guest.nested} is {VENDORS[guest.nested]}'s"
                )
            if self.is_too_new(name, version):
                yield Finding("flag_too_new", name, f"QEMU {version} does not know {name}: it came with {flag.since}")
        if guest.left:
            yield Finding("flag_mode", "", guest.left)
            return
        if whole := self.whole(values):
            others = [name for name in values if name != whole and table(self.specs[name]).enables and not table(self.specs[name]).apart]
            if others:
                yield Finding("flag_overridden", whole, f"{whole} overrides {listed(others, 'and')}")
            return
        yield from self.lacking(values, machine_version(guest))
        yield from self.missing(guest, values, version)

    def whole(self, values: Mapping[str, str]) -> str:
        """The flag that leaves all to the host, if there is one."""
        return next((name for name in values if (flag := table(self.specs[name])).host == values[name] and not flag.sets), "")

    def is_too_new(self, name: str, version: str) -> bool:
        """Whether a version of QEMU that is known does not know a flag yet."""
        since = table(self.specs[name]).since
        return bool(version and since) and to_version(version) < to_version(since)

    def lacking(self, values: Mapping[str, str], machine: Version | None) -> Iterator[Finding]:
        """What flags need and do not have."""
        for name in values:
            flag = table(self.specs[name])
            freed = {need for until in flag.until if machine and machine <= to_version(until.machine) for need in until.frees}
            if lacking := [need for need in flag.needs if need not in values and need not in freed]:
                yield say_needs(name, lacking)
            if wanted := [want for want in flag.wants if want not in values]:
                are = "is" if len(wanted) == 1 else "are"
                yield Finding("flag_wants", name, f"QEMU's documentation combines {name} with {listed(wanted, 'and')}, which {are} not set")

    def missing(self, guest: Guest, values: Mapping[str, str], version: str) -> Iterator[Finding]:
        """The flags that QEMU's documentation advises and that are not there, where all that are there are known."""
        if any(one.code == ELSEWHERE for one in guest.remarks) or guest.accelerator not in (KVM, ""):
            return
        by_host = {name for name, rule in self.rules(guest) if rule.host}
        if not any(table(self.specs[name]).enables for name in values):
            alone = (
                f"{listed(list(values), 'and')} alone {'do' if len(values) > 1 else 'does'} not show Hyper-V's interface; "
                if values
                else ""
            )
            shown = "the guest sees KVM's own interface alone: " if guest.accelerator == KVM and not guest.hides_kvm else ""
            yield Finding("flags_none", "", f"{alone}{shown}none of QEMU's Hyper-V flags is on")
            return
        wanted = ("always", *(["nested", guest.nested] if guest.nested else []))
        for name, spec in self.specs.items():
            if table(spec).advised in wanted and name not in values and name not in by_host and not self.is_too_new(name, version):
                yield Finding("flag_missing", name, f"{name} is missing: {spec.doc}")

    def say_unknown(self, name: str) -> str:
        close = alike(name, self.specs, 1)
        return f"{shorten(name)} is not a flag that QEMU has" + (f"; did you mean {close[0]}?" if close else "")

    # Leaves → flags

    def explain(self, cpus: Cpus) -> Explained:
        """The flags that give the leaves of Hyper-V's interface as most CPUs have them."""
        parts = self.fields_of(cpus)
        base = dict(table(self.base).sets)
        grants = {name: value for name, spec in self.specs.items() if (value := self.granted(spec, parts))}
        if not parts:
            return Explained((), (), (Finding("flags_none", "", "the leaves are not of Hyper-V's interface, so no flag gives them"),))
        given: dict[str, int] = dict(base)
        for name in (self.base.name, *grants):
            flag = table(self.base if name == self.base.name else self.specs[name])
            for path, number in flag.sets.items():
                if flag.unless.get(path, "") not in grants:
                    given[path] = max(number, given.get(path, 0))
            if flag.value:
                given[flag.value] = to_number(flag, grants[name])
        unexplained = tuple(
            (leaf, part)
            for path, (leaf, part) in parts.items()
            if part.is_set and not part.reserved and path not in self.raised and int(part.raw, 16) != given.get(path, 0)
        )
        lacking = [path for path, number in given.items() if number and path in parts and not parts[path][1].is_set]
        findings = [
            Finding("flag_adds", path, f"QEMU also sets {path.partition('.')[2]}, which these leaves do not have") for path in lacking
        ]
        made = []
        for name, value in grants.items():
            missing = tuple(need for need in table(self.specs[name]).needs if need not in grants)
            made.append(Grant(self.specs[name], value, missing))
            if missing:
                findings.append(say_needs(name, missing))
        return Explained(tuple(made), unexplained, tuple(findings))

    def fields_of(self, cpus: Cpus) -> dict[str, tuple[str, Decoded]]:
        """LEAF.field → (leaf, the field) of each leaf that is Hyper-V's, as most CPUs have it."""
        owners = Owners(self.decoder, cpus)
        space = self.catalog.spaces[SPACE]
        readings: dict[Leaf, dict[int, Reading]] = {}
        for cpu, seen in cpus.items():
            for key, one in seen.items():
                if space.is_hypervisors(key[0]):
                    readings.setdefault(key, {})[cpu] = one
        found = {}
        for key in sorted(readings):
            if owners.of(key[0]) != HYPER_V or find_leaf(self.decoder, key, owners) is None:
                continue
            node = decode_leaf(self.decoder, key, common(readings[key]), owners)
            found.update({f"{node.name}.{path}": (node.name, part) for path, part in leaves(node)})
        return found

    def granted(self, spec: Spec, parts: Mapping[str, tuple[str, Decoded]]) -> str:
        """The value with which a flag gives what the leaves have; "" where it does not."""
        flag = table(spec)
        values = {path: int(parts[path][1].raw, 16) for path in flag.fields if path in parts}
        if flag.value:
            value = values.get(flag.value)
            usual = (table(self.base).sets.get(flag.value, 0), flag.off)
            return "" if value is None or value in usual else write_value(flag, value)
        wanted = [path for path in flag.sets if path not in flag.unless and path not in self.raised]
        return ON if wanted and all(values.get(path) == flag.sets[path] for path in wanted) else ""


def table(spec: Spec) -> Flag:
    assert spec.flag
    return spec.flag


def say_needs(name: str, lacking: Sequence[str]) -> Finding:
    refuses = f"QEMU refuses to start without {'it' if len(lacking) == 1 else 'them'}"
    return Finding("flag_needs", name, f"{name} needs {listed(lacking, 'and')}: {refuses}")


def machine_version(guest: Guest) -> Version | None:
    match = MACHINE.fullmatch(guest.machine)
    return to_version(match[1] or match[2]) if match else None


def own_sets(flag: Flag, values: Mapping[str, str], value: str, machine: Version | None) -> dict[str, int]:
    """What a flag with a value puts into leaves among others, with a machine type of a version."""
    own = {path: number for path, number in flag.sets.items() if flag.unless.get(path, "") not in values}
    if flag.value:
        own[flag.value] = to_number(flag, value)
    for until in flag.until:
        if machine and machine <= to_version(until.machine):
            own |= until.sets
    return own


def refuse_guest(guest: Guest) -> str:
    """Why a guest has no CPUID leaves that are known here; "" for one of x64 that QEMU runs."""
    name = guest.name or "the guest"
    if guest.kind == LIBVIRT and guest.accelerator and guest.accelerator not in OF_QEMU:
        return f"{name} is a domain of {shorten(guest.accelerator)}, not of QEMU"
    return "" if guest.arch in X64 else f"{name} is of {shorten(guest.arch)}, which has no CPUID leaves"


def read_value(spec: Spec, text: str) -> tuple[str, str]:
    """The value of a flag that counts, and what is wrong with the text."""
    flag = table(spec)
    if flag.reads == "switch":
        return (text, "") if text in (ON, OFF) else (OFF, f"{spec.name}={shorten(text)}: expected on or off")
    if flag.reads == "auto":
        return (text, "") if text in (ON, OFF, AUTO) else (OFF, f"{spec.name}={shorten(text)}: expected on, off or auto")
    if text == OFF:
        return OFF, ""
    if flag.reads == "text":
        if text == ON:
            return OFF, f"{spec.name} takes a text: {spec.name}=Microsoft"
        if "," in text:
            return OFF, f"{spec.name}={shorten(text)}: QEMU takes no comma in it"
        size = len(text.encode())
        return text, f"{spec.name}={shorten(text)} is longer than {LONGEST_TEXT} bytes; QEMU cuts it" if size > LONGEST_TEXT else ""
    if not NUMBER.fullmatch(text):
        return OFF, f"{spec.name} takes a number" + ("" if text == ON else f", not {shorten(text)}")
    number = to_int(text, 16 if text[:2].lower() == "0x" else 8 if text[0] == "0" else 10)
    if number == flag.off:
        return OFF, ""
    return f"{number:#x}" if flag.off is not None else str(number), ""


def to_number(flag: Flag, value: str) -> int:
    """The number that a flag's own value puts into its field."""
    if flag.reads == "text":
        return int.from_bytes(value.encode()[:LONGEST_TEXT], "little")
    return to_int(value, 16 if value[:2] == "0x" else 10)


def write_value(flag: Flag, value: int) -> str:
    if flag.reads == "text":
        raw = value.to_bytes(LONGEST_TEXT, "little").rstrip(b"\0")
        if not raw.isascii() or not raw.decode("ascii").isprintable() or b"," in raw:
            return ""
        return raw.decode("ascii")
    return f"{value:#x}" if flag.off is not None else str(value)


def refuse_all(guests: list[Guest]) -> None:
    """UsageError if no guest of a file is one of x64 that QEMU runs."""
    said = [refuse_guest(one) for one in guests]
    if said and all(said):
        raise UsageError(said[0])
