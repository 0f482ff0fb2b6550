"""The command line: typer's parser in front of commands.py, one line for every error, the right exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from hvrepl import __version__
from hvrepl.errors import HvreplError, UsageError
from hvrepl.frontends import commands, compare
from hvrepl.frontends.session import Session, Streams

if TYPE_CHECKING:
    from hvrepl.frontends.script import Runner


def shared_options() -> list[TyperOption]:
    """The options that stand before or after any command; each sets the session's."""

    def keep(context: typer.Context, option: Any, value: Any) -> None:
        if value is not None and value is not False:
            context.obj.set(**{option.name: value})

    def option(*names: str, text: str, metavar: str | None = None, flag: bool = False) -> TyperOption:
        return TyperOption(
            param_decls=list(names),
            help=text,
            metavar=metavar,
            is_flag=flag,
            default=False if flag else None,
            expose_value=False,
            callback=keep,
        )

    return [
        option("--arch", metavar="ARCH", text="x64 (the default) or arm64; also HVREPL_ARCH"),
        option("-f", "--format", metavar="FMT", text="fields, table, bits, line, json, ndjson or csv"),
        option("--style", metavar="STYLE", text="tabulate's style of --format table: grid, github, html ..."),
        option("--words", "word_size", metavar="N", text="read dumps in text as words of N bytes: 1, 2, 4, 8 or 16"),
        option("--strict", flag=True, text="exit status 1 if something decoded has findings"),
        option("-k", "--keep-going", flag=True, text="go on after an error; exit with the first one's status"),
        option("--color", metavar="WHEN", text="auto, always or never"),
        option("--specs", metavar="DIR", text="your own definitions beside the built-in ones; also HVREPL_SPECS"),
    ]


class Command(TyperCommand):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """The words as their metavar has them: typer would put all of them into brackets, as it does not know which must be there."""
        return ["[OPTIONS]", *(str(one.metavar) for one in self.params if one.param_type_name == "argument")]


class Group(TyperGroup):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  in the order in which people need them
        return command_names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Made when it is asked for: all of them take a tenth of what a short run takes. An unknown one is compared with all."""
        is_known = cmd_name in command_names()
        for info in registry.registered_commands:
            if info.name and info.name not in self.commands and (info.name == cmd_name or not is_known):
                self.commands[info.name] = typer.main.get_command_from_info(info, pretty_exceptions_short=True, rich_markup_mode=None)
        return self.commands.get(cmd_name)


COMPLETE = "_HVREPL_COMPLETE"  # set by the completion scripts that --install-completion writes

registry = typer.Typer()  # the commands, which a Group takes from here
app = typer.Typer(cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=True, no_args_is_help=False)


def complete_words(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """(candidate, title) for the word that a system shell completes."""
    import platform

    from hvrepl.frontends.bash import line_of
    from hvrepl.frontends.complete import Completer

    if os.environ.get(COMPLETE) == "complete_bash":
        before, taken = line_of(os.environ)
    else:
        before, taken = " ".join([context.info_name or "", *(context.params.get("words") or []), incomplete]), 0
    current = before.rpartition(" ")[2]
    try:
        found = Completer(context.obj.catalog, shell_commands(), platform.release).complete(before)
    except HvreplError:  # in one's own definitions; while a line is typed is no time to say it
        return []
    return [((current[: len(current) - one.length] + one.text)[taken:], one.title) for one in found]


def words_of(usage: str) -> Any:
    """The annotation of a command's words, as its help shows them."""
    argument = typer.Argument(metavar=usage, show_default=False, autocompletion=complete_words, hidden=True)
    return Annotated[list[str] | None, argument]


def command(name: str, run: Callable[[Session, Sequence[str]], None], usage: str, text: str) -> None:
    """A command whose words are all its own business."""

    def call(context: typer.Context, words: list[str] | None = None) -> None:
        run(context.obj, words or [])

    call.__annotations__ |= {"context": typer.Context, "words": words_of(usage)}
    registry.command(name, cls=Command, options_metavar="[OPTIONS]", short_help=text.split(".", 1)[0] + ".", help=text)(call)


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


command(
    "decode",
    commands.decode,
    "[WHAT] VALUE...",
    "Say what values mean. WHAT may be left out with a single number; @FILE and - read a file and stdin.",
)


@registry.command("encode", cls=Command, short_help="Build a value from fields.")
def encode(
    context: typer.Context,
    words: Annotated[list[str] | None, words_of("WHAT [VALUE] FIELD=V...").__metadata__[0]] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="write the raw bytes to a file")] = "",
) -> None:
    """Build a value from fields, from zero or from VALUE, and print its hex."""
    commands.encode_value(context.obj, words or [], output)


command("show", commands.show, "WHAT", "Show a definition without a value. Every number and name on both archs, fields, notes, sources.")
command(
    "list",
    commands.list_names,
    "[SPACE]",
    "List all names with their numbers. SPACE is msr, register, hypercall, status, message, vmbus ...",
)
command(
    "find",
    commands.find_words,
    "TEXT|BIT",
    "Search names, fields, values and docs. `find bit:17` finds fields by a bit, `find 0xf3` by a number.",
)
command("diff", compare.diff, "WHAT A B", "Show the fields that differ. Exit status 1 if any does.")
command("check", compare.check, "WHAT VALUE FIELD=V...", "Assert fields of a value (= and !=). Exit status 1 if one does not hold.")


@registry.command("scan", cls=Command, short_help="Find message pages in a memory image or vmcore.")
def scan_files(context: typer.Context, words: Annotated[list[str] | None, words_of("FILE...").__metadata__[0]] = None) -> None:
    """Find message pages in raw memory images, ELF cores and kdump-compressed vmcores, and decode them.

    Each is told with its guest physical address and how many of its messages fit their type. @FILE:ADDRESS is a value in other commands.
    """
    from hvrepl.frontends.scan import scan

    scan(context.obj, words or [])


