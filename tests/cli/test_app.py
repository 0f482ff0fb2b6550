"""typer's app and the reader of the command line come from one table: they find the same in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import typer

from hvrepl.cli.app import make_app
from hvrepl.commands.table import COMMANDS, ENTRIES, HELP, PROGRAM, SHARED, Command, Option
from hvrepl.errors import UsageError
from hvrepl.script.argv import CommandLine, read_argv
from tests.program import call

WORDS = ("sint2", "0x200f3")


FOUND: list[tuple[str, dict[str, Any]]] = []
APP = make_app(lambda name, **given: FOUND.append((name, given)))
PROGRAM_OF_TYPER = typer.main.get_command(APP)


def typer_reads(arguments: Sequence[str]) -> CommandLine | None:
    """typer's result; None if it refuses."""
    FOUND.clear()
    try:
        PROGRAM_OF_TYPER(list(arguments), prog_name="hvrepl", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "exit_code"):  # typer's errors have one; their names differ by version
            raise
        return None
    given = {key: value for _, options in FOUND for key, value in options.items() if value not in (None, False, [])}
    words = tuple(given.pop("words", ()))
    shared = {option.key: given.pop(option.key) for option in SHARED if option.key in given}
    return CommandLine(FOUND[-1][0], words, shared, given)


def we_read(arguments: Sequence[str]) -> CommandLine | None:
    try:
        return read_argv(arguments)
    except UsageError:
        return None


def spellings(option: Option) -> Iterator[list[str]]:
    """An option in each possible spelling."""
    for name in option.names:
        if not option.metavar:
            yield [name]
        elif name.startswith("--"):
            yield from ([name, "word"], [f"{name}=word"], [f"{name}="], [name, "-"])
        else:
            yield from ([name, "word"], [f"{name}word"])


def places(command: Command, given: list[str]) -> Iterator[list[str]]:
    whole = [command.name, *WORDS]
    yield from ([*whole[:at], *given, *whole[at:]] for at in range(len(whole) + 1))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_option_is_read_the_same_way_before_and_after_its_command(command: Command) -> None:
    for option in (*SHARED, *PROGRAM, *(option for one in COMMANDS for option in one.options)):
        for given in spellings(option):
            for arguments in places(command, given):
                assert we_read(arguments) == typer_reads(arguments), arguments


LINES = {
    "nothing_else": ["decode"],
    "dashes": ["decode", "--", "sint2", "-1"],
    "dashes_before": ["--", "decode", "sint2", "1"],
    "dash": ["decode", "sint2", "-"],
    "options_behind_dashes": ["decode", "--", "-f", "json"],
    "twice": ["-f", "json", "decode", "-f", "line", "sint2", "1", "-f", "csv"],
    "flags_together": ["-kf", "json", "decode", "sint2", "1"],
    "flags_together_with_a_word": ["decode", "-kfjson", "sint2", "1"],
    "unknown": ["decode", "--nosuch"],
    "unknown_before": ["--nosuch", "decode"],
    "unknown_short": ["decode", "-x"],
    "unknown_among_flags": ["decode", "-kx"],
    "negative": ["decode", "sint2", "-1"],
    "no_word": ["decode", "-f"],
    "no_word_before": ["-f"],
    "flag_with_a_word": ["decode", "--strict=1"],
    "another_s_option": ["decode", "--only"],
    "half_an_option": ["decode", "--form", "json"],
    "empty_words": ["decode", "", "-f", ""],
    "a_command_as_a_word": ["show", "decode"],
}


@pytest.mark.parametrize("arguments", LINES.values(), ids=LINES)
def test_a_line_is_read_the_same_way(arguments: list[str]) -> None:
    assert we_read(arguments) == typer_reads(arguments)


@pytest.mark.parametrize("name", ["", *ENTRIES])
def test_help_shows_the_words_and_options_of_the_table(name: str) -> None:
    shown = call(*([name] if name else []), "--help")
    assert (shown.status, shown.err) == (0, "")
    assert call(*([name] if name else []), "-h") == call("help", *([name] if name else [])) == shown
    own = ENTRIES[name].options if name else PROGRAM
    assert not name or ENTRIES[name].usage in shown.out
    for option in (*own, *SHARED, HELP):
        assert all(re.search(rf"(?<![\w-]){one}\b", shown.out) for one in option.names)
    if not name:
        assert all(command.short in shown.out for command in COMMANDS)
