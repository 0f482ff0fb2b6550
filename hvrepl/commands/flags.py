"""The Hyper-V flags of cpuid: guests in place of a dump, and --flags, which writes those that give the leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hvrepl.analysis.cpus import Cpus
from hvrepl.analysis.enlightenments import EVERYTHING, Config, Flags, refuse_all, refuse_guest
from hvrepl.catalog.alike import alike
from hvrepl.catalog.model import Spec, to_key
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session, choose
from hvrepl.errors import UsageError
from hvrepl.readers.guests.formats import read_guests
from hvrepl.readers.guests.guest import Guest
from hvrepl.record import record
from hvrepl.render.enlightenments import WRITERS, unwritable
from hvrepl.render.flag import describe_flag
from hvrepl.render.listing import Listing
from hvrepl.render.screen import meaning_of, value_of
from hvrepl.render.style import Style, loud_lines
from hvrepl.wording import shorten

if TYPE_CHECKING:
    from hvrepl.codec.decode import Decoder

VERSION = re.compile(r"\d{1,3}\.\d{1,3}")
HEADERS = ("kind", "name", "value", "gives")


def read_configs(session: Session, raw: bytes, name: str, version: str = "") -> list[Config] | None:
    """The guests of a file and what their flags come to, or None for a file that starts none. `session` is on x64."""
    found: list[Flags] = []

    def paths(attribute: str) -> Mapping[str, str]:
        found.append(Flags(session.decoder))
        return found[0].paths(attribute)

    guests = read_guests(raw, name, paths)
    if guests is None:
        return None
    refuse_all(guests)
    flags = found[0] if found else Flags(session.decoder)
    return [flags.settle(one, version) for one in kept(session, guests)]


def kept(session: Session, guests: Sequence[Guest]) -> Iterator[Guest]:
    """The guests of x64 that QEMU runs; others are named on stderr."""
    for one in guests:
        if said := refuse_guest(one):
            session.warn(said)
        else:
            yield one


def check_version(text: str) -> str:
    """The version of QEMU that is given as --qemu: 7.2, also with what follows. UsageError."""
    match = VERSION.match(text)
    if not match:
        raise UsageError(f"--qemu {shorten(text)}: expected a version, such as 7.2")
    return match[0]


@record
class Answer:
    """The flags of one machine, as --flags writes them."""

    values: Mapping[str, str]
    missing: Mapping[str, tuple[str, ...]]
    unexplained: Sequence[tuple[str, Decoded]]
    findings: Sequence[Finding]


def answer_for(flags: Flags, cpus: Cpus, config: Config | None) -> Answer:
    if config:
        missing = {
            name: tuple(need for need in spec.flag.needs if need not in config.values)
            for name in config.values
            if (spec := flags.specs[name]).flag
        }
        kept_findings = [one for one in config.findings if one.code not in ("flag_missing", "flag_caution")]
        return Answer(config.values, missing, (), kept_findings)
    found = flags.explain(cpus)
    return Answer(
        {one.spec.name: one.value for one in found.grants},
        {one.spec.name: one.missing for one in found.grants},
        found.unexplained,
        found.findings,
    )


def write_flags(session: Session, form: str, machines: Sequence[tuple[Cpus, Config | None]]) -> None:
    """cpuid FILE --flags qemu|libvirt|proxmox"""
    choose("form of flags", form, WRITERS)
    flags = Flags(session.decoder)
    answers = [answer_for(flags, cpus, config) for cpus, config in machines]
    session.note_findings(*(one.findings or one.unexplained for one in answers))
    tables = [to_table(flags, form, one) for one in answers]
    unexplained = [one.unexplained for one in answers]
    if session.options.format == "line":
        session.write("".join(f"{table['text']}\n" for table in tables if table["text"]))
        return
    rows = [row for table in tables for row in rows_of(table)]
    emit_listing(session, Listing(HEADERS, rows, tables, single=len(tables) == 1, lines=lambda style: lines_of(tables, unexplained, style)))


def to_table(flags: Flags, form: str, one: Answer) -> dict[str, Any]:
    """The JSON object."""
    extra = unwritable(one.values, flags.specs, form)
    return {
        "text": WRITERS[form](one.values, flags.specs) if one.values else "",
        "flags": [flag_table(flags, name, value, one.missing.get(name, ())) for name, value in one.values.items()],
        "unexplained": [unexplained_table(leaf, part) for leaf, part in one.unexplained],
        "findings": [found.to_dict() for found in (*one.findings, *extra)],
    }


def flag_table(flags: Flags, name: str, value: str, missing: Sequence[str]) -> dict[str, Any]:
    spec: Spec = flags.specs[name]
    sets = describe_flag(flags.catalog, spec).get("sets", [])
    grants = [{"name": one["name"], "reg": one["reg"], "bits": one["bits"]} for one in sets]
    return {"name": name, "value": value, "grants": grants, "needs": list(spec.flag.needs) if spec.flag else [], "missing": list(missing)}


def unexplained_table(leaf: str, part: Decoded) -> dict[str, Any]:
    table = {"name": f"{leaf}.{part.name}", "reg": part.register, "bits": part.bits, "raw": part.raw, "meaning": meaning_of(part)}
    return {key: value for key, value in table.items() if value}


def rows_of(table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for one in table["flags"]:
        yield "flag", one["name"], one["value"], " ".join(grant["name"] for grant in one["grants"])
    for one in table["unexplained"]:
        yield "unexplained", one["name"], one["raw"], ""
    for one in table["findings"]:
        yield "!", one["code"], one.get("field", ""), one["text"]


def lines_of(tables: Sequence[Mapping[str, Any]], unexplained: Sequence[Sequence[tuple[str, Decoded]]], style: Style) -> Iterator[str]:
    """The line or lines to be pasted, then what no flag gives, and what else there is to know."""
    for place, (table, parts) in enumerate(zip(tables, unexplained, strict=True)):
        if place:
            yield ""
        yield from table["text"].split("\n") if table["text"] else ["no Hyper-V flag"]
        leaves: dict[str, list[str]] = {}
        for leaf, part in parts:
            shown = value_of(part)
            leaves.setdefault(leaf, []).append(part.name if shown == "1" else f"{part.name} {shown}")
        for leaf, fields in leaves.items():
            yield from loud_lines(f"no flag gives what {leaf} has: {', '.join(fields)}", style)
        for one in table["findings"]:
            yield from loud_lines(one["text"], style)


# What `check` asks


def flag_is(decoder: Decoder, name: str, cpus: Cpus, config: Config | None) -> tuple[Spec, str]:
    """A flag, and its value on a machine: off where it is not on. UsageError for a name that is not a flag."""
    flags = Flags(decoder)
    spec = flags.find(name)
    if spec is None:
        close = alike(name, [*flags.specs], 1)
        raise UsageError(f"no flag {shorten(name)}" + (f"; did you mean {close[0]}?" if close else ""))
    return spec, answer_for(flags, cpus, config).values.get(spec.name, "off")


def is_flag_name(name: str) -> bool:
    return to_key(name).startswith("hv_") and "." not in name


def leaves_everything(config: Config) -> bool:
    return bool(config.open) and config.open[0].name == EVERYTHING
