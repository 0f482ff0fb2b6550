"""A reader's time grows in proportion to the length of its input, and never quadratically, for any input.

Steps of Python are counted, as they are the same in each run. A pattern or a method of str is one step, however long it takes: its time
only shows with a long text, so that is measured as well.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from types import FrameType
from typing import Any

import pytest

from tests.fuzz import FUZZ, address_space, amount, sampled
from tests.readers.hostile import OWN, READERS, STARTS, UNITS, read, text_of

SHORT = (450, 900)  # characters, the cheaper first; a line that is completed has at most 2000
FEW_STEPS = 3000  # extra steps that a longer text may take once
MOST_STEPS = 2.5  # of the steps for half the text: 2 is proportional, 4 is quadratic
SIZE = amount(1 << 14, 1 << 18)  # characters
LARGE = 16 << 20
MOST_MEMORY = 3 << 30  # bytes for reading that much
QUICK = 0.15  # seconds; anything quadratic takes longer for that size
MOST_GROWTH = 3.2  # of the time when the size doubles: 2 is proportional, 4 is quadratic
ATTEMPTS = 4


def steps(reader: str, text: str) -> int:
    """The number of Python lines that run, each time they do."""
    counter = count()

    def see(_frame: FrameType, _event: str, _argument: Any) -> Any:
        next(counter)
        return see

    before = sys.gettrace()
    sys.settrace(see)
    try:
        read(reader, text)
    finally:
        sys.settrace(before)
    return next(counter)


def seconds(reader: str, text: str) -> float:
    start = time.process_time()
    read(reader, text)
    return time.process_time() - start


def growth(reader: str, make: Callable[[int], str], size: int) -> float:
    """The growth of the time when the size doubles: the least of some attempts, as other work disturbs. 0 for anything very fast."""
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


def texts(reader: str) -> list[tuple[str, str]]:
    """(start, unit) of the reader's input: in `make check` every second unit, each with one start."""
    own = list(READERS).index(reader)
    places = amount(range(own % 2, len(UNITS), 2), range(len(UNITS)))
    return [(start, UNITS[place]) for place in places for start in amount((STARTS[(own + place) % len(STARTS)],), STARTS)]


@sampled
@pytest.mark.parametrize("reader", READERS)
def test_steps_grow_with_the_length_of_what_is_repeated(reader: str) -> None:
    read(reader, "a")  # to initialise what is made once
    assert [text for text in texts(reader) if grows_faster(reader, *text)] == []


def grows_faster(reader: str, start: str, unit: str) -> bool:
    """Whether steps grow faster than the text, at both sizes: at one size it may first need a module, or exceed a limit."""
    read(reader, text_of(start, unit, 2 * max(SHORT)))  # to initialise what is made once
    counted = (tuple(steps(reader, text_of(start, unit, size)) for size in (2 * few, few)) for few in SHORT)
    return all(second > MOST_STEPS * first + FEW_STEPS for second, first in counted)


def test_steps_are_counted_again_and_again_alike() -> None:
    text = text_of("sint2 ", "zz ", SHORT[-1])
    read("keys", text)  # to initialise what is made once
    assert steps("keys", text) == steps("keys", text) > len(text)


def test_what_grows_with_the_square_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each step is short."""
    monkeypatch.setitem(READERS, "words", lambda text: [one for place in range(len(text.split())) for one in text.split()[:place]])
    assert grows_faster("words", "", "zz ")
    monkeypatch.setitem(READERS, "words", lambda text: [one for one in text.split() for _ in range(20)])
    assert not grows_faster("words", "", "zz ")


@sampled
@pytest.mark.parametrize("reader", READERS)
def test_time_grows_with_the_length_of_what_is_repeated(reader: str) -> None:
    slow = [text for text in texts(reader) if growth(reader, partial(text_of, *text), SIZE) >= MOST_GROWTH]
    assert slow == []


@sampled
@pytest.mark.parametrize(("reader", "make"), [(reader, make) for reader, several in OWN.items() for make in several])
def test_time_grows_with_the_length_of_what_a_reader_is_for(reader: str, make: Callable[[int], str]) -> None:
    assert growth(reader, make, amount(1 << 14, LARGE // 2)) < MOST_GROWTH


# Inputs that once took quadratic time, though little of it: (reader, repeated text).
ONCE_SLOW = [
    ("crash", "a"),
    ("dump", "{0},"),
    ("dump", "u8 a[]={0};\n"),
    ("json", "}\n\n"),
    *(("line", unit) for unit in ("(", "\\x", "\\'", "'x'")),
]


@sampled
@pytest.mark.parametrize(("reader", "unit"), ONCE_SLOW, ids=ascii)
def test_what_was_slow_once_is_not_slow_again(reader: str, unit: str) -> None:
    assert growth(reader, partial(text_of, "", unit), amount(1 << 17, 1 << 18)) < MOST_GROWTH


NESTED = (("(", ")"), ("[", "]"), ("{", "}"), ("bytes(", ")"), ("<", ">"), ("a = ", ";"), ("'", "'"))


def nested(start: str, end: str, size: int) -> str:
    depth = size // (len(start) + len(end))
    return start * depth + "1" + end * depth


@sampled
@pytest.mark.parametrize("reader", READERS)
def test_time_grows_with_the_depth_of_what_is_nested(reader: str) -> None:
    slow = [pair for pair in NESTED if growth(reader, partial(nested, *pair), amount(1 << 14, 1 << 17)) >= MOST_GROWTH]
    assert slow == []


@contextmanager
def memory_bounded(most: int) -> Iterator[None]:
    """MemoryError beyond this limit for what is done here: what earlier tests have left in the process does not count."""
    import resource  # missing on Windows

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (address_space() + most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(not FUZZ, reason="minutes; make fuzz runs it")
@sampled
@pytest.mark.parametrize("reader", READERS)
def test_sixteen_mebibytes_are_read_in_time(reader: str) -> None:
    """And in memory: a pattern keeps some 70 bytes for each match of its group."""
    with memory_bounded(MOST_MEMORY):
        for unit in UNITS[len(reader) :: 12]:
            assert growth(reader, partial(text_of, "", unit), LARGE // 2) < MOST_GROWTH, repr(unit)
