"""The specs, looked up by name and number. Uses the standard library alone.

`import hvrepl` is enough for look-ups: `hvrepl.catalog.find("sint2").number`, `hvrepl.catalog.names("vmbus")`. Treat the returned records
(Found, Entry, Space, Spec and their parts) as read-only; docs/api.md describes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.digits import to_int
from hvrepl.hints import TYPE_CHECKING

if TYPE_CHECKING:
    from hvrepl.catalog.catalog import Catalog, Entry, Found
    from hvrepl.catalog.model import Space
    from hvrepl.catalog.shared import Specs as Specs

__all__ = ["find", "names", "open_catalog", "spaces"]


def find(what: str | int, space: str | None = None, *, arch: str = "x64", specs: Specs = None) -> Found:
    """The meaning of a name or number on an arch: `find("sint2")`, `find(0x40000092, "msr")`, `find("msr:0x40000092")`.

    `specs` is a folder of your own specs, in every function here; they are added to the built-in ones, as with `--specs`.
    A number without a space is looked up in msr, register, cpuid, status, hypercall, message and vmbus, in this order; one that has only a
    name there yields to one of the same size with a layout. `others` has the other meanings.
    Raises NotFoundError, which mentions similar names or the other arch; UsageError for an unknown arch; SpecError for specs that break a
    rule, FileError for a folder that cannot be read.
    """
    if isinstance(what, str) and ":" in what:
        space, _, what = what.rpartition(":")
    number = to_number(what)
    catalog = open_catalog(arch, specs=specs)
    if space is not None:
        space = catalog.space(space).name
    return catalog.find_name(str(what), space) if number is None else catalog.find_number(number, space)


def names(space: str | None = None, *, specs: Specs = None) -> Iterator[Entry]:
    """Every number of a space with its names, on both archs, as `hvrepl list` prints them; without a space, everything.

    Raises NotFoundError for an unknown space.
    """
    catalog = open_catalog("x64", specs=specs)
    return catalog.entries(None if space is None else catalog.space(space).name)


def spaces(*, specs: Specs = None) -> Mapping[str, Space]:
    """The number spaces by name, in the order in which bare numbers are looked up."""
    return dict(open_catalog("x64", specs=specs).spaces)


def open_catalog(arch: str = "x64", *, specs: Specs = None) -> Catalog:
    """The specs as one arch sees them. Each thread has its own, as they cannot be shared. UsageError for an unknown arch."""
    from hvrepl.catalog.shared import catalog_of

    return catalog_of(arch, specs)


def to_number(what: str | int) -> int | None:
    """A number, or the number in text in Python's notations; None for a name."""
    if isinstance(what, int):
        return what
    try:
        return to_int(what, 0)
    except ValueError:
        return None
