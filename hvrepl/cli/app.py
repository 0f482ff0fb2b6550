"""typer's app, made from the table of commands: help, and completion in the shells of the system. It does not run commands."""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import redirect_stdout, suppress
from inspect import Parameter, Signature
from typing import Annotated, Any, NoReturn

import typer

from hvrepl.cli import COMPLETE
from hvrepl.cli.answers import ANSWERS, Offer, read_fish
from hvrepl.cli.bash import INDEX, WORDS
from hvrepl.commands.session import Session, Streams
from hvrepl.commands.table import COMMANDS, ENTRIES, HELP, INSTALL, PROGRAM, SHARED, Command, Option
from hvrepl.digits import to_int
from hvrepl.errors import HvreplError, UsageError
from hvrepl.script.topics import EXAMPLES
from hvrepl.wording import shorten

LINE = "_TYPER_COMPLETE_ARGS"  # the typed line, in all shells but bash
WORD = "_TYPER_COMPLETE_WORD_TO_COMPLETE"  # the last word of it, in PowerShell
FISH_ACTION = "_TYPER_COMPLETE_FISH_ACTION"
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")  # that typer has scripts for
IMPLIED = "decode"  # the command whose words are completed if none is typed
GIVEN = "_HVREPL_IMPLIED"  # set if that is so
CONTEXT = {"help_option_names": list(HELP.names)}
ABOUT = """Explain raw Hyper-V numbers: guest OS ids, registers, statuses, messages and message pages.

Without a command, hvrepl is an interactive shell on a terminal; otherwise it runs the lines of stdin as commands.
The first word need not be a command: a number, a name, or a name with a value or with FIELD=VALUE is enough.
"""


def make_app(run: Callable[..., Any] | None = None) -> typer.Typer:
    """The app; `run` is called with the name of a command ("" without one) and its arguments."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=False, context_settings=CONTEXT)
    app.callback(invoke_without_command=True, help=ABOUT)(function_of("", (*PROGRAM, *SHARED), run))
    for command in COMMANDS:
        made = function_of(command.name, (*command.options, *SHARED), run, command)
        app.command(command.name, help=command.text, short_help=command.short, epilog=epilog_of(command), context_settings=CONTEXT)(made)
    return app


def epilog_of(command: Command) -> str:
    """Examples, without wrapping."""
    return "\b\n" + "\n".join(["Examples:", *(f"  hvrepl {line}" for line in EXAMPLES.get(command.name, ()))])


def function_of(name: str, options: Sequence[Option], run: Callable[..., Any] | None, command: Command | None = None) -> Callable[..., Any]:
    """A function with the parameters that typer expects."""

    def call(**given: Any) -> Any:
        return run(name, **given) if run else None

    words = [Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=words_of(command.usage))] if command else []
    parameters = [*words, *map(parameter_of, options)]
    call.__dict__["__signature__"] = Signature(parameters)
    call.__annotations__ = {one.name: one.annotation for one in parameters}
    return call


def parameter_of(option: Option) -> Parameter:
    kind: Any = list[str] | None if option.many else str | None if option.metavar else bool
    declared = typer.Option(
        *option.names, metavar=option.metavar or None, help=option.help, show_default=False, autocompletion=complete_option(option)
    )
    return Parameter(option.key, Parameter.KEYWORD_ONLY, default=None if option.metavar else False, annotation=Annotated[kind, declared])


def complete_option(option: Option) -> Callable[[str], list[str]]:
    """Completes the value of an option. bash completes files itself, and better."""

    def complete(incomplete: str) -> list[str]:
        from hvrepl.script.candidates import words_of as words_of_option
        from hvrepl.script.option_words import CHOICES

        is_bash = os.environ.get(COMPLETE) == "complete_bash"
        return [one.text for one in words_of_option(option, incomplete)] if option.key in CHOICES or not is_bash else []

    return complete


def words_of(usage: str) -> Any:
    return Annotated[list[str] | None, typer.Argument(metavar=usage, show_default=False, autocompletion=complete_words, hidden=True)]


def help_of(command: str) -> str:
    """The help of a command, or of the program, as typer writes it."""
    program = typer.main.get_command(make_app())
    with program.make_context("hvrepl", [command] if command else [], resilient_parsing=True) as context:
        if not command:
            give_texts(program.get_params(context))
            return f"{program.get_help(context)}\n"
        one: Any = program.get_command(context, command)  # type: ignore[attr-defined]
        with one.make_context(command, [], parent=context, resilient_parsing=True) as inner:
            give_texts(one.get_params(inner))
            usage = f"Usage: hvrepl {command} [OPTIONS] {ENTRIES[command].usage}\n\n"  # typer does not know which words are required
            return re.sub(r"\AUsage: .*?\n\n", lambda _: usage, f"{one.get_help(inner)}\n", flags=re.DOTALL)


def give_texts(parameters: Sequence[Any]) -> None:
    """Gives the options that typer adds by itself the texts of the table."""
    texts = {name: option.help for option in (HELP, *INSTALL) for name in option.names}
    for one in parameters:
        if one.opts[0] in texts:
            one.help = texts[one.opts[0]]


def complete() -> NoReturn:
    """Answers a shell of the system that completes a line."""
    sys.modules["rich"] = None  # type: ignore[assignment]  # typer would read what offers are as rich's markup, and take brackets from it
    asked = os.environ[COMPLETE]
    if asked == "complete_bash":
        from hvrepl.cli.bash import to_typer

        with suppress(KeyError, ValueError, UsageError):
            os.environ |= to_typer(os.environ)
    with suppress(KeyError, ValueError, UsageError):
        if asked in ANSWERS:
            sys.stdout.write(f"{ANSWERS[asked](ask_as_fish(os.environ))}\n")
            sys.exit(0)
        give_command(os.environ)
        make_app()(prog_name="hvrepl", complete_var=COMPLETE)
    sys.exit(2)  # the calling shell's variables are missing, or are not numbers


def ask_as_fish(environ: MutableMapping[str, str]) -> list[Offer]:
    """The answer to a shell for which typer's own is not used."""
    if environ[COMPLETE] != "complete_zsh":
        blank = "" if environ.get(WORD) else " "  # PowerShell drops the blanks at the end of the line
        environ[LINE] = environ.get(LINE, "") + blank
    environ[COMPLETE], environ[FISH_ACTION] = "complete_fish", "get-args"
    give_command(environ)
    answer = io.StringIO()
    with redirect_stdout(answer), suppress(SystemExit):
        make_app()(prog_name="hvrepl", complete_var=COMPLETE)
    return list(read_fish(answer.getvalue()))


