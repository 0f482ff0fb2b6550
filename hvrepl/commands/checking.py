"""The conditions of `check`: reads them, compares fields, and reports those that do not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt

from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.commands.inputs.what import Target, to_assignment
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import record

CONDITION = regex(r"([^=!<>@]+)(==|!=|<=|>=|=|<|>)(.*)", re.DOTALL)
# Operators that compare numbers.
HOLDS: Mapping[str, Callable[[int, int], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


@record
class Condition:
    """FIELD=VALUE; `operator` is =, != or one of HOLDS."""

    path: str
    operator: str
    text: str

    @property
    def wanted(self) -> str:
        return f"{self.operator}{self.text}"


def read_condition(word: str) -> Condition | None:
    match = CONDITION.fullmatch(word)
    return Condition(match[1].strip(), match[2].replace("==", "="), match[3]) if match else None


def check_one(session: Session, target: Target, data: bytes, node: Decoded, condition: Condition) -> dict[str, Any]:
    """The JSON object of a condition. A field has a value if setting it changes nothing; < and > compare numbers."""
    from hvrepl.codec.encode.assign import Assigner

    assigner = Assigner(session.decoder, target.found, output=target.output)
    wanted = assigner.assign(data, [to_assignment(f"{condition.path}={condition.text}")])
    path = next(iter(assigner.given)) if len(assigner.given) == 1 else condition.path  # also if the condition has another name of the field
    part = part_at(node, path)
    if condition.operator in HOLDS:
        other = part_at(session.decoder.decode(target.found, wanted, output=target.output), path)
        if part.value is None or other.value is None:
            raise UsageError(f"{condition.path} is not a number that {condition.operator} could compare")
        holds = HOLDS[condition.operator](part.value, other.value)
    else:
        holds = (wanted == data) == (condition.operator == "=")
    return {"name": condition.path, "wanted": condition.wanted, "is": f"{part.raw} {part.meaning}".strip(), "ok": holds}


def part_at(node: Decoded, path: str) -> Decoded:
    return next((part for where, part in leaves(node) if where == path), node)


def report(session: Session, checked: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Lists the conditions that do not hold, each with the name of what was checked; the status is then 1."""
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
