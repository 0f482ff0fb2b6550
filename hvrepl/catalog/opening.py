"""Opens the index of the specs: the wheel's, an archive's, a checkout's, or one with the user's own specs in addition."""

from __future__ import annotations

import os
from functools import cache

from hvrepl.catalog.index import Index
from hvrepl.hints import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT_INDEX = os.path.join(PACKAGE, "specs.sqlite")
CHECKOUT_SPECS = os.path.join(os.path.dirname(PACKAGE), "specs")


def open_index(extra: Path | None = None) -> Index:
    """The index of the wheel or archive, or in a checkout the one kept of its specs; with `extra`, the user's own specs too.

    Raises SpecError if `extra` breaks a rule, FileError if it cannot be read.
    """
    built = Index.open(BUILT_INDEX) if os.path.exists(BUILT_INDEX) else open_archived() or open_checkout()
    if extra is None:
        return built
    from hvrepl.catalog.build.rules import build_checked

    tables, spaces, documents = list(built.tables()), tuple(built.spaces.values()), built.documents()
    built.database.close()
    return build_checked(tables, spaces, documents.values(), extra)


def open_archived() -> Index | None:
    """The index in the zip file that hvrepl runs from; None if it runs from a folder.

    Loaded into memory, in 12 ms: SQLite cannot open a file within another, and unpacking it would leave files on the inspected machine.
    """
    from zipimport import zipimporter

    loader = __spec__.loader if __spec__ else None
    return Index.load(loader.get_data(BUILT_INDEX)) if isinstance(loader, zipimporter) else None


def open_checkout() -> Index:
    from pathlib import Path

    from hvrepl.catalog.build.kept import open_kept

    return open_kept(Path(CHECKOUT_SPECS), stamp())


@cache
def stamp() -> str:
    """The fingerprint of a checkout's specs at the first call: looking at every file again costs more than most commands."""
    from pathlib import Path

    from hvrepl.catalog.build.kept import fingerprint

    return fingerprint(Path(CHECKOUT_SPECS))
