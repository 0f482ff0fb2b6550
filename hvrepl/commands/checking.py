"""What `check` does with each condition: whether a field is as it should be, and what is said where it is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.commands.inputs.operands import Value
from hvrepl.commands.inputs.what import Target, thing_in, to_assignment
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.record import replace

CONDITION = re.compile(r"([^=!<>@]+)(==|!=|<=|>=|=|<|>)(.*)", re.DOTALL)
# Operator → whether it holds, and what is said where it does not.
HOLDS: Mapping[str, Callable[[int, int], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def report(session: Session, checked: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """What does not hold of each thing that was checked, under what it is called; the status is 1 if anything does not."""
    from hvrepl.render.listing import Listing

    failed = [(called, one) for called, table in checked for one in table["checked"] if not one["ok"]]
    session.outcome.note(1 if failed else 0)
    rows = [(called, one["name"], one["is"], one["wanted"]) for called, one in failed]
    lines = [f"{called}: {one['name']} is {one['is']}, {say_wanted(one['wanted'])}" for called, one in failed]
    tables = [table for _, table in checked]
    emit_listing(session, Listing(("what", "name", "is", "wanted"), rows, tables, single=len(tables) == 1, lines=lambda _: lines))


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
