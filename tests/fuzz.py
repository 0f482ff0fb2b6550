"""How much a property test tries: little in `make check`, much in `make fuzz`."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

FUZZ = int(os.environ.get("HVREPL_FUZZ", "0"))  # values per test, set by make fuzz

# A test that tries less in `make check` than in `make fuzz`, without hypothesis.
sampled = pytest.mark.sampled


def examples(usual: int) -> int:
    return max(usual, FUZZ)


T = TypeVar("T")


def amount(few: T, full: T) -> T:
    """For a fixed set of samples: few in `make check`, all in `make fuzz`."""
    return full if FUZZ else few
