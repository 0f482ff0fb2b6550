"""The modules of the package, and their syntax, which is read once in a process."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.paths import PACKAGE

MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()
