"""The bar on a terminal's stderr during long reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hvrepl.commands.session import Session
from hvrepl.hints import TextIO, cast

CLEAR_LINE = "\r\x1b[K"
WIDTH = 36  # columns of a bar
AROUND = 24  # columns for its label, percentage and time


@contextmanager
def progress(session: Session, label: str, size: int | None, *, shows: bool = False) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of bytes passed, or 0 before output; it draws a bar on stderr if that is a terminal.

    Input of unknown size has no bar. `shows`: results appear as they are found, not through a pager.
    """
    if size is None or session.is_script or not session.streams.stderr_is_terminal:
        yield lambda _: None
        return
    if shows:
        session.streams.stdout.flush()
    import typer

    stderr = cast("TextIO", sys.stderr)
    width = max(min(WIDTH, os.get_terminal_size(stderr.fileno()).columns - AROUND - len(label)), 1)
    with typer.progressbar(length=size, label=label, file=stderr, width=width, update_min_steps=size // 200 + 1) as bar:

        def advance(count: int) -> None:
            bar.update(count)
            if not count:
                sys.stderr.write(CLEAR_LINE)
                sys.stderr.flush()

        yield advance
