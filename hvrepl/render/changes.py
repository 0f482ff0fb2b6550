"""The differences between two values, or two CPUID dumps, in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hvrepl.analysis.cpus import say_cpus
from hvrepl.analysis.flags_to_leaves import EVERYTHING
from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.hints import Any
from hvrepl.render.comparison import Compared, changes, compare, heading_of
from hvrepl.render.definition import place_of
from hvrepl.render.listing import Listing
from hvrepl.render.parts import meaning_of
from hvrepl.render.style import Style, align, wrap

CPUID_ROLES = ("name", "dim", "number", "dim", "number", "dim")
FLAGS = "QEMU flags"


def list_changes(a: Decoded, b: Decoded, *, is_headed: bool = False) -> Listing:
    """The parts that differ between two values; for people under a heading with both values if `is_headed`."""
    changed = list(changes_between(a, b))
    table = {"name": a.name, "a": a.raw, "b": b.raw, "changed": changed}
    rows = [(place_of(one), one["name"], said(one, "a"), "→", said(one, "b")) for one in changed]
    headers = ("place", "name", "a", "", "b")
    return Listing(headers, rows, [table], single=True, lines=lambda style: change_lines(a, b, style, is_headed=is_headed))


def changes_between(a: Decoded, b: Decoded) -> Iterator[dict[str, Any]]:
    parts_a, parts_b = dict(leaves(a)), dict(leaves(b))
    for path in dict.fromkeys([*parts_a, *parts_b]):
        one, other = parts_a.get(path), parts_b.get(path)
        if one is None or other is None or (one.raw, one.meaning) != (other.raw, other.meaning):
            part = one or other
            assert part
            place = {"bits": part.bits} if part.bits else {"offset": part.offset, "size": part.size}
            yield describe_change(path, place, one, other, lambda part: part.meaning)


def describe_change(
    name: str, place: Mapping[str, Any], a: Decoded | None, b: Decoded | None, say: Callable[[Decoded], str]
) -> dict[str, Any]:
    """The JSON object of a part that differs: its place, both values and their meanings."""
    there = [(key, one) for key, one in (("a", a), ("b", b)) if one]
    meanings = {f"{key}_meaning": say(one) for key, one in there}
    return {"name": name, **place, **{key: one.raw for key, one in there}, **{key: text for key, text in meanings.items() if text}}


def describe_field_change(name: str, a: Decoded | None, b: Decoded | None) -> dict[str, Any]:
    """The JSON object of a field of a leaf that differs."""
    part = a or b
    assert part
    return describe_change(name, {"reg": part.register, "bits": part.bits}, a, b, meaning_of)


def said(change: Mapping[str, Any], key: str) -> str:
    return " ".join(text for text in (change.get(key, "-"), change.get(f"{key}_meaning", "")) if text)


def change_lines(a: Decoded, b: Decoded, style: Style, *, is_headed: bool) -> Iterator[str]:
    """The same as text. A script gets only the parts that differ, so no output means no difference."""
    rows = [row for row in compare((a, b)) if row.differs]
    if style.is_terminal and is_headed:
        yield from heading_of((a, b), ("A", "B"), style)
        yield "" if rows else "  no field differs"
    yield from changes(rows, style)


def list_cpuid_changes(changed: Sequence[Mapping[str, Any]], files: tuple[str, str], not_compared: Sequence[str]) -> Listing:
    """The differences between two dumps: flags, fields, and leaves that one of them lacks. The host decides those in `not_compared`."""
    rows = [row_in_leaf(one) for one in changed]
    table = {"name": "cpuid", "a": files[0], "b": files[1], "changed": changed, **({"host": not_compared} if not_compared else {})}
    headers = ("name", "place", "a", "", "b", "cpus")

    def lines(style: Style) -> Iterator[str]:
        return cpuid_lines(changed, files, not_compared, style) if style.is_terminal else iter(align(rows, style, CPUID_ROLES))

    return Listing(headers, rows, [table], single=True, lines=lines)


def cpuid_lines(changed: Sequence[Mapping[str, Any]], files: tuple[str, str], not_compared: Sequence[str], style: Style) -> Iterator[str]:
    """The fields of each leaf under its name."""
    yield style.paint("name", "CPUID leaves")
    yield from align(list(zip("AB", files, strict=True)), style, ("dim", ""))
    if not changed:
        yield "  no field differs"
    leaves_changed: dict[str, list[Compared]] = {}
    for one in changed:
        name, place, a, _, b, cpus = row_in_leaf(one)
        leaf, _, field = name.partition(".") if "a" in one or "b" in one else (FLAGS, "", name)
        leaves_changed.setdefault(leaf, []).append(Compared(place, field or "all of it", (a, b), differs=True, note=cpus))
    for leaf, parts in leaves_changed.items():
        yield from ("", style.paint("name", leaf), *changes(parts, style))
    if not_compared and EVERYTHING not in not_compared:
        yield from ("", *wrap(f"left to the host, so not compared: {', '.join(not_compared)}", style.width, "", "  "))


def row_in_leaf(change: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a difference; a flag, or a whole leaf, has no place."""
    place = place_of(change) if change.get("bits") else ""
    return change["name"], place, said_in_leaf(change, "a"), "→", said_in_leaf(change, "b"), cpus_in(change)


def said_in_leaf(change: Mapping[str, Any], key: str) -> str:
    """A value with its meaning, a single bit as 1 or 0; a dash if there is none."""
    if key not in change:
        return str(change.get(f"{key}_meaning", "-"))
    if not change[key]:
        return "part of it cannot be read"
    high, low = change.get("bits", (1, 0))
    value = str(int(change[key], 16)) if high == low else change[key]
    return " ".join(text for text in (value, change.get(f"{key}_meaning", "")) if text)


def cpus_in(change: Mapping[str, Any]) -> str:
    machine = f"machine {change['machine']}" if "machine" in change else ""
    return ", ".join(text for text in (machine, say_cpus(change["cpus"]) if "cpus" in change else "") if text)
