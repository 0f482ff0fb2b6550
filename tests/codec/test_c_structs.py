"""Structs of C as text: their members, and the members of these."""

from __future__ import annotations

from tests.codec.c_structs import MemberPath, paths, read_structs

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
