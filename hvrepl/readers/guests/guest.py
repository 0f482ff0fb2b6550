"""A guest as any format describes it: the Hyper-V flags it is given, and what decides how they count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hvrepl.record import record

if TYPE_CHECKING:
    from typing import TypeAlias

QEMU, LIBVIRT, PROXMOX, KUBEVIRT = "QEMU command line", "libvirt domain", "Proxmox configuration", "KubeVirt machine"
KVM = "kvm"  # the accelerator with which the flags have an effect
ELSEWHERE = "flags_elsewhere"  # the code of a remark that there can be flags that the text does not have
NESTED = ("vmx", "svm", "nested-virt")  # Intel's, AMD's, and Proxmox's word for whichever the host has
PRESENT = ("require", "force")  # the policies with which libvirt and KubeVirt give a guest a feature of the CPU
X64 = frozenset({"x86_64", "i386", "i686", "amd64", "x64"})

Paths: TypeAlias = "Mapping[str, str]"  # of a flag → its path in a domain, as a spec has it


@record
class Given:
    """A flag as it was given; `value` is on, off, or the text of its value."""

    name: str
    value: str


@record
class Remark:
    """What was noticed about a flag where it was read."""

    code: str
    name: str
    text: str


@record
class Guest:
    """What is known of one guest before it starts.

    `accelerator`: kvm, another word, or "" where the text does not say it. `hides_kvm`: the guest does not see KVM's own leaves.
    `nested`: one of NESTED if the guest may run a hypervisor itself.
    `left`: who decides all flags when the guest starts, which is not known here.
    `windows`: the version for which Proxmox turns on flags by itself, 0 for none. `version`: QEMU's, where the text has it.
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
    """features/hyperv/spinlocks@retries=4096 → (path, attribute or key of the value, the value where that is missing)."""
    at = path.rfind("@")
    if at < 0 or "]" in path[at:]:
        return path, "", ""
    attribute, _, usual = path[at + 1 :].partition("=")
    return path[:at], attribute, usual


def places_of(paths: Paths) -> frozenset[str]:
    """The elements or keys of all paths, without their values."""
    return frozenset(split_value(path)[0] for path in paths.values())
