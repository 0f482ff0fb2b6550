"""diff of two CPUID dumps: every leaf and field that differs, and on which CPUs where it is not all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hvrepl.analysis.cpus import Cpus, Leaf, Owners, Reading, decode_leaf, raw_leaf, say_cpus
from hvrepl.analysis.flags import is_flag_name
from hvrepl.analysis.flags_to_leaves import EVERYTHING, Config
from hvrepl.codec.decoded import Decoded, leaves
from hvrepl.commands.cpuid import Read, on_x64, read_dumps
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.render.comparison import Compared, changes
from hvrepl.render.listing import Listing
from hvrepl.render.screen import meaning_of, place_of, value_of
from hvrepl.render.style import Style, align, wrap

HEADERS = ("name", "place", "a", "", "b", "cpus")
ROLES = ("name", "dim", "number", "dim", "number", "dim")


def diff_cpuid(session: Session, a: str, b: str) -> None:
    """diff cpuid A B"""
    on_a, on_b = read_dumps(session, a), read_dumps(session, b)
    for word, reads in ((a, on_a), (b, on_b)):
        if any(one.config and one.config.leaves_everything for one in reads):
            session.warn(f"{word.removeprefix('@')} leaves every leaf to the host: no leaf can be compared")
    if len(on_a) != len(on_b):
        counts = (f"{word.removeprefix('@')} has {count_machines(len(dumps))}" for word, dumps in ((a, on_a), (b, on_b)))
        raise UsageError(f"{', '.join(counts)}; compare dumps of one machine each")
    changed = []
    not_compared: dict[str, None] = {}
    for number, (one, other) in enumerate(zip(on_a, on_b, strict=True), 1):
        machine = {"machine": number} if len(on_a) > 1 else {}
        opened = names_open(one, other)
        cpus_a, cpus_b = one.cpus, other.cpus
        if one.config or other.config:  # flags decide nothing of the processor's own leaves
            cpus_a, cpus_b = of_hypervisor(session, cpus_a), of_hypervisor(session, cpus_b)
        found = [*flag_changes(one.config, other.config), *changes_between(on_x64(session), cpus_a, cpus_b, opened)]
        changed += [machine | change for change in found if not is_open(change["name"], opened)]
        not_compared |= dict.fromkeys(opened)
    if changed:
        session.outcome.note(1)
    rows = [(one["name"], place_in(one), said(one, "a"), "→", said(one, "b"), cpus_in(one)) for one in changed]
    files = (a.removeprefix("@"), b.removeprefix("@"))
    table = {"name": "cpuid", "a": files[0], "b": files[1], "changed": changed, **({"host": list(not_compared)} if not_compared else {})}
    emit_listing(
        session, Listing(HEADERS, rows, [table], single=True, lines=lambda style: change_lines(rows, files, style, list(not_compared)))
    )


def names_open(*reads: Read) -> list[str]:
    """What one of the machines leaves to the host, so that it cannot be compared."""
    return list(dict.fromkeys(part.name for one in reads if one.config for part in one.config.open))


def is_open(name: str, opened: Sequence[str]) -> bool:
    return not is_flag_name(name) and (EVERYTHING in opened or name in opened)


def of_hypervisor(session: Session, cpus: Cpus) -> Cpus:
    is_hypervisors = session.catalog.spaces["cpuid"].is_hypervisors
    return {cpu: {key: leaf for key, leaf in seen.items() if is_hypervisors(key[0])} for cpu, seen in cpus.items()}


def flag_changes(a: Config | None, b: Config | None) -> Iterator[dict[str, Any]]:
    """The flags that differ, where both are guests that are given flags."""
    if a is None or b is None:
        return
    for name in dict.fromkeys([*a.values, *b.values]):
        if a.values.get(name) != b.values.get(name):
            yield {"name": name, "a_meaning": a.values.get(name, "off"), "b_meaning": b.values.get(name, "off")}


def change_lines(rows: Sequence[Sequence[str]], files: Sequence[str], style: Style, not_compared: Sequence[str] = ()) -> Iterator[str]:
    """For scripts a row a difference, with its leaf; on a terminal the fields of each leaf under its name."""
    if not style.is_terminal:
        yield from align(rows, style, ROLES)
        return
    yield style.paint("name", "CPUID leaves")
    yield from align(list(zip("AB", files, strict=True)), style, ("dim", ""))
    if not rows:
        yield "  no field differs"
    leaves_changed: dict[str, list[Compared]] = {}
    for name, place, a, _, b, cpus in rows:
        leaf, _, field = ("QEMU flags", "", name) if is_flag_name(name) else name.partition(".")
        leaves_changed.setdefault(leaf, []).append(Compared(place, field or "all of it", (a, b), differs=True, note=cpus))
    for leaf, parts in leaves_changed.items():
        yield from ("", style.paint("name", leaf), *changes(parts, style))
    if not_compared and EVERYTHING not in not_compared:
        yield from ("", *wrap(f"left to the host, so not compared: {', '.join(not_compared)}", style.width, "", "  "))


def count_machines(count: int) -> str:
    return "one machine" if count == 1 else f"{count} machines"


def changes_between(session: Session, on_a: Cpus, on_b: Cpus, opened: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Each difference once, in the order of the leaves; dumps without a CPU in common are compared by their first ones."""
    shared = sorted(set(on_a) & set(on_b))
    pairs = [(on_a[cpu], on_b[cpu]) for cpu in shared] or [(next(iter(on_a.values())), next(iter(on_b.values())))]
    owners = (Owners(session.decoder, on_a), Owners(session.decoder, on_b))
    space = session.catalog.spaces["cpuid"]
    for key in sorted({key for pair in pairs for seen in pair for key in seen if f"cpuid:{space.write(key[0])}" not in opened}):
        found: dict[str, list[int]] = {}
        for place, (a, b) in enumerate(pairs):
            for change in changes_in(session, key, (a.get(key), b.get(key)), owners):
                found.setdefault(json.dumps(change), []).append(shared[place] if shared else 0)
        for text, cpus in found.items():
            yield json.loads(text) | ({"cpus": cpus} if len(cpus) < len(pairs) else {})


