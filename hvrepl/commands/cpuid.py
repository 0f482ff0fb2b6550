"""cpuid: a whole CPUID dump, this machine's leaves, or those that a guest's flags lead to."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.analysis.cpus import Cpus, LeafSeen, survey, to_cpus
from hvrepl.analysis.flags_to_leaves import Config
from hvrepl.commands.flags import check_version, read_configs, write_flags
from hvrepl.commands.inputs.file_kind import say_command
from hvrepl.commands.inputs.files import read_file, read_rest
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import FileError, UsageError
from hvrepl.readers.cpuid import read_file as read_cpuid_file
from hvrepl.readers.guests.formats import say_root
from hvrepl.record import record, replace
from hvrepl.render.cpuid import Surveyed, has_findings, list_machines
from hvrepl.wording import shorten

MOST_MACHINES = 1000  # each is kept until all are written, and takes a hundred times the memory of its text


@record
class Read:
    """The CPUs of one machine, and the line of the text on which they begin, or 0."""

    cpus: Cpus
    line: int = 0
    config: Config | None = None  # for a guest that is not running yet: its flags, which determine the leaves


def cpuid(session: Session, words: Sequence[str], *, flags: str = "", qemu: str = "") -> None:
    """cpuid [FILE]"""
    if len(words) > 1:
        raise UsageError("cpuid takes one dump, or none for this machine: `cpuid FILE`")
    version = check_version(qemu) if qemu else ""
    dumps = read_dumps(session, words[0], version) if words else [Read(read_machine(session))]
    if flags:
        write_flags(on_x64(session), flags, [(dump.cpus, dump.config) for dump in dumps])
        return
    machines = [survey_one(on_x64(session), dump) for dump in dumps]
    session.note_findings(*map(has_findings, machines))
    emit_listing(session, list_machines(machines))


def survey_one(session: Session, read: Read) -> Surveyed:
    """A machine's leaves; for a guest without the fields that its flags leave to the host."""
    machine = survey(session.decoder, read.cpus)
    opened = {one.name for one in read.config.open if not one.is_likely} if read.config else set()
    if opened:
        machine = replace(machine, leaves=tuple(without(seen, opened) for seen in machine.leaves))
    return Surveyed(machine, read.cpus, read.line, read.config)


def without(seen: LeafSeen, opened: set[str]) -> LeafSeen:
    kept = tuple(part for part in seen.node.fields if f"{seen.node.name}.{part.name}" not in opened)
    return seen if len(kept) == len(seen.node.fields) else replace(seen, node=replace(seen.node, fields=kept, raw=""))


def on_x64(session: Session) -> Session:
    """The session on the only arch with CPUID leaves, whatever the current arch."""
    child = session.child()
    child.set(arch="x64")
    return child


def read_dumps(session: Session, word: str, version: str = "") -> list[Read]:
    """The machines of a dump in a file (FILE or @FILE) or on stdin, or the guests that a file starts, with a version of QEMU."""
    if word == "-" and session.is_script:
        raise UsageError("- is the script itself; give the name of a file")
    raw = read_rest(session) if word == "-" else read_file(word.removeprefix("@"))
    path = "" if word == "-" else word.removeprefix("@")
    configs = read_configs(on_x64(session), raw, path or "stdin", version)
    if configs is not None:
        return [Read(one.cpus, one.guest.line, one) for one in configs]
    try:
        dumps = read_cpuid_file(raw, path or "stdin", session.catalog.spaces["cpuid"])
    except UsageError:
        if root := say_root(raw, path or "stdin"):
            raise UsageError(
                f"{path or 'stdin'}: XML, but neither a CPUID dump nor a libvirt domain: its root is {shorten(root)}"
            ) from None
        other = say_command(session, path, "a CPUID dump")
        if not other:
            raise
        raise UsageError(f"{path}: no CPUID leaf in it; {other}") from None
    if len(dumps) > MOST_MACHINES:
        raise UsageError(f"{path or 'stdin'}: the leaves of {len(dumps):,} machines; at most {MOST_MACHINES:,} are surveyed at once")
    return [Read(to_cpus(dump.cpus), dump.line) for dump in dumps]


def read_machine(session: Session) -> Cpus:
    """The CPUs of this machine, through their devices or Debian's tool. FileError explains why neither works."""
    from hvrepl.readers.device import DEV, Devices, read_cpuid_tool

    numbers = [row.low for row in on_x64(session).catalog.index.all_numbers("cpuid")]
    try:
        return to_cpus(Devices(DEV).read_cpuids(numbers, session.catalog.spaces["cpuid"]))
    except FileError as error:
        try:
            return to_cpus(read_cpuid_tool(session.catalog.spaces["cpuid"]))
        except FileError as other:
            raise FileError(f"{error}; {other}") from None
