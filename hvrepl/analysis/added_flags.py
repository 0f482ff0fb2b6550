"""The flags that Proxmox and KubeVirt turn on by themselves, according to the specs."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.analysis.flags import OFF, ON, Flags, Version, to_version
from hvrepl.catalog.model import ByProxmox
from hvrepl.patterns import regex
from hvrepl.readers.guests.guest import KUBEVIRT, KVM, Given, Guest

# pc-q35-7.2, pc-i440fx-2.9, pc-q35-11.0+pve2. Red Hat's and Ubuntu's machine types have versions of their own.
MACHINE = regex(r"(?:pc-)?(?:q35|i440fx)-(\d{1,3}\.\d{1,3})(?:\+pve\d+)?|pc-(\d{1,3}\.\d{1,3})")


def machine_version(guest: Guest) -> Version | None:
    """The version of QEMU in a guest's machine type, if it has one."""
    match = MACHINE.fullmatch(guest.machine)
    return to_version(match[1] or match[2]) if match else None


def proxmox_rules(flags: Flags, guest: Guest) -> Iterator[tuple[str, ByProxmox]]:
    """The flags that Proxmox turns on for a guest, some of them only on some hosts."""
    if not guest.windows or guest.accelerator != KVM:
        return
    machine = machine_version(guest)
    for name in flags.specs:
        rule = flags[name].proxmox
        if rule and guest.windows >= rule.windows and (not machine or not rule.machine or machine >= to_version(rule.machine)):
            yield name, rule


def by_proxmox(flags: Flags, guest: Guest) -> Iterator[Given]:
    """The flags that Proxmox turns on for a guest on any host."""
    return (Given(name, rule.value or ON) for name, rule in proxmox_rules(flags, guest) if not rule.host)


def by_kubevirt(flags: Flags, guest: Guest) -> Iterator[Given]:
    """The flags that KubeVirt turns on because others need them, unless the machine mentions them."""
    if guest.kind != KUBEVIRT:
        return
    said = {one.name for one in guest.flags}
    waiting = [one.name for one in guest.flags if one.value != OFF]
    while waiting:
        name = flags.find(waiting.pop())
        added = [other for other in flags[name].kubevirt_adds if other not in said] if name else []
        said.update(added)
        waiting += added
        yield from (Given(other, ON) for other in added)
