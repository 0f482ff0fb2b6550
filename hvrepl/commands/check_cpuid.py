"""check cpuid: whether a dump, or a guest's configuration, has the expected flags and fields."""

from __future__ import annotations

from collections.abc import Sequence

from hvrepl.analysis.cpus import Cpus, Leaf, common, hyper_v_fields
from hvrepl.analysis.flags import OFF, ON, Flags, is_flag_name, read_value, to_number
from hvrepl.analysis.leaves_to_flags import flags_of
from hvrepl.catalog.alike import alike
from hvrepl.catalog.model import Flag
from hvrepl.commands.checking import HOLDS, Condition, check_one, read_condition, report
from hvrepl.commands.cpuid import Read, on_x64, read_dumps
from hvrepl.commands.inputs.what import Target, find_target
from hvrepl.commands.session import Session
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.hints import Any
from hvrepl.record import replace
from hvrepl.wording import shorten

LEAF_BYTES = 16
OF_HOST = {"is": "left to the host", "ok": False}


def check_cpuid(session: Session, words: Sequence[str]) -> None:
    """check cpuid FILE FLAG=V LEAF.FIELD=V..."""
    conditions = [condition for word in words[1:] if (condition := read_condition(word))]
    if not conditions or len(conditions) < len(words) - 1:
        other = next((word for word in words[1:] if not read_condition(word)), "")
        hint = f"; a condition is one word, such as {shorten(other)}=on" if other else ""
        raise UsageError("check cpuid takes a file and conditions: `check cpuid FILE hv-stimer=on LEAF.FIELD=1`" + hint)
    here = on_x64(session)
    name = words[0].removeprefix("@") if words[0] != "-" else "stdin"
    machines = read_dumps(session, words[0])
    checked = []
    for number, one in enumerate(machines, 1):
        called = name if len(machines) == 1 else f"{name} {one.config.guest.name if one.config and one.config.guest.name else number}"
        table = {"name": "cpuid", "file": name, "checked": [check_machine(here, one, condition) for condition in conditions]}
        checked.append((called, table))
    report(session, checked)


def check_machine(session: Session, read: Read, condition: Condition) -> dict[str, Any]:
    if is_flag_name(condition.path):
        return check_flag(session, read, condition)
    leaf, _, field = condition.path.partition(".")
    if not field:
        leaf, field = leaf_with(session, read.cpus, condition.path), condition.path
    target = find_leaf_target(session, leaf)
    table = {"name": condition.path, "wanted": condition.wanted}
    if read.config and read.config.is_open(f"{target.found.name}.{field}"):
        return table | OF_HOST
    data = data_of(target, read.cpus)
    if data is None:
        return table | {"is": f"missing: there is no leaf {target.found.name}", "ok": False}
    node = session.decoder.decode(target.found, data)
    return check_one(session, target, data, node, replace(condition, path=field)) | table


def check_flag(session: Session, read: Read, condition: Condition) -> dict[str, Any]:
    flags = Flags(session.decoder)
    name = flags.find(condition.path)
    if not name:
        raise UsageError(f"no flag {shorten(condition.path)}{flags.suggest(condition.path)}")
    condition = replace(condition, text=condition.text.strip())
    table = {"name": condition.path, "wanted": condition.wanted}
    if read.config and read.config.leaves_everything and name not in read.config.values:
        return table | OF_HOST
    actual = flags_of(flags, read.cpus, read.config).values.get(name, OFF)
    return table | {"is": actual, "ok": holds(name, flags[name], actual, condition)}


def holds(name: str, flag: Flag, actual: str, condition: Condition) -> bool:
    """Whether a condition on a flag holds: its value, on or off, or the order of numbers."""
    if condition.operator in HOLDS:
        if flag.reads != "number":
            raise UsageError(f"{name} is not a number that {condition.operator} could compare")
        wanted = read_wanted(name, flag, condition.text)
        return OFF not in (actual, wanted) and HOLDS[condition.operator](to_number(flag, actual), to_number(flag, wanted))
    if condition.text in (ON, OFF) and flag.reads in ("number", "text"):
        is_alike = (actual == OFF) == (condition.text == OFF)
    else:
        is_alike = actual == read_wanted(name, flag, condition.text)
    return is_alike == (condition.operator == "=")


def read_wanted(name: str, flag: Flag, text: str) -> str:
    value, fault = read_value(name, flag, text)
    if fault:
        raise UsageError(fault)
    return value


def find_leaf_target(session: Session, leaf: str) -> Target:
    target = find_target(session, leaf)
    if target.found.spec.kind != "cpuid":
        raise UsageError(f"{shorten(leaf)} is not a CPUID leaf")
    return replace(target, found=session.catalog.find_name(target.found.spec.name, "cpuid"))


def leaf_with(session: Session, cpus: Cpus, field: str) -> str:
    """The only leaf of a machine that has a field with this name."""
    fields = hyper_v_fields(session.decoder, cpus)
    leaves = list(dict.fromkeys(leaf for path, (leaf, _) in fields.items() if path.partition(".")[2] == field))
    if len(leaves) > 1:
        raise UsageError(f"{shorten(field)} is a field of {len(leaves)} leaves; write it with one: {leaves[0]}.{field}")
    if not leaves:
        close = alike(field, [path.partition(".")[2] for path in fields], 1)
        raise NotFoundError(f"no flag, and no field of these leaves: {shorten(field)}" + (f"; did you mean {close[0]}?" if close else ""))
    return leaves[0]


def data_of(target: Target, cpus: Cpus) -> bytes | None:
    """The leaf as most CPUs have it."""
    key: Leaf = (target.found.number or 0, 0)
    readings = {cpu: seen[key] for cpu, seen in cpus.items() if key in seen}
    whole = common(readings).whole if readings else None
    return None if whole is None else whole.to_bytes(LEAF_BYTES, "little")
