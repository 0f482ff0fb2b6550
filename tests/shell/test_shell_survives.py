"""Nothing typed or pasted ends the shell, or makes it print what a terminal would obey."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz import examples
from tests.shell.typed import paste, type_keys
from tests.terminal import C_C, C_R, ENTER, ESCAPE, F4, TAB, UP

LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
# Keys that leave any mode of the keys before: a literal key, a search, a line; ESC [ M, a mouse report, takes three keys.
GO_ON = f"{C_C * 6}sint2 0x30 -f line --arch x64{ENTER}"

# Lines that are refused, each with one line of explanation.
REFUSED = {
    "no_name": "nosuch 1",
    "no_number": "sint2 zz",
    "too_wide": "sint2 0x12345678901234567890",
    "no_field": "encode sint2 vectr=1",
    "no_option": "decode --nosuch",
    "quote": "sint2 '1",
    "parenthesis": "sint2 (1",
    "deep_parentheses": "(" * 5000,
    "huge_shift": "(1 << 99999999999)",
    "huge_power": "(9 ** 9 ** 9)",
    "no_file": "page @/nosuch",
    "folder": "page @/",
    "unwritable_file": "list > /nosuch/file",
    "no_source": "source /nosuch",
    "nothing_behind_a_pipe": "list |",
    "nothing_behind_an_arrow": "list >",
    "nul": paste("sint2 \0"),
    "control_characters": paste("sint2 \x01\x02\x7f\x1b]0;title\x07"),
    "colour": paste("nosuch\x1b[31m 1"),
    "other_scripts": "имя 名前 🐛",
    "cut_utf8": "sint2 \udcff",
    "long": "sint2 " + "0" * 10_000 + "g",
    "long_name": "x" * 10_000,
    "many_words": "nosuch " + "1 " * 3_000,
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
def test_a_bad_line_is_refused_on_one_printable_line(line: str) -> None:
    printed = type_keys(line + ENTER, GO_ON)
    error, *rest = printed.splitlines(keepends=True)
    assert rest == [LINE]
    assert error.rstrip("\n").isprintable()
    assert len(error) < 800


# Keys that mean little or nothing at a prompt.
ODD = {
    "colour_as_keys": f"\x1b[31msint2\x1b[0m{ENTER}",
    "mouse": f"\x1b[<0;1;1M\x1b[M !!{ENTER}",
    "cut_sequence": f"\x1b[{ENTER}",
    "escapes": f"{ESCAPE * 5}{ENTER}",
    "vi_commands": f"{F4}{ESCAPE}dd3wxyzp.:q{ENTER}",
    "tabs": TAB * 5,
    "search_of_nothing": f"{C_R}nosuch{ENTER}",
    "history_s_end": UP * 50,
    "repeat": f"{ESCAPE}9{ESCAPE}9sint2",
    "nothing_to_run": f"!{ENTER}",
    "empty_stdin": f"decode sint2 -{ENTER}",
    "failing_command": f"!false{ENTER}",
    "failing_pipe": f"list | false{ENTER}",
    "no_command": f"!exec /nosuch 2> /dev/null{ENTER}",
    "killed_command": f"!kill -9 $${ENTER}",
    "cut_dump": f"page 00{ENTER}",
    "unmet_check": f"check sint2 1 vector=2{ENTER}",
}


@pytest.mark.parametrize("keys", ODD.values(), ids=ODD)
def test_odd_keys_and_failing_commands_leave_the_shell_running(keys: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert type_keys(keys + (F4 if keys.startswith(F4) else "") + GO_ON).endswith(LINE)
    assert "Traceback" not in "".join(capfd.readouterr())


WORDS = ["sint2 ", "0x30 ", "page ", "vector=", "decode ", "set ", "help ", "format json", "arch arm64", "_ ", "(", "'", ENTER]
KEYS = [C_C, C_R, TAB, UP, ESCAPE, "\x01", "\x05", "\x0b", "\x11", "\x17", "\x19", "\x1f", "\x7f", "\x1b[3~", "\x1b[M", "\x1b[31m"]
# Without keys that reach outside the shell (| > !) or leave it (C-d; C-z and C-\ are the terminal's).
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="|>!\x04\x1a\x1c"), max_size=8)


@settings(max_examples=examples(25))
@example("sint2 \x1b[M")
@example("\x13F\x1b[M")
@given(st.lists(st.sampled_from(WORDS) | st.sampled_from(KEYS) | TEXT, max_size=20).map("".join))
def test_no_keys_end_the_shell(keys: str) -> None:
    assert type_keys(keys + GO_ON).endswith(LINE)
