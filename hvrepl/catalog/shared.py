"""The catalogues that the Python API shares: each thread has its own, as a Catalog keeps what it has read."""

from __future__ import annotations

import threading

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.errors import UsageError


class Shared(threading.local):
    """What one thread has opened."""

    def __init__(self) -> None:
        self.catalogs: dict[str, Catalog] = {}


SHARED = Shared()


def catalog_of(arch: str) -> Catalog:
    if arch not in ARCHES:
        raise UsageError(f"no arch {arch!r}; there are {', '.join(ARCHES)}")
    if arch not in SHARED.catalogs:
        index = next((one.index for one in SHARED.catalogs.values()), None) or open_index()
        SHARED.catalogs[arch] = Catalog(index, arch)
    return SHARED.catalogs[arch]
