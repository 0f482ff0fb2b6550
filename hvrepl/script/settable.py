"""The settable fields of a thing: their paths, through all variants."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import Field, Layout, Spec, space_of

DEEPEST = 4  # nested structs that paths can go through


def paths_of(spec: Spec, layout: Layout | None, catalog: Catalog, base: str = "", depth: int = 0) -> Iterator[tuple[str, Field]]:
    """(path, field) of each settable field, through all variants; elements of arrays are left out."""
    for field in layout.fields if layout and depth < DEEPEST else ():
        path = f"{base}{field.name}"
        inner = catalog.type(field.type)
        if not field.switch or not field.width:
            yield path, field
        for owner, variant in variants_of(spec, field, catalog):
            yield from paths_of(owner, variant, catalog, base if field.width else f"{path}.", depth + 1)
        if inner and inner.layout and field.count is None:
            yield from paths_of(inner, inner.layout, catalog, f"{path}.", depth + 1)


def variants_of(spec: Spec, field: Field, catalog: Catalog) -> Iterator[tuple[Spec, Layout | None]]:
    """(spec that has its cases, layout) of each variant of a field."""
    if isinstance(field.cases, str):
        yield from ((case, case.layout) for _, case in catalog.cases(space_of(field.cases)))
        return
    for target in dict.fromkeys(field.cases.values()):
        case = spec.case(target)
        other = None if case else catalog.type(target)
        yield (other, other.layout) if other else (spec, case)
