"""A guest's Hyper-V flags as text: for people, and in the spelling of QEMU, libvirt and Proxmox."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hvrepl.analysis.enlightenments import EVERYTHING, ON, Config, Open
from hvrepl.catalog.model import Spec
from hvrepl.codec.decoded import Finding
from hvrepl.readers.guests import split_value
from hvrepl.render.style import Style, spread, wrap
from hvrepl.wording import count_of

MISSING = "flag_missing"
STEP = re.compile(r"([\w-]+)(?:\[@([\w-]+)='([^']*)'\])?")  # of a path: an element, with an attribute that distinguishes it
NO_PATH = "flag_no_libvirt"

Values = Mapping[str, str]


def say_flag(name: str, value: str) -> str:
    return name if value == ON else f"{name}={value}"


def title_of(config: Config) -> str:
    """libvirt domain windows11, 14 flags, machine pc-q35-7.2"""
    guest = config.guest
    count = count_of(len(config.values), "flag") if config.values else "no Hyper-V flag"
    count = "" if guest.left and not config.values else count
    parts = [f"{guest.kind} {guest.name}".strip(), count, f"machine {guest.machine}" if guest.machine else ""]
    return ", ".join(part for part in parts if part)


def flag_lines(config: Config, style: Style) -> Iterator[str]:
    """The guest, and its flags."""
    first, *more = wrap(title_of(config), style.width, "", "    ")
    yield style.paint("name", first)
    yield from more
    if config.values:
        yield from wrap(", ".join(say_flag(name, value) for name, value in config.values.items()), style.width, "    ", "    ")


def open_lines(opened: Sequence[Open], style: Style) -> Iterator[str]:
    """The fields that the flags leave to the host: by leaf, with the reason."""
    if not opened or opened[0].name == EVERYTHING:
        return
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in opened:
        leaf, _, field = one.name.partition(".")
        reasons.setdefault((leaf, one.why), []).append(field)
    yield style.paint("name", "left to the host")
    rows = [(leaf + (f".{', '.join(fields)}" if any(fields) else ""), why) for (leaf, why), fields in reasons.items()]
    yield from spread(rows, style, ("name", "meaning"), indent="    ")


def missing_lines(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """The advised flags that are missing, as one list with the benefit of each."""
    missing = [one for one in findings if one.code == MISSING]
    if not missing:
        return
    advised = f"{count_of(len(missing), 'flag')} that QEMU advises for Windows"
    one, more = "is missing; add it if the host's KVM has it:", "are missing; add those that the host's KVM has:"
    text = f"{advised} {one if len(missing) == 1 else more}"  # QEMU refuses to start with others
    yield from (style.paint("finding", line) for line in wrap(text, style.width, "! ", "  "))
    yield from spread([(one.field, one.text.partition(": ")[2]) for one in missing], style, ("name", "meaning"), indent="    ")


def to_qemu(values: Values, _: Mapping[str, Spec]) -> str:
    """-cpu host,hv-relaxed,hv-spinlocks=0x1fff, in quotes where a vendor needs them."""
    from shlex import quote

    return "-cpu " + quote(",".join(["host", *(say_flag(name, value) for name, value in values.items())]))


def to_proxmox(values: Values, specs: Mapping[str, Spec]) -> str:
    """A line for /etc/pve/qemu-server/ID.conf."""
    return f"args: {to_qemu(values, specs)}"


def to_libvirt(values: Values, specs: Mapping[str, Spec]) -> str:
    """The elements of a domain, in order; flags without one are left out."""
    from xml.etree import ElementTree  # only for writing; input goes through defusedxml

    domain = ElementTree.Element("domain")
    for name, value in values.items():
        if path := libvirt_path(specs[name]):
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
    match = STEP.fullmatch(step)
    return (match[1], match[2] or "", match[3] or "") if match else (step, "", "")


def libvirt_path(spec: Spec) -> str:
    return spec.flag.libvirt if spec.flag else ""


def unwritable(values: Values, specs: Mapping[str, Spec], form: str) -> list[Finding]:
    """The flags for which libvirt has no element."""
    if form != "libvirt":
        return []
    text = "libvirt has no element for {}: give it to QEMU by qemu:commandline, as -global x86_64-cpu.{}={}"
    return [
        Finding(NO_PATH, name, text.format(say_flag(name, value), name, value))
        for name, value in values.items()
        if not libvirt_path(specs[name])
    ]


WRITERS = {"qemu": to_qemu, "libvirt": to_libvirt, "proxmox": to_proxmox}
