"""The bar on a terminal's stderr while something long is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from hvrepl.commands.session import Session

CLEAR_LINE = "\r\x1b[K"
WIDTH = 36  # of a bar
AROUND = 24  # columns that its label, its percentage and its time take


@contextmanager
def progress(session: Session, label: str, size: int | None, *, shows: bool = False) -> Iterator[Callable[[int], None]]:
    """What is called with the bytes that were passed, 0 before something is written: a bar on stderr where that is a terminal.

    What cannot say how large it is has no bar. `shows`: things are shown as they are found, not through a pager.
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
