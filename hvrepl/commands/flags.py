"""The Hyper-V flags of cpuid: guests as input, and --flags, which writes the flags that give the leaves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hvrepl.analysis.cpus import Cpus
from hvrepl.analysis.flags import Flags
from hvrepl.analysis.flags_to_leaves import Config, refuse_guest, settle
from hvrepl.analysis.leaves_to_flags import flags_of
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session, choose
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.guests.formats import read_guests
from hvrepl.render.flag_forms import WRITERS
from hvrepl.render.flag_listing import list_flags, write_text
from hvrepl.wording import shorten

VERSION = regex(r"\d{1,3}\.\d{1,3}")


def check_version(text: str) -> str:
    """The version of QEMU in --qemu: 7.2, whatever follows it. UsageError."""
    match = VERSION.match(text)
    if not match:
        raise UsageError(f"--qemu {shorten(text)}: expected a version, such as 7.2")
    return match[0]


def read_configs(session: Session, raw: bytes, name: str, version: str = "") -> list[Config] | None:
    """The guests of a file, or None if it does not start any. `session` is on x64.

    A warning names each guest that is not an x64 guest of QEMU; UsageError if no other is left.
    """

    @cache
    def flags() -> Flags:
        return Flags(session.decoder)

    guests = read_guests(raw, name, lambda attribute: flags().paths(attribute))
    if guests is None:
        return None
    refused = [refuse_guest(one) for one in guests]
    if refused and all(refused):
        raise UsageError(refused[0])
    for said in filter(None, refused):
        session.warn(said)
    return [settle(flags(), one, version) for one, said in zip(guests, refused, strict=True) if not said]


def write_flags(session: Session, form: str, machines: Sequence[tuple[Cpus, Config | None]]) -> None:
    """cpuid FILE --flags qemu|libvirt|proxmox"""
    choose("form of flags", form, WRITERS)
    flags = Flags(session.decoder)
    answers = [flags_of(flags, cpus, config) for cpus, config in machines]
    session.note_findings(*(one.findings or one.unexplained for one in answers))
    if session.options.format == "line":
        texts = (write_text(flags, form, one.values) for one in answers)
        session.write("".join(f"{text}\n" for text in texts if text))
    else:
        emit_listing(session, list_flags(flags, form, answers))
