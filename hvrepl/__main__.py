"""`python -m hvrepl` and the program hvrepl."""

from __future__ import annotations

import gc
import os
import sys

from hvrepl.cli import COMPLETE
from hvrepl.hints import TYPE_CHECKING
from hvrepl.interrupts import end_when_interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hvrepl.commands.session import Session, Ways


def main() -> None:
    """Runs the program. Imported modules are excluded from garbage collection, which would cost a tenth of the start-up time."""
    end_when_interrupted()
    gc.disable()
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)  # whatever the environment says: the widest number has fewer
    if COMPLETE in os.environ:
        from hvrepl.cli.app import complete

        complete()
    from hvrepl.script.program import main as run

    gc.freeze()
    gc.enable()
    run(ways())


def ways() -> Ways:
    from hvrepl.commands.session import Ways

    return Ways(open_shell, show_help, install_completion, serve_pages)


def open_shell(session: Session, vi: bool) -> None:
    from hvrepl.shell.loop import Shell

    Shell(session, vi=vi).run()


def show_help(session: Session, command: str) -> None:
    from hvrepl.cli.app import help_of

    session.write(help_of(command))


def install_completion(words: Sequence[str]) -> None:
    from hvrepl.cli.app import install

    install(words)


def serve_pages(session: Session, words: Sequence[str], port: str | None, opens: bool) -> None:
    from hvrepl.web.server import serve

    serve(session, words, port, opens=opens)


if __name__ == "__main__":
    main()
