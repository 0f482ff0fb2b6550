"""How much a test of a property tries: little in `make check`, much in `make fuzz`."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

FUZZ = int(os.environ.get("HVREPL_FUZZ", "0"))  # values a test, as make fuzz sets it

# A test that tries less in `make check` than in `make fuzz`, without hypothesis choosing what.
sampled = pytest.mark.sampled


def examples(usual: int) -> int:
    return max(usual, FUZZ)


T = TypeVar("T")


def amount(few: T, full: T) -> T:
    """Of a fixed lot of samples: few in `make check`, all in `make fuzz`."""
    return full if FUZZ else few
