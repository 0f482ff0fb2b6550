"""A reader takes time that grows with the length of its input, not with the square of it, whatever stands there."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.fuzz import FUZZ, amount, sampled
from tests.readers.hostile import OWN, READERS, STARTS, UNITS, read, text_of

SIZE = amount(1 << 14, 1 << 18)  # characters
LARGE = 16 << 20
QUICK = 0.15  # seconds in which nothing of that size is done whose time grows with the square
MOST_GROWTH = 3.2  # of the time when the size doubles: 2 is in proportion, 4 the square
ATTEMPTS = 4


def seconds(reader: str, text: str) -> float:
    start = time.process_time()
    read(reader, text)
    return time.process_time() - start


def growth(reader: str, make: Callable[[int], str], size: int) -> float:
    """By what the time grows when the size doubles: the least of some attempts, as much else can take time. 0 of what takes none."""
    least = 0.0
    for attempt in range(ATTEMPTS):
        first = seconds(reader, make(size))
        if first < QUICK:
            return 0
        found = seconds(reader, make(2 * size)) / first
        least = min(least, found) if attempt else found
        if least < MOST_GROWTH:
            break
    return least


@sampled
@pytest.mark.parametrize("reader", READERS)
def test_time_grows_with_the_length_of_what_is_repeated(reader: str) -> None:
    texts = [(start, unit) for place, unit in enumerate(UNITS) for start in amount(("", STARTS[place % len(STARTS)]), STARTS)]
    slow = [text for text in texts if growth(reader, partial(text_of, *text), SIZE) >= MOST_GROWTH]
    assert slow == []


@sampled
@pytest.mark.parametrize(("reader", "make"), [(reader, make) for reader, several in OWN.items() for make in several])
def test_time_grows_with_the_length_of_what_a_reader_is_for(reader: str, make: Callable[[int], str]) -> None:
    assert growth(reader, make, amount(1 << 15, LARGE // 2)) < MOST_GROWTH


# What took time with the square of its length once, though little of it: (reader, what is repeated).
ONCE_SLOW = [
    ("crash", "a"),
    ("dump", "{0},"),
    ("dump", "u8 a[]={0};\n"),
    ("json", "}\n\n"),
    *(("line", unit) for unit in ("(", "\\x", "\\'", "'x'")),
]


@pytest.mark.parametrize(("reader", "unit"), ONCE_SLOW, ids=ascii)
def test_what_was_slow_once_is_not_slow_again(reader: str, unit: str) -> None:
    assert growth(reader, partial(text_of, "", unit), 1 << 18) < MOST_GROWTH


@pytest.mark.skipif(not FUZZ, reason="minutes; make fuzz runs it")
@sampled
@pytest.mark.parametrize("reader", READERS)
def test_sixteen_mebibytes_are_read_in_time(reader: str) -> None:
    for unit in UNITS[len(reader) :: 7]:
        assert growth(reader, partial(text_of, "", unit), LARGE // 2) < MOST_GROWTH, repr(unit)
