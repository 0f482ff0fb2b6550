"""The cases of a variant, and the names of the fields in them. Does not know values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import Field, Spec, space_of
from hvrepl.catalog.parse_specs import PlaceError, parse_range
from hvrepl.codec.variants import case_spec, enumerator_value, switch_of


def cases_of(spec: Spec, field: Field, switch: Field | None, catalog: Catalog) -> Iterator[tuple[int, Spec]]:
    """(value of the switch, spec) of each case of a field."""
    if isinstance(field.cases, Mapping):
        for key, target in field.cases.items():
            value = case_value(key, switch, catalog)
            case = case_spec(spec, target, catalog)
            if value is not None and case:
                yield value, case
    else:
        yield from catalog.cases(space_of(field.cases))


def case_value(key: str, switch: Field | None, catalog: Catalog) -> int | None:
    """The lowest value of a switch that picks a case; None for `other`."""
    try:
        return parse_range(key)[0]
    except PlaceError:
        return enumerator_value(key, switch, catalog) if switch else None


def names_below(spec: Spec, catalog: Catalog, seen: set[int]) -> set[str]:
    """The names of all fields below a spec, in all its variants."""
    if spec.layout is None or id(spec.layout) in seen:
        return set()
    seen.add(id(spec.layout))
    names = {name for field in spec.layout.fields for name in field.names}
    for field in spec.layout.fields:
        switch = switch_of(spec, spec.layout, field, catalog) if field.switch else None
        inner = catalog.type(field.type)
        for other in (inner, *(case for _, case in cases_of(spec, field, switch, catalog))):
            names |= names_below(other, catalog, seen) if other else set()
    return names
