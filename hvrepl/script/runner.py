"""Runs lines of the shared language in turn: from -c, from stdin, or from a file that `source` names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from io import StringIO

from hvrepl.catalog.catalog import Found
from hvrepl.commands.output import emit, failure
from hvrepl.commands.session import Session
from hvrepl.commands.table import ENTRIES, INSTALL, PROGRAM
from hvrepl.commands.values_in_hand import Kept
from hvrepl.errors import HvreplError, UsageError
from hvrepl.readers.number import read_given
from hvrepl.record import replace
from hvrepl.script.argv import ASKING, CommandLine, options_after, read_argv
from hvrepl.script.interpret import TAKES_WHAT, interpret, is_value
from hvrepl.script.lines import Line, parse_line
from hvrepl.script.shell_words import SHELL_WORDS
from hvrepl.script.words import Leave, show_help
from hvrepl.wording import shorten

INSTALLS = tuple(name for option in INSTALL for name in option.names)  # they change the user's files
MOST_HELD = 1 << 20  # characters of a line's output that are kept in memory before a file is written
DUMPS = ("message", "page")  # the thing of a dump by its size: the first that it fits into, otherwise the last
MEANS_VALUES = (*TAKES_WHAT, "eom", "crash")  # commands whose words can be values in hand
ON_COMMAND_LINE = ("help", "version", "source")  # shell words that also work on the system's command line
IN_ITS_PLACE = {"arch": "; on the command line it is --arch ARCH", "format": "; on the command line it is --format FMT"}


class Runner:
    """Runs lines. `may_shell` allows `| cmd`, `!cmd` and `> file`."""

    def __init__(self, session: Session, *, may_shell: bool = True) -> None:
        self.session = session
        self.may_shell = may_shell
        self.sourcing: list[str] = []
        self.sourced = 0
        self.place = ""

    def run_lines(self, lines: Iterable[str], place: str) -> None:
        """Runs every line, up to the first that fails, or with --keep-going all of them. A failure is raised with its place."""
        before, self.place = self.place, place
        try:
            for number, line in enumerate(lines, 1):
                self._run_guarded(line, number)
        except Leave:
            return
        finally:
            self.place = before

    def _run_guarded(self, text: str, number: int) -> None:
        try:
            self.run_line(text, number)
        except HvreplError as error:
            if not self.session.options.keep_going:
                raise type(error)(f"{self.place}:{number}: {error}" if self.place else str(error)) from None
            emit(self.session, failure(self.session.child(number, self.place), error, text.strip()))

    def run_line(self, text: str, number: int | None = None) -> None:
        """Runs one line. Raises HvreplError, or Leave."""
        from hvrepl.script.shortcuts import expand

        self.run_parsed(parse_line(expand(text)), number)

    def run_parsed(self, line: Line, number: int | None = None) -> None:
        """Runs the words of a line, with its redirection."""
        if (line.pipe or line.file or line.shell) and not self.may_shell:
            raise UsageError("| cmd, !cmd and > file are off here; --allow-shell turns them on")
        if line.shell:
            from hvrepl.script.processes import start_command, wait_for

            wait_for(start_command(self.session, line.shell))
        elif line.file:
            self._run_to_file(line, number)
        elif line.pipe:
            self._run_into(line, number)
        elif line.words:
            self.dispatch(line.words, number)

    def _run_to_file(self, line: Line, number: int | None) -> None:
        """Opens the file when the line has succeeded, so that a failure leaves it as it was."""
        from shutil import copyfileobj
        from tempfile import SpooledTemporaryFile

        from hvrepl.commands.output_files import open_output

        with SpooledTemporaryFile(MOST_HELD, "w+", encoding="utf-8", newline="\n") as held:
            with self.session.writing_to(held):
                self.dispatch(line.words, number)
            held.seek(0)
            with open_output(self.session, line.file, "a" if line.append else "w") as file:
                copyfileobj(held, file)

    def _run_into(self, line: Line, number: int | None) -> None:
        from hvrepl.script.processes import start_command, wait_for

        process = start_command(self.session, line.pipe, has_input=True)
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError), process.stdin as target, self.session.writing_to(target):  # the command may have read enough
                self.dispatch(line.words, number)
        finally:
            wait_for(process)

    def dispatch(self, words: Sequence[str], number: int | None = None) -> None:
        """Runs the words of a line: a shell word, or a command as on a command line. Options only hold for this line."""
        is_help = words[0] in ASKING  # after these, even an option or _ is just a word
        if not is_help and any(word.partition("=")[0] in INSTALLS for word in words):
            raise UsageError(f"{' and '.join(INSTALLS)} are options of hvrepl itself, not of a script")
        line = read_argv(words)
        first = "" if line.command else next(iter(line.words), "")
        if first in SHELL_WORDS:
            self._run_word(first, line)
            return
        line = self._recall(line)
        child = self.session.child(number, self.place)
        child.set(**line.shared)
        asks_help = bool(line.own.get("help"))
        if any(option.key in line.own for option in PROGRAM) or not (asks_help or line.command or line.words):
            raise UsageError("options without a command; `arch` and `format` set the defaults")
        if asks_help:
            show_help(child, line.command)
        else:
            self.run_words(child, line)

    def _run_word(self, word: str, line: CommandLine) -> None:
        """Runs a shell word; options hold for its output, so words that set an option take none."""
        before = self.session
        if line.shared:
            if word in IN_ITS_PLACE and line.words[1:]:
                raise UsageError(f"{word} sets a default, and takes no options")
            self.session = before.child()
            self.session.set(**line.shared)
        try:
            self._do(word, line.words[1:])
        finally:
            self.session = before

    def _do(self, word: str, words: Sequence[str]) -> None:
        getattr(import_module("hvrepl.script.words"), SHELL_WORDS[word].does)(self, words)

    def run_command_line(self, line: CommandLine) -> None:
        """Runs the words of the system's command line, which supports few of the shell's words."""
        first = "" if line.command else next(iter(line.words), "")
        if first not in SHELL_WORDS:
            self.run_words(self.session, self._recall(line))
        elif first in ON_COMMAND_LINE:
            self._do(first, line.words[1:])
        else:
            raise UsageError(f"{first} is a word of the shell and of scripts{IN_ITS_PLACE.get(first, '')}")

    def run_dump(self, text: str, words: Sequence[str] = ()) -> None:
        """Decodes a dump as the words before it say, or as its size suggests."""
        self.dispatch([*(words or ("decode", self.name_dump(text))), "--", text])

    def name_dump(self, text: str) -> str:
        """The thing of a dump without a name, by its size."""
        from hvrepl.readers.dump import read_dump

        size = max(len(dump.data) for dump in read_dump(text, self.session.options.word_size))
        sizes = {name: self.session.decoder.schemas.size(self.session.catalog.find_name(name).spec) for name in DUMPS}
        return next((name for name in DUMPS if size <= sizes[name]), DUMPS[-1])

    def run_words(self, session: Session, line: CommandLine) -> None:
        """Runs a command, a number (decode), NAME VALUE (decode), NAME FIELD=VALUE (encode), or a name (show)."""
        command, words = interpret(session, line.command, line.words)
        entry = ENTRIES[command]
        for option in options_after(""):
            if option.key in line.own and option.key not in [own.key for own in entry.options]:
                raise UsageError(f"{option.names[-1]} does not apply to {command}")
        module, _, function = entry.where.partition(":")
        getattr(import_module(f"hvrepl.commands.{module}"), function)(session, list(words), **line.own)

    def make_value(self, line: CommandLine) -> Kept:
        """The result of a line, even a bare number; it is neither shown nor counted as a value of the session."""
        words = self._recall(line).words
        if len(words) == 1 and not line.command and is_value(self.session, words[0]):
            return Kept("", bare=read_given(words[0], is_hex=self.session.options.hex).value)
        session = self.session.child()
        session.values = self.session.values.copy()
        with session.writing_to(StringIO()):
            self.run_words(session, replace(line, words=words))
        kept = session.values.last
        if kept is None or session.values.count == self.session.values.count:
            raise UsageError(f"{shorten(' '.join((line.command, *line.words)).strip())} makes no value")
        return kept

    def _recall(self, line: CommandLine) -> CommandLine:
        """The line with its values in hand filled in; in place of WHAT, a value also stands for its name."""
        if line.command and line.command not in MEANS_VALUES:
            return line
        values = self.session.values
        words = [values.replace_in(word) for word in line.words]
        kept = values.get(line.words[0]) if line.words and (not line.command or line.command in TAKES_WHAT) else None
        if kept and not kept.found and len(words) == 1 and not line.command:
            words = [f"({kept.word})"]  # as arithmetic, which explains any number
        elif kept and kept.found:
            words[:1] = [called_here(self.session, kept.found), *([kept.word] if line.command != "show" else [])]
        return replace(line, words=tuple(words))


def called_here(session: Session, found: Found) -> str:
    """The name of a thing on the current arch, which may have changed since it was found."""
    heading = session.catalog.heading(found.spec)
    return heading.named(found.element) if heading else found.name
