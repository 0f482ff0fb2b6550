"""Finds the lines of a block of bytes that have one of many words. All lines of a log pass here, so it sets the speed of annotate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

Search = Callable[[bytes, int], Iterator[int]]  # (bytes in lower case, where to begin) → positions of words

# How often a character occurs among a thousand characters of logs and mails; others are as rare as RARE.
OFTEN = {
    c: often
    for often, characters in ((110, " "), (55, "e0"), (45, "so"), (35, "tdrniam1"), (20, "2u:fc.l5"), (14, "473\n6b8vxyp9"), (8, "gk-h_,"))
    for c in characters
}
RARE = 4
# The cost of a pattern per thousand characters: for the pass, for each stop at its character, and there for each word that ends with it.
PASS, STOP = 9, 4


def candidates(block: bytes, words: tuple[str, ...], first: int = 0) -> Iterator[tuple[int, int]]:
    """(start, end) of each line, from `first` on, that has one of the words, in order; the block consists of whole lines."""
    low = block.lower()
    yield from sorted(set(lines_at(low, searcher(words)(low, first))))


def lines_at(low: bytes, places: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(start, end) of the line of each position; adjacent positions on one line yield it once, as a long line can be full of words."""
    start = end = 0
    for at in places:
        if not start <= at < end:
            start, end = low.rfind(b"\n", 0, at) + 1, low.find(b"\n", at) + 1 or len(low)
            yield start, end


@lru_cache(maxsize=2)
def searcher(words: tuple[str, ...]) -> Search:
    """A search for at least one word on each line that has any: in one pass if the library is installed."""
    try:
        from ahocorasick_rs import BytesAhoCorasick
    except ImportError:
        return partial(search_each, [pattern.search for pattern in patterns(words)])
    find = BytesAhoCorasick([word.encode() for word in words]).find_matches_as_indexes
    return lambda low, first: (first + start for _, start, _ in find(memoryview(low)[first:]))


def search_each(searches: Sequence[Callable[[bytes, int], re.Match[bytes] | None]], low: bytes, first: int) -> Iterator[int]:
    for search in searches:
        match = search(low, first)
        while match:
            yield match.start()
            end = low.find(b"\n", match.start())
            match = search(low, end) if end >= 0 else None


def patterns(words: Sequence[str]) -> list[re.Pattern[bytes]]:
    """A few patterns that find all words.

    A pattern that begins with one character skips to it, many times faster than to one of several. So each pattern searches for words that
    share a character: one that is common to many words and rare elsewhere.
    """
    left = list(words)
    found = []
    while left:
        characters = sorted({c for word in left for c in word})
        shared = min(characters, key=lambda c: cost([word for word in left if c in word], c) / sum(c in word for word in left))
        around = [beside(word, shared) for word in left if shared in word]
        found.append(re.compile(f"{re.escape(shared)}(?:{'|'.join(around)})".encode()))
        left = [word for word in left if shared not in word]
    return found


def cost(words: Sequence[str], c: str) -> int:
    """The cost of the pattern for words that share a character."""
    return PASS + OFTEN.get(c, RARE) * (STOP + sum(not word.partition(c)[2] for word in words))


def beside(word: str, c: str) -> str:
    """The rest of a word, as a pattern after a character: the following part is tried first, which is faster."""
    before, _, after = word.partition(c)
    return re.escape(after) + (f"(?<={re.escape(word)})" if before else "")
