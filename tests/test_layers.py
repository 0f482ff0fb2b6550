"""The folders are the steps of a value: each imports only from those before it, modules do not import each other, and each library has its
place."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.each import each
from tests.modules import MODULES, name_of, tree_of
from tests.paths import PACKAGE

# Floors from left to right; folders on one floor do not know each other. A folder within a folder may use the modules around it.
FLOORS = (
    ("errors", "hints", "interrupts", "version", "wording"),
    ("patterns", "record"),
    ("digits",),
    ("catalog",),
    ("readers", "codec"),
    ("analysis",),
    ("render",),
    ("columns",),
    ("commands",),
    ("script",),
    ("shell", "cli", "debuggers", "web"),
    ("__init__", "__main__"),
)
FLOOR_OF = {name: number for number, floor in enumerate(FLOORS) for name in floor}
# Libraries, and where they may be imported; any other library that is not in the standard library must not be imported at all.
LIBRARIES = {
    "construct": ("codec/constructs.py", "codec/make_constructs.py"),
    "tabulate": ("render/",),
    "typer": ("cli/app.py", "commands/progress.py"),
    "prompt_toolkit": ("shell/",),
    "ahocorasick_rs": ("readers/word_search.py",),
    "elftools": ("readers/images/xen.py",),
    "cramjam": ("readers/images/packing.py",),
    "lzallright": ("readers/images/packing.py",),
    "backports": ("readers/images/unpacked.py",),
    "compression": ("readers/images/unpacked.py",),  # in the standard library since 3.14
    "defusedxml": ("readers/guests/libvirt.py",),
    "yaml": ("readers/guests/kubevirt.py",),
    "evtx": ("readers/event_log_child.py",),
    "drgn": ("debuggers/drgn",),
    "gdb": ("debuggers/gdb",),
    "pyarrow": ("columns/",),
    "duckdb": ("columns/duckdb.py",),
    "polars": ("columns/polars.py",),
    "pandas": ("columns/kusto.py",),
    "pyspark": ("columns/spark.py",),
    "jinja2": ("web/",),
    "markupsafe": ("web/",),  # Jinja's own
}


@cache
def imports(path: Path) -> frozenset[str]:
    """The full names of all modules that a module imports, anywhere in it, even only for types."""
    return frozenset(find_imports(path))


def find_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path): path for path in MODULES}


def own(path: Path) -> set[str]:
    """The modules of this package that a module imports."""
    return {module for full in imports(path) if (module := longest(full))} - {dotted(path)}


def longest(full: str) -> str:
    """The module of this package with the name `full`, or with something of that name in it; otherwise ""."""
    while full and full not in NAMES:
        full = full.rpartition(".")[0]
    return full


def place(module: str) -> str:
    """The part of a module's name in FLOORS: the folder, or the top module."""
    return [*module.split("."), "__init__"][1]


@each(MODULES, name_of)
def test_a_module_imports_only_what_comes_before_it(path: Path) -> None:
    here = place(dotted(path))
    wrong = [module for module in own(path) if place(module) != here and FLOOR_OF[place(module)] >= FLOOR_OF[here]]
    if FLOOR_OF[here] == len(FLOORS) - 1:  # modules at the top may know each other
        wrong = [module for module in wrong if FLOOR_OF[place(module)] > FLOOR_OF[here]]
    assert wrong == []


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Sets of modules that import each other in a circle."""

    @cache
    def reach(module: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = [module]
        while waiting:
            new = graph[waiting.pop()] - found
            found |= new
            waiting += new
        return frozenset(found)

    inside = [module for module in graph if module in reach(module)]
    return sorted({tuple(sorted(other for other in inside if other in reach(one) and one in reach(other))) for one in inside})


def test_no_modules_import_each_other() -> None:
    assert circles({module: own(path) for module, path in NAMES.items()}) == []


def test_a_circle_would_be_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [("a", "b", "c")]


def test_what_reads_and_checks_specs_is_imported_only_to_open_them() -> None:
    build = "hvrepl.catalog.build"
    users = [path for path in MODULES if not dotted(path).startswith(build) and any(one.startswith(build) for one in own(path))]
    assert list(map(name_of, users)) == ["catalog/opening.py"]
    at_import = tree_of(PACKAGE / "catalog" / "opening.py").body
    assert not [node for node in at_import if isinstance(node, ast.ImportFrom) and str(node.module).startswith(build)]


@each(MODULES, name_of)
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    outside = {module.split(".")[0] for module in imports(path)} - sys.stdlib_module_names - {"hvrepl"}
    assert [library for library in outside if not name_of(path).startswith(LIBRARIES.get(library, ()))] == []


def test_every_folder_and_module_has_its_floor() -> None:
    assert {place(module) for module in NAMES} == set(FLOOR_OF)


FOLDERS = sorted({path.parent for path in MODULES})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_says_what_its_job_is_and_what_it_may_use(folder: Path) -> None:
    text = ast.get_docstring(tree_of(folder / "__init__.py"))
    assert text
    assert folder == PACKAGE or "Uses" in text
