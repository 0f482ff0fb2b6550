"""The program as users have it: the wheel, built and installed into build/bench; and again with twice as many specs."""

from __future__ import annotations

import compileall
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import BUILD, ROOT, Program

SITE = BUILD / "site"
DOUBLED = BUILD / "doubled"
START = "from hvrepl.__main__ import main; main()"


def hvrepl(*words: str, site: Path = SITE, stdin: Path | None = None, may_fail: bool = False, missing: Sequence[str] = ()) -> Program:
    """The program without some of its libraries."""
    start = f"import sys; sys.modules |= dict.fromkeys({list(missing)}); {START}" if missing else START
    return Program([sys.executable, "-c", start, *words], stdin, {"PYTHONPATH": str(site)}, may_fail)


def install() -> None:
    """Builds the wheel and installs it without its dependencies, which come from the Python that runs this."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    alone = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", *alone, "-w", str(BUILD), str(ROOT)], check=True)
    (wheel,) = BUILD.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--compile", "--target", str(SITE), str(wheel)], check=True)


def double() -> None:
    """The same program with a copy of every spec, under another name and with other numbers."""
    from hvrepl.catalog.build.rules import read_tables
    from hvrepl.catalog.index import Index

    tables, spaces, documents = read_tables(ROOT / "specs")
    shutil.copytree(SITE, DOUBLED, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(DOUBLED, quiet=2)
    (DOUBLED / "hvrepl" / "specs.sqlite").unlink()
    Index.build([*tables, *copies(tables)], spaces, documents, str(DOUBLED / "hvrepl" / "specs.sqlite")).database.close()


def copies(tables: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for arch, file, table in tables:
        kind = table.get("kind")
        if kind in ("register", "struct", "word", "cpuid", "enumeration") and "extends" not in table:
            yield arch, f"{file.removesuffix('.toml')}_copy.toml", renamed(table)


def renamed(table: dict[str, Any]) -> dict[str, Any]:
    """A spec under other names, without keys that would make a number or a message match it."""
    copy = {key: value for key, value in table.items() if key not in ("also", "lone", "crash", "case_of", "shorthand")}
    if "name" in copy:
        copy["name"] = f"{copy['name']}_COPY"
    if "address" in copy:
        copy["address"] = [moved(address) for address in copy["address"]]
    return copy


def moved(address: dict[str, Any]) -> dict[str, Any]:
    """An address far from all others."""
    moved = {key: value for key, value in address.items() if key not in ("also", "was")}
    number = moved["number"]
    moved["number"] = number + 0x2000_0000 if isinstance(number, int) else number
    moved["name"] = f"COPY_{moved['name']}"
    return moved
