"""Pastes into the shell, in the terminal's brackets and as keys: a dump is one value, lines run, lines with | > ! wait for Enter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import amount, sampled
from tests.paths import DATA
from tests.program import call
from tests.shell.typed import paste, paste_plain, type_keys
from tests.terminal import C_C, C_D, ENTER

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


@pytest.mark.parametrize(("line", "ran"), [("!echo ran", ("ran\n", [])), ("list | echo ran", ("ran\n", [])), ("list > ran", ("", ["ran"]))])
def test_pasted_lines_that_reach_out_wait_for_enter(
    line: str, ran: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = f"sint2 0x30\n{line}"
    assert type_keys((paste(f"{lines}\n"), lines, C_C)) == ""
    assert (capfd.readouterr().out, list(tmp_path.iterdir())) == ("", [])
    assert type_keys(FORMAT_LINE, (paste(f"{lines}\n"), lines, ENTER)) == LINE
    assert (capfd.readouterr().out, [path.name for path in tmp_path.iterdir()]) == ran


def test_one_pasted_line_waits_for_enter() -> None:
    assert type_keys((paste("sint2 0x30\n"), "sint2 0x30", C_C)) == ""
    assert type_keys(FORMAT_LINE, (paste("sint2 0x30\n"), "sint2 0x30", ENTER)) == LINE


def test_pasted_lines_in_a_line_that_is_begun_wait_for_enter() -> None:
    text = "sint2 0x30\nsint2 0x30"
    assert type_keys(FORMAT_LINE, ("sint2 0x30 " + paste(f"{text}\n"), f"sint2 0x30 {text}", C_C)) == ""


def test_text_is_pasted_where_the_cursor_is() -> None:
    assert type_keys(FORMAT_LINE, f"sint2 0\x02{paste('0x3')}{C_D}0{ENTER}") == LINE


BOOT = "[    0.000000] Hyper-V: Nested features: 0x0\n[    0.000003] tsc: Detected\n[    0.1] hv_vmbus: Vmbus version:5.3\n"
ANALYSIS = "HYPERVISOR_ERROR (20001)\nArg1: 0000000000000011\nArg2: 000000000028f186\nArg3: 0000000000001005\nArg4: ffffe80001ad1a50\n"

LOGS = {
    "lines": (
        BOOT,
        f"{BOOT.splitlines()[0]}\n  ↳ HYPERV_CPUID_NESTED_FEATURES (cpuid 0x4000000A): nothing set\n"
        f"{BOOT.splitlines()[2]}\n  ↳ VMBUS_PROTOCOL 0x50003: VMBus protocol 5.3 (Windows Server 2022)\n",
    ),
    "lines_of_a_debugger": (
        ANALYSIS,
        "  ↳ crash: Windows: 0x20001 HYPERVISOR_ERROR: parameters 0x11, 0x28f186, 0x1005, 0xffffe80001ad1a50\n",
    ),
    "lines_that_say_nothing": ("[    0.1] usb 1-1: new device\n[    0.2] eth0: up\n", "nothing to explain in these lines of a log\n"),
}


@pytest.mark.parametrize(("text", "printed"), LOGS.values(), ids=LOGS)
def test_a_log_that_is_pasted_is_explained_as_a_whole(text: str, printed: str) -> None:
    assert type_keys(paste(text)).split()[-len(printed.split()) :] == printed.split()  # wherever a line is wrapped


def test_lines_of_which_one_can_be_run_are_run_one_by_one() -> None:
    printed = type_keys(FORMAT_LINE, paste("sintt2 0x30 0x31\nHV_X64_MSR_SINT2 0x30\n"))
    assert printed.splitlines()[-1] + "\n" == LINE
    assert "no such command or name: sintt2" in printed


# What is typed → what is printed of it.
LINES_OF_LOGS = {
    "explained": (
        "HV crash parameters: (0x1e 0xffffffffc0000096 0xfffff8007f85562c 0 0)",
        "  ↳ crash: Windows: 0x1E KMODE_EXCEPTION_NOT_HANDLED: STATUS_PRIVILEGED_INSTRUCTION at 0xfffff8007f85562c\n",
    ),
    "with_a_clock": (
        "[    0.246940] hv_vmbus: Vmbus version:5.3",
        "  ↳ VMBUS_PROTOCOL 0x50003: VMBus protocol 5.3 (Windows Server 2022)\n",
    ),
    "nothing_to_explain": ("[    1.0] usb 1-1: new device", "nothing to explain in this line of a log\n"),
    "of_a_name_an_error": ("sint2 0x200f3 vectr=1", "sint2 has no field vectr; did you mean vector?\n"),
    "of_a_word_an_error": ("foo bar baz", "no such command or name: foo\n"),
}


@pytest.mark.parametrize(("line", "printed"), LINES_OF_LOGS.values(), ids=LINES_OF_LOGS)
def test_a_line_of_a_log_is_explained_and_a_line_of_the_shell_keeps_its_error(line: str, printed: str) -> None:
    assert type_keys(f"{line}{ENTER}").split() == printed.split()  # wherever a line is wrapped


def test_a_line_of_a_log_is_a_comment_in_a_saved_script(tmp_path: Path) -> None:
    script = tmp_path / "session.hv"
    type_keys(f"HV crash parameters: (0x1e 0 0 0 0x1){ENTER}", paste(BOOT), f"save {script}{ENTER}")
    saved = script.read_text().splitlines()
    assert [line for line in saved if "Hyper-V:" in line or "HV crash" in line] != []
    assert [line for line in saved if not line.startswith(("#", "arch", "format"))] == []
