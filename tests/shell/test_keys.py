"""Keys of the shell: Tab, C-c, C-d, vi keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shell.typed import C_C, C_D, ENTER, ESCAPE, F4, TAB, Step, type_keys

LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
FORMAT_LINE = f"format line{ENTER}"
MASKED = "HV_X64_MSR_SINT2 0x0000000000010030  vector 0x30, masked\n"

VECTOR = ("encode sint2 vec", "encode sint2 vec", TAB, "encode sint2 vector=")

# What is typed at one prompt → what is printed for it.
TYPED: dict[str, tuple[Step, str]] = {
    "tab_on_a_command": (("deco", "deco", TAB, "decode", f" sint2 0x30{ENTER}"), LINE),
    "tab_on_a_name": (("hv_x64_msr_sint2", "hv_x64_msr_sint2", TAB, "HV_X64_MSR_SINT2", f" 0x30{ENTER}"), LINE),
    "tab_on_fields": ((*VECTOR, "0x30 mas", "encode sint2 vector=0x30 mas", TAB, "encode sint2 vector=0x30 masked=", f"1{ENTER}"), MASKED),
    "enter_on_a_picked_field": ((*VECTOR, f"{ENTER}0x30 masked=1{ENTER}"), MASKED),
    "c_d_on_a_character": (f"sint2 0x30x\x02{C_D}{ENTER}", LINE),
    "home_and_end": (f"int2 0x3\x01s\x050{ENTER}", LINE),
    "word_deleted": (f"sint2 nosuch\x170x30{ENTER}", LINE),
    "undone": (f"sint2 0x30 nosuch\x17\x17\x1f{ENTER}", LINE),
}


@pytest.mark.parametrize(("step", "printed"), TYPED.values(), ids=TYPED)
def test_keys_edit_a_line(step: Step, printed: str) -> None:
    assert type_keys(FORMAT_LINE, step) == printed


def test_c_c_clears_the_line() -> None:
    assert type_keys(FORMAT_LINE, f"nosuch 1{C_C}", C_C, f"sint2 0x30{ENTER}") == LINE


def test_c_d_on_an_empty_line_leaves() -> None:
    assert type_keys(FORMAT_LINE, f"sint2 0x30{C_D}{ENTER}", f"{C_D}sint2 0x30{ENTER}") == LINE


INSERTED = f"int2 0x30{ESCAPE}Is{ENTER}"  # a line whose beginning is typed last, with keys of vi


def test_vi_keys_can_be_asked_for_by_option_and_switched() -> None:
    assert type_keys(FORMAT_LINE, INSERTED, INSERTED, vi=True) == LINE * 2
    assert type_keys(FORMAT_LINE, F4 + INSERTED, INSERTED) == LINE * 2  # it stays for the next line
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
}


@pytest.mark.parametrize("variable", ["HOME", "INPUTRC"])
@pytest.mark.parametrize(("text", "vi"), INPUTRC.values(), ids=INPUTRC)
def test_inputrc_can_ask_for_vi_keys(text: str, vi: bool, variable: str, tmp_path: Path) -> None:
    file = tmp_path / ".inputrc"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    environ = {variable: str(file if variable == "INPUTRC" else tmp_path)}
    assert (type_keys(FORMAT_LINE, INSERTED, environ=environ) == LINE) is vi


def test_an_inputrc_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    assert type_keys(FORMAT_LINE, f"sint2 0x30{ENTER}", environ={"INPUTRC": str(tmp_path)}) == LINE
