"""One test body for a table of hundreds of values, as a few tests: starting and reporting a test takes longer than many a body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from typing import Any

import pytest


def each(values: Iterable[Any], name: Callable[[Any], str] = str, parts: int = 1) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turns a test of one value (of a tuple: its parts as arguments) into a test of all, split so that parts can run in parallel.

    All values are tried, and each failure is shown with its name and place. For bodies of up to a few milliseconds: slower ones should
    have a test per value.
    """
    found = list(values)
    assert found

    def of_all(body: Callable[..., None]) -> Callable[..., None]:
        def one() -> None:
            try_all(body, found, name)

        def several(part: int) -> None:
            try_all(body, found[part::parts], name)

        test = update_wrapper(several if parts > 1 else one, body)
        del test.__wrapped__  # otherwise pytest takes its arguments for fixtures
        return pytest.mark.parametrize("part", range(parts))(test) if parts > 1 else test

    return of_all


def try_all(body: Callable[..., None], values: Sequence[Any], name: Callable[[Any], str]) -> None:
    failures = []
    for value in values:
        try:
            body(*(value if isinstance(value, tuple) else (value,)))
        except Exception as error:
            error.add_note(f"with {name(value)}")
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(values)} values fail", failures)
