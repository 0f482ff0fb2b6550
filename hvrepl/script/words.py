"""Words of lines that are not commands of the command line: settings, the session, files of lines, help, the way out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from hvrepl.catalog.alike import alike
from hvrepl.commands.inputs.files import read_lines
from hvrepl.commands.output import emit_listing
from hvrepl.commands.session import Session, Typed
from hvrepl.commands.table import ENTRIES
from hvrepl.commands.values_in_hand import NAME, Kept
from hvrepl.digits import to_int
from hvrepl.errors import FileError, NotFoundError, UsageError
from hvrepl.hints import IO, Protocol
from hvrepl.readers.number import is_number
from hvrepl.record import replace
from hvrepl.render.style import wrap
from hvrepl.script.argv import CommandLine
from hvrepl.script.interpret import MOST_ALIKE, is_known
from hvrepl.script.lines import quote
from hvrepl.script.shell_words import SHELL_WORDS, spelled
from hvrepl.version import __version__
from hvrepl.wording import printable, shorten

CLEAR = "\x1b[H\x1b[2J"
DEEPEST_SOURCED = 16  # nested files, as each may source another
MOST_SOURCED = 10_000  # files in total from one line: 16 that each source the next one twice would be 65,535


class Leave(Exception):  # noqa: N818  it is not an error
    """A line asked to end the script or shell."""


class Lines(Protocol):
    """The runner of lines, as far as its words need it."""

    session: Session
    sourcing: list[str]  # the files being read, each by a line of the one before
    sourced: int  # files since the first of them

    def run_lines(self, lines: Iterable[str], place: str) -> None: ...
    def dispatch(self, words: Sequence[str], number: int | None = None) -> None: ...
    def make_value(self, line: CommandLine) -> Kept: ...
    def name_dump(self, text: str) -> str: ...


def show_help(session: Session, command: str) -> None:
    if session.ways:
        session.ways.show_help(session, command)


def set_arch(lines: Lines, words: Sequence[str]) -> None:
    set_option(lines, "arch", words)


def set_format(lines: Lines, words: Sequence[str]) -> None:
    set_option(lines, "format", words)


def set_option(lines: Lines, name: str, words: Sequence[str]) -> None:
    """Sets an option for the following lines, or without a word shows the current one."""
    from hvrepl.script.option_words import CHOICES

    choices = CHOICES[name]()
    if len(words) > 1:
        raise UsageError(f"{name} takes one word: `{name} {choices[0]}`")
    if words:
        lines.session.set(**{name: words[0]})
        return
    from hvrepl.render.listing import Listing

    now = getattr(lines.session.options, name)
    said = f"{name} is {now}; choices: {', '.join(choices)}"
    emit_listing(
        lines.session,
        Listing(
            (name, "choices"),
            [(now, " ".join(choices))],
            [{name: now, "choices": list(choices)}],
            single=True,
            lines=lambda style: wrap(said, style.width, rest="  "),
        ),
    )


def source_file(lines: Lines, words: Sequence[str]) -> None:
    """Runs the lines of a file; its settings stay."""
    if len(words) != 1:
        raise UsageError("source takes one file: `source FILE`")
    path = os.path.realpath(words[0])
    if path in lines.sourcing:
        raise UsageError(f"{words[0]} sources itself")
    if len(lines.sourcing) >= DEEPEST_SOURCED:
        raise UsageError(f"{words[0]}: files that source one another, over {DEEPEST_SOURCED} deep")
    if not lines.sourcing:
        lines.sourced = 0
    if lines.sourced >= MOST_SOURCED:
        raise UsageError(f"{words[0]}: files that source one another, over {MOST_SOURCED:,} in all")
    lines.sourced += 1
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
    """let NAME = VALUE, or the result of a line: `let NAME = sint2 0x200f3`."""
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
    """UsageError for a name that means something else."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{shorten(name)!r} cannot be a name: use letters, digits and _, beginning with a letter")
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


def clear(lines: Lines, words: Sequence[str]) -> None:
    """Clears the terminal, if it can be cleared."""
    if words:
        raise UsageError("clear takes no words")
    from hvrepl.script.pager import is_plain

    streams = lines.session.streams
    if streams.stdout_is_terminal and not lines.session.is_script and not is_plain(streams.environ):
        streams.stdout.write(CLEAR)


def list_history(lines: Lines, words: Sequence[str]) -> None:
    """history [N]: the lines of this session, numbered, or the last of them."""
    from hvrepl.script.saved import say_typed

    typed = typed_lines(lines.session, "history")
    if len(words) > 1 or not all(word.isdecimal() for word in words):
        raise UsageError("history takes a number of lines: `history 20`")
    count = min(to_int(words[0]), len(typed)) if words else len(typed)
    for number, one in enumerate(typed[len(typed) - count :], len(typed) - count + 1):
        text = f"{number:>4}  {printable(say_typed(one))}"
        lines.session.write(text + (lines.session.style.paint("dim", "  # failed") if one.has_failed else "") + "\n")


def save_lines(lines: Lines, words: Sequence[str]) -> None:
    """save FILE: the lines of this session as a script. It only overwrites a file that was saved like this."""
    from hvrepl.commands.output_files import open_output
    from hvrepl.script.saved import is_saved, to_script

    typed = typed_lines(lines.session, "save")
    if len(words) != 1:
        raise UsageError("save takes one file: `save FILE`")
    path = words[0]
    if not is_saved(path):
        raise UsageError(f"{path} already exists and is not a saved session; choose another name")
    left_out = spelled("history", "save", "clear", "help", "quit")
    script = to_script(lines.session, typed, path, lines.name_dump, left_out)
    with open_output(lines.session, path, "w") as file:
        file.write(script)
    lines.session.write(printable(f"saved to {path}; `source {quote(path)}` runs it again") + "\n")


def typed_lines(session: Session, word: str) -> Sequence[Typed]:
    if not session.is_shell:
        raise UsageError(f"{word} is about lines typed in the shell; a script has none")
    return session.typed


def help_lines(lines: Lines, words: Sequence[str]) -> None:
    """help, or help on a command, a topic or a name."""
    from hvrepl.script.help import explain, say_topic
    from hvrepl.script.topics import all_topics, find_topic

    word = next(iter(words), "")
    session = lines.session
    if not word and not (session.is_script or session.is_shell):
        show_help(session, "")
    elif not word:
        session.write("".join(f"{line}\n" for line in explain(session)))
    elif word in ENTRIES:
        show_help(session, word)
    elif topic := find_topic(word):
        session.write("".join(f"{line}\n" for line in say_topic(topic, session.style)))
    elif not is_known(session, word) and (close := alike(word, [one for one, _ in all_topics()], 2)):
        hint = " or ".join(dict.fromkeys([*close, *session.catalog.like(word)][:MOST_ALIKE]))
        raise NotFoundError(f"no help on {shorten(word)}; did you mean {hint}?")
    else:
        lines.dispatch(["show", *words])
