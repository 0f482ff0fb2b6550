"""Runs something in its own session, with a shared catalogue, and collects its output. Nothing leads out of the page."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import quote

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES
from hvrepl.commands.session import Session, Streams, Ways, say_error
from hvrepl.commands.table import ENTRIES
from hvrepl.commands.values_in_hand import InHand
from hvrepl.errors import HvreplError
from hvrepl.hints import Any
from hvrepl.record import replace
from hvrepl.render.style import align, wrap
from hvrepl.script.runner import Runner
from hvrepl.script.words import Leave
from hvrepl.web.links import name_of_page, to_path
from hvrepl.web.shown import Enough, Shown


class Opened(threading.local):
    """The session with the catalogue that all answers in a thread share."""

    def __init__(self) -> None:
        self.session = Session(streams(Shown(), columns=0))

    @contextmanager
    def using(self, session: Session | None) -> Iterator[None]:
        """Uses another session for a while, such as one with its own specs."""
        before = self.session
        self.session = session or before
        try:
            yield
        finally:
            self.session = before


def streams(shown: Shown, *, columns: int) -> Streams:
    """`columns` of the reader's screen, 0 for the output of a pipe."""
    return Streams(io.BytesIO(), shown.out, shown.err, {}, stdout_is_terminal=columns > 0, columns=columns)


def show_help(session: Session, command: str) -> None:
    """The help of a command, from the table of commands: the command line's own help needs a library that pages do not have."""
    entry = ENTRIES[command]
    style = session.style
    text = [line for part in entry.text.split("\n\n") for line in ("", *wrap(" ".join(part.split()), style.width, "  ", "  "))]
    options = [(", ".join(option.names) + (f" {option.metavar}" if option.metavar else ""), option.help) for option in entry.options]
    lines = [
        style.paint("name", f"{command} {entry.usage}"),
        *text,
        *([""] if options else []),
        *align(options, style, ("number", "meaning")),
    ]
    session.write("".join(f"{line}\n" for line in lines))


def nothing(*_: Any) -> None:
    """Replaces a way that leads out of the page."""


WAYS = Ways(**dict.fromkeys(Ways.__annotations__, nothing) | {"show_help": show_help})
OPENED = Opened()


def collect(run: Callable[[Runner, Shown], None], arch: str, columns: int, *, has_trees: bool = False) -> Shown:
    shown = Shown(has_trees=has_trees)
    session = session_for(arch, shown, columns)
    try:
        guard(partial(run, Runner(session, may_shell=False), shown), shown)
    except Enough:
        shown.note("The answer continues; hvrepl in a terminal prints all of it.")
    shown.status = shown.status or session.outcome.status
    shown.lines()
    for line in shown.err.getvalue().splitlines():
        shown.note(line)
    return shown


def session_for(arch: str, shown: Shown, columns: int) -> Session:
    """A new session with the shared catalogue."""
    shared = OPENED.session
    session = replace(
        Session(streams(shown, columns=columns), WAYS),
        is_script=True,
        may_write=False,
        values=InHand(),
        _indexes=shared._indexes,
        _catalogs=shared._catalogs,
        _decoders=shared._decoders,
    )
    if columns:
        session.shows = shown.node
    session.set(specs=shared.options.specs, arch=arch, color="always" if columns else "never")
    session.options = replace(session.options, arch_is_given=False)
    if columns:
        shown.page_of = partial(page_of, session.catalog)
    return session


def page_of(catalog: Catalog, name: str) -> str:
    """The path to the page of a name, from the root of the site; "" if it has none."""
    if not catalog.has_name(name):
        return ""
    found = catalog.find_name(name)
    return quote(to_path(name_of_page({arch: Catalog(catalog.index, arch) for arch in ARCHES}, found.spec, found.element)))


def guard(run: Callable[[], Any], shown: Shown) -> None:
    """Runs, and reports a failure in one line. Raises Enough."""
    try:
        run()
    except Enough:
        raise
    except HvreplError as error:
        shown.error(say_error(error), error.status)
    except Leave:
        pass
    except MemoryError:
        shown.error("there is not enough memory for this input", 4)
    except RecursionError:
        shown.error("this is nested too deeply")
    except OSError as error:
        shown.error(f"cannot read: {error.strerror}", 4)
