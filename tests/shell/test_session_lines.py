"""The lines of a session: history lists them, save writes them as a script with the same output."""

from __future__ import annotations

from pathlib import Path

import pytest

from hvrepl.script.lines import quote_for_shell
from hvrepl.version import __version__
from tests.paths import TESTS
from tests.program import call, execute
from tests.shell.typed import paste, type_keys, type_lines
from tests.terminal import ENTER, Terminal

DUMP = (TESTS / "data" / "dumps" / "page.gdb.txt").read_text()
ROW = "0xffff8880deadb0{}0:\t0x0000000000000000\t0x0000000000000000\n"
SMALL = f"decode message {ROW.format(0)}{ROW.format(1)}"
LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"


def test_history_lists_the_lines_with_what_failed() -> None:
    lines = ["format line", "sint2 0x30", "nosuch 1", " sint2 0x31", "history"]
    printed = type_lines(*lines, "history 2", "history 100")
    first, second = LINE, LINE.replace("30", "31")
    listed = "   1  format line\n   2  sint2 0x30\n   3  nosuch 1  # failed\n"
    last = "   4  history\n   5  history 2\n"
    assert printed.startswith(first)
    assert printed.endswith(f"{second}{listed}   3  nosuch 1  # failed\n   4  history\n{listed}{last}")


def test_history_names_a_dump_and_shows_no_control_characters() -> None:
    printed = type_keys(paste(DUMP), paste("nosuch\x1b]0;x\x07") + ENTER, "history" + ENTER)
    assert f"\n   1  {DUMP.strip().count(chr(10)) + 1} rows of a pasted dump\n" in printed
    assert "\n   2  nosuch\\x1b]0;x\\x07  # failed\n" in printed


@pytest.mark.parametrize("line", ["history x", "history 1 2", "history -1", "save", "save a b", "clear x"])
def test_a_word_of_the_session_says_what_it_takes(line: str) -> None:
    printed = type_lines(line)
    assert printed.count("\n") == 1


LINES = [
    "sint2 0x200f3",
    "set masked=1",
    "_",
    "sint2 zz",
    "arch arm64",
    "hv arm64> hvrepl sint2 0x10013",
    "check sint2 1 vector=2",
    "format line",
    "sint2 'open",
    "guest-id kernel=6.6.87 # a comment",
    "decode message @'no such'",
]


def test_a_saved_session_prints_the_same_again(folder: Path) -> None:
    printed = type_keys(*(line + ENTER for line in LINES), paste(DUMP), "help set" + ENTER, "history" + ENTER, "save it.hv" + ENTER)
    assert printed.endswith("saved to it.hv; `source it.hv` runs it again\n")
    script = (folder / "it.hv").read_text()
    head, form, first, *_ = script.splitlines()
    assert head == f"# hvrepl {__version__}, a saved session: run it with `hvrepl < it.hv` or `source it.hv`"
    assert (form, first) == ("format fields", "sint2 0x200f3")
    assert [line for line in script.splitlines()[1:] if line.startswith("#")] == [
        "# failed: sint2 zz",
        "# failed: sint2 'open",
        "# failed: decode message @'no such'",
        "# pasted, read as gdb x/gx words, 4096 bytes at 0xffff888003c5a000",
    ]
    assert "hvrepl sint2" not in script
    assert [word for word in ("history", "help", "save it.hv") if f"\n{word}" in script] == []
    piped = execute(stdin=script.encode())
    assert (piped.status, piped.err) == (1, "")  # the status of check
    assert type_lines("source it.hv") == piped.out
    answers = [line for line in piped.out.splitlines() if "pasted" not in line and "HV_MESSAGE_PAGE" not in line]
    assert [line for line in answers if line not in printed] == []
    assert piped.out.splitlines()[:9] == printed.splitlines()[:9]


def test_a_pasted_dump_with_its_name_is_saved_as_its_bytes(folder: Path) -> None:
    type_keys(paste(SMALL), "save it.hv" + ENTER)
    assert (folder / "it.hv").read_text().splitlines()[-1] == f"decode message {'00' * 32}"
    assert call("-c", "source it.hv").status == 0


OWN = TESTS / "data" / "own"
# Settings when the session began → the first lines of the saved script.
STARTED = {
    "arch": ({"HVREPL_ARCH": "arm64"}, "`hvrepl < it.hv` or `source it.hv`\narch arm64\nformat fields\n"),
    "specs": ({"HVREPL_SPECS": str(OWN)}, f"`hvrepl --specs {quote_for_shell(str(OWN))} < it.hv`\nformat fields\n"),
}


@pytest.mark.parametrize(("environ", "head"), STARTED.values(), ids=STARTED)
def test_the_settings_are_saved(environ: dict[str, str], head: str, folder: Path) -> None:
    type_lines("arch x64", "save it.hv", environ=environ)
    assert (folder / "it.hv").read_text() == f"# hvrepl {__version__}, a saved session: run it with {head}arch x64\n"


def test_a_session_that_reaches_out_needs_to_be_allowed(folder: Path) -> None:
    type_lines("sint2 0x30 -f line > out", "save it.hv")
    script = (folder / "it.hv").read_text()
    assert "`hvrepl --allow-shell < it.hv` or `source it.hv`" in script
    (folder / "out").unlink()
    assert execute(stdin=script.encode()).status == 2
    assert execute("--allow-shell", stdin=script.encode()).status == 0
    assert (folder / "out").read_text() == LINE


def test_save_writes_over_nothing_but_a_saved_session(folder: Path) -> None:
    (folder / "page.txt").write_text(DUMP)
    assert type_lines("save page.txt") == "page.txt already exists and is not a saved session; choose another name\n"
    assert (folder / "page.txt").read_text() == DUMP
    (folder / "empty").touch()
    for name in ("new", "empty", "new"):
        type_lines("sint2 1", f"save {name}")
        assert (folder / name).read_text().endswith("\nsint2 1\n")
    assert type_lines("save /nosuch/file").startswith("/nosuch/file: ")


@pytest.mark.parametrize("word", ["history", "save x"])
def test_a_script_has_no_session(word: str, folder: Path) -> None:
    ended = call("-c", word)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert not list(folder.iterdir())


def test_clear_clears_a_terminal_and_does_nothing_elsewhere() -> None:
    assert call("-c", "clear").out == call("-c", "clear", stdout_is_terminal=True, environ={"TERM": "xterm"}).out == ""
    assert type_lines("clear") == ""


def test_clear_leaves_nothing_on_the_screen_but_the_prompt(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.prompt()
        terminal.run("sint2 0x30 -f line")
        terminal.see("vector 0x30")
        terminal.type("clear")
        terminal.send(ENTER)
        terminal.miss("vector 0x30", "clear")
        terminal.prompt()
        assert terminal.lines[0] == "hv x64>"
