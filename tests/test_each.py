"""A test of many values tries them all, and lists those that fail."""

from __future__ import annotations

import pytest

from tests.each import each

TRIED: list[object] = []


def check(number: int, more: int = 0) -> None:
    TRIED.append(number)
    assert number + more < 5, "too much"


def test_all_values_are_tried_and_those_that_fail_are_named() -> None:
    TRIED.clear()
    with pytest.raises(ExceptionGroup, match="2 of 4 values fail") as failed:
        each([3, 5, 6, 4], "number {}".format)(check)()
    assert TRIED == [3, 5, 6, 4]
    assert [error.__notes__ for error in failed.value.exceptions] == [["with number 5"], ["with number 6"]]


def test_a_single_failure_is_raised_as_it_is() -> None:
    with pytest.raises(AssertionError, match="too much") as failed:
        each([(1, 1), (4, 1)])(check)()
    assert failed.value.__notes__ == ["with (4, 1)"]


def test_parts_share_out_all_values() -> None:
    TRIED.clear()
    test = each(range(4), parts=3)(check)
    assert test.__name__ == "check"
    for part in range(3):
        test(part)
    assert TRIED == [0, 3, 1, 2]
