"""Several values of one thing side by side: exact text, marked differences, and values that go below one another instead."""

from __future__ import annotations

import re

import pytest

from hvrepl.codec.decoded import Decoded
from hvrepl.record import replace
from hvrepl.render.side_by_side import MOST, show_side_by_side
from hvrepl.render.style import Style
from tests.codec.layouts import THINGS, Thing
from tests.each import each
from tests.program import call, without_colour
from tests.render.trees import CLEAR, PAGE, STRUCT, WORD


def sides(*words: str, **streams: int) -> list[str]:
    return call("decode", *words, **streams).out.splitlines()


def test_what_differs_is_marked_and_named() -> None:
    assert sides("sint2", "0x200f3", "0x300f3", columns=80) == [
        "HV_X64_MSR_SINT2  2 values; masked differs",
        "   a = 0x00000000000200f3  vector 0xf3, auto-EOI",
        "   b = 0x00000000000300f3  vector 0xf3, masked, auto-EOI",
        "   msr 0x40000092 (x64) · HV_REGISTER_SINT2 0x000A0002",
        "                      a     b",
        "   20   proxy         0     0",
        "   19   as_intercept  0     0",
        "   18   polling       0     0",
        "   17   auto_eoi      1     1",
        "≠  16   masked        0     1",
        "   7:0  vector        0xf3  0xf3",
        "   63:21, 15:8  reserved  0",
    ]


def test_findings_say_whose_they_are() -> None:
    found = [line for line in sides("sint2", "0x200f3", "0x4000200f3", "7", "0x17", columns=110) if line.startswith("!")]
    assert found == [
        "! b: reserved_63_21: reserved bits are set",
        "! c: valid vectors are 16-255; a lower one is refused unless the source is masked",
    ]
    assert [line for line in sides("sint2", "7", "6") if line.startswith("!")] == [
        "! valid vectors are 16-255; a lower one is refused unless the source is masked"
    ]


def test_reserved_bits_that_one_value_sets_have_their_own_row() -> None:
    assert "≠  63:21  reserved_63_21  0x00000000000  0x00000002000" in sides("sint2", "0x200f3", "0x4000200f3")


def test_a_field_of_another_variant_is_a_dash() -> None:
    lines = sides("guest-id", "0x8100000606570000", "0x0001040a00003839")
    assert re.search("^≠  62:56  os_type +0x01 Linux +-$", "\n".join(lines), re.MULTILINE)
    assert re.search("^≠  39:32  major +- +10$", "\n".join(lines), re.MULTILINE)


COUNTS = {
    "none": (("0x30", "0x30"), "2 values; all the same"),
    "one": (("0x30", "0x31"), "2 values; vector differs"),
    "three": (("0x30", "0x70030"), "2 values; polling, auto_eoi and masked differ"),
    "many": (("0x30", "0x1f0031"), "2 values; 6 fields differ"),
}


@pytest.mark.parametrize(("values", "said"), COUNTS.values(), ids=COUNTS)
def test_the_heading_names_what_differs(values: tuple[str, ...], said: str) -> None:
    assert said in sides("sint2", *values)[0]


def test_how_a_value_was_read_is_said_of_each() -> None:
    assert "   b = 0x00000000000000f3  vector 0xf3  (hex)" in sides("sint2", "0x30", "f3")


NOT_SIDE_BY_SIDE = {
    "one": [WORD],
    "too_many": [WORD] * (MOST + 1),
    "other_things": [WORD, replace(WORD, name="HV_OTHER_MODE")],
    "structs": [STRUCT, STRUCT],
    "pages": [PAGE, PAGE],
    "numbers_without_a_layout": [Decoded(name="X", raw="0x1", value=1)] * 2,
}


@pytest.mark.parametrize("nodes", NOT_SIDE_BY_SIDE.values(), ids=NOT_SIDE_BY_SIDE)
def test_what_does_not_go_side_by_side_is_left_alone(nodes: list[Decoded]) -> None:
    assert show_side_by_side(nodes, Style(width=0)) is None


def test_what_is_too_wide_stands_one_below_the_other() -> None:
    values = ("0x818000050fa7042f", "0x8100000606570000")
    assert sides("guest-id", *values, columns=80)[0].startswith("HV_X64_MSR_GUEST_OS_ID  2 values")
    assert sides("guest-id", *values, columns=60)[0].startswith("HV_X64_MSR_GUEST_OS_ID = 0x818000050fa7042f")


@each((thing for thing in THINGS if thing.width), parts=4)
def test_the_table_of_every_word_fits_and_has_no_colour_but_colour_or_there_is_none(thing: Thing) -> None:
    nodes = [thing.decode(bytes([byte]) * thing.size) for byte in (0, 0xA5, 0xFF)]
    wide = show_side_by_side(nodes, Style(width=0))
    rows = table_of(wide) if wide else []
    for width in (40, 80, 200):
        lines = show_side_by_side(nodes, Style(width=width))
        assert (lines is not None) == (wide is not None and max(map(len, rows)) <= width)
        if lines:
            assert table_of(lines) == rows
            coloured = show_side_by_side(nodes, Style(color=True, width=width)) or []
            assert [without_colour(line) for line in coloured] == lines


def table_of(lines: list[str]) -> list[str]:
    """The rows of a screen from the one with the letters of the values on, without findings and other readings."""
    start = next(at for at, line in enumerate(lines) if re.fullmatch(" +a +b +c", line))
    return [line for line in lines[start:] if line.startswith(("≠", "   "))]


def test_colour_changes_no_text() -> None:
    nodes = [WORD, CLEAR]
    nodes[1] = replace(CLEAR, number=WORD.number)
    plain, coloured = show_side_by_side(nodes, Style()), show_side_by_side(nodes, Style(color=True))
    assert plain
    assert coloured
    assert [without_colour(line) for line in coloured] == plain
    assert [line for line in coloured if "≠" in line and "\x1b[" not in line] == []
    assert "≠" in "".join(plain)


def test_streams_and_files_have_a_screen_for_each_value(tmp_path: object) -> None:
    assert call("decode", "sint2", "-", stdin=b"0x30\n0x31\n").out.count("HV_X64_MSR_SINT2 = ") == 2
    (path := tmp_path / "values").write_text("0x30\n0x31\n")  # type: ignore[operator]
    assert call("decode", "sint2", f"@{path}").out.count("HV_X64_MSR_SINT2 = ") == 2


def test_more_values_than_fit_are_each_a_screen() -> None:
    out = call("decode", "sint2", *(f"{0x30 + at:#x}" for at in range(MOST + 1))).out
    assert out.count("HV_X64_MSR_SINT2 = ") == MOST + 1


def test_an_error_comes_after_what_was_read_before_it() -> None:
    ended = call("decode", "sint2", "0x30", "0x31", "zz", "0x32")
    assert ended.out.startswith("HV_X64_MSR_SINT2  2 values; vector differs")
    assert (ended.status, ended.err.startswith("'zz' is not a number; ")) == (2, True)
    going_on = call("decode", "-k", "sint2", "0x30", "zz", "0x32")
    assert going_on.out.startswith("HV_X64_MSR_SINT2  2 values; vector differs")


@pytest.mark.parametrize("form", ["line", "json", "ndjson", "csv", "bits"])
def test_other_formats_have_each_value_by_itself(form: str) -> None:
    both = call("decode", "sint2", "0x30", "0x31", "-f", form).out
    assert "values" not in both.splitlines()[0].replace('"values"', "")
    assert "≠" not in both