@registry.command("eom", cls=Command, short_help="Free a slot of a message page.")
def free_slot(
    context: typer.Context,
    words: Annotated[list[str] | None, words_of("PAGE SLOT [TYPE]").__metadata__[0]] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="write the page after it to a file")] = "",
) -> None:
    """Say what freeing a slot of a message page does, and which write of the end-of-message register is owed then.

    PAGE is @FILE, - or hex; TYPE the message type that is expected in the slot.
    """
    from hvrepl.frontends.eom import eom

    eom(context.obj, words or [], output)


@registry.command("crash", cls=Command, short_help="Say what the crash parameters of a guest mean.")
def crash_parameters(
    context: typer.Context, words: Annotated[list[str] | None, words_of("P0 P1 P2 P3 P4 [CTL]").__metadata__[0]] = None
) -> None:
    """Say what the crash parameters of a guest mean, told by the operating system that wrote them.

    They are the five of host event 18590, or of Xen's or QEMU's log; CTL is the crash control register.
    """
    from hvrepl.frontends.crash import crash

    crash(context.obj, words or [])


@registry.command("annotate", cls=Command, short_help="Pass a log through, each Hyper-V number in it explained.")
def annotate_log(
    context: typer.Context,
    words: Annotated[list[str] | None, words_of("[FILE...]").__metadata__[0]] = None,
    only: Annotated[bool, typer.Option("--only", help="only the lines in which something was found")] = False,
    full: Annotated[bool, typer.Option("--full", help="all fields of what was found")] = False,
) -> None:
    """Pass a log through as it comes, and say under each line what the Hyper-V numbers in it mean.

    The log is stdin or FILE: dmesg, a journal, host events, traces of KVM and Xen, a mail that quotes them.
    """
    from hvrepl.frontends.annotate import annotate

    annotate(context.obj, words or [], only=only, full=full)


@registry.command("cpuid", cls=Command, short_help="Explain a whole CPUID dump, or this machine's.")
def cpuid_leaves(context: typer.Context, words: Annotated[list[str] | None, words_of("[FILE]").__metadata__[0]] = None) -> None:
    """Say who the hypervisor is, decode its CPUID leaves, and tell what does not go together.

    FILE is a dump in text as tools print them, - stdin; left out: this machine. CPUs are folded where they are alike.
    """
    from hvrepl.frontends.cpuid import cpuid

    cpuid(context.obj, words or [])


@registry.command("live", cls=Command, short_help="Read this machine's MSRs.")
def live_msrs(
    context: typer.Context,
    words: Annotated[list[str] | None, words_of("[WHAT...]").__metadata__[0]] = None,
    root: Annotated[str, typer.Option("--root", metavar="DIR", help="read a saved tree in place of /dev")] = "",
) -> None:
    """Read MSRs of all CPUs through /dev/cpu/*/msr, and decode them. It never writes.

    Without WHAT every MSR that has a name. CPUs are folded where they are alike, and those that differ are told.
    """
    from hvrepl.frontends.live import live

    live(context.obj, words or [], root)


def run_lines(session: Session, lines: Sequence[str] | None, allow_shell: bool, vi: bool) -> None:
    """The lines of -c, else those of stdin as they come: typed into the shell, or a script."""
    if session.streams.stdin_is_terminal and not lines:
        from hvrepl.frontends.shell import Shell

        Shell(session, vi=vi).run()
        return
    session.is_script = True
    make_runner(session, may_shell=bool(lines) or allow_shell).run_lines(lines or stdin_lines(session), "" if lines else "stdin")


def make_runner(session: Session, *, may_shell: bool = True) -> Runner:
    from hvrepl.frontends.script import Runner

    session.may_write = may_shell
    return Runner(session, run_words, command_names(), may_shell=may_shell)


def shell_commands() -> list[tuple[str, str]]:
    """(name, what it does) of every first word that is no name or number; "" for what is only another spelling."""
    from hvrepl.frontends.script import SHELL_WORDS

    found = [(info.name, info.short_help or "") for info in registry.registered_commands if info.name]
    return found + [(name, text) for name, (_, text) in SHELL_WORDS.items()]


def stdin_lines(session: Session) -> Iterator[str]:
    from hvrepl.frontends.inputs import raw_lines

    return (line.decode("utf-8", "replace") for line in raw_lines(session))


def command_names() -> list[str]:
    return [info.name for info in registry.registered_commands if info.name]


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
        drop_output(streams)  # whoever read it has seen enough
        sys.exit(0)
    except KeyboardInterrupt:
        # End by the signal itself, so that a calling shell or make sees the interrupt; what is made so far ends with a whole line.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with suppress(OSError):
            streams.stdout.flush()
        signal.raise_signal(signal.SIGINT)
    except OSError as error:
        drop_output(streams)
        if os.name == "nt" and error.errno == errno.EINVAL:  # what Windows says of a closed pipe
            sys.exit(0)
        streams.stderr.write(f"cannot write: {error.strerror}\n")
        sys.exit(4)


def complete() -> NoReturn:
    """Answers a system shell that completes a line."""
    if os.environ[COMPLETE] == "complete_bash":
        from hvrepl.frontends.bash import join_at

        os.environ |= join_at(os.environ)
    session = Session(Streams.of_process())
    with suppress(UsageError):
        session.read_environ()
    typer.main.get_command(app).main(prog_name="hvrepl", complete_var=COMPLETE, obj=session)
    raise AssertionError("main() ends the program")


def drop_output(streams: Streams) -> None:
    """What is not yet written goes nowhere; else Python would complain once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), streams.stdout.fileno())
