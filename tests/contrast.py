"""The contrast of a colour on another, by WCAG's formula."""

from __future__ import annotations

READS = 3  # the contrast that WCAG requires for bold text


def contrast(one: str, other: str) -> float:
    """From 1 to 21, for two colours as six hex digits."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
