"""What drgn loads with each start, by the entry point of the package: it makes %hv known, and imports what runs it only then."""

from __future__ import annotations

import logging
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drgn import Program
    from drgn.commands import ParsedCommand

NAME = "hv"


class Command:
    """What drgn asks of a command."""

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
        """The line as it is: |, > and quotes can be Python's. drgn 0.0.33 does not ask for this."""
        from drgn.commands import ParsedCommand

        return ParsedCommand(source)

    def run(self, prog: Program, _: str, args: str, /, **context: Any) -> None:
        from hvrepl.debuggers.drgn_command import run

        run(prog, args, context.get("globals") or {})


def register() -> bool:
    """Makes the command known; False where drgn has none: 0.0.31 and 0.0.32 have plugins without commands."""
    try:
        from drgn.commands import DEFAULT_COMMAND_NAMESPACE
    except ImportError:
        return False
    DEFAULT_COMMAND_NAMESPACE.register(NAME, Command())
    return True


LACKING = set() if register() else {NAME}  # commands of which a line has yet to say that there are none


def drgn_prog_set(_: Program) -> None:
    """drgn calls this for each program that it opens. Where there are no commands, a line says so, once."""
    for name in LACKING:
        said = "hvrepl: %%%s needs drgn 0.0.33 or newer; the functions of hvrepl.debuggers.drgn work here too"
        logging.getLogger("drgn").warning(said, name)
    LACKING.clear()
