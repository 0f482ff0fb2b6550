"""How much a property test tries: little in `make check`, much in `make fuzz`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
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


def address_space() -> int:
    """Bytes that this process has now, to which a limit for more is added; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
