"""A guest as any format describes it: its Hyper-V flags, and what decides whether they have an effect."""

from __future__ import annotations

from collections.abc import Mapping

from hvrepl.hints import TypeAlias
from hvrepl.record import record

QEMU, LIBVIRT, PROXMOX, KUBEVIRT = "QEMU command line", "libvirt domain", "Proxmox configuration", "KubeVirt machine"
KVM = "kvm"  # the accelerator with which the flags have an effect
ELSEWHERE = "flags_elsewhere"  # the code of a remark that the text may not have all flags
NESTED = ("vmx", "svm", "nested-virt")  # Intel's and AMD's names, and Proxmox's for whichever the host has
PRESENT = ("require", "force")  # the policies with which libvirt and KubeVirt give a guest a feature of the CPU
X64 = frozenset({"x86_64", "i386", "i686", "amd64", "x64"})

Paths: TypeAlias = "Mapping[str, str]"  # flag → its path in a domain or machine, from its spec


@record
class Given:
    """A flag in a configuration; `value` is on, off, or the text of its value."""

    name: str
    value: str


@record
class Remark:
    """A finding of the reader; `name` is the flag's, or ""."""

    code: str
    name: str
    text: str


@record
class Guest:
    """One guest before it starts.

    `accelerator`: kvm, another word, or "" if unknown. `hides_kvm`: the guest does not see KVM's own leaves.
    `nested`: one of NESTED if the guest may run a hypervisor itself.
    `left`: a sentence that says who decides all flags when the guest starts; "" if the configuration does.
    `windows`: the version for which Proxmox turns on flags by itself, or 0. `version`: QEMU's, if the text has it.
    """

    kind: str
    name: str = ""
    flags: tuple[Given, ...] = ()
    machine: str = ""
    arch: str = ""
    accelerator: str = ""
    hides_kvm: bool = False
    nested: str = ""
    windows: int = 0
    left: str = ""
    version: str = ""
    line: int = 0
    remarks: tuple[Remark, ...] = ()


def split_value(path: str) -> tuple[str, str, str]:
    """features/hyperv/spinlocks@retries=4096 → (path, attribute or key of the value, the value if that is missing)."""
    at = path.rfind("@")
    if at < 0 or "]" in path[at:]:
        return path, "", ""
    attribute, _, usual = path[at + 1 :].partition("=")
    return path[:at], attribute, usual


def places_of(paths: Paths) -> frozenset[str]:
    """The elements or keys of all flags, without their values."""
    return frozenset(split_value(path)[0] for path in paths.values())
