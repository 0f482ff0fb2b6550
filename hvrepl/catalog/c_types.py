"""A C type of a guest's kernel → its definition: by name, or as the layout that cites the type as its source."""

from __future__ import annotations

from hvrepl.catalog.catalog import Catalog, Found, as_word
from hvrepl.catalog.index import is_seen


def find_type(catalog: Catalog, name: str) -> Found | None:
    """The definition of a struct, union, enum or typedef of that name on the arch; None if it is unknown.

    Several registers can share one type: then the first of them is found, and only its layout is valid for all.
    """
    is_short = name.islower() and name.isalpha()  # an everyday name: a program's `enum status` is not HV_STATUS
    if catalog.has_name(name) and not is_short:
        return catalog.find_name(name)
    specs = [catalog.load(key) for key, arch in catalog.index.citing(name) if is_seen(arch, catalog.arch)]
    cited = [spec for spec in specs if spec.layout and any(source.rpartition("#")[2] == name for source in spec.source)]
    found = [Found(as_word(spec), catalog.arch, 0 if spec.count else None, catalog.heading(spec), asked=name) for spec in cited]
    return min(found, key=lambda one: one.number or 0, default=None)


def is_one_of_several(found: Found) -> bool:
    """Whether a type's value does not show which element of an array it is."""
    return found.element is not None
