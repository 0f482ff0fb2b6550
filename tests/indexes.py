"""The index of the built-in specs and those of tests/data/specs, which many tests read: made once per process."""

from __future__ import annotations

from hvrepl.catalog.opening import open_index
from tests.paths import DATA

TEST_INDEX = open_index(DATA / "specs")
