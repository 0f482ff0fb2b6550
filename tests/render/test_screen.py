"""The screen: exact text of small trees, rulers of bits, and lines that fit the width without losing a word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.record import replace
from hvrepl.render import style
from hvrepl.render.parts import say_finding
from hvrepl.render.ruler import render_bits
from hvrepl.render.screen import render_screen
from hvrepl.render.style import Style, align, wrap
from tests.codec.layouts import THINGS, Thing
from tests.contrast import READS, contrast
from tests.each import each
from tests.program import SGR, without_colour
from tests.render.trees import CLEAR, PAGE, STRUCT, TREES, WORD

SCREENS = {
    "word": """\
HV_MODE = 0xa3  mode slow, ready      (hex)
  msr 0x40000099 (x64)
  7    ready         1
  6:4  reserved_6_4  0x2  reserved, but set
  3:2  mode          0x0  slow
  1:0  count         3
! reserved_6_4: reserved bits are set
  also cpuid 0x40000099 HV_OTHER: another thing""",
    "clear": """\
HV_MODE = 0x00
  7    ready     0
  3:2  mode      0x0  slow
  1:0  count     0
  6:4  reserved  0""",
    "struct": """\
a thing  1 thing
  +0  header                                                               kind 1
  +0    kind   0x0201                                                      first
  +2    [0]    0x03
  +3    [1]    0x04
  +4  sender   0x00000000
      or port  0x00000000                                                  port 0x0
  +8  rest     ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab … 24 bytes""",
    "page": """\
a page  1 of 3 slots in use
  slot  type   size
     1  TIMER    24
! slot 1: type: nobody sends this""",
}


@pytest.mark.parametrize("name", TREES)
def test_a_screen_says_the_sentence_then_field_by_field(name: str) -> None:
    assert "\n".join(render_screen(TREES[name], Style(width=0))) == SCREENS[name]


BITS = {
    "word": """\
HV_MODE = 0xa3  mode slow, ready      (hex)
  msr 0x40000099 (x64)
  7    3
  1010 0011
  a.!. bbcc
  ^      ^^
  a  7    ready         1
  !  6:4  reserved_6_4  0x2  reserved, but set
  b  3:2  mode          0x0  slow
  c  1:0  count         3
! reserved_6_4: reserved bits are set""",
    "clear": """\
