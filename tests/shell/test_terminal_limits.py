"""The shell in terminals that are narrow, change their size, or lack colour or cursor movement; and that tests never wait for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.program import call
from tests.shell.test_terminal import screen
from tests.terminal import C_C, C_D, ENTER, Terminal

GUEST_ID = "0x818000050fa7042f"
PLAIN_BYTES = bytes([*range(0x20, 0x7F), *range(0x80, 0x100), *b"\r\n"])


def decoded(columns: int) -> str:
    return call("decode", GUEST_ID, columns=columns).out


def test_a_narrow_screen_is_filled_with_whole_words(tmp_path: Path) -> None:
    with Terminal(tmp_path, columns=40) as terminal:
        terminal.prompt()
        terminal.run(GUEST_ID)
        terminal.type("simp")
        terminal.show(screen("narrow"))


@pytest.mark.parametrize("columns", [60, 100])
def test_a_line_continues_and_output_fits_when_the_width_changes(columns: int, tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.prompt()
        terminal.type(GUEST_ID[:8])
        terminal.resize(columns, 24)
        terminal.type(GUEST_ID[8:])
        terminal.see(f"hv x64> {GUEST_ID}\n")
        terminal.send(ENTER)
        terminal.prompt()
        assert f"hv x64> {GUEST_ID}\n{decoded(columns)}hv x64>" in terminal.scrolled


def test_output_fits_again_when_the_width_changes_after_it(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.prompt()
        for columns in (80, 50, 120):
            terminal.resize(columns, 24)
            terminal.run(GUEST_ID)
            terminal.see(decoded(columns))


def test_a_terminal_that_only_prints_gets_nothing_but_text(tmp_path: Path) -> None:
    with Terminal(tmp_path, TERM="dumb") as terminal:
        terminal.prompt()
        terminal.run(GUEST_ID)
        terminal.run("sint2 zz")
        terminal.run("arch arm64", "arm64")
        terminal.run("!echo hi", "arm64")
        terminal.type("help")
        terminal.send(C_C)
        terminal.see("^C")  # the prompt before it may look like the next one
        terminal.prompt("arm64")
        terminal.send(C_D)
        assert terminal.end() == 0
        assert f"hv x64> {GUEST_ID}\n{decoded(80)}hv x64> sint2 zz\n'zz' is not a number" in terminal.scrolled
        assert not terminal.written.translate(None, PLAIN_BYTES)


def test_a_terminal_that_only_prints_can_stop_what_runs(tmp_path: Path) -> None:
    with Terminal(tmp_path, TERM="dumb") as terminal:
        terminal.prompt()
        (tmp_path / "file").write_text("it runs\n")
        terminal.send("!tail -f ~/file\r")
        terminal.see("\nit runs")
        terminal.send(C_C)
        terminal.see("stopped\n")
        terminal.run("simp 1")
        terminal.see("HV_X64_MSR_SIMP = 0x0000000000000001  enabled")


def test_no_color_means_none(tmp_path: Path) -> None:
    with Terminal(tmp_path, NO_COLOR="1") as terminal:
        terminal.prompt()
        terminal.run(GUEST_ID)
        terminal.run("sint2 zz")
        terminal.type("encode sint2 vec")
        terminal.see("vector=", " x64 · fields")
        assert terminal.colors() == set()


def test_the_shell_has_colours_that_no_palette_changes(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.prompt()
        terminal.run(GUEST_ID)
        terminal.until(lambda: terminal.colors() >= {"808080", "008700"}, "the colours are others")


@pytest.mark.parametrize("term", ["xterm-256color", "vt100"])
def test_a_line_of_100_000_characters_is_one_short_error(term: str, tmp_path: Path) -> None:
    with Terminal(tmp_path, TERM=term) as terminal:
        terminal.prompt()
        terminal.paste("x" * 100_000)
        terminal.until(lambda: terminal.before_cursor.endswith("x" * 1000), "the line is not there")
        terminal.send(ENTER)
        terminal.see("no such command or name: xxx")
        terminal.prompt()
        error = terminal.text.partition("no such command or name: ")[2].partition("\nhv x64>")[0]
        assert len(error) < 100
        terminal.run("simp 1")
        terminal.see("HV_X64_MSR_SIMP = 0x0000000000000001  enabled")


# A wait in a test for something that never comes → the line that runs meanwhile.
# A program that prompts like the shell, and starts faster.
PROMPTING = "while printf 'hv x64> ' && read -r line; do case $line in !*) ${line#!} ;; esac; done"
WAITS = {
    "see": (lambda terminal: terminal.see("nosuch"), "arch x64"),
    "miss": (lambda terminal: terminal.miss("x64"), "arch x64"),
    "show": (lambda terminal: terminal.show("nosuch"), "arch x64"),
    "prompt": (lambda terminal: terminal.prompt("nosuch"), "arch x64"),
    "end": (lambda terminal: terminal.end(), "arch x64"),
    "see_in_endless_output": (lambda terminal: terminal.see("nosuch"), "!yes hv"),
    "end_of_endless_output": (lambda terminal: terminal.end(), "!yes hv"),
}


@pytest.mark.parametrize(("wait", "line"), WAITS.values(), ids=WAITS)
def test_a_wait_ends_and_fails_with_the_screen(wait: Callable[[Terminal], object], line: str, tmp_path: Path) -> None:
    with Terminal(tmp_path, program=["sh", "-c", PROMPTING]) as terminal:
        terminal.prompt()
        terminal.send(f"{line}\r")
        terminal.see("\nhv\nhv\n" if "yes" in line else f"hv x64> {line}\nhv x64>")
        terminal.seconds = 0.1
        with pytest.raises(AssertionError, match=r"\nhv"):
            wait(terminal)


def test_a_program_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    with Terminal(tmp_path, "--version") as terminal, pytest.raises(AssertionError, match=r"has ended(.|\n)*hvrepl \d"):
        terminal.see("nosuch")
