"""The interactive shell: prompt_toolkit around the lines that scripts run. What a line means is not its business."""

from __future__ import annotations

import asyncio
import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, ConditionalAutoSuggest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.completion import Completer as PromptCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style

from hvrepl import __version__
from hvrepl.errors import HvreplError, UsageError
from hvrepl.frontends.complete import Completer
from hvrepl.frontends.highlight import classify
from hvrepl.frontends.script import Leave, Runner
from hvrepl.text.dump_forms import read_line
from hvrepl.text.read_dump import read_dump

PAUSE = 0.2  # seconds without a further line after which a dump that comes line by line is complete
LONGEST_KEPT = 4096  # characters of a line that history keeps; a dump has no business there
PLAIN_BYTES = re.compile(r"\s*(?:[0-9a-fA-F]{2}[\s-]+){7,}[0-9a-fA-F]{2}\s*")
ROW_HEAD = re.compile(r"\s*(?:0x)?[0-9a-fA-F`]{4,}(?:\s+<[^>]*>)?:")  # the address with which a row of a dump begins
DUMPS = ("message", "page")  # what a dump is, by its size: the first that it fits into, else the last
STYLES = {
    "command": "bold",
    "name": "ansicyan",
    "field": "ansiblue",
    "number": "ansigreen",
    "value": "ansimagenta",
    "error": "ansired underline",
    "bottom-toolbar": "noreverse ansibrightblack",
}


def is_dump_line(line: str) -> bool:
    """Whether a line is a row of a dump as tools print it, or a run of hex bytes."""
    try:
        row = read_line(1, line)
    except UsageError:
        return False
    return bool(row and row.form not in ("other", "end", "fold") and row.size >= 8 and row.sure) or bool(PLAIN_BYTES.fullmatch(line))


def goes_on(line: str) -> bool:
    """Whether a line can stand within a dump: a row, a fold, or the address at its end."""
    try:
        row = read_line(1, line)
    except UsageError:
        return False
    return bool(row and row.form != "other") or is_dump_line(line)


def goes_on_or_starts(buffer: Buffer) -> bool:
    """Whether the line before the cursor is a row of a dump, the first or a later one."""
    if not buffer.document.is_cursor_at_the_end:
        return False
    line = buffer.document.current_line
    return goes_on(line) if "\n" in buffer.text else is_dump_line(line)


async def accept_after_pause(buffer: Buffer) -> None:
    """Accepts the buffer if it is the same PAUSE later."""
    text = buffer.text
    await asyncio.sleep(PAUSE)
    if buffer.text == text:
        buffer.validate_and_handle()


@Condition
def is_one_line() -> bool:
    """Whether there is no dump in the buffer, which nothing could complete."""
    return "\n" not in get_app().current_buffer.text


