"""The command line: typer's parser in front of commands.py, one line for every error, the right exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout, suppress
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from hvrepl.cli.parser import COMPLETE, Group
from hvrepl.commands.session import Session, Streams, drop
from hvrepl.commands.table import command_names
from hvrepl.errors import HvreplError, UsageError
from hvrepl.version import __version__

if TYPE_CHECKING:
    from hvrepl.script.runner import Runner


app = typer.Typer(cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=True, no_args_is_help=False)


@app.callback(invoke_without_command=True)
def main_options(
    context: typer.Context,
    line: Annotated[list[str] | None, typer.Option("-c", metavar="LINE", help="run a line of the shell; may be given again")] = None,
    allow_shell: Annotated[bool, typer.Option("--allow-shell", help="let a script on stdin use | cmd, !cmd and > file")] = False,
    vi: Annotated[bool, typer.Option("--vi", help="vi keys in the shell")] = False,
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    """Tell what raw Hyper-V numbers mean: guest OS ids, registers, statuses, messages and message pages.

    Without a command: run the lines of stdin, each a command as it would stand here.
    """
    session: Session = context.obj
    if version:
        session.write(f"hvrepl {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        if session.is_script or session.is_shell:
            raise UsageError("options without a command; `arch` and `format` set what stays in force")
        run_lines(session, line, allow_shell, vi)
    elif line:
        raise UsageError("-c LINE and a command do not go together")


def run_lines(session: Session, lines: Sequence[str] | None, allow_shell: bool, vi: bool) -> None:
    """The lines of -c, else those of stdin as they come: typed into the shell, or a script."""
    if session.streams.stdin_is_terminal and not lines:
        from hvrepl.shell.loop import Shell

        Shell(session, vi=vi).run()
        return
    session.is_script = True
    make_runner(session, may_shell=bool(lines) or allow_shell).run_lines(lines or stdin_lines(session), "" if lines else "stdin")


def make_runner(session: Session, *, may_shell: bool = True) -> Runner:
    from hvrepl.script.runner import Runner

    session.may_write = may_shell
    return Runner(session, run_words, command_names(), may_shell=may_shell)


def stdin_lines(session: Session) -> Iterator[str]:
    from hvrepl.commands.inputs.files import raw_lines

    return (line.decode("utf-8", "replace") for line in raw_lines(session))


@cache
def parser() -> Any:
    """typer's parser, which takes 3 ms to make: a script has one for all its lines."""
    return typer.main.get_command(app)


def run_words(session: Session, words: Sequence[str]) -> None:
    """Runs words as a command line. Raises HvreplError, also for what typer finds wrong."""
    program = parser()
    try:
        # Not main(): it makes a closed pipe status 1 and an interrupt status 0.
        with redirect_stdout(session.streams.stdout), program.make_context("hvrepl", list(words), obj=session) as context:
            program.invoke(context)
    except typer.Exit:
        pass  # after --help
    except typer.TyperException as error:
        raise UsageError(one_line(error)) from None


def one_line(error: Exception) -> str:
    """typer's message as one line that says what would be right."""
    text = " ".join(str(getattr(error, "message", "") or error).split()).rstrip(".")
    name = getattr(error, "option_name", "")
    if name[1:2].isdigit():
        return f"{text[:1].lower()}{text[1:]}; a negative number stands after --"
    format_message = getattr(error, "format_message", None)
    text = " ".join(format_message().split()).rstrip(".") if format_message else text
    possible = getattr(error, "possibilities", None)
    if possible and "Did you mean" not in text:
        text += f"; did you mean {possible[0]}?"
    return text[:1].lower() + text[1:]


def run(arguments: Sequence[str], streams: Streams) -> int:
    """The program on given streams; returns its exit status."""
    session = Session(streams)
    try:
        session.read_environ()
        run_words(session, arguments)
        streams.stdout.flush()
    except HvreplError as error:
        session.fail(error)
        session.report(error)
    return session.outcome.status


def main() -> None:
    """The program itself."""
    import signal

    if COMPLETE in os.environ:
        complete()
    streams = Streams.of_process()
    try:
        sys.exit(run(sys.argv[1:], streams))
    except BrokenPipeError:
        drop(streams.stdout)  # whoever read it has seen enough
        sys.exit(0)
    except KeyboardInterrupt:
        # End by the signal itself, so that a calling shell or make sees the interrupt; what is made so far ends with a whole line.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with suppress(OSError):
            streams.stdout.flush()
        signal.raise_signal(signal.SIGINT)
    except OSError as error:
        drop(streams.stdout)
        if os.name == "nt" and error.errno == errno.EINVAL:  # what Windows says of a closed pipe
            sys.exit(0)
        Session(streams).warn(f"cannot write: {error.strerror}")
        sys.exit(4)


def complete() -> NoReturn:
    """Answers a system shell that completes a line."""
    if os.environ[COMPLETE] == "complete_bash":
        from hvrepl.cli.bash import to_typer

        with suppress(KeyError, ValueError):
            os.environ |= to_typer(os.environ)
    session = Session(Streams.of_process())
    with suppress(UsageError):
        session.read_environ()
    with suppress(KeyError, ValueError):
        typer.main.get_command(app).main(prog_name="hvrepl", complete_var=COMPLETE, obj=session)
    sys.exit(2)  # the variables of the shell that asks are not there, or no numbers
