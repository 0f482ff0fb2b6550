"""Every example of README, man page and transcripts runs, and prints what it shows."""

import io
import os
import re
import shlex
from pathlib import Path

import pytest

from hvrepl.commands.session import Streams
from tests.at_hand import missing, skip_for
from tests.fuzz import amount, sampled
from tests.program import run as run_program
from tests.transcripts import FILES, ROOT, environment, prepare, read_steps, run, with_status

# hvrepl and words without a meaning to the shell, none of which starts a process or opens a file for writing.
PLAIN = re.compile(r"hvrepl(?: (?:[\w./:@=,+-]+|'[^'|>!]*'))+")


def programs(command: str) -> set[str]:
    """The programs that a command of a transcript starts."""
    words = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    starts = [word for before, word in zip(["|", *words], words, strict=False) if set(before) <= set("|&;(")]
    return {word for word in starts if re.fullmatch(r"[\w.-]+", word)} - {"hvrepl", "python"}


def modules(command: str) -> set[str]:
    """The modules without which a command only says what to install."""
    return {"module:pyarrow"} if "hvrepl columns " in command else set()


def run_here(command: str, folder: Path) -> str:
    """The result of `run` for a plain command, within this process."""
    _, *words = shlex.split(command)
    out = io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        status = run_program(words, Streams(io.BytesIO(), out, out, environment(folder), columns=0))
    finally:
        os.chdir(before)
    return with_status(out.getvalue(), status)


@sampled
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_prints_what_the_transcript_shows(path: Path, tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    steps = read_steps(path)
    assert steps, f"{path} holds no command"
    lacking: set[str] = set()
    for step in steps:
        if absent := missing(programs(step.command) | modules(step.command)):
            lacking |= set(absent)
            continue
        runs_here = amount(bool(PLAIN.fullmatch(step.command)), False)
        printed = run_here(step.command, folder) if runs_here else run(step.command, folder)
        assert printed.rstrip("\n") == step.expected, f"{path.name}:{step.start}: $ {step.command}"
    if lacking:
        skip_for(*sorted(lacking))


@pytest.mark.parametrize("command", ["hvrepl decode 5", "hvrepl decode sint2 zz", "hvrepl encode sint2 vector=1", "hvrepl -c 'show eom'"])
def test_a_command_within_this_process_prints_what_it_prints_in_one_of_its_own(command: str, tmp_path: Path) -> None:
    assert PLAIN.fullmatch(command)
    assert run_here(command, tmp_path) == run(command, tmp_path)


def test_the_programs_of_a_command_are_those_that_a_shell_would_start() -> None:
    assert programs("xxd -p a | tr -d '|' && (sed s/x/y/; VAR=1 od a) > out") == {"xxd", "tr", "sed"}
