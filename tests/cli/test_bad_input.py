"""Meaningless input gives one line and the right status, and stdin is only read if that was asked for."""

from __future__ import annotations

import io
import os
import subprocess
from itertools import product
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import to_key
from hvrepl.catalog.opening import open_index
from hvrepl.commands.session import Streams
from hvrepl.commands.table import ENTRIES
from hvrepl.script.shell_words import SHELL_WORDS
from tests import program
from tests.at_hand import needs
from tests.fuzz import amount, sampled
from tests.program import PROGRAM, SECONDS, Ended, call, clean_environ

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
# A way to be wrong → a stdin, as a process: that is closed, that never ends, or that holds nothing.
PROCESSES = amount(
    [("empty", "closed"), ("no_number", "endless"), ("mistyped_command", "null")], [*product(BAD, ["closed", "endless", "null"])]
)


class Untouched(io.RawIOBase):
    """A stdin that nobody may read."""

    def readinto(self, _: object) -> int:
        raise AssertionError("stdin is read")

    read1 = read = readline = readinto  # type: ignore[assignment]


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


def run_here(words: list[str]) -> Ended:
    """The program in this process, with a stdin that nobody may read."""
    out, err = io.StringIO(), io.StringIO()
    status = program.run(words, Streams(cast("BinaryIO", Untouched()), out, err, {}))
    return Ended(status, out.getvalue(), err.getvalue())


def test_a_stdin_that_is_read_would_be_found() -> None:
    with pytest.raises(AssertionError, match="stdin is read"):
        run_here(["decode", "sint2", "-"])


@pytest.mark.parametrize(("words", "status", "line"), BAD.values(), ids=BAD)
def test_bad_words_are_one_line_and_read_nothing(words: list[str], status: int, line: str) -> None:
    assert run_here(words) == Ended(status, "", f"{line}\n")


@sampled
@needs("sh")
@pytest.mark.parametrize(("name", "stdin"), PROCESSES, ids=["-".join(pair) for pair in PROCESSES])
def test_bad_words_are_one_line_whatever_stdin_is(name: str, stdin: str) -> None:
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
    ended = call("-c", " ".join(words), stdin=b"0x30\n")
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "words", [["sint2", "1", "-f", "line"], ["simp"], ["0x40000082"], ["help"], ["version"], ["list", "vmbus"]], ids=" ".join
)
def test_what_needs_no_value_does_not_wait_for_stdin(words: list[str]) -> None:
    assert run_here(words).status == 0


def test_a_command_that_is_a_file_too_is_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").write_text("nosuch 1\n")
    monkeypatch.chdir(tmp_path)
    assert run_here(["list", "vmbus"]).status == 0


# Names that are also commands: `show NAME` reaches them, and their values have other names.
ALSO_NAMES = {"eom"}


def test_no_canonical_name_and_few_others_are_commands_or_words_of_the_shell() -> None:
    taken = {to_key(word) for word in (*ENTRIES, *SHELL_WORDS)}
    entries = list(Catalog(open_index()).entries())
    assert not taken & {to_key(entry.name) for entry in entries}
    assert taken & {to_key(name) for entry in entries for name in entry.also} == ALSO_NAMES
