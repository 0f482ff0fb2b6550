"""Things that a machine may lack: a test that needs one says so and is skipped, and the end of the run lists what was missing.

Nothing else of the machine influences a test: conftest.py gives each run the same environment.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

NEEDS = "needs "
AND = " and "


def missing(names: Iterable[str]) -> list[str]:
    """The names that are neither a command on $PATH nor an existing path; `module:NAME` is a Python module."""
    return [name.removeprefix("module:") for name in names if not is_here(name)]


def is_here(name: str) -> bool:
    kind, _, module = name.rpartition(":")
    if kind:
        return importlib.util.find_spec(module) is not None
    return Path(name).exists() if name.startswith("/") else shutil.which(name) is not None


def need(*names: str) -> None:
    """Skips the test unless all of these are available."""
    if lacking := missing(names):
        skip_for(*lacking)


def skip_for(*lacking: str) -> None:
    """Skips the test for lack of these."""
    pytest.skip(NEEDS + AND.join(lacking))


def needs(*names: str, **others: bool) -> pytest.MarkDecorator:
    """Marks a test that is skipped unless all of these are available; `others` are available if true, with _ for a blank."""
    lacking = [*missing(names), *(name.replace("_", " ") for name, is_so in others.items() if not is_so)]
    return pytest.mark.skipif(bool(lacking), reason=NEEDS + AND.join(lacking))


def say_missing(reasons: Iterable[str]) -> str:
    """One line with the reasons of all skipped tests, or "": `not tried here: 41 tests need xxd, 1 needs less`."""
    counts = Counter(reasons)
    said = [f"{count} {'needs' if count == 1 else 'need'} {reason.removeprefix(NEEDS)}" for reason, count in counts.most_common()]
    return "not tried here: " + ", ".join(said) if said else ""
