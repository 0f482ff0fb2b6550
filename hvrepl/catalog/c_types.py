"""The thing that a C type of a guest's kernel is: found by its name, or as the layout that cites the type as its source."""

from __future__ import annotations

from hvrepl.catalog.catalog import Catalog, Found, as_word
from hvrepl.catalog.index import is_seen


def find_type(catalog: Catalog, name: str) -> Found | None:
    """What a struct, union, enum or typedef of that name is on the arch; None if it is nothing known.

    Registers of which there are several have one type: what is found is the first of them, and only its layout holds for all.
    """
    is_short = name.islower() and name.isalpha()  # as people write a name: an `enum status` of a program is not HV_STATUS
    if catalog.has_name(name) and not is_short:
        return catalog.find_name(name)
    specs = [catalog.load(key) for key, arch in catalog.index.citing(name) if is_seen(arch, catalog.arch)]
    cited = [spec for spec in specs if spec.layout and any(source.rpartition("#")[2] == name for source in spec.source)]
    found = [Found(as_word(spec), catalog.arch, 0 if spec.count else None, catalog.heading(spec), asked=name) for spec in cited]
    return min(found, key=lambda one: one.number or 0, default=None)


def is_one_of_several(found: Found) -> bool:
    """Whether nothing says which element of an array a type's value is."""
    return found.element is not None
