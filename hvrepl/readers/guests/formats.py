"""Chooses the reader for the format of a guest's configuration."""

from __future__ import annotations

import re
from collections.abc import Callable

from hvrepl.errors import UsageError
from hvrepl.readers.guests.guest import KUBEVIRT, LIBVIRT, PROXMOX, QEMU, Guest, Paths
from hvrepl.readers.plain_text import decode

MOST_GUESTS = 1000
MOST_MARKUP = 4 << 20  # characters of XML, JSON and YAML, far more than any guest has: parsed, they take many times the memory


def kind_of_guest(text: str) -> str:
    """The format of a text, or of the beginning of one; "" if it does not start a guest."""
    start = text.lstrip()[:1]
    if start == "<":
        return LIBVIRT if re.search(r"<(?:domain|hyperv)[\s>]", text) else ""
    if "kubevirt.io/" in text and re.search(r"""["']?apiVersion["']?\s*:""", text):
        return KUBEVIRT
    if start != "{" and re.search(r"^(?:(?:ostype|scsihw|vmgenid|smbios1): ?\S|args: ?-cpu )", text, re.MULTILINE):
        return PROXMOX
    if "-cpu" not in text and "qemu" not in text and "kvm" not in text:  # a search much faster than that for a command line
        return ""
    from hvrepl.readers.guests.qemu import has_command

    return QEMU if has_command(text) else ""


def read_guests(raw: bytes, name: str, paths: Callable[[str], Paths]) -> list[Guest] | None:
    """The guests of a file, or None if it does not start any. `paths` is called with libvirt or kubevirt, if the file has that format.

    UsageError for a damaged file, FileError if a package is missing.
    """
    if b"\0" in raw:
        from hvrepl.readers.guests.qemu import is_argv, read_nul

        if is_argv(raw):
            return [read_nul(raw)]
    text = decode(raw) or ""
    kind = kind_of_guest(text)
    if not kind:
        return None
    found = read_text(text, kind, name, paths)
    if len(found) > MOST_GUESTS:
        raise UsageError(f"{name}: {len(found):,} guests; at most {MOST_GUESTS:,} are read at once")
    return found


def read_text(text: str, kind: str, name: str, paths: Callable[[str], Paths]) -> list[Guest]:
    """The guests of a text. Only the reader of its format is imported."""
    if kind == QEMU:
        from hvrepl.readers.guests.qemu import read_commands

        return read_commands(text)
    if kind == PROXMOX:
        from hvrepl.readers.guests.proxmox import read_proxmox

        return [read_proxmox(text)]
    if len(text) > MOST_MARKUP:
        raise UsageError(f"{name}: more than {MOST_MARKUP >> 20} MiB, which no {kind} has")
    if kind == LIBVIRT:
        from hvrepl.readers.guests.libvirt import read_domains

        return read_domains(text, name, paths("libvirt"))
    from hvrepl.readers.guests.kubevirt import read_machines

    return read_machines(text, name, paths("kubevirt"))


def say_root(raw: bytes, name: str) -> str:
    """The tag of the root of an XML text; "" if it is not XML. UsageError for XML that cannot be read."""
    text = decode(raw) or "" if len(raw) <= MOST_MARKUP else ""
    if text.lstrip()[:1] != "<":
        return ""
    from hvrepl.readers.guests.libvirt import parse_xml

    return str(parse_xml(text, name).tag)