def give_command(environ: MutableMapping[str, str]) -> None:
    """Adds `decode` to words that do not begin with a command: typer only completes within a command."""
    from hvrepl.script.option_words import positional

    words = shlex.split(environ[WORDS]) if WORDS in environ else environ.get(LINE, "").split(" ")
    first = next(iter(positional(words[1:])), "")
    if not first or words[-1].startswith("-") or any(name.startswith(first) for name in ENTRIES):
        return
    environ[GIVEN] = IMPLIED
    if WORDS in environ:
        environ[WORDS] = "\n".join(map(shlex.quote, [words[0], IMPLIED, *words[1:]]))
        environ[INDEX] = str(to_int(environ[INDEX]) + 1)
    else:
        environ[LINE] = " ".join([words[0], IMPLIED, *words[1:]])


def install(words: Sequence[str]) -> NoReturn:
    """typer's --install-completion and --show-completion, for the current shell or the one that is named; ends the program."""
    named = [word for word in words if not word.startswith("-")]
    if named:
        if len(named) > 1 or named[0] not in SHELLS:
            raise UsageError(f"completion is for {', '.join(SHELLS)}, not {shorten(' '.join(named))}")
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"  # typer would ignore the name of the shell
    make_app()(words, prog_name="hvrepl")
    sys.exit(0)


def complete_words(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """(candidate, title) for the word that a shell of the system completes."""
    import platform

    from hvrepl.cli import bash
    from hvrepl.script.complete import Completer
    from hvrepl.script.lines import quote, quote_for_shell, split_typed
    from hvrepl.script.shell_words import shell_commands

    is_bash = os.environ.get(COMPLETE) == "complete_bash"
    is_implied = GIVEN in os.environ
    if is_bash:
        before, taken = bash.line_of(shlex.split(os.environ[WORDS])[2 if is_implied else 1 :])
    else:  # words without quotes, as these shells add quotes to the answers
        command = [] if is_implied else [context.info_name or ""]
        before, taken = " ".join(map(quote, [*command, *(context.params.get("words") or []), incomplete])), 0
    current = split_typed(before)[1]
    try:
        completer = Completer(session_of(context).catalog, shell_commands(), platform.release)
        found = completer.complete(before, quote=quote_for_shell if is_bash else str)
    except HvreplError:  # a fault in the user's own definitions is not reported while a line is typed
        return []
    offers = [((current[: len(current) - one.length] + one.text)[taken:], one.title.replace("\t", " ")) for one in found]
    offers = [offer for offer in offers if offer[0].isprintable()]  # one offer per line
    return bash.keep_whole(offers) if is_bash else offers


def session_of(context: typer.Context) -> Session:
    """A session with the settings from the environment and from the words so far."""
    session = Session(Streams.of_process())
    with suppress(UsageError):
        session.read_environ()
    given = {**(context.parent.params if context.parent else {}), **{key: value for key, value in context.params.items() if value}}
    with suppress(UsageError):
        session.set(**{option.key: given[option.key] for option in SHARED if option.metavar and given.get(option.key)})
    return session
