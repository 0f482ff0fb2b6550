"""Keys of the shell: Tab, C-c, C-d, vi keys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.shell.typed import Step, type_keys
from tests.terminal import C_C, C_D, DOWN, ENTER, ESCAPE, F4, TAB, UP

LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
FORMAT_LINE = f"format line{ENTER}"
MASKED = "HV_X64_MSR_SINT2 0x0000000000010030  vector 0x30, masked\n"

VECTOR = ("encode sint2 vec", "encode sint2 vec", TAB, "encode sint2 vector=")

# Keys at one prompt → the output.
TYPED: dict[str, tuple[Step, str]] = {
    "tab_on_a_command": (("deco", "deco", TAB, "decode", f" sint2 0x30{ENTER}"), LINE),
    "tab_on_a_name": (("hv_x64_msr_sint2", "hv_x64_msr_sint2", TAB, "HV_X64_MSR_SINT2", f" 0x30{ENTER}"), LINE),
    "tab_on_fields": ((*VECTOR, "0x30 mas", "encode sint2 vector=0x30 mas", TAB, "encode sint2 vector=0x30 masked=", f"1{ENTER}"), MASKED),
    "enter_on_a_picked_field": ((*VECTOR, f"{ENTER}0x30 masked=1{ENTER}"), MASKED),
    "down_on_a_field": (("encode sint2 mas", "encode sint2 mas", DOWN, "encode sint2 masked=", f"{ENTER}1 vector=0x30{ENTER}"), MASKED),
    "up_behind_down": (("encode sint2 ", "encode sint2 ", DOWN, "encode sint2 vector=", UP, "encode sint2 ", f"vector=0x30{ENTER}"), LINE),
    "enter_on_a_picked_command": (("encod", "encod", TAB, "encode", ENTER, "encode ", f"sint2 vector=0x30{ENTER}"), LINE),
    "enter_on_a_picked_option": (
        ("sint2 0x30 --for", "sint2 0x30 --for", TAB, "sint2 0x30 --format", ENTER, "sint2 0x30 --format ", f"line{ENTER}"),
        LINE,
    ),
    "c_d_on_a_character": (f"sint2 0x30x\x02{C_D}{ENTER}", LINE),
    "home_and_end": (f"int2 0x3\x01s\x050{ENTER}", LINE),
    "word_deleted": (f"sint2 nosuch\x170x30{ENTER}", LINE),
    "undone": (f"sint2 0x30 nosuch\x17\x17\x1f{ENTER}", LINE),
}


@pytest.mark.parametrize(("step", "printed"), TYPED.values(), ids=TYPED)
def test_keys_edit_a_line(step: Step, printed: str) -> None:
    assert type_keys(FORMAT_LINE, step) == printed


# Keys at the last prompt, after the lines of HISTORY → the output.
HISTORY = ["sint2 0x30", "simp 1", "sint2 0x30", "sint2 0x31"]
MOVES = {
    "last": (UP + ENTER, "vector 0x31"),
    "last_but_one": (UP + UP + ENTER, "vector 0x30"),
    "begins_so": (f"sim{UP}{ENTER}", "HV_X64_MSR_SIMP"),
    "begins_so_before_others": (f"sint2 {UP}{UP}{ENTER}", "vector 0x30"),
    "none_begins_so": (f"guest{UP}-id 0{ENTER}", "GUEST_OS_ID"),
    "forward_again": (f"sint2 {UP}{UP}{DOWN}{ENTER}", "vector 0x31"),
    "back_to_what_was_typed": ((f"sint2 {UP}", "sint2 0x31", DOWN, "sint2 ", f"0x32{ENTER}"), "vector 0x32"),
    "no_step_to_the_same_text": (f"sint2 0x30{UP}{ENTER}", "vector 0x30"),
    "with_the_menu_open": (("sim", "sim", UP, "simp 1", ENTER), "HV_X64_MSR_SIMP"),
    "c_p": (f"sim\x10{ENTER}", "HV_X64_MSR_SIMP"),
    "vi": (f"{F4}sim{UP}{ENTER}", "HV_X64_MSR_SIMP"),
    "vi_normal": (f"{F4}{ESCAPE}kk{ENTER}", "vector 0x30"),
}


@pytest.mark.parametrize(("step", "printed"), MOVES.values(), ids=MOVES)
def test_up_and_down_move_among_the_lines_that_begin_as_this_one(step: Step, printed: str) -> None:
    lines = [line + ENTER for line in HISTORY]
    before = type_keys(FORMAT_LINE, *lines)
    assert printed in type_keys(FORMAT_LINE, *lines, step).removeprefix(before)


def test_escape_closes_the_menu_and_gives_back_what_was_typed() -> None:
    step = ("encode sint2 mas", "encode sint2 mas", DOWN, "encode sint2 masked=", ESCAPE, "encode sint2 mas", f"ked=1 vector=0x30{ENTER}")
    assert type_keys(FORMAT_LINE, step) == MASKED


def test_alt_with_a_letter_is_a_key_of_its_own_where_the_menu_is_open() -> None:
    step = ("int2 0x30 --s", "int2 0x30 --s", DOWN, "int2 0x30 --style", f"{ESCAPE}b\x0b\x01s{ENTER}")
    assert type_keys(FORMAT_LINE, step) == LINE


def test_c_c_clears_the_line() -> None:
    assert type_keys(FORMAT_LINE, f"nosuch 1{C_C}", C_C, f"sint2 0x30{ENTER}") == LINE


def test_c_d_on_an_empty_line_leaves() -> None:
    assert type_keys(FORMAT_LINE, f"sint2 0x30{C_D}{ENTER}", f"{C_D}sint2 0x30{ENTER}") == LINE


INSERTED = f"int2 0x30{ESCAPE}Is{ENTER}"  # a line whose beginning is typed last, with vi keys


def test_vi_keys_can_be_asked_for_by_option_and_switched() -> None:
    assert type_keys(FORMAT_LINE, INSERTED, INSERTED, vi=True) == LINE * 2
    assert type_keys(FORMAT_LINE, F4 + INSERTED, INSERTED) == LINE * 2  # the mode stays for the next line
    assert type_keys(FORMAT_LINE, f"int2 0x30{F4}{F4}\x01s{ENTER}") == LINE
    assert type_keys(FORMAT_LINE, f"{F4}int2 0x30\x01s{ENTER}", vi=True) == LINE
    assert type_keys(FORMAT_LINE, INSERTED) != LINE


# .inputrc → whether it asks for vi keys.
INPUTRC = {
    "vi": ("set editing-mode vi\n", True),
    "blanks": ("  set  editing-mode\tvi\n", True),
    "capitals": ("SET Editing-Mode VI\n", True),
    "emacs": ("set editing-mode emacs\n", False),
    "last": ("set editing-mode vi\nset editing-mode emacs\n", False),
    "comment": ("# set editing-mode vi\n", False),
    "bytes": ("\udcff\nset editing-mode vi\n", True),
    "empty": ("", False),
    "two lines": ("set\nediting-mode vi\n", False),
    "empty lines": ("\n" * 200_000 + "set editing-mode vi", True),
    "many blanks": (" " * 200_000, False),
}


@pytest.mark.parametrize("variable", ["HOME", "INPUTRC"])
@pytest.mark.parametrize(("text", "vi"), INPUTRC.values(), ids=INPUTRC)
def test_inputrc_can_ask_for_vi_keys(text: str, vi: bool, variable: str, tmp_path: Path) -> None:
    file = tmp_path / ".inputrc"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    environ = {variable: str(file if variable == "INPUTRC" else tmp_path)}
    assert (type_keys(FORMAT_LINE, INSERTED, environ=environ) == LINE) is vi


@pytest.mark.parametrize("path", [".", "missing", "pipe", "loop", "/dev/zero", "/dev/tty"])
def test_an_inputrc_that_cannot_be_read_is_not_an_error(path: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert type_keys(FORMAT_LINE, f"sint2 0x30{ENTER}", environ={"INPUTRC": str(tmp_path / path)}) == LINE


def test_inputrc_can_be_given_from_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("set editing-mode vi\n")
    assert type_keys(FORMAT_LINE, INSERTED, environ={"INPUTRC": "~/mine", "HOME": str(tmp_path)}) == LINE
