"""The specs lay out what other people's structs have as their compilers do, or a table has the reason why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from hvrepl.catalog.model import ARCHES
from tests.at_hand import skip_for
from tests.codec import c_headers, rust_types
from tests.codec.agreement import Member, Table, Tally, compare


@dataclass(frozen=True)
class Others:
    """A source of structs, and between which numbers what is compared of it lies unless it, or its names, are read wrongly."""

    table: Table
    missing: str
    measure: Callable[[str], dict[str, list[Member]]]
    least_structs: int
    least_members: int
    most_known: int


OTHERS = {
    # Of the headers, those of Linux 6.1 have the fewest structs.
    "linux": Others(
        Table("names"), c_headers.find_missing(), lambda arch: c_headers.measure(c_headers.find_headers() or Path(), arch), 85, 500, 400
    ),
    "openvmm": Others(
        Table("hvdef", loose=True),
        rust_types.find_missing(),
        lambda _: rust_types.measure(rust_types.find_checkout() or Path()),
        180,
        1700,
        60,
    ),
}


@cache
def tally(name: str, arch: str) -> Tally:
    if OTHERS[name].missing:
        skip_for(OTHERS[name].missing)
    return compare(arch, OTHERS[name].measure(arch), OTHERS[name].table)


of_all = pytest.mark.parametrize("name", OTHERS)
each_arch = pytest.mark.parametrize("arch", ARCHES)


@of_all
@each_arch
def test_each_struct_and_member_lies_where_its_compiler_puts_it(name: str, arch: str) -> None:
    assert tally(name, arch).faults == []


@of_all
@each_arch
def test_most_structs_are_compared(name: str, arch: str) -> None:
    found = tally(name, arch)
    assert found.structs >= OTHERS[name].least_structs
    assert found.members >= OTHERS[name].least_members
    assert len(found.known) <= OTHERS[name].most_known


@of_all
@each_arch
def test_the_table_says_nothing_that_is_found_without_it(name: str, arch: str) -> None:
    assert tally(name, arch).unneeded == []


@of_all
def test_each_line_of_the_table_leads_to_a_spec_or_has_a_reason(name: str) -> None:
    OTHERS[name].table.check()
