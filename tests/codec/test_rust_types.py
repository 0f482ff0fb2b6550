"""Structs and bitfields of Rust as text: where their members are."""

from __future__ import annotations

from tests.codec.rust_types import Source

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
