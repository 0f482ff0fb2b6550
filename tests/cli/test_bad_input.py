"""Meaningless input gives one line and the right status, and stdin is only read if that was asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import to_key
from hvrepl.catalog.opening import open_index
from hvrepl.commands.table import ENTRIES
from hvrepl.script.shell_words import SHELL_WORDS
from tests.at_hand import needs
from tests.fuzz import amount, sampled
from tests.program import PROGRAM, SECONDS, clean_environ

# Words → (status, the line, or "").
BAD = {
    "empty": ([""], 2, "an empty name; `list` shows all names"),
    "blank": ([" "], 2, "an empty name; `list` shows all names"),
    "no_value": (["sint2="], 2, "an empty value; expected a number such as 0x8100_0006 or 42"),
    "no_number": (["sint2", "zz"], 2, "'zz' is not a number; write it as 0x1f, 31, 1fh, 0b11111 or (1 << 5)"),
    "unknown_option": (["--nosuch"], 2, "no such option: --nosuch"),
    "unknown_option_behind": (["sint2", "1", "--nosuch"], 2, "no such option: --nosuch"),
    "option_without_its_word": (["sint2", "1", "-f"], 2, "option -f takes a word: -f FMT"),
    "mistyped_command": (["shwo", "sint2"], 3, "no such command or name: shwo; did you mean show?"),
    "name_of_nothing": (["nosuch"], 3, "no such command or name: nosuch"),
    "shell_word": (["quit"], 2, "quit is a word of the shell and of scripts"),
    "encode_alone": (["encode"], 2, "encode what? `encode WHAT FIELD=VALUE`"),
    "help_of_nothing": (["help", "nosuch"], 3, "no such name: nosuch"),
}
STDIN = ["closed", "endless", "null"]


def run(words: list[str], stdin: str) -> subprocess.CompletedProcess[bytes]:
    """The program with a stdin that is closed, endless, or empty."""
    reading, writing = os.pipe()  # nobody ever writes to it
    try:
        source = {"closed": None, "endless": reading, "null": subprocess.DEVNULL}[stdin]
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM, *words] if stdin == "closed" else [*PROGRAM, *words]
        return subprocess.run(command, stdin=source, capture_output=True, check=False, timeout=SECONDS, env=clean_environ())
    finally:
        os.close(reading)
        os.close(writing)


# A command that reads an endless stdin does not end itself; for the others, one command tries each kind of mistake.
TRIED = [(name, stdin) for place, name in enumerate(BAD) for stdin in amount(("endless", STDIN[place % 2 * 2]), STDIN)]


@sampled
@needs("sh")
@pytest.mark.parametrize(("name", "stdin"), TRIED, ids=["-".join(pair) for pair in TRIED])
def test_bad_words_are_one_line_and_read_nothing(name: str, stdin: str) -> None:
    words, status, line = BAD[name]
    done = run(words, stdin)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (status, "", f"{line}\n")


MISSING = {
    "closed": (4, f"stdin: {os.strerror(9)}"),
    "null": (2, "sint2: no value; see `show sint2`"),
}


@needs("sh")
@pytest.mark.parametrize(("stdin", "status", "line"), [(stdin, *expected) for stdin, expected in MISSING.items()], ids=MISSING)
def test_a_missing_value_that_stdin_has_not_either_is_one_line(stdin: str, status: int, line: str) -> None:
    done = run(["decode", "sint2"], stdin)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (status, "", f"{line}\n")


@pytest.mark.parametrize("words", [["decode"], ["decode", "sint2"], ["eom", "2"], ["crash"]], ids=" ".join)
def test_a_value_is_not_read_from_a_script(words: list[str]) -> None:
    done = subprocess.run(
        [*PROGRAM, "-c", " ".join(words)], input=b"0x30\n", capture_output=True, check=False, timeout=SECONDS, env=clean_environ()
    )
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    "words", [["sint2", "1", "-f", "line"], ["simp"], ["0x40000082"], ["help"], ["version"], ["list", "vmbus"]], ids=" ".join
)
def test_what_needs_no_value_does_not_wait_for_stdin(words: list[str]) -> None:
    assert run(words, "endless").returncode == 0


def test_a_command_that_is_a_file_too_is_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").write_text("nosuch 1\n")
    monkeypatch.chdir(tmp_path)
    assert run(["list", "vmbus"], "null").returncode == 0


# Names that are also commands: `show NAME` reaches them, and their values have other names.
ALSO_NAMES = {"eom"}


def test_no_canonical_name_and_few_others_are_commands_or_words_of_the_shell() -> None:
    taken = {to_key(word) for word in (*ENTRIES, *SHELL_WORDS)}
    entries = list(Catalog(open_index()).entries())
    assert not taken & {to_key(entry.name) for entry in entries}
    assert taken & {to_key(name) for entry in entries for name in entry.also} == ALSO_NAMES
