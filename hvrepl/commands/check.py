"""check: whether the fields of a value have the expected values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.commands.checking import Condition, check_one, read_condition, report
from hvrepl.commands.inputs.operands import Value, read_values
from hvrepl.commands.inputs.what import Target, find_target, thing_in
from hvrepl.commands.session import Session
from hvrepl.errors import HvreplError, UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import replace

REGISTER = regex("e[abcd]x[=!<>]", re.IGNORECASE)


def check(session: Session, words: Sequence[str]) -> None:
    """check WHAT VALUE FIELD=V..., or check cpuid FILE FLAG=V..."""
    if words and words[0].lower() == "cpuid":
        from hvrepl.commands.check_cpuid import check_cpuid

        check_cpuid(session, words[1:])
        return
    conditions = [condition for word in words[1:] if (condition := condition_in(word))]
    values = [word for word in words[1:] if not condition_in(word)]
    if not words or not values or not conditions:
        raise UsageError("check takes a name, a value and conditions: `check WHAT VALUE FIELD=V FIELD!=V`" + say_field(session, words))
    target = find_target(session, words[0])
    checked = []
    for value in read_values(session, target.found, values, output=target.output):
        if value.error:
            raise value.error
        checked.append(check_value(session, target, value, conditions))
    report(session, [(target.found.called, table) for table in checked])


def condition_in(word: str) -> Condition | None:
    """The condition in a word; eax=1 is part of a value."""
    return None if REGISTER.match(word) else read_condition(word)


def check_value(session: Session, target: Target, value: Value, conditions: Sequence[Condition]) -> dict[str, Any]:
    found, data = thing_in(session, target, value.data)
    node = session.decoder.decode(found, data, output=target.output)
    checked = [check_one(session, replace(target, found=found), data, node, condition) for condition in conditions]
    return {"name": node.name, "raw": node.raw, "checked": checked}


def say_field(session: Session, words: Sequence[str]) -> str:
    """A hint that a condition is one word, if there is a field alone; otherwise ""."""
    from hvrepl.commands.inputs.field_words import is_field

    try:
        target = find_target(session, words[0]) if words else None
    except HvreplError:
        return ""
    name = next((word for word in words[1:] if target and is_field(session, target, word)), "")
    return f"; a condition is one word, such as {name.removeprefix('!')}=1" if name else ""
