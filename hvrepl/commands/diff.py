"""diff, check and set: what differs between two values, and whether a value is as it should be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.commands.decode import decode_one, emit_listing
from hvrepl.commands.encode import encode_one, write_value
from hvrepl.commands.inputs.operands import Value, read_values
from hvrepl.commands.inputs.what import Target, find_target, thing_in, to_assignment
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError

if TYPE_CHECKING:
    from hvrepl.render.listing import Listing

CONDITION = re.compile(r"([^=!@]+)(!?=)(.*)", re.DOTALL)


def diff(session: Session, words: Sequence[str]) -> None:
    """diff WHAT A B, or diff cpuid A B of two dumps"""
    if len(words) != 3:
        raise UsageError("diff takes a name and two values: `diff WHAT A B`")
    if words[0].lower() == "cpuid":
        from hvrepl.commands.diff_cpuid import diff_cpuid

        diff_cpuid(session, words[1], words[2])
        return
    target = find_target(session, words[0])
    a, b = (decode_single(session, target, word) for word in words[1:])
    changed = changes_between(a, b)
    if changed:
        session.outcome.note(1)
    emit_listing(session, list_changes(a, b, changed))


def changes_between(a: Decoded, b: Decoded) -> list[dict[str, Any]]:
    """The parts that differ, each as an object."""
    parts_a, parts_b = dict(leaves(a)), dict(leaves(b))
    paths = dict.fromkeys([*parts_a, *parts_b])
    return [changed_part(path, parts_a.get(path), parts_b.get(path)) for path in paths if differ(parts_a.get(path), parts_b.get(path))]


def list_changes(a: Decoded, b: Decoded, changed: Sequence[Mapping[str, Any]]) -> Listing:
    from hvrepl.render.listing import Listing

    table = {"name": a.name, "a": a.raw, "b": b.raw, "changed": changed}
    rows = [(place_text(c), c["name"], said(c, "a"), "→", said(c, "b")) for c in changed]
    return Listing(("place", "name", "a", "", "b"), rows, [table], single=True, roles=("dim", "name", "number", "dim", "number"))


def decode_single(session: Session, target: Target, word: str) -> Decoded:
    found = list(read_values(session, target.found, [word], output=target.output))
    if len(found) != 1:
        raise UsageError(f"{word[:40]!r} holds {len(found)} values; one is expected")
    return decode_one(session, target, found[0])


def differ(a: Decoded | None, b: Decoded | None) -> bool:
    return a is None or b is None or (a.raw, a.meaning) != (b.raw, b.meaning)


def changed_part(path: str, a: Decoded | None, b: Decoded | None) -> dict[str, Any]:
    part = a or b
    assert part is not None
    table: dict[str, Any] = {"name": path}
    table |= {"bits": part.bits} if part.bits else {"offset": part.offset, "size": part.size}
    for key, one in (("a", a), ("b", b)):
        if one:
            table[key] = one.raw
    for key, one in (("a_meaning", a), ("b_meaning", b)):
        if one and one.meaning:
            table[key] = one.meaning
    return table


def place_text(change: Mapping[str, Any]) -> str:
    if "bits" not in change:
        return f"+{change['offset']}"
    high, low = change["bits"]
    return f"{high}:{low}" if high != low else str(high)


def said(change: Mapping[str, Any], key: str) -> str:
    return " ".join(text for text in (change.get(key, "-"), change.get(f"{key}_meaning", "")) if text)


def check(session: Session, words: Sequence[str]) -> None:
    """check WHAT VALUE FIELD=V..."""
    conditions = [match for word in words[1:] if (match := CONDITION.fullmatch(word)) and not re.fullmatch("e[abcd]x", match[1].lower())]
    taken = {match.string for match in conditions}
    values = [word for word in words[1:] if word not in taken]
    if not words or not values or not conditions:
        raise UsageError("check takes a name, a value and conditions: `check WHAT VALUE FIELD=V FIELD!=V`")
    target = find_target(session, words[0])
    checked = []
    for value in read_values(session, target.found, values, output=target.output):
        if value.error:
            raise value.error
        checked.append(check_value(session, target, value, conditions))
    failed = [one for table in checked for one in table["checked"] if not one["ok"]]
    session.outcome.note(1 if failed else 0)
    from hvrepl.render.listing import Listing

    rows = [(target.found.called, one["name"], one["is"], one["wanted"]) for one in failed]
    lines = [f"{target.found.called}: {one['name']} is {one['is']}, {say_wanted(one['wanted'])}" for one in failed]
    emit_listing(session, Listing(("what", "name", "is", "wanted"), rows, checked, single=len(checked) == 1, lines=lambda _: lines))


def say_wanted(wanted: str) -> str:
    return f"not {wanted[1:]}" if wanted.startswith("=") else "which it must not be"


def check_value(session: Session, target: Target, value: Value, conditions: Sequence[re.Match[str]]) -> dict[str, Any]:
    found, data = thing_in(session, target, value.data)
    node = session.decoder.decode(found, data, output=target.output)
    checked = [check_one(session, replace(target, found=found), data, node, match) for match in conditions]
    return {"name": node.name, "raw": node.raw, "checked": checked}


def check_one(session: Session, target: Target, data: bytes, node: Decoded, match: re.Match[str]) -> dict[str, Any]:
    """Whether a condition holds: a field equals what setting it would leave as it is."""
    from hvrepl.codec.encode.assign import Assigner

    path, operator, text = match.groups()
    assigner = Assigner(session.decoder, target.found, output=target.output)
    equal = assigner.assign(data, [to_assignment(f"{path}={text}")]) == data
    told = next(iter(assigner.given)) if len(assigner.given) == 1 else path  # also where it was called otherwise
    part = next((part for where, part in leaves(node) if where == told), node)
    actual = f"{part.raw} {part.meaning}".strip()
    return {"name": path, "wanted": f"{operator}{text}", "is": actual, "ok": equal == (operator == "=")}


def set_fields(session: Session, words: Sequence[str]) -> None:
    """set FIELD=V...: the last value with fields changed, and what that changed."""
    found, data = session.memory.found, session.memory.data
    if found is None:
        raise UsageError("set changes the last value, and there is none yet; decode or encode one first")
    if not words or not all("=" in word for word in words):
        raise UsageError("set takes fields: `set FIELD=VALUE`")
    target = Target(found)
    before = decode_one(session, target, Value("", data))
    after = decode_one(session, target, Value("", encode_one(session, target, data, [to_assignment(word) for word in words])))
    session.write(f"{write_value(target, after.to_bytes())}  {after.summary}".rstrip() + "\n")
    emit_listing(session, list_changes(before, after, changes_between(before, after)))
