"""Options among the words of a line, and the words that they accept: all from the table of commands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from hvrepl.catalog.model import ARCHES
from hvrepl.commands.session import COLORS, FORMATS, WORD_SIZES
from hvrepl.commands.table import COMMANDS, HELP, PROGRAM, SHARED, Option
from hvrepl.render.style import table_styles
from hvrepl.script.argv import options_after, options_by_name

# Options of different commands with the same name either all take a word or all do not.
ALL = options_by_name((*SHARED, *PROGRAM, HELP, *(option for command in COMMANDS for option in command.options)))
FILES, FOLDERS = "FILE", "DIR"  # metavars of options that take such a name
END = "--"  # the words after it are not options


def flag_forms() -> Sequence[str]:
    from hvrepl.render.flag_forms import WRITERS

    return tuple(WRITERS)


# Option → a function for the words that it accepts, if they can be listed; some are only loaded when needed.
CHOICES: Mapping[str, Callable[[], Sequence[str]]] = {
    "arch": lambda: ARCHES,
    "format": lambda: FORMATS,
    "color": lambda: COLORS,
    "word_size": lambda: WORD_SIZES,
    "flags": flag_forms,
    "style": table_styles,
}


def awaits(word: str) -> Option | None:
    """The option to which the next word belongs: --format, -f, or -kf, but not --format=json or -fjson."""
    if word.startswith("--"):
        option = ALL.get(word)
        return option if option and option.metavar else None
    for at, letter in enumerate(word[1:], 2) if word.startswith("-") else ():
        option = ALL.get(f"-{letter}")
        if option is None or option.metavar:
            return option if option and at == len(word) else None
    return None


class Positional:
    """Collects the words that are neither options nor their values, one by one."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._has_ended = self._belongs = False  # whether options have ended; whether the next word belongs to one

    def take(self, word: str) -> None:
        if self._belongs:
            self._belongs = False
        elif self._has_ended or not word.startswith("-") or word == "-":
            self.words.append(word)
        elif word == END:
            self._has_ended = True
        else:
            self._belongs = awaits(word) is not None


def positional(words: Iterable[str]) -> list[str]:
    """The words without options and their values."""
    found = Positional()
    for word in words:
        found.take(word)
    return found.words


def options_here(words: Sequence[str], command: str) -> Iterator[Option]:
    """The options that may follow the words of a line: each once, unless it can be repeated; none after --."""
    if END in words:
        return
    given = {option.key for word in words if word.startswith("-") if (option := ALL.get(word.partition("=")[0]) or ALL.get(word[:2]))}
    own = options_after(command) if command else ()
    yield from (option for option in (*own, *SHARED, HELP) if option.many or option.key not in given)


def choices_of(option: Option) -> Sequence[str]:
    """The words that an option accepts; none for a file name or a text."""
    return CHOICES[option.key]() if option.key in CHOICES else ()
