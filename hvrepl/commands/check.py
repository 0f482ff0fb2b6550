"""check: whether the fields of a value are as they should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.commands.inputs.operands import Value, read_values
from hvrepl.commands.inputs.what import Target, find_target, thing_in, to_assignment
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import HvreplError, UsageError
from hvrepl.record import replace

CONDITION = re.compile(r"([^=!<>@]+)(==|!=|<=|>=|=|<|>)(.*)", re.DOTALL)
# Operator → whether it holds, and what is said where it does not.
HOLDS: Mapping[str, Callable[[int, int], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def check(session: Session, words: Sequence[str]) -> None:
    """check WHAT VALUE FIELD=V..., or check cpuid FILE FLAG=V..."""
    if words and words[0].lower() == "cpuid":
        from hvrepl.commands.check_cpuid import check_cpuid

        check_cpuid(session, words[1:])
        return
    conditions = [match for word in words[1:] if (match := CONDITION.fullmatch(word)) and not re.fullmatch("e[abcd]x", match[1].lower())]
    taken = {match.string for match in conditions}
    values = [word for word in words[1:] if word not in taken]
    if not words or not values or not conditions:
        raise UsageError("check takes a name, a value and conditions: `check WHAT VALUE FIELD=V FIELD!=V`" + say_field(session, words))
    target = find_target(session, words[0])
    checked = []
    for value in read_values(session, target.found, values, output=target.output):
        if value.error:
            raise value.error
        checked.append(check_value(session, target, value, conditions))
    report(session, [(target.found.called, table) for table in checked])


def report(session: Session, checked: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """What does not hold of each thing that was checked, under what it is called; the status is 1 if anything does not."""
    from hvrepl.render.listing import Listing

    failed = [(called, one) for called, table in checked for one in table["checked"] if not one["ok"]]
    session.outcome.note(1 if failed else 0)
    rows = [(called, one["name"], one["is"], one["wanted"]) for called, one in failed]
    lines = [f"{called}: {one['name']} is {one['is']}, {say_wanted(one['wanted'])}" for called, one in failed]
    tables = [table for _, table in checked]
    emit_listing(session, Listing(("what", "name", "is", "wanted"), rows, tables, single=len(tables) == 1, lines=lambda _: lines))


def say_field(session: Session, words: Sequence[str]) -> str:
    """That a condition is one word, where a field stands alone; "" where none does."""
    from hvrepl.commands.inputs.field_words import is_field

    try:
        target = find_target(session, words[0]) if words else None
    except HvreplError:
        return ""
    name = next((word for word in words[1:] if target and is_field(session, target, word)), "")
    return f"; a condition is one word, such as {name.removeprefix('!')}=1" if name else ""


def say_wanted(wanted: str) -> str:
    if wanted.startswith("!="):
        return "which it must not be"
    return f"not {wanted.removeprefix('=')}"


def check_value(session: Session, target: Target, value: Value, conditions: Sequence[re.Match[str]]) -> dict[str, Any]:
    found, data = thing_in(session, target, value.data)
    node = session.decoder.decode(found, data, output=target.output)
    checked = [check_one(session, replace(target, found=found), data, node, match) for match in conditions]
    return {"name": node.name, "raw": node.raw, "checked": checked}


def check_one(session: Session, target: Target, data: bytes, node: Decoded, match: re.Match[str]) -> dict[str, Any]:
    """Whether a condition holds: a field equals what setting it would leave as it is; its order is that of the numbers."""
    from hvrepl.codec.encode.assign import Assigner

    path, operator, text = match[1].strip(), match[2].replace("==", "="), match[3]
    assigner = Assigner(session.decoder, target.found, output=target.output)
    wanted = assigner.assign(data, [to_assignment(f"{path}={text}")])
    told = next(iter(assigner.given)) if len(assigner.given) == 1 else path  # also where it was called otherwise
    part = part_at(node, told)
    if operator in HOLDS:
        other = part_at(session.decoder.decode(target.found, wanted, output=target.output), told)
        if part.value is None or other.value is None:
            raise UsageError(f"{path} is not a number that {operator} could compare")
        holds = HOLDS[operator](part.value, other.value)
    else:
        holds = (wanted == data) == (operator == "=")
    actual = f"{part.raw} {part.meaning}".strip()
    return {"name": path, "wanted": f"{operator}{text}", "is": actual, "ok": holds}


def part_at(node: Decoded, path: str) -> Decoded:
    return next((part for where, part in leaves(node) if where == path), node)
