"""diff of two CPUID dumps: every leaf and field that differs, and on which CPUs unless on all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from hvrepl.analysis.cpus import Cpus, Leaf, Owners, Reading, decode_leaf, raw_leaf
from hvrepl.analysis.flags import is_flag_name
from hvrepl.analysis.flags_to_leaves import EVERYTHING, Config
from hvrepl.codec.decoded import leaves
from hvrepl.commands.cpuid import Read, on_x64, read_dumps
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.hints import Any
from hvrepl.render.changes import describe_field_change, list_cpuid_changes


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
        if one.config or other.config:  # flags do not affect the processor's own leaves
            cpus_a, cpus_b = of_hypervisor(session, cpus_a), of_hypervisor(session, cpus_b)
        found = [*flag_changes(one.config, other.config), *changes_between(on_x64(session), cpus_a, cpus_b, opened)]
        changed += [machine | change for change in found if not is_open(change["name"], opened)]
        not_compared |= dict.fromkeys(opened)
    if changed:
        session.outcome.note(1)
    emit_listing(session, list_cpuid_changes(changed, (a.removeprefix("@"), b.removeprefix("@")), list(not_compared)))


def names_open(*reads: Read) -> list[str]:
    """Names that one of the machines leaves to the host, so that they cannot be compared."""
    return list(dict.fromkeys(part.name for one in reads if one.config for part in one.config.open))


def is_open(name: str, opened: Sequence[str]) -> bool:
    return not is_flag_name(name) and (EVERYTHING in opened or name in opened)


def of_hypervisor(session: Session, cpus: Cpus) -> Cpus:
    is_hypervisors = session.catalog.spaces["cpuid"].is_hypervisors
    return {cpu: {key: leaf for key, leaf in seen.items() if is_hypervisors(key[0])} for cpu, seen in cpus.items()}


def flag_changes(a: Config | None, b: Config | None) -> Iterator[dict[str, Any]]:
    """The flags that differ between two guests."""
    if a is None or b is None:
        return
    for name in dict.fromkeys([*a.values, *b.values]):
        if a.values.get(name) != b.values.get(name):
            yield {"name": name, "a_meaning": a.values.get(name, "off"), "b_meaning": b.values.get(name, "off")}


def count_machines(count: int) -> str:
    return "one machine" if count == 1 else f"{count} machines"


def changes_between(session: Session, on_a: Cpus, on_b: Cpus, opened: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Each difference once, in the order of the leaves. Dumps without a CPU in common are compared by their first CPUs."""
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
    """The fields of one leaf that differ; a leaf that one of them lacks is one difference.

    If the leaf has another meaning on each, its registers are compared.
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
            yield describe_field_change(f"{node.name}.{path}", one, other)
