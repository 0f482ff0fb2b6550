"""Words of lines that are not commands of the command line, each once: spellings, arguments, a short description. Pure."""

from __future__ import annotations

from hvrepl.commands.table import COMMANDS
from hvrepl.record import record


@record
class ShellWord:
    """`does` is its function in words.py, `usage` its arguments, `short` its line in lists; `spellings` are other words for it."""

    name: str
    does: str
    usage: str
    short: str
    spellings: tuple[str, ...] = ()


WORDS = (
    ShellWord("set", "set_last", "FIELD=VALUE...", "Change fields of the last value."),
    ShellWord("let", "let", "NAME = VALUE", "Keep a value under a name."),
    ShellWord("undo", "undo", "", "Go back to the value before the last one."),
    ShellWord("values", "show_values", "", "List the values so far."),
    ShellWord("arch", "set_arch", "[ARCH]", "Change the arch: x64 or arm64."),
    ShellWord("format", "set_format", "[FMT]", "Change the output format."),
    ShellWord("source", "source_file", "FILE", "Run the lines of a file."),
    ShellWord("history", "list_history", "[N]", "List the lines of this session."),
    ShellWord("save", "save_lines", "FILE", "Write the lines of this session to a file."),
    ShellWord("clear", "clear", "", "Clear the screen."),
    ShellWord("help", "help_lines", "[WORD]", "Explain a word, or show a name.", (".help", "?")),
    ShellWord("version", "show_version", "", "Print the version."),
    ShellWord("quit", "leave", "", "Leave.", ("exit", "q", ":q", ":quit", "exit()", "quit()", "\\q")),
)
SHELL_WORDS = {spelling: word for word in WORDS for spelling in (word.name, *word.spellings)}


def spelled(*names: str) -> tuple[str, ...]:
    """Every spelling of the words with these names."""
    return tuple(spelling for spelling, word in SHELL_WORDS.items() if word.name in names)


def shell_commands() -> list[tuple[str, str]]:
    """(name, effect) of every first word that is not a name or number; the effect of another spelling is ""."""
    words = [(spelling, word.short if spelling == word.name else "") for spelling, word in SHELL_WORDS.items()]
    return [(command.name, command.short) for command in COMMANDS] + words
