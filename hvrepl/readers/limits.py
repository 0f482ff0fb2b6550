"""How large a number may be that is read from text."""

from __future__ import annotations

MOST_BITS = 4096
LONGEST = 6000  # 4096 binary digits, in groups of four
LONGEST_DECIMAL = 1234  # digits of 2**4096; int() is slow, and raises, on far longer ones
MOST_REPEATED = 16 << 20  # elements that <repeats N times> of gdb may stand for
