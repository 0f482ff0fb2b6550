"""Limits for numbers and repetitions in text."""

from __future__ import annotations

MOST_BITS = 4096
LONGEST = 6000  # 4096 binary digits, in groups of four
MOST_REPEATED = 16 << 20  # elements that gdb's <repeats N times> may stand for
