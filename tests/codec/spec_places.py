"""The places of a spec's fields, in bits from its beginning, including those of its types, cases and readings, by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import Field, Layout, Spec
from hvrepl.codec.sizes import Sizes
from hvrepl.record import replace

DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Place:
    """A spec's field at a place, in bits, with all its names."""

    path: str
    names: tuple[str, ...]
    bit: int
    width: int | None

    def __str__(self) -> str:
        return f"{self.path} {span(self.bit, self.width)}"


def span(bit: int, width: int | None) -> str:
    """`+8[4]` of whole bytes, `8.3-8.5` of bits."""
    if width is None:
        return f"+{bit // 8}[…]"
    if bit % 8 or width % 8:
        return f"{bit // 8}.{bit % 8}-{(bit + width - 1) // 8}.{(bit + width - 1) % 8}"
    return f"+{bit // 8}[{width // 8}]"


def places(catalog: Catalog, spec: Spec, layout: Layout, base: int = 0) -> list[Place]:
    """Every field of a layout that starts `base` bits in, of its fields' types (for an array its first element), and of its cases."""
    return list(Walk(catalog).layout(spec, layout, base, "", 0))


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks the layouts of one arch; `base` is where a layout starts, `above` the path of its container, with a dot."""

    catalog: Catalog

    def layout(self, spec: Spec, layout: Layout, base: int, above: str, depth: int) -> Iterator[Place]:
        at: int | None = 0
        for field in layout.fields if depth < DEEPEST else ():
            start = field.lsb if spec.width else 8 * field.at if field.at is not None else at
            width = field.width or self._width(field)
            at = None if start is None or width is None else start + width
            if start is not None:
                yield Place(above + field.name, field.names, base + start, width)
                yield from self._inside(spec, field, base + start, base, above, depth + 1)

    def _inside(self, spec: Spec, field: Field, bit: int, base: int, above: str, depth: int) -> Iterator[Place]:
        below = f"{above}{field.name}{'[0]' if field.count is not None else ''}."
        inner = self.catalog.type(field.type)
        if inner and inner.layout:
            yield from self.layout(inner, inner.layout, bit, below, depth)
        for target in dict.fromkeys(field.cases.values()) if isinstance(field.cases, Mapping) else ():
            case, leads = spec.case(target), self.catalog.type(target) if not spec.case(target) else None
            if case and spec.width:  # the bits of a word's case count from the beginning of the word, and its fields join the others
                yield from self.layout(spec, case, base, above, depth)
            elif case:
                yield from self.layout(spec, case, bit, below, depth)
            elif leads and leads.layout:
                yield from self.layout(leads, leads.layout, bit, below, depth)
        for reading in field.readings:
            start = base + reading.lsb if reading.width else bit
            yield Place(above + reading.name, reading.names, start, reading.width or self._width(reading) or self._width(field))
            yield from self._inside(spec, reading, start, base, above, depth)

    def _width(self, field: Field) -> int | None:
        """Bits of a struct's member, even of an optional one; None if they depend on the value."""
        size = Sizes(self.catalog).member_size(replace(field, optional=False))
        return 8 * size if size else None
