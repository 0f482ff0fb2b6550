"""check: whether the fields of a value are as they should be."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hvrepl.commands.checking import CONDITION, check_value, report
from hvrepl.commands.inputs.operands import read_values
from hvrepl.commands.inputs.what import find_target
from hvrepl.commands.session import Session
from hvrepl.errors import HvreplError, UsageError


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


def say_field(session: Session, words: Sequence[str]) -> str:
    """That a condition is one word, where a field stands alone; "" where none does."""
    from hvrepl.commands.inputs.field_words import is_field

    try:
        target = find_target(session, words[0]) if words else None
    except HvreplError:
        return ""
    name = next((word for word in words[1:] if target and is_field(session, target, word)), "")
    return f"; a condition is one word, such as {name.removeprefix('!')}=1" if name else ""
