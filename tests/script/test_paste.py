"""Dumps and separate lines in a text: tables, and every dump of tests/data."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.readers.kinds import is_row
from hvrepl.script.paste import Piece, goes_on, is_open, split_text
from tests.paths import DATA

DUMPS = sorted((DATA / "dumps").glob("*.txt"))
GDB = "0xffff888003c5a000:\t0x0000001880000010\t0x0000000000000000"
XXD = "00000000: 1000 0080 1800 0000 0000 0000 0000 0000  ................"
STRUCTS = ("page", "message", "page.2")


def is_struct(name: str) -> bool:
    return name in STRUCTS


def pieces(text: str) -> list[Piece]:
    return list(split_text(text, is_struct))


ROWS = {
    "gdb": GDB,
    "xxd": XXD,
    "windbg": "ffff8880`03c5a000  00000018`80000010 00000000`00000000",
    "crash": "ffff888003c5a000:  0000001880000010 0000000000000000   ................",
    "hexdump": "0000010 0000 0000 0000 0000 4455 2233 0011 0000",
    "dmesg": "[   12.345678] 00000000: 10 00 00 80 18 00 00 00  ........",
    "symbol": "0xffffffff81000000 <hv_page>:\t0x0000001880000010\t0x0000000000000000",
    "bytes": "10 00 00 80 18 00 00 00",
    "bytes_with_hyphens": "10-00-00-80-18-00-00-00",
    "c_array": "0x10, 0x00, 0x00, 0x80, 0x18, 0x00, 0x00, 0x00,",
    "xxd_p": "100000801800000000000000000000000000000000000000",
}


@pytest.mark.parametrize("line", ROWS.values(), ids=ROWS)
def test_a_row_of_a_dump_is_one(line: str) -> None:
    assert is_row(line)
    assert goes_on(line)


LINES = {
    "empty": "",
    "number": "0x8100000606570000",
    "bare_number": "8100000606570000",
    "two_numbers": "8100000606570000 0001040a00003839",
    "cpuid_value": "0x00000000000000000000000000000001",
    "name_and_value": "sint2 0x200f3",
    "name_and_bytes": "sint2 f3 00 02 00 00 00 00 00",
    "space": "msr:0x40000083 0xfa1001",
    "few_bytes": "10 00 00",
    "assignment": "encode sint2 vector=0xf3 auto_eoi=1",
    "arithmetic": "(0x8100 << 48)",
    "half_a_row": "00000000: 100 0080",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_that_somebody_types_is_not_a_row(line: str) -> None:
    assert not is_row(line)


def dump(text: str, *words: str) -> Piece:
    return Piece(text, is_dump=True, words=words)


TEXTS = {
    "empty": ("", []),
    "blanks": (" \n\n \n", []),
    "line": ("sint2 1", [Piece("sint2 1")]),
    "lines": ("sint2 1\n\nsimp 2\n", [Piece("sint2 1"), Piece("simp 2")]),
    "dump": (f"{XXD}\n{XXD}\n", [dump(f"{XXD}\n{XXD}")]),
    "row": (XXD, [dump(XXD)]),
    "fold": (f"{XXD}\n*\n00001000", [dump(f"{XXD}\n*\n00001000")]),
    "tail": ("10 00 00 80 18 00 00 00\n01 02", [dump("10 00 00 80 18 00 00 00\n01 02")]),
    "line_before": (f"arch arm64\n{XXD}", [Piece("arch arm64"), dump(XXD)]),
    "line_behind": (f"{XXD}\nsint2 1", [dump(XXD), Piece("sint2 1")]),
    "two_dumps": (f"{XXD}\nsint2 1\n{GDB}", [dump(XXD), Piece("sint2 1"), dump(GDB)]),
    "words_before": (f"page {XXD}\n{XXD}", [dump(f"{XXD}\n{XXD}", "page")]),
    "command_before": (f"decode  page.2 {GDB}", [dump(GDB, "decode", "page.2")]),
    "kernel_prefix": ("hv_page: 00000000: 10 00 00 80 18 00 00 00", [dump("hv_page: 00000000: 10 00 00 80 18 00 00 00")]),
    "prompt_of_gdb": (f"(gdb) x/2gx 0xffff888003c5a000\n{GDB}\n(gdb) ", [dump(GDB)]),
    "prompt_alone": ("(gdb) x/2gx 0", [Piece("(gdb) x/2gx 0")]),
    "heading": (f"Contents of section .data:\n{XXD}", [dump(XXD)]),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_split_into_dumps_and_lines(text: str, expected: list[Piece]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.name)
def test_every_dump_is_one_piece(path: Path) -> None:
    text = path.read_text()
    assert pieces(text) == [dump(text.rstrip("\n"))]
    assert pieces(f"page {text}") == [dump(text.rstrip("\n"), "page")]
    assert pieces(f"{text}sint2 1") == [dump(text.rstrip("\n")), Piece("sint2 1")]


OPEN = {
    "row": ([XXD], True),
    "row_behind_a_name": ([f"page {XXD}"], True),
    "row_behind_another_word": ([f"simp {XXD}"], True),  # a kernel prints names before rows
    "fold": ([XXD, "*"], True),
    "end": ([XXD, "*", "00001000"], True),
    "prompt_before_a_dump": (["(gdb) x/2gx 0"], True),
    "line": (["sint2 1"], False),
    "line_behind_a_row": ([XXD, "sint2 1"], False),
    "blank_behind_a_row": ([XXD, ""], False),
    "fold_alone": (["*"], False),
    "number_alone": (["00001000"], False),
    "nothing": ([""], False),
}


@pytest.mark.parametrize(("lines", "expected"), OPEN.values(), ids=OPEN)
def test_more_may_follow_what_belongs_to_a_dump(lines: list[str], expected: bool) -> None:
    assert is_open(lines, is_struct) is expected


LONG = [
    "00 " * 33_000,
    "00" * 50_000,
    "page " + "00 " * 33_000,
    " " * 100_000 + "x",
    "00" + " " * 100_000 + "x",
    "(" * 100_000,
    "a b:" * 25_000,
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:8].strip() or "blanks")
def test_a_line_of_a_hundred_thousand_characters_takes_no_time(text: str) -> None:
    start = process_time()
    assert len(pieces(text)) == 1
    is_open([text], is_struct)
    assert process_time() - start < 1


@given(st.text() | st.text("0123456789abcdef:x* \t\n`|page", max_size=80))
def test_all_pieces_occur_in_the_text_in_their_order(text: str) -> None:
    at = 0
    for piece in pieces(text):
        for line in piece.text.split("\n"):
            at = text.index(line, at) + len(line)
