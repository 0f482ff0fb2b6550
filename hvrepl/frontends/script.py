"""Lines of the shared language, run one after the other: from -c, from stdin, from a file that `source` names."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from hvrepl.errors import FileError, HvreplError, NotFoundError, UsageError
from hvrepl.frontends.lines import Line, parse_line
from hvrepl.frontends.session import Session, open_output

# Runs words as a command line does: (session, words).
Run = Callable[[Session, Sequence[str]], None]


class Leave(Exception):  # noqa: N818  it is no error
    """A line asked to end the script or shell."""


class Runner:
    """Runs lines. `may_shell` allows `| cmd`, `!cmd` and `> file`."""

    def __init__(self, session: Session, run: Run, commands: Iterable[str], *, may_shell: bool) -> None:
        self.session = session
        self.run = run
        self.commands = frozenset(commands)
        self.may_shell = may_shell
        self.sourcing: list[Path] = []

    def run_lines(self, lines: Iterable[str], place: str) -> None:
        """Every line, up to the first that fails, or with --keep-going all of them. The failure is raised with its place."""
        try:
            for number, line in enumerate(lines, 1):
                self._run_guarded(line, number, place)
        except Leave:
            return

    def _run_guarded(self, text: str, number: int, place: str) -> None:
        try:
            self.run_line(text, number)
        except HvreplError as error:
            where = f"{place}:{number}: " if place else ""
            if not self.session.options.keep_going:
                raise type(error)(f"{where}{error}") from None
            self.session.fail(error)
            if self.session.options.format == "ndjson":
                from hvrepl.text.render import Item, dump

                item = Item(table={"input": text.strip(), "error": str(error), "status": error.status}, line=number)
                self.session.write(dump(item.to_dict()) + "\n")
            else:
                self.session.warn(f"{where}{error}")

    def run_line(self, text: str, number: int | None = None) -> None:
        """One line. Raises HvreplError, or Leave."""
        line = parse_line(text)
        if (line.pipe or line.file or line.shell) and not self.may_shell:
            raise UsageError("| cmd, !cmd and > file are off here; --allow-shell turns them on")
        if line.shell:
            self.session.streams.stdout.flush()
            subprocess.run(line.shell, shell=True, check=False)
        elif line.words:
            self._run_words(line, number)

    def _run_words(self, line: Line, number: int | None) -> None:
        if line.file:
            with open_output(line.file, "a" if line.append else "w") as file:
                self._into(line.words, number, file)
        elif line.pipe:
            self.session.streams.stdout.flush()
            with subprocess.Popen(line.pipe, shell=True, stdin=subprocess.PIPE, text=True, encoding="utf-8") as process:
                assert process.stdin is not None
                try:
                    self._into(line.words, number, process.stdin)
                    process.stdin.close()
                except BrokenPipeError:
                    pass  # the command has read enough
        else:
            self.dispatch(line.words, number)

    def _into(self, words: Sequence[str], number: int | None, target: IO[str]) -> None:
        """Runs the words with their output in a file or command instead."""
        whole = self.session
        streams = replace(whole.streams, stdout=target, stdout_is_terminal=False, columns=0)
        self.session = replace(whole, streams=streams)
        try:
            self.dispatch(words, number)
        finally:
            self.session = whole

    def dispatch(self, words: Sequence[str], number: int | None = None) -> None:
        """A shell word, a command, a number (decode), NAME VALUE (decode), or a name (show)."""
        words = self._recall(words)
        first, *rest = words
        if first in SHELL_WORDS:
            SHELL_WORDS[first][0](self, rest)
            return
        child = self.session.child(number)
        if first in self.commands or first.startswith("-"):
            self.run(child, words)
        elif rest or first[:1].isdigit() or first[:1] in "(=":
            self.run(child, ["decode", *words] if not first.startswith("-") else ["decode", "--", *words])
        else:
            self._show(child, first)

    def _recall(self, words: Sequence[str]) -> Sequence[str]:
        """The words with `_` replaced by the last value; `_` alone decodes it again."""
        found, data = self.session.memory.found, self.session.memory.data
        if "_" not in words:
            return words
        if found is None:
            raise UsageError("_ is the last value, and there is none yet")
        text = f"{int.from_bytes(data, 'little'):#x}" if found.spec.width else data.hex()
        return ["decode", found.name, text] if list(words) == ["_"] else [text if word == "_" else word for word in words]

    def _show(self, child: Session, word: str) -> None:
        """A word alone: what has the name; a number written without 0x; else neither is known."""
        try:
            self.run(child, ["show", word])
        except NotFoundError as error:
            try:
                self.run(child, ["decode", word])
            except HvreplError:
                raise error from None


def set_arch(runner: Runner, words: Sequence[str]) -> None:
    set_option(runner, "arch", words)


def set_format(runner: Runner, words: Sequence[str]) -> None:
    set_option(runner, "format", words)


def set_option(runner: Runner, name: str, words: Sequence[str]) -> None:
    if len(words) != 1:
        raise UsageError(f"{name} takes one word; in force is {getattr(runner.session.options, name)}")
    runner.session.set(**{name: words[0]})


def source_file(runner: Runner, words: Sequence[str]) -> None:
    """Runs the lines of a file; what it sets stays set."""
    if len(words) != 1:
        raise UsageError("source takes one file: `source FILE`")
    path = Path(words[0]).absolute()
    if path in runner.sourcing:
        raise UsageError(f"{words[0]} sources itself")
    runner.sourcing.append(path)
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            runner.run_lines(file, words[0])
    except OSError as error:
        raise FileError(f"{words[0]}: {error.strerror}") from error
    finally:
        runner.sourcing.remove(path)


def set_last(runner: Runner, words: Sequence[str]) -> None:
    from hvrepl.frontends.commands import set_fields

    set_fields(runner.session, words)


def leave(_: Runner, words: Sequence[str]) -> None:
    if words:
        raise UsageError("quit takes no words")
    raise Leave


def help_lines(runner: Runner, words: Sequence[str]) -> None:
    runner.run(runner.session.child(), [*words[:1], "--help"])


# Words of the line language that are no commands of the command line; without a text they are only other spellings.
SHELL_WORDS: dict[str, tuple[Callable[[Runner, Sequence[str]], None], str]] = {
    "set": (set_last, "Change fields of the last value."),
    "arch": (set_arch, "Change the arch: x64 or arm64."),
    "format": (set_format, "Change the output format."),
    "source": (source_file, "Run the lines of a file."),
    "help": (help_lines, "Explain a command."),
    ".help": (help_lines, ""),
    "?": (help_lines, ""),
    "quit": (leave, "Leave."),
    "exit": (leave, ""),
    "\\q": (leave, ""),
}
