"""typer's parser as hvrepl uses it: the options that stand anywhere, and commands that are made when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from inspect import Parameter, Signature
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from hvrepl.commands.table import COMMANDS, command_names
from hvrepl.commands.table import Command as Entry
from hvrepl.errors import HvreplError

COMPLETE = "_HVREPL_COMPLETE"  # set by the completion scripts that --install-completion writes


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
        for entry in COMMANDS:
            if entry.name not in self.commands and (entry.name == cmd_name or not is_known):
                self.commands[entry.name] = make_command(entry)
        return self.commands.get(cmd_name)


def complete_words(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """(candidate, title) for the word that a system shell completes."""
    import platform

    from hvrepl.cli import bash
    from hvrepl.script.complete import Completer
    from hvrepl.script.lines import quote, split_typed
    from hvrepl.script.runner import shell_commands

    is_bash = os.environ.get(COMPLETE) == "complete_bash"
    if is_bash:
        before, taken = bash.line_of(os.environ)
    else:  # words without their quotes, which these shells put around what they are given
        before, taken = " ".join(map(quote, [context.info_name or "", *(context.params.get("words") or []), incomplete])), 0
    current = split_typed(before)[1]
    try:
        completer = Completer(context.obj.catalog, shell_commands(), platform.release)
        found = completer.complete(before, quote=bash.quote if is_bash else str)
    except HvreplError:  # in one's own definitions; while a line is typed is no time to say it
        return []
    return [((current[: len(current) - one.length] + one.text)[taken:], one.title) for one in found]


def words_of(usage: str) -> Any:
    """The annotation of a command's words, as its help shows them."""
    argument = typer.Argument(metavar=usage, show_default=False, autocompletion=complete_words, hidden=True)
    return Annotated[list[str] | None, argument]


FILE = typer.Option("-o", "--output", metavar="FILE", help="write the raw bytes to a file")
PAGE = typer.Option("-o", "--output", metavar="FILE", help="write the page after it to a file")
ONLY = typer.Option("--only", help="only the lines in which something was found")
FULL = typer.Option("--full", help="all fields of what was found")
ROOT = typer.Option("--root", metavar="DIR", help="read a saved tree in place of /dev")
# The options that one command has, by the name of the argument that they are given as.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "encode": {"output": Annotated[str, FILE]},
    "eom": {"output": Annotated[str, PAGE]},
    "annotate": {"only": Annotated[bool, ONLY], "full": Annotated[bool, FULL]},
    "live": {"root": Annotated[str, ROOT]},
}


def make_command(entry: Entry) -> Any:
    """A command of the table, which imports the function that it runs when it runs."""
    options = OPTIONS.get(entry.name, {})

    def call(context: typer.Context, words: list[str] | None = None, **given: Any) -> None:
        module, _, function = entry.where.partition(":")
        getattr(import_module(f"hvrepl.commands.{module}"), function)(context.obj, words or [], **given)

    annotations = {"context": typer.Context, "words": words_of(entry.usage), **options}
    defaults = {"context": Parameter.empty, "words": None} | {name: get_args(kind)[0]() for name, kind in options.items()}
    call.__annotations__ = annotations
    parameters = [Parameter(name, Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind) for name, kind in annotations.items()]
    call.__dict__["__signature__"] = Signature(parameters)  # what typer reads
    own = typer.Typer()
    own.command(entry.name, cls=Command, options_metavar="[OPTIONS]", short_help=entry.short, help=entry.text)(call)
    return typer.main.get_command_from_info(own.registered_commands[0], pretty_exceptions_short=True, rich_markup_mode=None)
