"""The shell with keys from a pipe, and its output as text."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from hvrepl.__main__ import ways
from hvrepl.catalog.catalog import Catalog
from hvrepl.commands.session import Outcome, Session, Streams
from hvrepl.commands.values_in_hand import InHand
from hvrepl.record import replace
from hvrepl.script.complete import Completer
from hvrepl.shell.loop import Shell
from tests.program import SECONDS
from tests.terminal import C_D, ENTER

# Input at one prompt: keys; or keys, a text to wait for, further keys, and so on.
Step = str | tuple[str, ...]


class Stuck(SystemExit):
    """The shell waits for keys that never come. No other exception leaves the event loop from every place."""


class Typist:
    """Types a step at each prompt, and leaves with C-d after the last."""

    def __init__(self, keys: PipeInput, steps: tuple[Step, ...]) -> None:
        self.keys = keys
        self.steps = list(steps)
        self.rest: list[str] = []

    def watch(self, shell: Shell) -> None:
        ask = shell.ask
        app = ask.__self__.prompts.app  # type: ignore[attr-defined]
        vars(shell.completer).update(read_names(shell.completer.catalog))  # a person does not type a word and Tab before the names are read
        app.after_render += lambda _: self.go_on(app.current_buffer.text)

        def ask_typing(text: str) -> str:
            assert not self.rest, f"nobody typed {self.rest}"
            self.start()
            return ask(text)

        shell.ask = ask_typing

    def start(self) -> None:
        step = self.steps.pop(0) if self.steps else C_D
        first, *self.rest = [step] if isinstance(step, str) else step
        self.send(first)

    def go_on(self, text: str) -> None:
        if self.rest and text == self.rest[0]:
            _, keys, *self.rest = self.rest
            self.send(keys)

    def send(self, keys: str) -> None:
        """The keys as UTF-8; a lone surrogate becomes an invalid byte."""
        self.keys.send_bytes(keys.encode("utf-8", "surrogateescape"))


@contextmanager
def watchdog(printed: Callable[[], str]) -> Iterator[None]:
    """Fails with the output so far if the body does not end."""

    def bark(*_: object) -> None:
        raise Stuck

    before = signal.signal(signal.SIGALRM, bark)
    signal.setitimer(signal.ITIMER_REAL, SECONDS, 1)
    try:
        yield
    except Stuck:
        pytest.fail(f"the shell waits for more keys than are typed; it has printed {printed()[-500:]!r}", pytrace=False)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@cache
def library() -> Session:
    """A session whose catalogue the others use, as reading it takes longer than most tests."""
    return Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}), ways())


def start_session(streams: Streams) -> Session:
    session = replace(library(), streams=streams, outcome=Outcome(), values=InHand(), typed=[])
    session.read_environ()
    return session


@cache
def read_names(catalog: Catalog) -> dict[str, object]:
    """The names that a completer caches, as reading them takes longer than most tests."""
    completer = Completer(catalog, (), str)
    completer.warm_up()
    return {name: vars(completer)[name] for name in ("names", "keys", "numbers")}


def type_keys(*steps: Step, vi: bool = False, environ: Mapping[str, str | None] | None = None) -> str:
    """The shell's output after its greeting, errors included, for a step at each prompt. A variable with the value None is not set."""
    printed = io.StringIO()
    variables = {name: text for name, text in {"HVREPL_HISTORY": "", "HOME": "/nonexistent", **(environ or {})}.items() if text is not None}
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()), watchdog(printed.getvalue):
        session = start_session(Streams(io.BytesIO(), printed, printed, variables, stdin_is_terminal=True))
        shell = Shell(session, vi=vi, source=keys, target=DummyOutput())
        typist = Typist(keys, steps)
        typist.watch(shell)
        shell.run()
    assert not typist.steps, f"the shell has left before {typist.steps} and printed {printed.getvalue()[-500:]!r}"
    return printed.getvalue().partition("\n")[2]


def type_lines(*lines: str, **options: Any) -> str:
    """The shell's output for lines, each with Enter."""
    return type_keys(*(line + ENTER for line in lines), **options)


def paste(text: str) -> str:
    """The keys of a paste in brackets."""
    return f"\x1b[200~{text}\x1b[201~"


def paste_plain(text: str) -> str:
    """The keys of a paste in a terminal without brackets."""
    return text.replace("\n", ENTER)
