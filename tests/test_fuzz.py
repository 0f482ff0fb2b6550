"""What tries less in `make check` is tried in full by `make fuzz`, which runs only what is marked so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from tests.each import each
from tests.paths import TESTS

MARKS = {"sampled", "given"}  # hypothesis marks its tests itself


def unmarked(tree: ast.Module) -> Iterator[str]:
    """The tests that have fewer samples, from `amount` or from what the module makes with it, without a mark."""
    fewer = {"amount"}
    for node in tree.body:
        if not names_in(node) & fewer:
            continue
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            if not any(names_in(mark) & MARKS for mark in node.decorator_list):
                yield node.name
        elif isinstance(node, ast.FunctionDef):
            fewer.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            fewer |= {name for target in targets for name in names_in(target)}


def names_in(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


@each(sorted(TESTS.rglob("test_*.py")), lambda path: path.name)
def test_whatever_tries_fewer_samples_is_marked(path: Path) -> None:
    assert list(unmarked(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_what_is_not_marked_would_be_found() -> None:
    source = """
        FEW = amount(1, 2)

        @sampled
        def test_marked(): FEW

        @given(text())
        def test_drawn(): FEW

        def test_all(): ALL

        def test_few(): FEW
    """
    assert list(unmarked(ast.parse(dedent(source)))) == ["test_few"]
