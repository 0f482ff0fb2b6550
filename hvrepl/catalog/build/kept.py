"""A checkout's index, kept in build/ between runs: made again when a spec, or the code that reads specs, has changed."""

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
    """The index of a folder of specs; `stamp` is their fingerprint where it is known. Where it cannot be kept it is made in memory.

    Raises SpecError, FileError as read_tables does.
    """
    folder = specs.parent / "build"
    path = folder / KEPT.format(stamp or fingerprint(specs))
    if path.exists():
        with suppress(FileError):  # another run may have replaced it just now
            return Index.open(path)
    from hvrepl.catalog.build.rules import read_tables

    read = read_tables(specs)
    with suppress(OSError, sqlite3.Error, FileError):
        keep(Index.build(*read), path)
        return Index.open(path)
    return Index.build(*read)


def keep(index: Index, path: Path) -> None:
    """Writes an index next to its place, then moves it there: a run at the same time never sees half of one."""
    import tempfile  # 3 ms that a run which finds its index need not pay

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
    stamps = []
    for one in (*files(specs, ".toml"), *files(CATALOG, ".py")):
        with suppress(OSError):  # a link to nothing, or gone since
            stat = one.stat()
            stamps.append(f"{one.path}\0{stat.st_size}\0{stat.st_mtime_ns}\n")
    return hashlib.blake2b("".join(sorted(stamps)).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def files(folder: Path | str, ending: str) -> Iterator[os.DirEntry[str]]:
    """The files of a folder and of those in it. Path.rglob takes three times as long, and every run of a checkout looks at them all."""
    with suppress(OSError), os.scandir(folder) as found:  # what is wrong with the folder is said where specs are read
        for one in found:
            if one.is_dir(follow_symlinks=False):
                yield from files(one.path, ending)
            elif one.name.endswith(ending):
                yield one
