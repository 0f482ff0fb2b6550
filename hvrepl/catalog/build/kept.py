"""A checkout's index, kept in build/ between runs: made anew when a spec, or what reads specs, is another than it was."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from hvrepl.catalog.index import Index
from hvrepl.errors import FileError

CATALOG = Path(__file__).resolve().parents[1]
KEPT = "specs-{}.sqlite"


def open_kept(specs: Path) -> Index:
    """The index of a folder of specs. Where it cannot be kept it is made in memory. Raises SpecError, FileError as read_tables does."""
    folder = specs.parent / "build"
    path = folder / KEPT.format(fingerprint(specs))
    if path.exists():
        with suppress(FileError):  # another run may have replaced it just now
            return Index.open(path)
    from hvrepl.catalog.build.rules import read_tables

    tables, spaces = read_tables(specs)
    with suppress(OSError, sqlite3.Error, FileError):
        keep(Index.build(tables, spaces), path)
        return Index.open(path)
    return Index.build(tables, spaces)


def keep(index: Index, path: Path) -> None:
    """Writes an index beside its place, then moves it there, so that a run at the same time never sees half of one."""
    path.parent.mkdir(exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    os.close(handle)
    with closing(sqlite3.connect(draft)) as target:
        index.database.backup(target)
    Path(draft).replace(path)
    for one in path.parent.glob(KEPT.format("*")):
        if one != path:
            one.unlink(missing_ok=True)


def fingerprint(specs: Path) -> str:
    """Changes with the name, size and time of any spec, and of any module that makes the index of them."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted([*specs.rglob("*.toml"), *CATALOG.rglob("*.py")]):
        try:
            stat = path.stat()
        except OSError:  # a link to nothing, or gone since
            continue
        digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
