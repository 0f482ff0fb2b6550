"""`_`, `_1 _2 …`, `let`, `undo` and `values` in scripts, and their meaning in each place of a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hvrepl.script.lines import quote
from tests.paths import ROOT
from tests.program import Ended, call

DUMP = ROOT / "tests" / "data" / "dumps" / "page.gdb.txt"
PAGE = f"page {quote(f'@{DUMP}')}"
SINT = "sint2 0x200f3"


def run(*lines: str) -> Ended:
    return call(*(word for line in lines for word in ("-c", line)))


# Lines → the words of a command line with the same output as the last of them.
SAME = {
    "number": ([SINT, "sint3 1", "sint4 _1"], ["decode", "sint4", "0x200f3"]),
    "number_of_what": ([SINT, "sint3 1", "_1"], ["decode", "sint2", "0x200f3"]),
    "each_value_has_a_number": (["sint2 1 2 3", "sint2 _2"], ["decode", "sint2", "2"]),
    "streamed_values": (["sint2 @{values} -f ndjson", "sint2 _3"], ["decode", "sint2", "0x33"]),
    "encoded": (["sint2 vector=0x30", SINT, "_1"], ["decode", "sint2", "0x30"]),
    "set": ([SINT, "set masked=1", "sint2 _1 _2"], ["decode", "sint2", "0x200f3", "0x300f3"]),
    "failures_take_no_number": ([SINT, "sint2 7", "_2"], ["decode", "sint2", "7"]),
    "arithmetic": ([SINT, "sint2 (_ | 0x10000)"], ["decode", "sint2", "(0x200f3 | 0x10000)"]),
    "arithmetic_of_two": ([SINT, "sint3 0x10000", "sint2 (_1|_2)"], ["decode", "sint2", "(0x200f3|0x10000)"]),
    "arithmetic_alone": ([SINT, "(_ & 0xff)"], ["decode", "(0x200f3 & 0xff)"]),
    "arithmetic_of_arithmetic": (["(1 << 17)", "sint2 (_ + 0xf3)"], ["decode", "sint2", "(0x20000 + 0xf3)"]),
    "field": ([SINT, "sint3 vector=(_ & 0xff)"], ["encode", "sint3", "vector=(0x200f3 & 0xff)"]),
    "field_as_it_is": (["(0x31)", "sint3 vector=_"], ["encode", "sint3", "vector=0x31"]),
    "set_from_it": (["(0x31)", SINT, "set vector=_1", "_"], ["decode", "sint2", "0x20031"]),
    "checked": (["(0xf3)", SINT, "check _ vector!=_1"], ["check", "HV_X64_MSR_SINT2", "0x200f3", "vector!=0xf3"]),
    "compared": ([SINT, "set masked=1", "diff _1 _2"], ["diff", "sint2", "0x200f3", "0x300f3"]),
    "in_a_name_with_a_value": ([SINT, "sint3=_"], ["decode", "sint3", "0x200f3"]),
    "dump": ([PAGE, "page _"], ["decode", "page", f"@{DUMP}"]),
    "dump_by_its_number": ([PAGE, SINT, "_1"], ["decode", "page", f"@{DUMP}"]),
    "part": ([PAGE, "page.2 _"], ["decode", "page.2", f"@{DUMP}"]),
    "a_part_replaces_nothing": ([PAGE, "page.2 _", "eom _ 2"], ["eom", f"@{DUMP}", "2"]),
    "an_output_replaces_nothing": ([SINT, "HVCALL_GET_PARTITION_ID.output 0100000000000000", "_"], ["decode", "sint2", "0x200f3"]),
    "named": (["let mask = 0xff", SINT, "sint2 (_ & mask)"], ["decode", "sint2", "(0x200f3 & 0xff)"]),
    "named_with_what": (["let timer_sint = sint2 0x200f3", SINT, "sint2 7", "timer_sint"], ["decode", "sint2", "0x200f3"]),
    "named_from_fields": (["let mine=sint2 vector=0x30", "mine masked=1"], ["encode", "sint2", "0x30", "masked=1"]),
    "named_last": ([SINT, "let mine = _", "sint2 7", "diff mine _"], ["diff", "sint2", "0x200f3", "7"]),
    "named_dump": ([f"let mine = {PAGE}", "eom mine 2"], ["eom", f"@{DUMP}", "2"]),
    "let_is_no_value": ([SINT, "let mine = sint2 7", "_"], ["decode", "sint2", "0x200f3"]),
    "named_again": (["let mine = 1", "let mine = (mine + 1)", "sint2 mine"], ["decode", "sint2", "2"]),
    "undone": ([SINT, "sint2 7", "undo", "_"], ["decode", "sint2", "0x200f3"]),
    "undone_twice": ([SINT, "set masked=1", "set masked=0 vector=1", "undo", "undo", "_"], ["decode", "sint2", "0x200f3"]),
    "a_number_is_never_used_again": ([SINT, "sint2 7", "undo", "sint2 9", "sint2 _3"], ["decode", "sint2", "9"]),
    "undone_values_keep_their_number": ([SINT, "sint2 7", "undo", "_2"], ["decode", "sint2", "7"]),
    "text_to_find": (["let mine = 5", "find mine"], ["find", "mine"]),
    "negative": (["(0 - 5)", "sint2 (_ + 6)"], ["decode", "sint2", "((-0x5) + 6)"]),
}


@pytest.mark.parametrize(("lines", "words"), SAME.values(), ids=SAME)
def test_a_value_in_hand_is_the_value_written_out(lines: list[str], words: list[str], tmp_path: Path) -> None:
    values = tmp_path / "values"
    values.write_text("0x31\n0x32\n0x33\n")
    lines = [line.format(values=values) for line in lines]
    before, both = run(*lines[:-1]), run(*lines)
    alone = call(*words)
    assert before.status == 0
    assert (both.out, both.err) == (before.out + alone.out, before.err + alone.err)
    assert both.status == alone.status
    assert alone.out


REFUSED = {
    "none": (["_"], "_ is the value of an earlier line of a script or the shell, and there is none"),
    "none_of_this_number": ([SINT, "_2"], "there is no value _2; the values are _1 to _1"),
    "digits_without_end": ([SINT, "_" + "9" * 5000], "there is no value _" + "9" * 39 + "; the values are _1 to _1"),
    "dump_in_arithmetic": (
        [PAGE, "sint2 (_ + 1)"],
        "_1 is a struct of 4096 bytes, not a number; it can be a value only as a word by itself",
    ),
    "dump_in_a_field": ([PAGE, "sint2 vector=_"], "_1 is a struct of 4096 bytes, not a number; it can be a value only as a word by itself"),
    "dump_as_a_number": ([PAGE, "sint2 _"], "_1 is a struct of 4096 bytes; sint2 is a number"),
    "fields_of_a_number": (["(1 + 1)", "set vector=1"], "the last value is a bare number, without fields; say what it is: `WHAT 0x2`"),
    "nothing_to_undo": (["undo"], "there is no value yet"),
    "nothing_before": ([SINT, "undo"], "there is no value before the last one"),
    "name_of_a_thing": (["let sint2 = 1"], "sint2 already means a thing of Hyper-V; choose another name"),
    "name_of_a_constant": (["let HVMSG_NONE = 1"], "HVMSG_NONE already means a thing of Hyper-V; choose another name"),
    "name_of_a_space": (["let msr = 1"], "msr already means a thing of Hyper-V; choose another name"),
    "name_that_is_hex": (["let abc = 1"], "abc already means a number; choose another name"),
    "name_of_a_command": (["let decode = 1"], "decode is a command; choose another name"),
    "name_of_a_word": (["let undo = 1"], "undo is a command; choose another name"),
    "name_that_is_none": (["let _ = 1"], "'_' cannot be a name: use letters, digits and _, beginning with a letter"),
    "let_without_a_value": (["let mine ="], "let takes a name and a value: `let NAME = VALUE`, or `let NAME = WHAT VALUE`"),
    "let_without_an_equals": (["let mine 1"], "let takes a name and a value: `let NAME = VALUE`, or `let NAME = WHAT VALUE`"),
    "let_with_what_makes_no_value": (["let mine = list vmbus"], "list vmbus makes no value"),
}


@pytest.mark.parametrize(("lines", "error"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_is_not_in_hand_is_refused(lines: list[str], error: str) -> None:
    ended = run(*lines)
    assert (ended.status, ended.err) == (2, f"{error}\n")


@pytest.mark.parametrize("words", [["_"], ["decode", "_"], ["decode", "sint2", "_"], ["decode", "sint2", "(_ | 1)"], ["_1", "vector=3"]])
def test_the_command_line_has_no_last_value(words: list[str]) -> None:
    ended = call(*words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.endswith("is the value of an earlier line of a script or the shell, and there is none\n")


def test_values_lists_what_is_in_hand_and_marks_the_last() -> None:
    ended = run(SINT, "(3 + 4)", PAGE, "undo", "let mine = sint2 7", "values -f csv")
    assert ended.out.endswith(
        "word,,name,value,summary\n"
        '_1,,HV_X64_MSR_SINT2,0x00000000000200f3,"vector 0xf3, auto-EOI"\n'
        "_2,_,,0x7,\n"
        '_3,,HV_MESSAGE_PAGE,4096 bytes,"2 of 16 slots in use, 1 with more pending"\n'
        "mine,,HV_X64_MSR_SINT2,0x0000000000000007,vector 0x7\n"
    )


def test_the_last_thousand_values_are_kept(tmp_path: Path) -> None:
    values = tmp_path / "values"
    values.write_text("".join(f"{number:#x}\n" for number in range(1, 2501)))
    for form in ("line", "ndjson"):
        first, *_, last = run(f"sint2 @{values} -f {form}", "values -f ndjson").out.splitlines()[-1000:]
        assert (json.loads(first)["word"], json.loads(first)["raw"]) == ("_1501", f"{1501:#018x}")
        assert (json.loads(last)["word"], json.loads(last)["raw"]) == ("_2500", f"{2500:#018x}")
        assert run(f"sint2 @{values} -f {form}", "_1500").status == 2


# Arithmetic alone → its output.
COMPUTED = {
    "with_readings": (
        "(0x8100 << 48)",
        ["decimal  9295429630892703744", "bits     63, 56"],
    ),
    "without_a_reading": (
        "(0x300f2 + 1)",
        ["decimal  196851", "binary   0011 0000 0000 1111 0011", "bits     17:16, 7:4, 1:0"],
    ),
    "zero": ("(1 - 1)", ["binary   0000", "bits     none"]),
    "negative": ("(1 - 2)", ["bits     63:0"]),
    "wide": ("(1 << 70)", ["bits     70"]),
}


@pytest.mark.parametrize(("line", "rows"), COMPUTED.values(), ids=COMPUTED)
def test_arithmetic_alone_is_computed(line: str, rows: list[str]) -> None:
    ended = call(line)
    assert (ended.status, ended.err) == (0, "")
    assert [row for row in rows if f"  {row}\n" not in ended.out] == []


def test_arithmetic_alone_names_the_readings_of_its_number() -> None:
    node = json.loads(call("(0x8100000606570000 + 0)", "-f", "json").out)
    assert (node["kind"], node["raw"], node["other"][0]["name"]) == ("number", "0x8100000606570000", "HV_X64_MSR_GUEST_OS_ID")


def test_a_line_that_fails_leaves_its_file_as_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("before\n")
    for line in (f"sint2 1 zz > {kept}", f"nosuch 1 > {kept}", f"sint2 1 zz >> {kept}"):
        assert run(line).status in (2, 3)
        assert kept.read_text() == "before\n"
    assert run(f"check sint2 1 vector=2 -f line >> {kept}").status == 1  # a condition that does not hold is not a failure
    assert kept.read_text().startswith("before\nsint2")
    assert run(f"sint2 0x30 -f line > {kept}").status == 0
    assert kept.read_text() == "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
