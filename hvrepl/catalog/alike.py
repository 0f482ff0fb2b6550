"""Similar spellings, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable


def alike(word: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Up to `most` of the known words, the most similar first; 1 is the same, 0 has nothing in common."""
    import difflib  # 2 ms that only a mistake costs

    return difflib.get_close_matches(word, list(known), most, cutoff)
