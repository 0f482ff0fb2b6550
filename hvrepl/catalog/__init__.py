"""What the specs say: found by name and number. Uses the standard library alone.

`import hvrepl` is enough to look things up: `hvrepl.catalog.find("sint2").number`, `hvrepl.catalog.names("vmbus")`. The records
that are given back (Found, Entry, Space, Spec and what they hold) are not to be changed; docs/api.md describes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hvrepl.digits import to_int

if TYPE_CHECKING:
    from hvrepl.catalog.catalog import Catalog, Entry, Found
    from hvrepl.catalog.model import Space
    from hvrepl.catalog.shared import Specs as Specs

__all__ = ["find", "names", "open_catalog", "spaces"]


def find(what: str | int, space: str | None = None, *, arch: str = "x64", specs: Specs = None) -> Found:
    """What a name or a number means on an arch: `find("sint2")`, `find(0x40000092, "msr")`, `find("msr:0x40000092")`.

    `specs` is a folder of your own specs, in every function here, read in addition to the built-in ones, as with `--specs`.
    A number without a space is the first of msr, register, cpuid, status, hypercall, message, vmbus that has it; one that only has a
    name there gives way to one of the same size that is laid out. `others` has the rest.
    Raises NotFoundError, which says what the other arch has or what is spelled alike; UsageError for an arch that there is not;
    SpecError for specs that break a rule, FileError for a folder that cannot be read.
    """
    if isinstance(what, str) and ":" in what:
        space, _, what = what.rpartition(":")
    number = to_number(what)
    catalog = open_catalog(arch, specs=specs)
    if space is not None:
        space = catalog.space(space).name
    return catalog.find_name(str(what), space) if number is None else catalog.find_number(number, space)


def names(space: str | None = None, *, specs: Specs = None) -> Iterator[Entry]:
    """Every number of a space (of all, and what has no number) on both archs with its names, as `hvrepl list` has them.

    Raises NotFoundError for a space that there is not.
    """
    catalog = open_catalog("x64", specs=specs)
    return catalog.entries(None if space is None else catalog.space(space).name)


def spaces(*, specs: Specs = None) -> Mapping[str, Space]:
    """The number spaces by name, in the order of looking up a bare number."""
    return dict(open_catalog("x64", specs=specs).spaces)


def open_catalog(arch: str = "x64", *, specs: Specs = None) -> Catalog:
    """The specs as one arch sees them. Each thread has its own, for one cannot be shared. UsageError for an unknown arch."""
    from hvrepl.catalog.shared import catalog_of

    return catalog_of(arch, specs)


def to_number(what: str | int) -> int | None:
    """A number, also as text in the notations of Python; None for a name."""
    if isinstance(what, int):
        return what
    try:
        return to_int(what, 0)
    except ValueError:
        return None