HV_MODE = 0x00
  7    3
  0000 0000
  a... bbcc
  a  7    ready     0
  b  3:2  mode      0x0  slow
  c  1:0  count     0
  .  6:4  reserved  0""",
    "struct": SCREENS["struct"],
    "page": SCREENS["page"],
}


@pytest.mark.parametrize("name", BITS)
def test_a_ruler_has_the_letter_of_its_field_below_each_bit_and_marks_what_is_set(name: str) -> None:
    assert "\n".join(render_bits(TREES[name], Style(width=0))) == BITS[name]


def test_a_ruler_has_32_bits_a_row() -> None:
    halves = (
        Decoded(name="high", bits=(63, 40), raw="0x123456", value=0x123456),
        Decoded(name="low", bits=(39, 0), raw="0x789abcdef0", value=0x789ABCDEF0),
    )
    node = Decoded(name="HV_WIDE", raw="0x123456789abcdef0", fields=halves)
    assert list(render_bits(node, Style(width=0)))[1:9] == [
        "  63   59   55   51   47   43   39   35",
        "  0001 0010 0011 0100 0101 0110 0111 1000",
        "  aaaa aaaa aaaa aaaa aaaa aaaa bbbb bbbb",
        "  ^^^^ ^^^^ ^^^^ ^^^^ ^^^^ ^^^^ ^^^^ ^^^^",
        "  31   27   23   19   15   11   7    3",
        "  1001 1010 1011 1100 1101 1110 1111 0000",
        "  bbbb bbbb bbbb bbbb bbbb bbbb bbbb bbbb",
        "  ^^^^ ^^^^ ^^^^ ^^^^ ^^^^ ^^^^ ^^^^ ^^^^",
    ]
    assert list(render_bits(node, Style(width=40)))[1:4] == ["  63   59   55   51", "  0001 0010 0011 0100", "  aaaa aaaa aaaa aaaa"]


WORDS = [thing for thing in THINGS if thing.width]


@each(WORDS)
def test_the_ruler_of_every_word_shows_every_bit_under_its_number(thing: Thing) -> None:
    node = thing.decode(b"\xa5" * thing.size)
    lines = list(render_bits(node, Style(width=0)))
    rulers = [
        at
        for at, line in enumerate(lines)
        if re.fullmatch(r"  \d+( +\d+)*( +e.x)?", line) and re.fullmatch("[ 01]+", "".join(lines[at + 1 : at + 2]))
    ]
    words = [lines[at].split() for at in rulers]
    if words[0][-1] == "edx":
        assert [(one[0], one[-1]) for one in words] == [("31", register) for register in ("edx", "ecx", "ebx", "eax")]
    else:
        assert [int(one[0]) for one in words] == list(range(thing.width - 1, 0, -32))
    assert "".join(lines[at + 1].replace(" ", "") for at in rulers) == "10100101" * thing.size
    if node.fields:
        assert sum(len(lines[at + 2].replace(" ", "")) for at in rulers) == thing.width


UNREAD = {
    "field_is_named_in_the_text": (Finding("x", "header.kind", "kind is odd"), "kind is odd"),
    "field_is_not_named": (Finding("x", "header.kind", "odd"), "header.kind: odd"),
    "no_field": (Finding("x", "", "odd"), "odd"),
    "slot": (Finding("x", "slots[12]", "odd"), "slot 12: odd"),
    "field_of_a_slot": (Finding("x", "slots[2].header.kind", "odd"), "slot 2: header.kind: odd"),
}


@pytest.mark.parametrize(("finding", "text"), UNREAD.values(), ids=UNREAD)
def test_a_finding_is_said_with_its_place(finding: Finding, text: str) -> None:
    assert say_finding(finding) == text


VALUES = {
    "flag": (Decoded(name="x", bits=(0, 0), raw="0x1", value=1), "0     x  1"),
    "hex": (Decoded(name="x", bits=(8, 1), raw="0x0f", value=15), "8:1   x  0x0f"),
    "decimal": (Decoded(name="x", bits=(8, 1), raw="0x0f", value=15, base=10), "8:1   x  15"),
    "wide": (Decoded(name="x", bits=(99, 1), raw="0x" + "0f" * 12, value=None), f"99:1  x  0x{'0f' * 12}"),
    "register": (Decoded(name="x", register="edx", bits=(10, 10), raw="0x1", value=1), "edx 10  x  1"),
    "byte": (Decoded(name="x", offset=0, size=1, raw="00"), "+0    x  00"),
    "zeros": (Decoded(name="x", offset=4, size=9, raw="00" * 9), "+4    x  9 bytes of zero"),
    "bytes": (Decoded(name="x", offset=4, size=2, raw="00ff"), "+4    x  00 ff"),
    "many_bytes": (Decoded(name="x", offset=4, size=17, raw="01" * 17), f"+4    x  {'01 ' * 16}… 17 bytes"),
    "set_reserved_bytes": (Decoded(name="x", offset=4, size=1, raw="01", reserved=True), "+4    x  01  not part of it, but set"),
}


@pytest.mark.parametrize(("part", "text"), VALUES.values(), ids=VALUES)
def test_a_value_is_shown_in_its_natural_base(part: Decoded, text: str) -> None:
    (line,) = list(render_screen(Decoded(name="X", fields=(part,)), Style(width=0)))[1:]
    assert line.split() == text.split()


def reserved(high: int, low: int) -> Decoded:
    return Decoded(name=f"reserved_{high}_{low}", bits=(high, low), raw="0x0", value=0, reserved=True)


RANGES = {
    "one": ([reserved(15, 8)], ["  0     on        1", "  15:8  reserved  0"]),
    "several": ([reserved(63, 21), reserved(15, 8)], ["  0  on  1", "  63:21, 15:8  reserved  0"]),
    "many": (
        [reserved(99, 90), reserved(80, 70), reserved(60, 50), reserved(40, 30)],
        ["  0  on  1", "  99:90, 80:70, 60:50,", "    40:30  reserved  0"],
    ),
}


@pytest.mark.parametrize(("parts", "lines"), RANGES.values(), ids=RANGES)
def test_reserved_bits_share_one_line_at_the_end_with_their_ranges_at_the_left(parts: list[Decoded], lines: list[str]) -> None:
    node = Decoded(name="X", raw="0x1", fields=(*parts, Decoded(name="on", bits=(0, 0), raw="0x1", value=1)))
    assert list(render_screen(node, Style(width=26)))[1:] == lines


LEAF = Decoded(
    name="LEAF",
    space="cpuid",
    number="0x40000003",
    raw="0x0000000100000002" + "0000000300000004",
    fields=(
        Decoded(name="live", register="edx", bits=(0, 0), raw="0x1", value=1),
        replace(reserved(31, 2), register="ecx"),
        Decoded(name="depth", register="ecx", bits=(1, 0), raw="0x2", value=2),
        replace(reserved(31, 3), register="eax"),
        replace(reserved(1, 0), register="eax"),
    ),
)


def test_a_cpuid_leaf_has_its_registers_in_place_of_a_value() -> None:
    assert list(render_screen(LEAF, Style())) == [
        "LEAF",
        "  eax 0x00000004  ebx 0x00000003  ecx 0x00000002  edx 0x00000001",
        "  edx 0    live   1",
        "  ecx 1:0  depth  0x2",
        "  ecx 31:2, eax 31:3, 1:0  reserved  0",
    ]
    assert list(render_screen(LEAF, Style(width=40)))[1:3] == ["  eax 0x00000004  ebx 0x00000003", "  ecx 0x00000002  edx 0x00000001"]


def test_the_address_of_a_dump_is_with_the_title() -> None:
    page = replace(PAGE, read="read as words, 3 bytes at 0x1000")
    assert next(render_screen(page, Style(width=0))) == "a page at 0x1000  1 of 3 slots in use      (words, 3 bytes)"
    part = replace(page, dumped=True)  # a slot, whose offsets begin elsewhere
    assert next(render_screen(part, Style(width=0))) == "a page  1 of 3 slots in use      (words, 3 bytes at 0x1000)"


BARE = {
    "decimal_says_more": (Decoded(name="X", raw="0x001f", value=31), "X = 0x001f  31"),
    "decimal_says_the_same": (Decoded(name="X", raw="0x0005", value=5), "X = 0x0005"),
    "too_wide": (Decoded(name="X", raw="0x" + "0f" * 16), f"X = 0x{'0f' * 16}"),
}


@pytest.mark.parametrize(("node", "line"), BARE.values(), ids=BARE)
def test_a_number_without_a_layout_is_said_in_decimal_too(node: Decoded, line: str) -> None:
    assert list(render_screen(node, Style())) == [line]


def test_a_name_and_value_that_are_too_wide_stand_one_below_the_other() -> None:
    assert list(render_screen(replace(CLEAR, summary="all clear", raw="0x" + "0" * 16), Style(width=26)))[:2] == [
        "HV_MODE",
        "  = 0x0000000000000000",
    ]


def test_other_readings_are_named_only_if_they_say_something_else() -> None:
    others = (
        Decoded(name="HV_MODE", space="register", number="0x1"),
        Decoded(name="SLOW", space="mode", number="0x0"),
        Decoded(name="HV_OTHER", space="cpuid", number="0x2", summary="another thing"),
        Decoded(name="HV_OTHER", space="irq", number="0x2", summary="another thing"),
        Decoded(name="HV_SAME", space="irq", number="0x3", summary="mode slow, ready"),
    )
    named = tuple(replace(part, meaning="SLOW", named=True) if part.name == "mode" else part for part in WORD.fields)
    lines = list(render_screen(replace(WORD, fields=named, other=others), Style()))
    assert [line for line in lines if "also" in line] == ["  also cpuid 0x2 HV_OTHER: another thing"]


def test_a_page_whose_table_is_too_wide_has_its_columns_one_below_the_other() -> None:
    parts = [
        Decoded(name=name, raw="01", meaning=text, column=name)
        for name, text in (("type", "TIMER_EXPIRED"), ("flags", "-"), ("payload", "due"))
    ]
    slots = (replace(PAGE.slots[0], unused=True), Decoded(name="[1]", fields=tuple(parts)))
    page = replace(PAGE, slots=slots, findings=(), summary="")
    assert list(render_screen(page, Style(width=40)))[1:] == ["  slot  type           flags  payload", "     1  TIMER_EXPIRED  -      due"]
    narrow = list(render_screen(page, Style(width=24)))[1:]
    assert [line.split() for line in narrow] == [["slot", "1"], ["type", "TIMER_EXPIRED"], ["flags", "-"], ["payload", "due"]]


def test_a_page_without_messages_says_so() -> None:
    free = replace(PAGE, slots=tuple(replace(slot, unused=True) for slot in PAGE.slots), findings=())
    assert list(render_screen(free, Style(width=0))) == ["a page  1 of 3 slots in use", "  every slot is free"]


def test_a_table_shows_what_is_set_of_bytes_and_arrays() -> None:
    flags = Decoded(name="flags", raw="0a00", meaning="1, 3", column="flags set")
    ports = tuple(Decoded(name=f"[{i}]", raw=f"0x{port:08x}", value=port) for i, port in enumerate((7, 0, 9)))
    slots = (Decoded(name="[0]", unused=True), Decoded(name="[1]", fields=(flags, Decoded(name="data", fields=ports, column="ports"))))
    page = replace(PAGE, slots=slots, findings=())
    assert list(render_screen(page, Style(width=0)))[1:] == ["  slot  flags set  ports", "     1  1, 3       0x7, 0x9"]


def element(index: int, value: int, meaning: str = "") -> Decoded:
    return Decoded(name=f"[{index}]", offset=4 * index, size=4, raw=f"0x{value:08x}", value=value, meaning=meaning)


def test_a_run_of_empty_elements_shares_one_line() -> None:
    numbers = tuple(element(i, 7 if i == 5 else 0, "none" if i > 8 else "") for i in range(12))
    kinds = [Decoded(name="kind", offset=48 + i, size=1, raw=f"0x0{i // 3}", value=i // 3) for i in range(4)]
    parts = tuple(Decoded(name=f"[{i}]", offset=48 + i, size=1, fields=(kind,)) for i, kind in enumerate(kinds))
    arrays = (Decoded(name="numbers", offset=0, size=48, fields=numbers), Decoded(name="parts", offset=48, size=4, fields=parts))
    assert list(render_screen(Decoded(name="X", fields=arrays), Style(width=0)))[1:] == [
        "  +0   numbers",
        "  +0     [0]…[4]   0x00000000",
        "  +20    [5]       0x00000007",
        "  +24    [6]…[8]   0x00000000",
        "  +36    [9]…[11]  0x00000000  none",
        "  +48  parts",
        "  +48    [0]…[2]   0",
        "  +51    [3]",
        "  +51      kind    0x01",
    ]


NARROW = """\
HV_MODE = 0xa3  mode slow, ready
  (hex)
  msr 0x40000099 (x64)
  7    ready         1
  6:4  reserved_6_4  0x2
      reserved, but set
  3:2  mode          0x0  slow
  1:0  count         3