class KeptHistory(FileHistory):
    """History in a file of mode 0600, without lines that begin with a space and without dumps."""

    def append_string(self, string: str) -> None:
        if not string.startswith(" ") and len(string) <= LONGEST_KEPT and "\n" not in string:
            super().append_string(string)

    def store_string(self, string: str) -> None:
        try:
            os.close(os.open(self.filename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            super().store_string(string)
        except OSError:
            pass  # a full or read-only disk must not end the shell; this session's lines are still in memory


def open_history(environ: Mapping[str, str]) -> History:
    """$XDG_STATE_HOME/hvrepl/history; HVREPL_HISTORY names another file, or empty turns it off."""
    named = environ.get("HVREPL_HISTORY")
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home(), ".local", "state")
    path = Path(named) if named else Path(state, "hvrepl", "history")
    if named == "":
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return InMemoryHistory()
    return KeptHistory(str(path))


def wants_vi(environ: Mapping[str, str]) -> bool:
    """Whether .inputrc asks for vi keys."""
    path = Path(environ.get("INPUTRC") or Path(environ.get("HOME") or Path.home(), ".inputrc"))
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return False
    modes = re.findall(r"^\s*set\s+editing-mode\s+(\w+)", text, re.MULTILINE)
    return bool(modes) and modes[-1] == "vi"


class MenuCompleter(PromptCompleter):
    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002
        session = self.shell.runner.session
        for one in self.shell.completer.complete(document.text_before_cursor, session.memory.found):
            beside = "  ".join(text for text in (one.number, one.title) if text)
            yield Completion(one.text, -one.length, display_meta=beside)


class LineLexer(Lexer):
    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        def line(number: int) -> StyleAndTextTuples:
            pieces = classify(document.lines[number], self.shell.completer, self.shell.runner.session.memory.found)
            return [(f"class:{kind}" if kind else "", piece) for kind, piece in pieces]

        return line


class Shell:
    """Reads lines from a terminal and runs them until `quit`, C-d or the end of input."""

    def __init__(
        self,
        runner: Runner,
        commands: list[tuple[str, str]],
        *,
        vi: bool = False,
        source: Input | None = None,
        target: Output | None = None,
    ) -> None:
        self.runner = runner
        self.commands = commands
        self._completers: dict[str, Completer] = {}
        environ = runner.session.streams.environ
        self.prompts: PromptSession[str] = PromptSession(
            history=open_history(environ),
            auto_suggest=ConditionalAutoSuggest(AutoSuggestFromHistory(), is_one_line),
            completer=MenuCompleter(self),
            complete_while_typing=is_one_line,
            lexer=LineLexer(self),
            style=Style.from_dict(STYLES),
            color_depth=ColorDepth.DEPTH_1_BIT if environ.get("NO_COLOR") or not runner.session.has_color else None,
            bottom_toolbar=self.toolbar,
            key_bindings=self.bindings(),
            editing_mode=EditingMode.VI if vi or wants_vi(environ) else EditingMode.EMACS,
            enable_history_search=False,
            input=source,
            output=target,
        )

    @property
    def completer(self) -> Completer:
        """That of the arch in force."""
        arch = self.runner.session.options.arch
        if arch not in self._completers:
            self._completers[arch] = Completer(self.runner.session.catalog, self.commands, platform.release)
        return self._completers[arch]

    def toolbar(self) -> str:
        options = self.runner.session.options
        mode = "vi" if self.prompts.editing_mode == EditingMode.VI else "emacs"
        return f" {options.arch} · {options.format} · {mode} (F4)   Tab completes · help · C-d leaves"

    def bindings(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("f4")
        def _(event: KeyPressEvent) -> None:
            vi = event.app.editing_mode == EditingMode.VI
            event.app.editing_mode = EditingMode.EMACS if vi else EditingMode.VI
            self.prompts.editing_mode = event.app.editing_mode

        @keys.add("enter", filter=Condition(lambda: goes_on_or_starts(get_app().current_buffer)))
        def _(event: KeyPressEvent) -> None:
            """A row of a dump is not run by itself: the rows behind it are waited for, which come at once if it is pasted."""
            buffer = event.current_buffer
            buffer.insert_text("\n")
            event.app.create_background_task(accept_after_pause(buffer))

        @keys.add("tab", filter=Condition(lambda: bool(ROW_HEAD.match(get_app().current_buffer.document.text_before_cursor))))
        def _(event: KeyPressEvent) -> None:
            """gdb prints tabs; a terminal without bracketed paste sends them as keys."""
            event.current_buffer.insert_text("\t")

        @keys.add(Keys.BracketedPaste)
        def _(event: KeyPressEvent) -> None:
            """A paste of several lines into an empty line is run as it is; else it is text like any other."""
            text = event.data.replace("\r\n", "\n").replace("\r", "\n")
            buffer = event.current_buffer
            lines = text.strip("\n")
            if "\n" in lines and not buffer.text.strip():
                buffer.text = lines
                buffer.validate_and_handle()
            else:
                buffer.insert_text(lines if text.endswith("\n") else text)

        return keys

    def run(self) -> None:
        """The loop. Errors are shown and forgotten."""
        self.greet()
        while True:
            try:
                self.run_text(self.prompts.prompt(f"hv {self.runner.session.options.arch}> "))
            except KeyboardInterrupt:
                continue
            except (EOFError, Leave):
                return

    def greet(self) -> None:
        self.runner.session.write(f"hvrepl {__version__}: a number, a name, a name with a value, or a pasted dump; help, Tab, C-d\n")
        self.runner.session.streams.stdout.flush()

    def run_text(self, text: str) -> None:
        """A dump, lines, or a dump and then lines. Raises Leave."""
        lines = [line for line in text.split("\n") if line.strip()]
        rows = len(list(takewhile(goes_on, lines))) if any(map(is_dump_line, lines[:1])) else 0
        if rows:
            self.guard(partial(self.decode_dump, "\n".join(lines[:rows])))
        for line in lines[rows:]:
            self.guard(partial(self.runner.run_line, line))

    def decode_dump(self, text: str) -> None:
        """A dump as what its size says it is."""
        session = self.runner.session
        sizes = [(name, session.decoder.schemas.size(session.catalog.find_name(name).spec)) for name in DUMPS]
        for dump in read_dump(text):
            name = next((name for name, size in sizes if size and len(dump.data) <= size), DUMPS[-1])
            self.runner.run(session.child(), ["decode", name, text])
            return

    def guard(self, run: Callable[[], Any]) -> None:
        """Runs, and shows what went wrong on one line; C-c ends only what runs."""
        session = self.runner.session
        try:
            run()
            session.streams.stdout.flush()
        except HvreplError as error:
            session.warn(session.style.paint("finding", str(error)) if session.has_color else str(error))
        except KeyboardInterrupt:
            session.warn("stopped")
        except BrokenPipeError:
            pass
