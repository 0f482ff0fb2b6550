"""A layer imports only from the layers to its left, and libraries only where they belong."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hvrepl"
MODULES = sorted(PACKAGE.rglob("*.py"))
LAYERS = ("catalog", "codec", "text", "frontends")
# Libraries, and where they may be imported; what is not named here and not of the standard library may not be imported at all.
LIBRARIES = {
    "construct": ("codec/constructs.py", "codec/make_constructs.py", "codec/schema.py"),
    "tabulate": ("text/",),
    "typer": ("frontends/",),
    "prompt_toolkit": ("frontends/shell",),
    "ahocorasick_rs": ("text/log_lines.py",),
    "elftools": ("text/read_core.py",),
    "drgn": ("text/read_memory.py",),
}


def imports(path: Path) -> Iterator[str]:
    """The full names of all modules that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> int:
    """How far right hvrepl.codec.decode stands; hvrepl.errors and the like stand left of all."""
    part = module.split(".")[1] if "." in module else ""
    return LAYERS.index(part) if part in LAYERS else -1


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent != PACKAGE], ids=name)
def test_a_layer_imports_only_leftwards(path: Path) -> None:
    own = LAYERS.index(path.relative_to(PACKAGE).parts[0])
    assert [module for module in imports(path) if module.startswith("hvrepl") and layer(module) > own] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    outside = {module.split(".")[0] for module in imports(path)} - sys.stdlib_module_names - {"hvrepl"}
    assert [library for library in outside if not name(path).startswith(LIBRARIES.get(library, ()))] == []


def test_what_all_layers_share_imports_none_of_them() -> None:
    assert [module for module in imports(PACKAGE / "errors.py") if module.startswith("hvrepl")] == []


def test_there_is_no_folder_that_is_no_layer() -> None:
    assert {path.parent.name for path in MODULES if path.parent != PACKAGE} == set(LAYERS)
