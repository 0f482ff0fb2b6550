"""Loaded by drgn at each start, by the package's entry point: registers %hv, and imports its code only when it is used."""

from __future__ import annotations

import logging
import textwrap

from hvrepl.hints import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drgn import Program
    from drgn.commands import ParsedCommand

NAME = "hv"


class Command:
    """The interface that drgn expects of a command."""

    def description(self) -> str:
        return "explain Hyper-V's registers, messages and pages"

    def format_usage(self) -> str:
        return f"{NAME} [OPTION...] COMMAND"

    def format_help(self, *, indent: str = "") -> str:
        from hvrepl.debuggers.drgn_command import HELP

        return textwrap.indent(HELP, indent).rstrip()

    def enabled(self, _: Program) -> bool:
        return True

    def parse(self, source: str, /) -> ParsedCommand[str]:
        """Runs the line unchanged: |, > and quotes can be Python's. drgn 0.0.33 does not need this."""
        from drgn.commands import ParsedCommand

        return ParsedCommand(source)

    def run(self, prog: Program, _: str, args: str, /, **context: Any) -> None:
        from hvrepl.debuggers.drgn_command import run

        run(prog, args, context.get("globals") or {})


def register() -> bool:
    """Registers the command; False if drgn has none: 0.0.31 and 0.0.32 have plugins without commands."""
    try:
        from drgn.commands import DEFAULT_COMMAND_NAMESPACE
    except ImportError:
        return False
    DEFAULT_COMMAND_NAMESPACE.register(NAME, Command())
    return True


LACKING = set() if register() else {NAME}  # commands that are missing, and not yet reported


def drgn_prog_set(_: Program) -> None:
    """drgn calls this for each program that it opens. Without commands, a line reports that, once."""
    for name in LACKING:
        said = "hvrepl: %%%s needs drgn 0.0.33 or newer; the functions of hvrepl.debuggers.drgn work here too"
        logging.getLogger("drgn").warning(said, name)
    LACKING.clear()
