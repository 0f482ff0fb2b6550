"""The identity of a decoded thing, without its value: its name and kind, and its number on its arch."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.index import reach
from hvrepl.catalog.model import COMMON, Space, fill
from hvrepl.codec.decoded import Finding
from hvrepl.hints import Any


class Heading:
    """Headings; the last one is cached, as a stream of values always asks for the same."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.spaces = catalog.spaces
        self._kept: tuple[Found, dict[str, Any]] | None = None

    def of(self, found: Found) -> dict[str, Any]:
        """The heading of a node, by the attribute names of Decoded."""
        if self._kept is None or self._kept[0] is not found:
            spec, address = found.spec, found.address
            space = self.spaces[address.space] if address else None
            words = {"name": found.name, "kind": spec.kind, "arch": found.arch, "source": spec.source, "subtitle": self._subtitle(found)}
            words |= {"space": space.name, "number": space.write(found.number or 0)} if space else {}
            self._kept = found, words
        return self._kept[1]

    def _subtitle(self, found: Found) -> str:
        """`msr 0x40000000 (x64) · HV_REGISTER_GUEST_OS_ID 0x00090002`: every number on this arch; of `aside` spaces only the one asked for.

        The arch is named if the other one lacks the first number.
        """
        if found.address is None:
            return fill(found.spec.title, found.element)
        parts = [say_number(self.spaces[found.address.space], found.number or 0, reach(found.spec, found.address, self.spaces))]
        for address in self.catalog.standing(found.spec):
            space = self.spaces[address.space]
            if address is not found.address and not space.aside:
                parts.append(f"{address.named(found.element)} {space.write(address.number(found.element))}")
        return " · ".join(parts)


def say_number(space: Space, number: int, arch: str) -> str:
    """`msr 0x40000000 (x64)`; without an arch if both have it."""
    return f"{space.name} {space.write(number)}" + (f" ({arch})" if arch != COMMON else "")


def name_findings(found: Found) -> Iterator[Finding]:
    """The finding that older headers used the name for something else."""
    for was in found.was:
        other = f", {was.name} today" if was.name != found.name else ""
        name = "the name" if other else "this name"
        yield Finding("name_was", "", f"older headers gave {name} to {was.space.name} {was.space.write(was.number)}{other}")
