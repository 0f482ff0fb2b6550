"""How many values a test of a property takes: few in `make check`, many in `make fuzz`."""

from __future__ import annotations

import os

FUZZ = int(os.environ.get("HVREPL_FUZZ", "0"))  # values a test, as make fuzz sets it


def examples(usual: int) -> int:
    return max(usual, FUZZ)
