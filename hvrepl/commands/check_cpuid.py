"""check cpuid: whether a dump, or a guest's configuration, has the flags and the fields of leaves that it should have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hvrepl.analysis.cpus import Cpus, Leaf, common
from hvrepl.analysis.enlightenments import Config, read_value
from hvrepl.catalog.alike import alike
from hvrepl.commands.checking import CONDITION, HOLDS, check_one, report
from hvrepl.commands.cpuid import Read, on_x64, read_dumps
from hvrepl.commands.diff_cpuid import is_open
from hvrepl.commands.flags import flag_is, is_flag_name, leaves_everything
from hvrepl.commands.inputs.what import Target, find_target
from hvrepl.commands.session import Session
from hvrepl.digits import to_int
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.record import replace
from hvrepl.wording import shorten

LEAF_BYTES = 16


def check_cpuid(session: Session, words: Sequence[str]) -> None:
    """check cpuid FILE FLAG=V LEAF.FIELD=V..."""
    conditions = [match for word in words[1:] if (match := CONDITION.fullmatch(word))]
    if not conditions or len(conditions) < len(words) - 1:
        other = next((word for word in words[1:] if not CONDITION.fullmatch(word)), "")
        hint = f"; a condition is one word, such as {shorten(other)}=on" if other else ""
        raise UsageError("check cpuid takes a file and conditions: `check cpuid FILE hv-stimer=on LEAF.FIELD=1`" + hint)
    here = on_x64(session)
    name = words[0].removeprefix("@") if words[0] != "-" else "stdin"
    machines = read_dumps(session, words[0])
    checked = []
    for number, one in enumerate(machines, 1):
        called = name if len(machines) == 1 else f"{name} {one.config.guest.name if one.config and one.config.guest.name else number}"
        table = {"name": "cpuid", "file": name, "checked": [check_machine(here, one, match) for match in conditions]}
        checked.append((called, table))
    report(session, checked)


def check_machine(session: Session, read: Read, match: re.Match[str]) -> dict[str, Any]:
    name = match[1].strip()
    if is_flag_name(name):
        return check_flag(session, read.cpus, read.config, match)
    leaf, _, field = name.partition(".")
    if not field:
        leaf, field = leaf_with(session, read.cpus, name), name
    target = find_leaf_target(session, leaf)
    wanted = f"{match[2].replace('==', '=')}{match[3]}"
    path = f"{target.found.name}.{field}"
    if read.config and is_open(path, [one.name for one in read.config.open]):
        return {"name": name, "wanted": wanted, "is": "left to the host", "ok": False}
    data = data_of(target, read.cpus)
    if data is None:
        return {"name": name, "wanted": wanted, "is": f"missing: there is no leaf {target.found.name}", "ok": False}
    node = session.decoder.decode(target.found, data)
    again = CONDITION.fullmatch(f"{field}{match[2]}{match[3]}")
    assert again
    return check_one(session, target, data, node, again) | {"name": name}


def check_flag(session: Session, cpus: Cpus, config: Config | None, match: re.Match[str]) -> dict[str, Any]:
    """Whether a flag has a value, or is on or off; numbers are compared."""
    operator, text = match[2].replace("==", "="), match[3].strip()
    spec, actual = flag_is(session.decoder, match[1].strip(), cpus, config)
    table = {"name": match[1].strip(), "wanted": f"{operator}{text}", "is": actual}
    if config and leaves_everything(config) and spec.name not in config.values:
        return table | {"is": "left to the host", "ok": False}
    is_number = bool(spec.flag and spec.flag.reads == "number")
    if operator in HOLDS:
        if not is_number:
            raise UsageError(f"{spec.name} is not a number that {operator} could compare")
        wanted, fault = read_value(spec, text)
        if fault:
            raise UsageError(fault)
        return table | {"ok": "off" not in (actual, wanted) and HOLDS[operator](number_of(actual), number_of(wanted))}
    if text in ("on", "off") and spec.flag and spec.flag.reads in ("number", "text"):
        holds = (actual == "off") == (text == "off")
    else:
        wanted, fault = read_value(spec, text)
        if fault:
            raise UsageError(fault)
        holds = actual == wanted
    return table | {"ok": holds == (operator == "=")}


def number_of(text: str) -> int:
    return to_int(text, 16 if text[:2] == "0x" else 10)


def find_leaf_target(session: Session, leaf: str) -> Target:
    target = find_target(session, leaf)
    if target.found.spec.kind != "cpuid":
        raise UsageError(f"{shorten(leaf)} is not a CPUID leaf")
    return replace(target, found=session.catalog.find_name(target.found.spec.name, "cpuid"))


def leaf_with(session: Session, cpus: Cpus, field: str) -> str:
    """The leaf of a machine that alone has a field of the name."""
    from hvrepl.analysis.enlightenments import Flags

    fields = Flags(session.decoder).fields_of(cpus)
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
    readings: Mapping[int, Any] = {cpu: seen[key] for cpu, seen in cpus.items() if key in seen}
    whole = common(readings).whole if readings else None
    return None if whole is None else whole.to_bytes(LEAF_BYTES, "little")
