"""A pager for output that is taller than the terminal. Shorter output is written directly, and never held back while input is awaited."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from hvrepl.commands.session import Session
from hvrepl.errors import FileError
from hvrepl.hints import IO, TYPE_CHECKING, cast
from hvrepl.patterns import regex
from hvrepl.record import replace

if TYPE_CHECKING:
    import subprocess

PAGER = "less -FRX"  # -R shows colour, -X leaves the text on the screen
FOR_LESS = {"LESS": "FRX"}  # for $PAGER=less, unless LESS says otherwise
UNPAGED = ("", "cat")
PLAIN_TERMINALS = ("", "dumb", "unknown")
SGR = regex("\x1b\\[[0-9;]*m")


def is_plain(environ: Mapping[str, str], system: str = os.name) -> bool:
    """Whether $TERM says that the terminal can only print. Windows has no $TERM, and more capable terminals."""
    return environ.get("TERM", "windows" if system == "nt" else "").lower() in PLAIN_TERMINALS


def choose_pager(environ: Mapping[str, str]) -> str:
    """The pager's command line; "" for none, or for a missing one."""
    command = environ.get("HVREPL_PAGER", environ.get("PAGER", PAGER)).strip()
    if command in UNPAGED:
        return ""
    import shlex
    import shutil

    try:
        words = [word for word in shlex.split(command) if "=" not in word]
    except ValueError:  # a quote is not closed
        return ""
    return command if words and shutil.which(words[0]) else ""


@contextmanager
def paging(session: Session) -> Iterator[None]:
    """Within it, the session's output to its terminal goes through a pager once it is taller than the terminal.

    Leaving the pager early, or pressing C-c in it, is not an error.
    """
    streams = session.streams
    if not (streams.stdout_is_terminal and streams.rows) or session.is_script or is_plain(streams.environ):
        yield
        return
    screen = Screen(session)
    stdout = cast("IO[str]", screen)
    session.streams = replace(streams, stdout=stdout, stderr=stdout if streams.stderr_is_terminal else streams.stderr)
    try:
        yield
    except (BrokenPipeError, KeyboardInterrupt):
        if not screen.pager:
            raise
    finally:
        session.streams = streams
        screen.end()


class Screen:
    """Replaces the terminal: holds text while it fits, then passes it and everything after it to a pager.

    A flush means that somebody waits: from then on, text goes directly to the terminal.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.streams = session.streams
        self.pager: subprocess.Popen[str] | None = None
        self.is_direct = False
        self.held: list[str] = []
        self.rows = 0

    def write(self, text: str) -> int:
        if self.pager and self.pager.stdin:
            return self.pager.stdin.write(text)
        if self.is_direct:
            return self.streams.stdout.write(text)
        self.held.append(text)
        self.rows += rows_of(text, self.streams.columns)
        if self.rows >= self.streams.rows:  # one row is for the prompt
            self.start_pager()
        return len(text)

    def flush(self) -> None:
        if self.pager and self.pager.stdin:
            self.pager.stdin.flush()
        else:
            self.write_directly()

    def fileno(self) -> int:
        return self.streams.stdout.fileno()

    def isatty(self) -> bool:
        return True

    def write_directly(self) -> None:
        self.is_direct = True
        self.streams.stdout.write(self.take())
        self.streams.stdout.flush()

    def take(self) -> str:
        held, self.held = "".join(self.held), []
        return held

    def start_pager(self) -> None:
        held = self.take()  # before anything is flushed
        if command := choose_pager(self.streams.environ):
            from hvrepl.script.processes import start_command

            with suppress(FileError):
                self.pager = start_command(self.session, command, has_input=True, environ=FOR_LESS | dict(self.streams.environ))
        self.is_direct = True
        self.write(held)

    def end(self) -> None:
        """Shows everything; waits until the pager is left."""
        if not self.pager:
            self.write_directly()
            return
        from hvrepl.script.processes import wait_for

        assert self.pager.stdin is not None
        with suppress(BrokenPipeError, KeyboardInterrupt):
            self.pager.stdin.close()
        with suppress(KeyboardInterrupt):
            wait_for(self.pager)


def rows_of(text: str, columns: int) -> int:
    """The rows that a text takes, including wrapped lines; only complete lines count."""
    lines = SGR.sub("", text).split("\n")[:-1]
    return sum(max(1, -(-len(line) // columns)) if columns else 1 for line in lines)
