"""How large a number may be that is read from text."""

from __future__ import annotations

MOST_BITS = 4096
LONGEST = 6000  # 4096 binary digits, in groups of four
MOST_REPEATED = 16 << 20  # elements that <repeats N times> of gdb may stand for
