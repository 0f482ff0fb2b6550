"""Findings about the flags of a guest: what is harmful, has no effect or lacks another flag, and what QEMU's documentation advises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hvrepl.analysis.added_flags import machine_version, proxmox_rules
from hvrepl.analysis.flags import Flags, Version, to_version
from hvrepl.codec.decoded import Finding
from hvrepl.readers.guests.guest import ELSEWHERE, KVM, Guest
from hvrepl.wording import listed

MISSING = "flag_missing"
VENDORS = {"vmx": "Intel", "svm": "AMD"}  # of the CPU features that let a guest run a hypervisor


def judge(flags: Flags, guest: Guest, values: Mapping[str, str], version: str) -> Iterator[Finding]:
    """The findings about flags that are on; `version` is QEMU's, "" if unknown."""
    if guest.accelerator not in (KVM, "") and values:
        yield Finding("flag_no_kvm", "", f"{guest.accelerator}, not KVM: the flags have no effect")
    elif not guest.accelerator and values:
        yield Finding("flag_no_kvm", "", "the command line does not ask for KVM (-accel kvm): without it the flags have no effect")
    for name in values:
        yield from judge_one(flags, name, guest.nested, version)
    if guest.left:
        yield Finding("flag_mode", "", guest.left)
    elif whole := flags.whole(values):
        others = [name for name in values if name != whole and flags[name].enables and not flags[name].apart]
        if others:
            yield Finding("flag_overridden", whole, f"{whole} overrides {listed(others, 'and')}")
    else:
        yield from lacking(flags, values, machine_version(guest))
        yield from missing(flags, guest, values, version)


def judge_one(flags: Flags, name: str, nested: str, version: str) -> Iterator[Finding]:
    """The findings about one flag, whatever the others are."""
    flag = flags[name]
    if flag.harm:
        yield Finding("flag_caution", name, f"{name}: {flag.harm}")
    if flag.advised in VENDORS and nested in VENDORS and nested != flag.advised:
        yield Finding("flag_caution", name, f"{name} works on {VENDORS[flag.advised]} alone; {nested} is {VENDORS[nested]}'s")
    if is_too_new(flags, name, version):
        yield Finding("flag_too_new", name, f"QEMU {version} does not know {name}: it came with {flag.since}")


def is_too_new(flags: Flags, name: str, version: str) -> bool:
    """Whether a known version of QEMU is older than a flag."""
    since = flags[name].since
    return bool(version and since) and to_version(version) < to_version(since)


def lacking(flags: Flags, values: Mapping[str, str], machine: Version | None) -> Iterator[Finding]:
    """The flags that lack others which they need or should have."""
    for name in values:
        flag = flags[name]
        freed = {need for until in flag.until if machine and machine <= to_version(until.machine) for need in until.frees}
        if needs := [need for need in flag.needs if need not in values and need not in freed]:
            yield say_needs(name, needs)
        if wanted := [want for want in flag.wants if want not in values]:
            are = "is" if len(wanted) == 1 else "are"
            yield Finding("flag_wants", name, f"QEMU's documentation combines {name} with {listed(wanted, 'and')}, which {are} not set")


def say_needs(name: str, lacking: Sequence[str]) -> Finding:
    refuses = f"QEMU refuses to start without {'it' if len(lacking) == 1 else 'them'}"
    return Finding("flag_needs", name, f"{name} needs {listed(lacking, 'and')}: {refuses}")


def missing(flags: Flags, guest: Guest, values: Mapping[str, str], version: str) -> Iterator[Finding]:
    """The advised flags that are missing, if all flags of the guest are known."""
    if any(one.code == ELSEWHERE for one in guest.remarks) or guest.accelerator not in (KVM, ""):
        return
    if not flags.show(values):
        yield Finding("flags_none", "", say_none(guest, list(values)))
        return
    by_host = {name for name, rule in proxmox_rules(flags, guest) if rule.host}
    wanted = ("always", *(["nested", guest.nested] if guest.nested else []))
    for name, spec in flags.specs.items():
        if flags[name].advised in wanted and name not in values and name not in by_host and not is_too_new(flags, name, version):
            yield Finding(MISSING, name, f"{name} is missing: {spec.doc}")


def say_none(guest: Guest, names: Sequence[str]) -> str:
    """The sentence for a guest that does not see Hyper-V's interface, though it may have flags."""
    does = "do" if len(names) > 1 else "does"
    alone = f"{listed(names, 'and')} alone {does} not show Hyper-V's interface; " if names else ""
    shown = "the guest sees KVM's own interface alone: " if guest.accelerator == KVM and not guest.hides_kvm else ""
    return f"{alone}{shown}none of QEMU's Hyper-V flags is on"
