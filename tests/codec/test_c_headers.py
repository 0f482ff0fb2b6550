"""The specs agree with a C compiler on Linux's Hyper-V headers, or names.tsv has the reason why not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from hvrepl.catalog.model import ARCHES
from tests.at_hand import NEEDS
from tests.codec.agreement import Table, Tally, compare, report
from tests.codec.c_headers import find_headers, find_missing, measure
from tests.codec.c_structs import MemberPath, paths, read_structs

MOST_KNOWN = 400
# There are fewer only if the headers, or their names, are misread: those of Linux 6.1 have the fewest.
LEAST_STRUCTS, LEAST_MEMBERS = 85, 500

needs_headers = pytest.mark.skipif(bool(find_missing()), reason=NEEDS + find_missing())
each_arch = pytest.mark.parametrize("arch", ARCHES)


@cache
def table() -> Table:
    return Table("names")


@cache
def tally(arch: str) -> Tally:
    return compare(arch, measure(find_headers() or Path(), arch), table())


@needs_headers
@each_arch
def test_each_struct_and_member_lies_where_the_compiler_puts_it(arch: str) -> None:
    assert tally(arch).faults == []


@needs_headers
@each_arch
def test_most_structs_are_compared(arch: str) -> None:
    print("\n".join(report(arch, measure(find_headers() or Path(), arch), table())))
    assert tally(arch).structs >= LEAST_STRUCTS
    assert tally(arch).members >= LEAST_MEMBERS
    assert len(tally(arch).known) <= MOST_KNOWN


@needs_headers
@each_arch
def test_the_table_says_nothing_that_is_found_without_it(arch: str) -> None:
    assert tally(arch).unneeded == []


def test_each_line_of_the_table_leads_to_a_spec_or_has_a_reason() -> None:
    table().check()


SOURCE = """
struct a { u32 x : 3, y : 5; u8 list[(4)]; struct { u16 p; } ; struct { u16 q; } named[2]; void (*call)(int a); struct a *next; };
static inline int f(struct a *x) { struct b { int y; } z; return x->x; }
union b { enum e { one, two } kind; struct a inner; u64 tail[]; } ;
"""


def test_a_struct_is_read_from_c_with_the_members_of_its_members() -> None:
    structs = read_structs(SOURCE)
    assert list(structs) == ["struct a", "union b"]
    found = list(paths("struct a", structs))
    assert [one.text for one in found] == ["x", "y", "list", "p", "named", "named[0].q", "next"]
    assert [one.text for one in found if one.bits] == ["x", "y"]
    inner = {one.text: one for one in paths("union b", structs)}
    assert inner["inner.named[0].q"] == MemberPath("inner.named[0].q", False, False, False, "struct a", "named[0].q")
    assert inner["tail"].flexible
