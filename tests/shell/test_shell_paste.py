"""Pastes into the shell, in the terminal's brackets and as keys: a dump is one value, lines run, lines with | > ! wait for Enter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import amount, sampled
from tests.paths import DATA
from tests.program import call
from tests.shell.typed import C_C, C_D, ENTER, paste, paste_plain, type_keys

DUMPS = sorted((DATA / "dumps").glob("*.txt"))
PAGE = next(path for path in DUMPS if path.name == "page.xxd.txt").read_text()
MESSAGE = "".join(PAGE.splitlines(keepends=True)[:16])  # the page's first slot
MESSAGE_LINE = "HV_MESSAGE 256 bytes  HVMSG_TIMER_EXPIRED, timer 0, due 0x1122334455, 6.8 us late\n"
LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
FORMAT_LINE = f"format line{ENTER}"

Keys = Callable[[str], str]
each_way = pytest.mark.parametrize("keys", [paste, paste_plain], ids=["brackets", "keys"])


@sampled
@each_way
@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.name)
def test_a_page_is_one_value_in_every_tool_s_form(path: Path, keys: Keys) -> None:
    rows = path.read_text().splitlines(keepends=True)
    text = "".join(rows[: len(rows) if keys is paste else amount(40, len(rows))])  # prompt_toolkit is slow for each key
    assert type_keys(keys(text)) == call("decode", "page", "-", stdin=text.encode()).out


# A pasted text → its output.
PASTES = {
    "message": (MESSAGE, MESSAGE_LINE),
    "line_behind_a_dump": (f"{MESSAGE}sint2 0x30\n", MESSAGE_LINE + LINE),
    "line_before_a_dump": (f"sint2 0x30\n{MESSAGE}", LINE + MESSAGE_LINE),
    "two_dumps": (MESSAGE * 2, MESSAGE_LINE * 2),
    "two_dumps_apart": (f"{MESSAGE}sint2 0x30\n{MESSAGE}", MESSAGE_LINE + LINE + MESSAGE_LINE),
    "name_before_a_dump": (f"page.0 {MESSAGE}", MESSAGE_LINE),
    "command_before_a_dump": (f"decode message {MESSAGE}", MESSAGE_LINE),
    "bytes": (
        "10 00 00 80 18 00 00 00\n" + "00 00 00 00 00 00 00 00\n",
        f"HV_MESSAGE 10000080180{'0' * 21}  HVMSG_TIMER_EXPIRED  ! only 16 of 256 bytes are there\n",
    ),
    "lines": ("sint2 0x30\nsint2 0x30\n", LINE * 2),
    "empty_lines": ("\nsint2 0x30\n\n\nsint2 0x30\n\n", LINE * 2),
    "bad_line_between_lines": ("sint2 0x30\nquit now\nsint2 0x30\n", LINE + "quit takes no words\n" + LINE),
    "quit_between_lines": ("sint2 0x30\nquit\nsint2 0x30\n", LINE),
}


@each_way
@pytest.mark.parametrize(("text", "printed"), PASTES.values(), ids=PASTES)
def test_a_paste_prints(text: str, printed: str, keys: Keys) -> None:
    assert type_keys(FORMAT_LINE, keys(text)) == printed


@each_way
@pytest.mark.parametrize("before", ["message ", "decode page.0 "])
def test_a_dump_is_pasted_after_a_name(before: str, keys: Keys) -> None:
    assert type_keys(FORMAT_LINE, before + keys(MESSAGE), f"sint2 0x30{ENTER}") == MESSAGE_LINE + LINE


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_a_paste_has_the_line_ends_of_its_terminal(end: str) -> None:
    assert type_keys(FORMAT_LINE, paste(MESSAGE.replace("\n", end))) == MESSAGE_LINE


def test_a_dump_without_its_last_enter_waits_for_it_as_keys() -> None:
    text = MESSAGE.rstrip("\n")
    assert type_keys(FORMAT_LINE, (paste_plain(text), text, ENTER)) == MESSAGE_LINE


def test_a_dump_that_is_not_wanted_is_cleared() -> None:
    text = MESSAGE.rstrip("\n")
    assert type_keys(FORMAT_LINE, (paste_plain(text), text, C_C), f"sint2 0x30{ENTER}") == LINE


@pytest.mark.parametrize("line", ["!echo ran", "list | echo ran", "list > ran"])
def test_pasted_lines_that_reach_out_wait_for_enter(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = f"sint2 0x30\n{line}"
    assert type_keys((paste(f"{lines}\n"), lines, C_C)) == ""
    assert (capfd.readouterr().out, list(tmp_path.iterdir())) == ("", [])
    assert type_keys(FORMAT_LINE, (paste(f"{lines}\n"), lines, ENTER)) == LINE
    assert capfd.readouterr().out == "ran\n" or (tmp_path / "ran").exists()


def test_one_pasted_line_waits_for_enter() -> None:
    assert type_keys((paste("sint2 0x30\n"), "sint2 0x30", C_C)) == ""
    assert type_keys(FORMAT_LINE, (paste("sint2 0x30\n"), "sint2 0x30", ENTER)) == LINE


def test_pasted_lines_in_a_line_that_is_begun_wait_for_enter() -> None:
    text = "sint2 0x30\nsint2 0x30"
    assert type_keys(FORMAT_LINE, ("sint2 0x30 " + paste(f"{text}\n"), f"sint2 0x30 {text}", C_C)) == ""


def test_text_is_pasted_where_the_cursor_is() -> None:
    assert type_keys(FORMAT_LINE, f"sint2 0\x02{paste('0x3')}{C_D}0{ENTER}") == LINE
