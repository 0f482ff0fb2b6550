"""A checkout's index, kept in build/ between runs: rebuilt when a spec, or the code that reads specs, has changed."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from hvrepl.catalog.index import Index
from hvrepl.errors import FileError

CATALOG = Path(__file__).resolve().parents[1]
KEPT = "specs-{}.sqlite"


def open_kept(specs: Path, stamp: str = "") -> Index:
    """The index of a folder of specs; `stamp` is their fingerprint if known. It is built in memory if it cannot be kept.

    Raises SpecError and FileError as read_tables does.
    """
    folder = specs.parent / "build"
    path = folder / KEPT.format(stamp or fingerprint(specs))
    if path.exists():
        with suppress(FileError):  # another run may just have replaced it
            return Index.open(path)
    from hvrepl.catalog.build.rules import read_tables

    read = read_tables(specs)
    with suppress(OSError, sqlite3.Error, FileError):
        keep(Index.build(*read), path)
        return Index.open(path)
    return Index.build(*read)


def keep(index: Index, path: Path) -> None:
    """Writes an index next to its place, then moves it there, so that a parallel run never sees half of one."""
    import tempfile  # 3 ms that are only needed to write an index

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
    """A fingerprint that changes with the name, size and time of any spec, and of any module that makes the index."""
    stamps = []
    for one in (*files(specs, ".toml"), *files(CATALOG, ".py")):
        with suppress(OSError):  # a broken link, or a file that has just gone
            stat = one.stat()
            stamps.append(f"{one.path}\0{stat.st_size}\0{stat.st_mtime_ns}\n")
    return hashlib.blake2b("".join(sorted(stamps)).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def files(folder: Path | str, ending: str) -> Iterator[os.DirEntry[str]]:
    """The files of a folder and its subfolders. Path.rglob takes three times as long, and every run of a checkout does this."""
    with suppress(OSError), os.scandir(folder) as found:  # faults of the folder are reported where specs are read
        for one in found:
            if one.is_dir(follow_symlinks=False):
                yield from files(one.path, ending)
            elif one.name.endswith(ending):
                yield one
