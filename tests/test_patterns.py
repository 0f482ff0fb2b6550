"""Patterns do what those of re do, compiled when they are first used."""

from __future__ import annotations

import pkgutil
import re
from contextlib import suppress
from importlib import import_module

import pytest

import hvrepl
from hvrepl.patterns import METHODS, Pattern, regex

TEXT = "a1, B22"


@pytest.mark.parametrize("name", METHODS)
def test_a_pattern_has_what_that_of_re_has(name: str) -> None:
    assert hasattr(re.compile(""), name)
    assert hasattr(regex(""), name)


def test_a_pattern_finds_what_that_of_re_finds() -> None:
    kept, plain = regex(r"(?P<letter>[a-z])(\d+)", re.IGNORECASE), re.compile(r"(?P<letter>[a-z])(\d+)", re.IGNORECASE)
    for _ in range(2):
        assert kept.findall(TEXT) == plain.findall(TEXT) == [("a", "1"), ("B", "22")]
        assert [match.span() for match in kept.finditer(TEXT, 2)] == [match.span() for match in plain.finditer(TEXT, 2)]
        assert kept.sub(r"\2", TEXT) == plain.sub(r"\2", TEXT)
        assert kept.fullmatch("c3")
        assert not kept.fullmatch(TEXT)
    assert (kept.pattern, kept.flags, kept.groupindex) == (plain.pattern, plain.flags, plain.groupindex)
    assert regex(rb"\d").findall(b"a1") == [b"1"]


def test_a_pattern_is_compiled_when_it_is_first_used() -> None:
    wrong = regex("(")
    with pytest.raises(re.error):
        wrong.match("")
    with pytest.raises(AttributeError):
        wrong.other  # type: ignore[attr-defined]  # noqa: B018


def test_every_pattern_compiles() -> None:
    for module in pkgutil.walk_packages(hvrepl.__path__, "hvrepl."):
        if module.name.endswith("__main__"):
            continue
        with suppress(ImportError):  # a library that is not here
            values = vars(import_module(module.name)).values()
            assert all(re.compile(one.pattern, one.flags) for one in values if isinstance(one, Pattern))