! reserved_6_4: reserved bits are set
  also cpuid 0x40000099 HV_OTHER:
    another thing"""


def test_a_narrow_screen_puts_what_does_not_fit_below() -> None:
    assert "\n".join(render_screen(WORD, Style(width=39))) == NARROW
    assert list(render_screen(STRUCT, Style(width=80)))[1] == "  +0  header               kind 1"


@each(THINGS, parts=8)
def test_no_screen_is_wider_than_the_terminal_or_loses_a_word(thing: Thing) -> None:
    for data in (bytes(thing.size), b"\xff" * thing.size):
        node = thing.decode(data)
        whole = list(render_screen(node, Style(width=0)))
        for width in (40, 80):
            wrapped = list(render_screen(node, Style(width=width)))
            assert words(wrapped) == words(whole) or (node.slots and set(words(wrapped)) == set(words(whole)))
            assert all(len(line) <= width or is_unbreakable(line, width) for line in wrapped), wrapped


def words(lines: list[str]) -> list[str]:
    return sorted(" ".join(lines).split())


def is_unbreakable(line: str, width: int) -> bool:
    """A word, the bytes or the many digits of a field; on a very narrow screen also the title, and columns that are too wide together."""
    bare = line.strip()
    return " " not in bare or (width < 80 and ("  " in bare or bare == line)) or bool(re.search("  (ff ff ff|0x[0-9a-f]{17})", bare))


@pytest.mark.parametrize("render", [render_screen, render_bits])
@pytest.mark.parametrize("name", TREES)
def test_a_screen_in_colour_is_the_same_text(name: str, render: type) -> None:
    for width in (0, 20, 40, 80):
        plain = list(render(TREES[name], Style(width=width)))
        colored = list(render(TREES[name], Style(color=True, width=width)))
        assert [without_colour(line) for line in colored] == plain
        assert all(line.count("\x1b[0m") * 2 == line.count("\x1b") for line in colored)
    assert any("\x1b" in line for line in colored)


SET_AND_ZERO = """\
\x1b[1mHV_MODE\x1b[0m = 0x81  ready
  \x1b[2m7\x1b[0m    \x1b[1mready\x1b[0m     \x1b[1m1\x1b[0m
  \x1b[2m3:2\x1b[0m  \x1b[2mmode\x1b[0m      \x1b[2m0x0\x1b[0m  \x1b[2mslow\x1b[0m
  \x1b[2m6:4\x1b[0m  \x1b[2mreserved\x1b[0m  \x1b[2m0\x1b[0m"""


def test_what_is_set_is_bold_and_what_is_zero_is_dim() -> None:
    ready, reserved, mode, _ = CLEAR.fields
    node = replace(CLEAR, raw="0x81", summary="ready", fields=(replace(ready, raw="0x1", value=1), reserved, mode))
    assert "\n".join(render_screen(node, Style(color=True))) == SET_AND_ZERO


def test_what_is_strange_is_bright_red_and_nothing_else_has_a_colour() -> None:
    lines = list(render_screen(WORD, Style(color=True)))
    coloured = [line for line in lines if "\x1b[1;91m" in line]
    assert [without_colour(line).split()[1] for line in coloured] == ["reserved_6_4", "reserved_6_4:"]
    assert set(SGR.findall("\n".join(lines))) == {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;91m"}


# (backgrounds, bright red) in terminals' default palettes.
PALETTES = {
    "xterm": ("ffffff 000000", "ff0000"),
    "tango": ("ffffff 000000", "ef2929"),
    "gnome": ("ffffff 171421", "f66151"),
    "windows_terminal": ("ffffff 0c0c0c", "e74856"),
    "macos": ("ffffff 000000", "e50000"),
    "vga": ("ffffff 000000", "ff5555"),
    "solarized": ("fdf6e3 002b36", "cb4b16"),
}


@pytest.mark.parametrize("name", PALETTES)
def test_the_colour_of_what_is_strange_reads_on_white_and_on_black(name: str) -> None:
    grounds, red = PALETTES[name]
    assert min(contrast(ground, red) for ground in grounds.split()) >= READS


def test_strange_things_are_marked_without_colour() -> None:
    assert [line for line in render_screen(WORD, Style()) if line.startswith("! ")] == ["! reserved_6_4: reserved bits are set"]
    assert not [line for line in render_screen(CLEAR, Style()) if "!" in line]


TEXT = st.text(st.sampled_from("abcdefg    -\u00b7"), max_size=120).map(lambda text: " ".join(text.split()))


LABEL = st.text(" >", max_size=10).map(lambda text: f"{text} " if text else "")  # text before another ends with a blank


@given(TEXT, st.integers(style.NARROW, 90), LABEL, st.text(" ", max_size=10))
def test_wrapping_keeps_every_word_and_the_width(text: str, width: int, first: str, rest: str) -> None:
    lines = wrap(text, width, first, rest)
    assert " ".join(lines).split() == (first + text).split()
    assert lines[0].startswith(first.rstrip())
    assert all(line.startswith(rest) for line in lines[1:])
    assert all(len(line) <= width or " " not in line[len(rest if number else first) :].strip() for number, line in enumerate(lines))


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=5), st.sampled_from([0, 20, 40, 80]), st.booleans())
def test_aligned_rows_keep_every_word_and_begin_their_last_column_together(
    rows: list[tuple[str, str, str]], width: int, right: bool
) -> None:
    lines = align(rows, Style(width=width), ("dim", "name", "meaning"), [0] if right else [])
    assert " ".join(lines).split() == " ".join(cell for row in rows for cell in row).split()
    assert all(line == line.rstrip() for line in lines)
    if width == 0 and rows:
        start = 2 + sum(max(len(row[i]) for row in rows) + 2 for i in (0, 1))
        assert [line[start:] for line in lines] == [row[2] for row in rows]


def test_no_rows_give_no_lines() -> None:
    assert align([], Style(), ("dim",)) == []
