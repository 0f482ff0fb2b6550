"""The shell in a real terminal: screens in tests/data/screens, keys, pastes, history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hvrepl import __version__
from tests.at_hand import needs
from tests.fuzz import amount, sampled
from tests.paths import DATA
from tests.program import call
from tests.terminal import C_C, C_D, C_R, DOWN, ENTER, ESCAPE, F4, RIGHT, TAB, UP, Terminal

SCREENS = DATA / "screens"
DUMPS = DATA / "dumps"


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(tmp_path) as running:
        running.prompt()
        yield running


def screen(name: str) -> str:
    """A screen as it was recorded, with the version that runs."""
    text = (SCREENS / f"{name}.txt").read_text().rstrip("\n")
    return re.sub(r"\Ahvrepl [\d.]+:", f"hvrepl {__version__}:", text)


def printed(*arguments: str, columns: int = 80) -> str:
    return call(*arguments, columns=columns).out


# Screen → lines to run, and the keys after them.
SEEN = {
    "greeting": ([], ""),
    "names": ([], "simp"),
    "other_names": ([], "vpassist"),
    "fields": ([], "encode sint2 "),
    "enumerators": ([], "encode guest-id os_type="),
    "files": ([], "decode page @data/dumps/"),
    "guest_id": (["0x8100000606570000"], ""),
    "message": (["decode page.0 @data/dumps/page.gdb.txt"], ""),
    "error": (["sint2 zz", "encode sint2 vectr=1"], ""),
    "set": (["sint2 0x200f3", "set masked=1", "_ -f line"], ""),
}


@pytest.mark.parametrize(("name", "lines", "typed"), [(name, *keys) for name, keys in SEEN.items()], ids=SEEN)
def test_the_screen_is(name: str, lines: list[str], typed: str, terminal: Terminal) -> None:
    for line in lines:
        terminal.run(line)
    terminal.send(typed)
    terminal.show(screen(name))


def test_every_screen_is_tested() -> None:
    assert {path.stem for path in SCREENS.iterdir()} == {*SEEN, "arm64", "narrow", "page"}


def test_the_menu_fills_in_what_is_picked(terminal: Terminal) -> None:
    terminal.type("encode guest-id os_t")
    terminal.see("\n                             os_type=")
    terminal.send(TAB)
    terminal.see("hv x64> encode guest-id os_type=")
    terminal.send(ENTER)
    terminal.see(" FreeBSD  ")
    terminal.send(TAB + TAB)
    terminal.see("hv x64> encode guest-id os_type=Linux")
    terminal.send(ENTER + ENTER)
    terminal.see("0x8100000000000000")
    terminal.prompt()


def test_a_wrong_word_is_marked_while_it_is_typed_and_reported_in_colour_afterwards(terminal: Terminal) -> None:
    terminal.type("nosuch 1")
    terminal.until(lambda: terminal.underlined() == "nosuch", "nothing is marked")
    terminal.send(ENTER)
    terminal.see("\nno such command or name: nosuch")
    terminal.prompt()
    assert "brightred" in terminal.color_of("nosuch 1")
    assert terminal.color_of("no such command or name: nosuch") == {"brightred"}


def test_arch_and_format_change_the_prompt_the_toolbar_and_what_is_printed(terminal: Terminal) -> None:
    terminal.run("sint2 0x10013")
    terminal.run("arch arm64", "arm64")
    terminal.run("sint2 0x10013", "arm64")
    terminal.show(screen("arm64"))
    terminal.run("format json", "arm64")
    terminal.see("arm64 · json  ")
    terminal.run("simp 0xfa1001", "arm64")
    shown = call("decode", "simp", "0xfa1001", "--arch", "arm64", "-f", "json", columns=80, stdout_is_terminal=True).out
    assert f"hv arm64> simp 0xfa1001\n{shown}hv arm64>" in terminal.scrolled


DUMPED = ("crash", "gdb", "hexdump", "windbg", "xxd")
PASTES = [(name, "brackets") for name in amount(("windbg",), DUMPED)] + [
    (name, keys) for name in amount(("gdb",), ("gdb", "windbg")) for keys in ("keys", "dumb")
]


@sampled
@pytest.mark.parametrize(("name", "keys"), PASTES, ids=["-".join(pair) for pair in PASTES])
def test_a_pasted_page_is_decoded_once(name: str, keys: str, tmp_path: Path) -> None:
    dump = DUMPS / f"page.{name}.txt"
    with Terminal(tmp_path, TERM="dumb" if keys == "dumb" else "xterm") as terminal:
        terminal.prompt()
        terminal.send(dump.read_text()) if keys == "keys" else terminal.paste(dump.read_text())
        terminal.see("or queued messages may wait")
        terminal.prompt()
        terminal.run("sint2 0x30")
        terminal.see("vector 0x30")
        assert terminal.scrolled.count(printed("decode", "page", f"@{dump}")) == 1
        assert terminal.scrolled.count("HV_X64_MSR_SINT2") == 1
        assert terminal.scrolled.count("message page") == 1


def test_the_screen_after_a_pasted_page_is(terminal: Terminal) -> None:
    terminal.paste((DUMPS / "page.gdb.txt").read_text())
    terminal.show(screen("page"))


@pytest.mark.parametrize("line", ["!tail -f {}", "list | tail -f {}"], ids=["command", "pipe"])
def test_c_c_ends_what_runs_and_not_the_shell(line: str, terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("it runs\n")
    terminal.type(line.format("~/file"))
    terminal.send(ENTER)
    terminal.see("\nit runs")
    terminal.send(C_C)
    terminal.see("stopped\n")
    terminal.prompt()
    terminal.run("simp 1")
    terminal.see("HV_X64_MSR_SIMP = 0x0000000000000001  enabled")


@pytest.mark.parametrize("keys", [C_D, "quit\r", f"nosuch\r{C_D}"], ids=["C-d", "quit", "after_an_error"])
def test_the_shell_is_left_with_status_0(keys: str, terminal: Terminal) -> None:
    terminal.send(keys)
    assert terminal.end() == 0


@needs("less")
def test_output_goes_through_a_pager(terminal: Terminal) -> None:
    terminal.type("list | less")
    terminal.send(ENTER)
    first, *_, last = printed("list", columns=0).splitlines()
    terminal.see(first[:60].rstrip())
    terminal.send("G")
    terminal.see(last[:60].rstrip(), "(END)")
    terminal.send("q")
    terminal.prompt()


def test_output_goes_through_a_command_that_reads_a_part_of_it(terminal: Terminal) -> None:
    terminal.run("list | head -3 | cut -c 1-70")
    expected = "\n".join(line[:70].rstrip() for line in printed("list", columns=0).splitlines()[:3])
    assert f"\n{expected}\nhv x64>" in terminal.text


def test_a_command_of_the_system_writes_to_the_terminal(terminal: Terminal) -> None:
    terminal.run("!test -t 1 && echo hi")
    assert "echo hi\nhi\nhv x64>" in terminal.text


def test_lines_are_there_again_in_the_next_run(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.prompt()
        terminal.run("sint2 0x200f3")
        terminal.run("!echo hi")
        terminal.send("quit\r")
        assert terminal.end() == 0
    with Terminal(tmp_path) as terminal:
        terminal.prompt()
        terminal.send(UP + UP)
        terminal.see("hv x64> !echo hi")
        terminal.send(C_C)
        terminal.prompt()
        terminal.send("sin")
        terminal.see("hv x64> sint2 0x200f3")
        assert terminal.color_of("t2 0x200f3") == {"808080"}
        terminal.send(RIGHT)
        terminal.until(lambda: terminal.before_cursor.endswith("hv x64> sint2 0x200f3"), "the suggestion is not taken")
        terminal.send(C_C)
        terminal.prompt()
        terminal.send(f"{C_R}cho")
        terminal.see("(reverse-i-search)`cho': !echo hi")
        terminal.send(ENTER + ENTER)
        terminal.see("hv x64> !echo hi\nhi\n")


def test_the_toolbar_shows_the_current_keys(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--vi") as terminal:
        terminal.see(" x64 · fields · vi insert ", "F4 emacs keys")
        terminal.type("int2 0x30")
        terminal.send(ESCAPE)
        terminal.see(" x64 · fields · vi normal ")
        terminal.send("R")
        terminal.see(" x64 · fields · vi replace ")
        terminal.send(F4)
        terminal.see(" x64 · fields   ", "F4 vi keys")
        terminal.miss("emacs")
        terminal.send(F4)
        terminal.see(" x64 · fields · vi insert ")
        terminal.send(ESCAPE)
        terminal.see(" x64 · fields · vi normal ")
        terminal.send("Is\r")
        terminal.see("vector 0x30", " x64 · fields · vi insert ")


def test_the_menu_is_entered_by_down_and_left_by_escape_and_up_is_the_history(terminal: Terminal) -> None:
    terminal.run("decode sint2 0x30")
    terminal.run("simp 1")
    terminal.type("dec")
    terminal.see("\n decode ", "Explain va")
    terminal.send(UP)
    terminal.until(lambda: terminal.before_cursor.endswith("hv x64> decode sint2 0x30"), "no line of the history")
    terminal.miss("Explain va")
    terminal.send(DOWN)
    terminal.until(lambda: terminal.before_cursor.endswith("hv x64> dec"), "the line that was typed is gone")
    terminal.send(C_C)
    terminal.prompt()
    terminal.type("annotate --")
    terminal.see("--format FMT   fields, table")
    terminal.send(DOWN)
    terminal.until(lambda: terminal.before_cursor.endswith("annotate --only"), "nothing is picked")
    terminal.send(DOWN + UP + UP)
    terminal.until(lambda: terminal.before_cursor.endswith("annotate --"), "the menu is not left at its top")
    terminal.see("--format FMT")
    terminal.send(ESCAPE)
    terminal.miss("--format FMT")


def test_numbers_are_offered_with_what_has_them(terminal: Terminal) -> None:
    terminal.type("0x4000008")
    terminal.see("0x40000083  msr HV_X64_MSR_SIMP: SynIC message page")
    terminal.type("3")
    terminal.miss("SynIC message page")
    terminal.type(" 0x8100000")
    assert "0x40000080" not in terminal.text
