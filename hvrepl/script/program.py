"""The program: a command line, lines of a script, or the shell; one line for every error, and the right exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain

from hvrepl.commands.session import Session, Streams, Ways, drop
from hvrepl.commands.table import HELP, INSTALL
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.hints import TYPE_CHECKING
from hvrepl.interrupts import raise_when_interrupted
from hvrepl.record import replace
from hvrepl.script.argv import CommandLine, read_argv
from hvrepl.script.pager import paging
from hvrepl.version import __version__

if TYPE_CHECKING:
    from hvrepl.script.runner import Runner  # the shell imports it while its prompt is shown

ANSWERED = ("version", "gdb", HELP.key, *(option.key for option in INSTALL))  # options that are answered without a command
GDB_FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "debuggers", "gdb.py")


def main(ways: Ways) -> None:
    """Runs on the streams of the process, with its arguments; exits."""
    streams = Streams.of_process()
    try:
        raise_when_interrupted()
        sys.exit(run(sys.argv[1:], streams, ways))
    except BrokenPipeError:
        drop(streams.stdout)  # the reader has seen enough
        sys.exit(0)
    except KeyboardInterrupt:
        import signal

        # End by the signal itself, so that a calling shell or make sees the interrupt; output so far ends with a complete line.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with suppress(OSError):
            streams.stdout.flush()
        signal.raise_signal(signal.SIGINT)
    except MemoryError:
        Session(streams).warn("there is not enough memory for this input")
        sys.exit(4)
    except OSError as error:
        drop(streams.stdout)
        if os.name == "nt" and error.errno == errno.EINVAL:  # Windows' error for a closed pipe
            sys.exit(0)
        is_lack = error.errno in (errno.EMFILE, errno.ENFILE)
        Session(streams).warn(f"{'cannot open another file' if is_lack else 'cannot write'}: {error.strerror}")
        sys.exit(4)


def run(arguments: Sequence[str], streams: Streams, ways: Ways) -> int:
    """Runs the program on given streams; returns its exit status."""
    session = Session(streams, ways)
    try:
        session.read_environ()
        run_arguments(session, read_argv(arguments))
        streams.stdout.flush()
    except HvreplError as error:
        session.fail(error)
        session.report(error, "hvrepl: " if streams.is_in_pipeline else "")
    return session.outcome.status


def run_arguments(session: Session, line: CommandLine) -> None:
    """Runs the shell, a script, or a command line, whose output goes through a pager if it is taller than the terminal."""
    session.set(**line.shared)
    lines = line.own.get("lines")
    if lines and (line.command or line.words):
        raise UsageError("-c LINE and a command cannot be combined")
    if is_answered(line):
        with paging(session):
            answer(session, line)
    elif session.streams.stdin_is_terminal and not lines:
        if session.ways:
            session.ways.open_shell(session, bool(line.own.get("vi")))
    else:
        from hvrepl.script.runner import Runner

        session.is_script = True
        session.may_write = bool(lines or line.own.get("allow_shell"))
        runner = Runner(session, may_shell=session.may_write)
        runner.run_lines(lines, "") if lines else run_stdin(runner)


def is_answered(line: CommandLine) -> bool:
    """Whether a command line asks for something by itself, and is not a script or shell."""
    return bool(line.command or line.words) or any(key in line.own for key in ANSWERED)


def answer(session: Session, line: CommandLine) -> None:
    if line.own.get("version"):
        session.write(f"hvrepl {__version__}\n")
    elif line.own.get("gdb"):
        session.write(f"{file_for_gdb()}\n")
    elif installs := [option.names[0] for option in INSTALL if option.key in line.own]:
        if session.ways:
            session.ways.install_completion([*installs, *line.words])
    elif line.own.get("help"):
        if session.ways:
            session.ways.show_help(session, line.command)
    else:
        from hvrepl.script.lines import at_home
        from hvrepl.script.runner import Runner

        words = tuple(at_home(word) if word.startswith("@") else word for word in line.words)
        Runner(session).run_command_line(replace(line, words=words))


def file_for_gdb() -> str:
    """The path of the file for gdb. FileError if it is in a zip, as gdb cannot source from one."""
    if not os.path.isfile(GDB_FILE):
        from shlex import quote

        archive = os.path.dirname(os.path.dirname(os.path.dirname(GDB_FILE)))
        unpack = f"`python3 -m zipfile -e {quote(archive)} FOLDER`, then `gdb -x FOLDER/hvrepl/debuggers/gdb.py`"
        raise FileError(f"gdb cannot source a file that is in {os.path.basename(archive)}; unpack it: {unpack}")
    return GDB_FILE


def run_stdin(runner: Runner) -> None:
    """Runs stdin as a script. Other input is recognised by its first line: a dump is read as a whole, and a log is refused."""
    from hvrepl.commands.inputs.files import raw_lines
    from hvrepl.readers.kinds import LOG_LINE, is_row
    from hvrepl.readers.plain_text import clean

    lines = (line.decode("utf-8", "replace") for line in raw_lines(runner.session))
    before = list(up_to_content(lines))
    first = clean(before[-1]) if before else ""
    if "\0" in first:
        raise UsageError("stdin: raw bytes, not a script; say what they are: `hvrepl decode WHAT`, such as page or message")
    if is_row(first):
        runner.run_dump("\n".join([*before, *lines]))
        return
    if LOG_LINE.match(first):
        raise UsageError(f"stdin:{len(before)}: this looks like a log; `hvrepl annotate` explains the numbers in it")
    runner.run_lines(chain(before, lines), "stdin")


def up_to_content(lines: Iterator[str]) -> Iterator[str]:
    """The lines up to the first that is not empty; in a dump, up to the first below its ruler or box."""
    from hvrepl.readers.dump_forms import is_above
    from hvrepl.readers.plain_text import clean

    for line in lines:
        yield line
        if line.strip() and not is_above(clean(line)):
            return
