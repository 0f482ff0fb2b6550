"""Digits → a number, however many: int() takes quadratic time, and raises above a limit that the environment can set."""

from __future__ import annotations

from hvrepl.errors import UsageError

LONGEST_DECIMAL = 1234  # digits of 2**4096, the widest number that is read
AT_ONCE = 600  # digits that int() takes whatever PYTHONINTMAXSTRDIGITS says


def to_int(text: str, base: int = 10) -> int:
    """int() of digits, with base 0 also of 0x and digits. UsageError for more digits than any number has, ValueError for no digits."""
    if len(text) <= AT_ONCE or base not in (0, 10) or (base == 0 and text[1:2].isalpha()):
        return int(text, base)
    digits = text.replace("_", "").lstrip("0") or "0"
    if not digits.isdecimal():
        raise ValueError("not a number")
    if len(digits) > LONGEST_DECIMAL:
        raise UsageError(f"{digits[:20]}... has {len(digits):,} digits; a number has at most {LONGEST_DECIMAL:,}")
    high, low = digits[:-AT_ONCE] or "0", digits[-AT_ONCE:]
    shift: int = 10 ** len(low)
    return int(high) * shift + int(low)
