"""The catalogues of the Python API: one set per thread, as a Catalog caches what it has read."""

from __future__ import annotations

import threading
from os import PathLike
from pathlib import Path

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.index import Index
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.errors import UsageError

Specs = str | PathLike[str] | None  # a folder of the user's own specs


class Shared(threading.local):
    """The open indexes and catalogues of one thread: the index of each folder of specs ("": the built-in ones), and catalogues by arch."""

    def __init__(self) -> None:
        self.indexes: dict[str, Index] = {}
        self.catalogs: dict[tuple[str, str], Catalog] = {}


SHARED = Shared()


def catalog_of(arch: str, specs: Specs = None) -> Catalog:
    if arch not in ARCHES:
        raise UsageError(f"no such arch: {arch!r}; choose {' or '.join(ARCHES)}")
    folder = "" if specs is None else str(Path(specs).absolute())
    if (arch, folder) not in SHARED.catalogs:
        if folder not in SHARED.indexes:
            SHARED.indexes[folder] = open_index(Path(folder) if folder else None)
        SHARED.catalogs[arch, folder] = Catalog(SHARED.indexes[folder], arch)
    return SHARED.catalogs[arch, folder]
