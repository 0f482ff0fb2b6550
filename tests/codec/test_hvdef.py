"""The specs agree with Rust on the layouts of hvdef and vmbus_core, or hvdef.tsv has the reason why not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from hvrepl.catalog.model import ARCHES
from tests.at_hand import NEEDS
from tests.codec.agreement import Table, Tally, compare, report
from tests.codec.rust_types import Source, find_checkout, find_missing, measure

LEAST_STRUCTS, LEAST_MEMBERS = 180, 1700

needs_openvmm = pytest.mark.skipif(bool(find_missing()), reason=NEEDS + find_missing())
each_arch = pytest.mark.parametrize("arch", ARCHES)


@cache
def table() -> Table:
    return Table("hvdef", loose=True)


@cache
def tally(arch: str) -> Tally:
    return compare(arch, measure(find_checkout() or Path()), table())


@needs_openvmm
@each_arch
def test_each_struct_and_member_lies_where_rust_puts_it(arch: str) -> None:
    assert tally(arch).faults == []


@needs_openvmm
@each_arch
def test_most_structs_are_compared(arch: str) -> None:
    print("\n".join(report(arch, measure(find_checkout() or Path()), table())))
    assert tally(arch).structs >= LEAST_STRUCTS
    assert tally(arch).members >= LEAST_MEMBERS


@needs_openvmm
@each_arch
def test_the_table_says_nothing_that_is_found_without_it(arch: str) -> None:
    assert tally(arch).unneeded == []


def test_each_line_of_the_table_leads_to_a_spec_or_has_a_reason() -> None:
    table().check()


SOURCE = """
pub const COUNT: usize = 2; // a comment with a { in it
open_enum! { pub enum Kind: u16 { A = 1 } }
/// What 'this' is.
#[bitfield(u32)]
#[derive(Debug)]
pub struct Bits { pub low: bool, #[bits(7)] _rsvd: u8, pub high: u16, #[bits(8)] pub kind: Kind }
pub mod inner {
    #[repr(C, align(16))]
    pub struct Wide([u8; 16]);
    #[repr(C)]
    pub struct Whole { pub kind: Kind, pub bits: [Bits; COUNT], pub long: u64, pub wide: Wide, pub(crate) guid: Guid }
    pub struct Rust { pub text: String }
}
impl Whole { pub fn new() -> Self { Self { kind: Kind::A } } }
"""


def test_a_struct_is_laid_out_as_repr_c_with_the_bits_of_its_members() -> None:
    source = Source(SOURCE)
    assert set(source.own) == {"Bits", "Wide", "Whole"}
    assert source.size(("Whole",)).size == 64
    found = {one.path: (one.bit, one.width) for one in source.members("Whole")}
    assert found["bits"] == (32, 64)
    assert found["bits[0].high"] == (40, 16)
    assert found["long"] == (128, 64)
    assert found["wide"] == (256, 128)
    assert found["guid"] == (384, 128)
