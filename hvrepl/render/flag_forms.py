"""Flags in the spelling of QEMU, libvirt and Proxmox, ready to paste."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hvrepl.codec.decoded import Finding
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.patterns import regex
from hvrepl.readers.guests.guest import split_value

if TYPE_CHECKING:
    from hvrepl.analysis.flags import Flags

STEP = regex(r"([\w-]+)(?:\[@([\w-]+)='([^']*)'\])?")  # of a path: an element, with an attribute that distinguishes it
LIBVIRT = "libvirt"
NO_ELEMENT = "libvirt has no element for {}: give it to QEMU by qemu:commandline, as -global x86_64-cpu.{}={}"

Values = Mapping[str, str]


def say_flag(name: str, value: str) -> str:
    return name if value == "on" else f"{name}={value}"


def to_qemu(values: Values, _: Flags) -> str:
    """-cpu host,hv-relaxed,hv-spinlocks=0x1fff, quoted if a vendor needs it."""
    from shlex import quote

    return "-cpu " + quote(",".join(["host", *(say_flag(name, value) for name, value in values.items())]))


def to_proxmox(values: Values, flags: Flags) -> str:
    """A line for /etc/pve/qemu-server/ID.conf."""
    return f"args: {to_qemu(values, flags)}"


def to_libvirt(values: Values, flags: Flags) -> str:
    """The elements of a domain, in order; flags without one are left out."""
    from xml.etree import ElementTree  # only for writing; input goes through defusedxml

    domain = ElementTree.Element("domain")
    for name, value in values.items():
        if path := flags[name].libvirt:
            add_element(domain, path, value)
    ElementTree.indent(domain)
    first = sorted(domain, key=lambda one: one.tag != "features")
    texts = (ElementTree.tostring(one, encoding="unicode").rstrip().replace(" />", "/>") for one in first)
    return "\n".join(re.sub("^  ", "", line) for text in texts for line in text.split("\n"))


def add_element(domain: Any, path: str, value: str) -> None:
    from xml.etree import ElementTree

    path, attribute, _ = split_value(path)
    at = domain
    for step in path.split("/"):
        tag, key, word = step_of(step)
        below = next((one for one in at.findall(tag) if not key or one.get(key) == word), None)
        at = ElementTree.SubElement(at, tag, {key: word} if key else {}) if below is None else below
    if at.tag == "timer":
        domain.find("clock").set("offset", "localtime")  # libvirt's schema wants one, and this is the one for Windows
        at.set("present", "yes")
    elif not step_of(path.rpartition("/")[2])[1]:
        at.set("state", "on")
    if attribute:
        at.set(attribute, str(int(value, 16)) if value[:2] == "0x" else value)


def step_of(step: str) -> tuple[str, str, str]:
    """(element, attribute, its value) of panic[@model='hyperv']."""
    match = STEP.fullmatch(step)
    return (match[1], match[2] or "", match[3] or "") if match else (step, "", "")


WRITERS: Mapping[str, Callable[[Values, Flags], str]] = {"qemu": to_qemu, LIBVIRT: to_libvirt, "proxmox": to_proxmox}


def unwritable(values: Values, flags: Flags, form: str) -> Iterator[Finding]:
    """A finding for each flag without an element in libvirt."""
    for name, value in values.items() if form == LIBVIRT else ():
        if not flags[name].libvirt:
            yield Finding("flag_no_libvirt", name, NO_ELEMENT.format(say_flag(name, value), name, value))
