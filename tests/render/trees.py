"""Small Decoded trees made by hand, so that tests of renderers need no specs."""

from __future__ import annotations

from hvrepl.codec.decoded import Decoded, Finding

WORD = Decoded(
    name="HV_MODE",
    kind="register",
    arch="x64",
    space="msr",
    number="0x40000099",
    raw="0xa3",
    summary="mode slow, ready",
    fields=(
        Decoded(name="ready", bits=(7, 7), raw="0x1", value=1),
        Decoded(name="reserved_6_4", bits=(6, 4), raw="0x2", value=2, reserved=True),
        Decoded(name="mode", bits=(3, 2), raw="0x0", value=0, meaning="slow"),
        Decoded(name="count", bits=(1, 0), raw="0x3", value=3, base=10),
    ),
    findings=(Finding("reserved_set", "reserved_6_4", "reserved bits are set"),),
    other=(Decoded(name="HV_OTHER", space="cpuid", number="0x40000099", summary="another thing"),),
    read="read as hex",
    source=("tlfs:a.md#mode",),
    subtitle="msr 0x40000099 (x64)",
)

CLEAR = Decoded(
    name="HV_MODE",
    kind="register",
    raw="0x00",
    fields=(
        Decoded(name="ready", bits=(7, 7), raw="0x0", value=0),
        Decoded(name="reserved_6_4", bits=(6, 4), raw="0x0", value=0, reserved=True),
        Decoded(name="mode", bits=(3, 2), raw="0x0", value=0, meaning="slow"),
        Decoded(name="count", bits=(1, 0), raw="0x0", value=0, base=10),
    ),
)

# A struct with a struct, an array, a union and bytes within.
STRUCT = Decoded(
    name="HV_THING",
    kind="struct",
    raw="0102030400000000" + "ab" * 24,
    summary="1 thing",
    subtitle="a thing",
    fields=(
        Decoded(
            name="header",
            offset=0,
            size=4,
            raw="01020304",
            summary="kind 1",
            fields=(
                Decoded(name="kind", offset=0, size=2, raw="0x0201", value=0x201, meaning="first"),
                Decoded(name="[0]", offset=2, size=1, raw="0x03", value=3),
                Decoded(name="[1]", offset=3, size=1, raw="0x04", value=4),
            ),
        ),
        Decoded(
            name="sender",
            offset=4,
            size=4,
            raw="0x00000000",
            value=0,
            readings=(Decoded(name="port", raw="0x00000000", value=0, meaning="port 0x0"),),
        ),
        Decoded(name="rest", offset=8, size=24, raw="ab" * 24),
    ),
)


def slot(index: int, *, unused: bool) -> Decoded:
    parts = (
        Decoded(name="type", offset=2 * index, size=1, raw="0x01", value=1, meaning="TIMER", column="type"),
        Decoded(name="size", offset=2 * index + 1, size=1, raw="0x18", value=24, base=10, column="size"),
    )
    return Decoded(name=f"[{index}]", offset=2 * index, size=2, raw="0118", fields=parts, unused=unused)


PAGE = Decoded(
    name="HV_PAGE",
    kind="page",
    raw="0118" * 3,
    summary="1 of 3 slots in use",
    subtitle="a page",
    slots=(slot(0, unused=True), slot(1, unused=False), slot(2, unused=True)),
    findings=(Finding("odd_type", "slots[1].type", "nobody sends this"),),
)

TREES = {"word": WORD, "clear": CLEAR, "struct": STRUCT, "page": PAGE}
