"""Signals that end or stop the shell: its terminal is as it was before."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path

import pytest

from tests.at_hand import needs
from tests.program import PROGRAM
from tests.terminal import BRACKETED_PASTE, C_D, ENTER, Terminal

C_Z = "\x1a"
# Prints its process id and becomes the program; afterwards its status and the modes of the terminal.
AFTERWARDS = """sh -c 'echo "pid $$."; exec "$@"' sh "$@"; echo "status $?."; stty -a | tr ';\\n' '  '; echo; echo end; read -r _"""


@needs("sh", "stty")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_shell_and_leaves_the_terminal_usable(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    with Terminal(tmp_path, program=["sh", "-c", AFTERWARDS, "sh", *PROGRAM], columns=200) as terminal:
        terminal.see("hv x64>", "Tab completes")
        assert BRACKETED_PASTE in terminal.screen.mode
        os.kill(int(terminal.text.partition("pid ")[2].partition(".")[0]), number)
        words = terminal.see(f"status {128 + number}.", "\nend").split()
        assert {"icanon", "echo", "isig", "icrnl", "opost"} <= set(words)
        assert BRACKETED_PASTE not in terminal.screen.mode


@needs("sh")
def test_a_signal_that_the_caller_ignores_does_not_end_the_shell(tmp_path: Path) -> None:
    """As `nohup` does."""
    with Terminal(tmp_path, program=["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *PROGRAM]) as terminal:
        terminal.prompt()
        os.kill(terminal.child.pid, signal.SIGHUP)
        assert "vector 0x30" in terminal.run("sint2 0x30")
        terminal.send(C_D)
        assert terminal.end() == 0


@needs("bash")
def test_the_shell_can_be_stopped_and_continued_at_its_prompt(tmp_path: Path) -> None:
    with Terminal(tmp_path, program=["bash", "--norc", "-i"], PS1="$ ", INPUTRC="/dev/null") as terminal:
        terminal.see("$")
        terminal.send(f"{shlex.join(PROGRAM)}\n")
        terminal.prompt()
        terminal.send("sint2")
        terminal.see("hv x64> sint2")
        terminal.send(C_Z)
        assert "hv x64> sint2" not in terminal.see("Stopped")
        terminal.send("fg\n")
        terminal.see("hv x64> sint2", "Tab completes")
        terminal.send(f" 0x30 -f line{ENTER}")
        terminal.see("0x0000000000000030  vector 0x30")
