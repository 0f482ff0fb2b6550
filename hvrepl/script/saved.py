"""Saves the lines of a session as a script that can run again."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence

from hvrepl.commands.session import Options, Session, Typed
from hvrepl.commands.table import SHARED
from hvrepl.errors import HvreplError
from hvrepl.script.lines import Line, parse_line, quote
from hvrepl.script.shortcuts import expand
from hvrepl.version import __version__
from hvrepl.wording import printable

MARK = "# hvrepl "  # the beginning of a saved session
SET_BY_LINES = ("arch", "format", "color")


def is_saved(path: str) -> bool:
    """Whether writing to a path loses nothing: it is free, empty, not a plain file, or an earlier saved session."""
    if not os.path.isfile(path):
        return True
    try:
        with open(path, "rb") as file:
            return file.read(len(MARK)) in (b"", MARK.encode())
    except OSError:
        return True  # opening it for writing reports the fault


def say_typed(one: Typed) -> str:
    """A line as it was typed, or a description of a dump."""
    if not one.is_dump:
        return one.text
    count = one.text.count("\n") + 1
    rows = "1 row" if count == 1 else f"{count} rows"
    return f"{' '.join(one.words)} {rows} of a pasted dump".strip()


def to_script(session: Session, typed: Sequence[Typed], path: str, name_dump: Callable[[str], str], left_out: Collection[str]) -> str:
    """The text of a script: the initial options, then each line; a line that cannot run again becomes a comment.

    `left_out`: first words of lines that are dropped completely.
    """
    started = session.started
    lines = [line for one in typed for line in to_lines(one, started, name_dump, left_out)]
    options = list(needed_options(started))
    if any(line.pipe or line.file or line.shell for line in map(read, lines) if line):
        options.append("--allow-shell")
    sourced = "" if set(options) - {"--allow-shell"} else f" or `source {quote(path)}`"
    head = [f"{MARK}{__version__}, a saved session: run it with `{' '.join(['hvrepl', *options, '<', quote(path)])}`{sourced}"]
    if started.arch_is_given or started.arch != Options().arch:
        head.append(f"arch {started.arch}")
    return "".join(f"{line}\n" for line in [*head, f"format {started.format}", *lines])


def needed_options(started: Options) -> Iterator[str]:
    """The options that lines of a script cannot set."""
    for option in SHARED:
        value = getattr(started, option.key)
        if option.key not in SET_BY_LINES and value != getattr(Options(), option.key):
            yield f"{option.names[-1]} {quote(str(value))}" if option.metavar else option.names[-1]


def to_lines(one: Typed, started: Options, name_dump: Callable[[str], str], left_out: Collection[str]) -> Iterator[str]:
    said = printable(say_typed(one)).strip()
    if one.has_failed:
        yield f"# failed: {said}"
    elif one.is_dump:
        yield from dump_lines(one, started, name_dump)
    else:
        text = expand(one.text).strip()
        line = read(text)
        if line and "-" in line.words:
            yield f"# read from the terminal: {said}"
        elif not (line and line.words[:1] and line.words[0] in left_out):
            yield text


def read(text: str) -> Line | None:
    try:
        return parse_line(text)
    except HvreplError:
        return None


def dump_lines(one: Typed, started: Options, name_dump: Callable[[str], str]) -> Iterator[str]:
    """A pasted dump as its bytes, with a comment on how it was read."""
    from hvrepl.readers.dump import read_dump

    words = one.words or ("decode", name_dump(one.text))
    for dump in read_dump(one.text, started.word_size):
        yield f"# pasted, {dump.how}"
        yield f"{' '.join(words)} {dump.data.hex()}"
