"""diff: the fields in which two values differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.commands.decode import decode_value
from hvrepl.commands.inputs.operands import read_values
from hvrepl.commands.inputs.what import Target, find_target
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError

if TYPE_CHECKING:
    from hvrepl.render.listing import Listing
    from hvrepl.render.style import Style


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
    emit_listing(session, list_changes(a, b, changed, is_headed=True))


def changes_between(a: Decoded, b: Decoded) -> list[dict[str, Any]]:
    """The parts that differ, each as an object."""
    parts_a, parts_b = dict(leaves(a)), dict(leaves(b))
    paths = dict.fromkeys([*parts_a, *parts_b])
    return [changed_part(path, parts_a.get(path), parts_b.get(path)) for path in paths if differ(parts_a.get(path), parts_b.get(path))]


def list_changes(a: Decoded, b: Decoded, changed: Sequence[Mapping[str, Any]], *, is_headed: bool = False) -> Listing:
    """The parts that differ; for people under a heading with both values, if it is not said before."""
    from hvrepl.render.listing import Listing

    table = {"name": a.name, "a": a.raw, "b": b.raw, "changed": changed}
    rows = [(place_text(c), c["name"], said(c, "a"), "→", said(c, "b")) for c in changed]
    headers = ("place", "name", "a", "", "b")
    return Listing(headers, rows, [table], single=True, lines=lambda style: change_lines(a, b, style, is_headed=is_headed))


def change_lines(a: Decoded, b: Decoded, style: Style, *, is_headed: bool) -> Iterator[str]:
    """The same as text. A script finds only the parts that differ, so that nothing means no difference."""
    from hvrepl.render.comparison import changes, compare, heading_of

    rows = [row for row in compare((a, b)) if row.differs]
    if style.is_terminal and is_headed:
        yield from heading_of((a, b), ("A", "B"), style)
        yield "" if rows else "  no field differs"
    yield from changes(rows, style)


def decode_single(session: Session, target: Target, word: str) -> Decoded:
    found = list(read_values(session, target.found, [word], output=target.output))
    if len(found) != 1:
        raise UsageError(f"{word[:40]!r} holds {len(found)} values; expected one")
    return decode_value(session, target, found[0])


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
