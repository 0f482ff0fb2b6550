"""The words of lines that are not commands of the command line: what stays set, other files of lines, help, the way out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Protocol

from hvrepl.commands.inputs.files import read_lines
from hvrepl.commands.session import Session
from hvrepl.commands.table import COMMANDS, ENTRIES
from hvrepl.commands.values_in_hand import NAME, Kept
from hvrepl.errors import FileError, UsageError
from hvrepl.readers.number import is_number
from hvrepl.record import replace
from hvrepl.script.argv import CommandLine
from hvrepl.script.interpret import is_known
from hvrepl.version import __version__
from hvrepl.wording import shorten


class Leave(Exception):  # noqa: N818  it is no error
    """A line asked to end the script or shell."""


class Lines(Protocol):
    """What runs lines, as far as its words need it."""

    session: Session
    sourcing: list[str]

    def run_lines(self, lines: Iterable[str], place: str) -> None: ...
    def dispatch(self, words: Sequence[str], number: int | None = None) -> None: ...
    def make_value(self, line: CommandLine) -> Kept: ...


def show_help(session: Session, command: str) -> None:
    if session.ways:
        session.ways.show_help(session, command)


def set_arch(lines: Lines, words: Sequence[str]) -> None:
    set_option(lines, "arch", words)


def set_format(lines: Lines, words: Sequence[str]) -> None:
    set_option(lines, "format", words)


def set_option(lines: Lines, name: str, words: Sequence[str]) -> None:
    if len(words) != 1:
        raise UsageError(f"{name} takes one word; in force is {getattr(lines.session.options, name)}")
    lines.session.set(**{name: words[0]})


def source_file(lines: Lines, words: Sequence[str]) -> None:
    """Runs the lines of a file; what it sets stays set."""
    if len(words) != 1:
        raise UsageError("source takes one file: `source FILE`")
    path = os.path.abspath(words[0])
    if path in lines.sourcing:
        raise UsageError(f"{words[0]} sources itself")
    lines.sourcing.append(path)
    try:
        with open_input(path, words[0]) as file:
            lines.run_lines(read_lines(file, words[0]), words[0])
    finally:
        lines.sourcing.remove(path)


def set_last(lines: Lines, words: Sequence[str]) -> None:
    from hvrepl.commands.set import set_fields

    set_fields(lines.session, [lines.session.values.replace_in(word) for word in words])


def let(lines: Lines, words: Sequence[str]) -> None:
    """let NAME = VALUE, or what a line makes: `let NAME = sint2 0x200f3`."""
    name, equals, rest = " ".join(words[:1]), "", list(words[1:])
    if "=" in name:
        name, equals, start = name.partition("=")
    elif rest and rest[0].startswith("="):
        equals, start = "=", rest.pop(0)[1:]
    if not equals or not (start or rest):
        raise UsageError("let takes a name and a value: `let NAME = VALUE`, or `let NAME = WHAT VALUE`")
    refuse_name(lines.session, name)
    made = tuple([start] * bool(start) + rest)
    line = CommandLine(made[0], made[1:]) if made[0] in ENTRIES else CommandLine(words=made)
    lines.session.values.named[name] = replace(lines.make_value(line), called=name)


def refuse_name(session: Session, name: str) -> None:
    """UsageError for a name that a value cannot have, as it means something else."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{shorten(name)!r} cannot be a name: one has letters, digits and _, and begins with a letter")
    if name in ENTRIES or name in SHELL_WORDS:
        raise UsageError(f"{name} is a command; choose another name")
    if name.lower() in session.catalog.spaces or is_known(session, name):
        raise UsageError(f"{shorten(name)} already means {'a number' if is_number(name) else 'a thing of Hyper-V'}; choose another name")


def undo(lines: Lines, words: Sequence[str]) -> None:
    from hvrepl.commands.values import list_values

    if words:
        raise UsageError("undo takes no words")
    lines.session.values.undo()
    list_values(lines.session, only_last=True)


def show_values(lines: Lines, words: Sequence[str]) -> None:
    from hvrepl.commands.values import list_values

    if words:
        raise UsageError("values takes no words")
    list_values(lines.session)


def open_input(path: str, name: str) -> IO[str]:
    try:
        return open(path, encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise FileError(f"{name}: {error.strerror}") from error


def show_version(lines: Lines, words: Sequence[str]) -> None:
    if words:
        raise UsageError("version takes no words")
    lines.session.write(f"hvrepl {__version__}\n")


def leave(_: Lines, words: Sequence[str]) -> None:
    if words:
        raise UsageError("quit takes no words")
    raise Leave


def help_lines(lines: Lines, words: Sequence[str]) -> None:
    """help, help COMMAND, or help NAME."""
    word = next(iter(words), "")
    session = lines.session
    if not word and not (session.is_script or session.is_shell):
        show_help(session, "")
    elif not word:
        session.write(explain(lines))
    elif word in SHELL_WORDS:
        text = next(text for run, text in SHELL_WORDS.values() if text and run is SHELL_WORDS[word][0])
        session.write(f"{word}: {text}\n")
    elif word in ENTRIES:
        show_help(session, word)
    else:
        lines.dispatch(["show", *words])


def explain(lines: Lines) -> str:
    """What a line can be."""
    commands = "".join(f"  {name:<9} {text}\n" for name, text in shell_commands() if name in ENTRIES)
    words = ", ".join(name for name, (_, text) in SHELL_WORDS.items() if text)
    return HELP.format(commands=commands, words=words) + (KEYS if lines.session.is_shell else "")


HELP = """\
A line is a command, or shorter:
  0x8100000606570000      what a number means, and what else it could be
  sint2, sint2 0x200f3    what has this name; a value of it, field by field
  sint2 vector=0xf3       a value from fields
  _                       the last value; set FIELD=VALUE changes it
{commands}Also {words}: `help WORD` explains one.
Behind a command: | CMD, > FILE, >> FILE. !CMD runs a command of the system.
"""
KEYS = """\
A pasted dump is a message or a message page, by its size.
Tab completes, C-r searches, F4 is vi, C-c clears, C-d leaves.
"""

# Words of the line language that are no commands of the command line; without a text they are only other spellings.
SHELL_WORDS: dict[str, tuple[Callable[[Lines, Sequence[str]], None], str]] = {
    "set": (set_last, "Change fields of the last value."),
    "let": (let, "Keep a value under a name."),
    "undo": (undo, "Go back to the value before the last one."),
    "values": (show_values, "List the values so far."),
    "arch": (set_arch, "Change the arch: x64 or arm64."),
    "format": (set_format, "Change the output format."),
    "source": (source_file, "Run the lines of a file."),
    "help": (help_lines, "Explain a command or show a name."),
    "version": (show_version, "Print the version."),
    ".help": (help_lines, ""),
    "?": (help_lines, ""),
    "quit": (leave, "Leave."),
    "exit": (leave, ""),
    "\\q": (leave, ""),
}


def shell_commands() -> list[tuple[str, str]]:
    """(name, what it does) of every first word that is no name or number; "" for what is only another spelling."""
    return [(command.name, command.short) for command in COMMANDS] + [(name, text) for name, (_, text) in SHELL_WORDS.items()]