def changes_in(
    session: Session, key: Leaf, readings: tuple[Reading | None, Reading | None], owners: tuple[Owners, Owners]
) -> Iterator[dict[str, Any]]:
    """The fields of one leaf that differ; of a leaf that one of them lacks, all of it at once.

    Where the leaf means something else on each, its registers are compared.
    """
    if readings[0] == readings[1] and owners[0].of(key[0]) == owners[1].of(key[0]):
        return
    node_a, node_b = (decode_leaf(session.decoder, key, one, owner) if one else None for one, owner in zip(readings, owners, strict=True))
    node = node_a or node_b
    assert node
    if node_a is None or node_b is None:
        yield {"name": node.name, "a" if node_a else "b": node.raw}
        return
    if node_a.name != node_b.name:
        node, node_a, node_b = (raw_leaf(session.decoder, key, one) for one in (readings[0], *readings) if one)
    parts_a, parts_b = dict(leaves(node_a)), dict(leaves(node_b))
    for path in dict.fromkeys([*parts_a, *parts_b]):
        one, other = parts_a.get(path), parts_b.get(path)
        if one is None or other is None or one.raw != other.raw:
            yield changed_field(f"{node.name}.{path}", one, other)


def changed_field(name: str, a: Decoded | None, b: Decoded | None) -> dict[str, Any]:
    part = a or b
    assert part
    table: dict[str, Any] = {"name": name, "reg": part.register, "bits": part.bits}
    table |= {key: one.raw for key, one in (("a", a), ("b", b)) if one}
    table |= {f"{key}_meaning": meaning_of(one) for key, one in (("a", a), ("b", b)) if one and meaning_of(one)}
    return table


def place_in(change: Mapping[str, Any]) -> str:
    bits = change.get("bits")
    return place_of(Decoded(name="", register=change["reg"], bits=(bits[0], bits[1]))) if bits else ""


def said(change: Mapping[str, Any], key: str) -> str:
    """The value with its meaning; a dash where there is none."""
    if key not in change:
        return str(change.get(f"{key}_meaning", "-"))
    if not change[key]:
        return "part of it cannot be read"
    bits = change.get("bits", (0, 1))
    part = Decoded(name="", raw=change[key], value=int(change[key], 16), bits=(bits[0], bits[1]))
    return " ".join(text for text in (value_of(part), change.get(f"{key}_meaning", "")) if text)


def cpus_in(change: Mapping[str, Any]) -> str:
    machine = f"machine {change['machine']}" if "machine" in change else ""
    return ", ".join(text for text in (machine, say_cpus(change["cpus"]) if "cpus" in change else "") if text)
