"""prompt_toolkit's prompt, set up for hvrepl: completion, colour while typing, history, keys, the toolbar."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, ConditionalAutoSuggest
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.completion import Completer as PromptCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Always, Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.processors import ConditionalProcessor, TabsProcessor
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.styles import Style

from hvrepl.commands.session import Session
from hvrepl.commands.values_in_hand import InHand
from hvrepl.interrupts import ending_signals
from hvrepl.script.complete import Completer
from hvrepl.script.lexicon import Held
from hvrepl.shell.highlight import classify
from hvrepl.shell.history import open_history
from hvrepl.shell.keys import wants_vi

# Colours among the 256 that are equal on all terminals, each with a contrast of 3 or more on white, on black and on both grounds of
# Solarized. Of the sixteen in a palette, cyan and green fade on white, blue on black, and bright black is the very ground of Solarized.
STYLES = {
    "command": "bold",
    "name": "#008787",
    "field": "#5f5fff",
    "number": "#008700",
    "value": "#af5faf",
    "error": "ansibrightred underline",
    "auto-suggestion": "#808080",
    "bottom-toolbar": "noreverse #808080",
}
POSTPONE = 0.1  # seconds that arriving input delays drawing: a long paste need not be drawn piece by piece
BREATH = 0.02  # seconds that drawing gets before a longer task
ESCAPED = 0.05  # seconds after which Escape is a key of its own: the bytes of another key arrive together
HINTS = "   Tab completes · help · F4 {} keys · C-d leaves"
# vi's modes by the names that its users know; all others are kinds of insert mode.
VI_MODES = {InputMode.NAVIGATION: "normal", InputMode.REPLACE: "replace", InputMode.REPLACE_SINGLE: "replace"}

GetCompleter = Callable[[], Completer]  # the completer for the current arch


class MenuCompleter(PromptCompleter):
    def __init__(self, session: Session, completer: GetCompleter) -> None:
        self.session = session
        self.completer = completer

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        is_asked, hand = complete_event.completion_requested, in_hand(self.session.values)
        for one in self.completer().complete(document.text_before_cursor, hand, is_asked=is_asked):
            beside = "  ".join(text for text in (one.number, one.title) if text)
            yield Completion(one.text, -one.length, f"{one.text} {one.follows}".rstrip(), beside)

    async def get_completions_async(self, document: Document, complete_event: CompleteEvent) -> AsyncGenerator[Completion, None]:
        """Shows the key before completing if the names are still to be read."""
        if complete_event.text_inserted and not self.completer().is_warm:
            await asyncio.sleep(BREATH)
        for one in self.get_completions(document, complete_event):
            yield one


def in_hand(values: InHand) -> list[Held]:
    """The values that a line can name, the last first."""
    named = [("_", values.last)] if values.last else []
    named += [(kept.called, kept) for kept in (*reversed(values.numbered.values()), *values.named.values())]
    return [Held(name, kept.found, f"{len(kept.data)} bytes" if kept.number is None else kept.word) for name, kept in named]


class LineLexer(Lexer):
    def __init__(self, session: Session, completer: GetCompleter) -> None:
        self.session = session
        self.completer = completer

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        def line(number: int) -> StyleAndTextTuples:
            text = document.lines[number]
            if not text or "\n" in document.text:
                return [("", text)]
            pieces = classify(text, self.completer(), in_hand(self.session.values), done=get_app().is_done)
            return [(f"class:{kind}" if kind else "", piece) for kind, piece in pieces]

        return line

    def invalidation_hash(self) -> object:
        return self.session.options.arch, get_app().is_done


@Condition
def is_one_line() -> bool:
    """Whether the buffer has no dump, which cannot be completed."""
    return "\n" not in get_app().current_buffer.text


@Condition
def has_tabs() -> bool:
    return "\t" in get_app().current_buffer.text


class Prompt:
    """Asks for a line on a terminal that can move its cursor, or on the given input and output."""

    def __init__(
        self,
        session: Session,
        completer: GetCompleter,
        keys: KeyBindings,
        *,
        vi: bool = False,
        source: Input | None = None,
        target: Output | None = None,
    ) -> None:
        environ = session.streams.environ
        self.session = session
        self.completer = completer
        self.ended_by: int | None = None  # the signal
        self.prompts: PromptSession[str] = PromptSession(
            history=open_history(environ),
            # Without colour, a suggestion would look like typed text.
            auto_suggest=ConditionalAutoSuggest(AutoSuggestFromHistory(), is_one_line) if session.has_color else None,
            completer=MenuCompleter(session, completer),
            complete_while_typing=is_one_line,
            lexer=LineLexer(session, completer),
            style=Style.from_dict(STYLES),
            color_depth=None if session.has_color else ColorDepth.DEPTH_1_BIT,
            bottom_toolbar=self.toolbar,
            key_bindings=keys,
            editing_mode=EditingMode.VI if vi or wants_vi(environ) else EditingMode.EMACS,
            enable_suspend=True,
            input_processors=[ConditionalProcessor(TabsProcessor(char1=" ", char2=" "), has_tabs)],
            input=source,
            output=target,
        )
        self.prompts.app.max_render_postpone_time = POSTPONE
        self.prompts.app.ttimeoutlen = ESCAPED
        # Not as an option of the session, which would then not complete while typing.
        self.prompts.default_buffer.enable_history_search = Always()

    def ask(self, text: str) -> str:
        """The next line, or lines that belong together. Raises EOFError on C-d, KeyboardInterrupt on C-c."""
        try:
            return self.prompts.prompt(text, pre_run=self.start)
        finally:
            self.prompts.editing_mode = self.prompts.app.editing_mode
            if self.ended_by is not None:
                signal.raise_signal(self.ended_by)

    def start(self) -> None:
        self.prompts.app.create_background_task(self.warm_up())
        for number in ending_signals():
            with suppress(NotImplementedError):  # on Windows
                asyncio.get_running_loop().add_signal_handler(number, self.end_by, number)

    def end_by(self, number: int) -> None:
        """Leaves the prompt, which restores the terminal: without it, the shell that called this program would not show what is typed."""
        self.ended_by = number
        if not self.prompts.app.is_done:
            self.prompts.app.exit(exception=EOFError)

    async def warm_up(self) -> None:
        """Reads the names once the prompt and a key that is typed at once are shown, so that no key has to wait for them."""
        await asyncio.sleep(BREATH)
        self.completer().warm_up()

    def toolbar(self) -> str:
        """The current settings; the keys only for vi, whose mode decides what a key does."""
        options, app = self.session.options, self.prompts.app
        is_vi = app.editing_mode == EditingMode.VI
        mode = f" · vi {VI_MODES.get(app.vi_state.input_mode, 'insert')}" if is_vi else ""
        text = f" {options.arch} · {options.format}{mode}"
        hints = HINTS.format("emacs" if is_vi else "vi")
        return text + hints if len(text + hints) <= app.output.get_size().columns else text
