"""Resolves a path of a spec, through variants of words and nested types. Does not know values, or how types are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from hvrepl.catalog.model import Field, Layout, Spec

TypeOf = Callable[[Spec, Field], Spec | None]


def find_field(spec: Spec, layout: Layout, path: str, type_of: TypeOf) -> Field | None:
    """The field at the end of a path; `type_of` gives the spec of a field's type."""
    first, _, rest = path.partition(".")
    for owner, field in all_fields(spec, layout, set()):
        if field.name == first:
            return descend(owner, field, rest, type_of) if rest else field
        if field.used and first == f"{field.name}_unused":  # the bytes after those in use
            return field
    return None


def descend(owner: Spec, field: Field, path: str, type_of: TypeOf) -> Field | None:
    target = type_of(owner, field)
    insides = [(target, target.layout)] if target and target.layout else []
    insides += [(owner, case) for name in case_names(field) if (case := owner.case(name))]
    found = (find_field(inside, layout, path, type_of) for inside, layout in insides)
    return next((field for field in found if field), None)


def find_switch(spec: Spec, layout: Layout, field: Field, type_of: TypeOf) -> Field | None:
    """The field whose value picks the case of another: in the same layout, or in a case around it."""
    scopes = (layout, *spec.cases.values())
    found = (find_field(spec, scope, field.switch, type_of) for scope in scopes)
    return next((switch for switch in found if switch), None)


def case_names(field: Field) -> Iterable[str]:
    """The names of a field's cases, each once."""
    return dict.fromkeys(field.cases.values()) if isinstance(field.cases, Mapping) else ()


def all_fields(spec: Spec, layout: Layout, seen: set[str]) -> Iterator[tuple[Spec, Field]]:
    """The fields of a layout; those of a word's variants are in the same flat list."""
    for field in layout.fields:
        yield spec, field
        for target in case_names(field) if field.width else ():
            case = spec.case(target)
            if case and target not in seen:
                seen.add(target)
                yield from all_fields(spec, case, seen)
