"""Keys beyond prompt_toolkit's own: they collect the rows of a dump, take a paste whole, search with Up, and switch vi keys with F4."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import (
    Condition,
    completion_is_selected,
    emacs_insert_mode,
    emacs_mode,
    has_completions,
    has_selection,
    is_searching,
    vi_insert_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys

from hvrepl.commands.table import ENTRIES
from hvrepl.patterns import regex
from hvrepl.script.option_words import awaits
from hvrepl.shell.home import expand, is_regular
from hvrepl.shell.plain import PAUSE, IsOpen

ROW_HEAD = regex(r"\s*(?:[a-z][\w.-]*\s+){0,2}(?:0x)?[0-9a-f`]{4,}(?:\s+<[^>]*>)?:", re.IGNORECASE)
VI_MODE = regex(r"^[ \t]*set[ \t]+editing-mode[ \t]+(\w+)", re.MULTILINE | re.IGNORECASE)
MOST_OF_INPUTRC = 1 << 20  # characters
# A pasted line that would reach a system command, or write a file.
REACHES_OUT = regex(r"^\s*!|[|>]", re.MULTILINE)

GOES_ON = ("=", "/")
# Commands that require words: not all of their words are in brackets.
WANT_WORDS = frozenset(name for name, command in ENTRIES.items() if re.sub(r"\[[^]]*\]", "", command.usage).strip())

IsDump = Callable[[str], bool]  # whether a text is only a dump


def wants_vi(environ: Mapping[str, str]) -> bool:
    """Whether .inputrc asks for vi keys."""
    path = expand(environ.get("INPUTRC") or "~/.inputrc", environ)
    try:
        if not is_regular(path):
            return False
        with open(path, encoding="utf-8", errors="replace") as file:
            modes = VI_MODE.findall(file.read(MOST_OF_INPUTRC))
    except OSError:
        return False
    return bool(modes) and modes[-1].lower() == "vi"


class Gatherer:
    """Waits for the rest of a dump that arrives as keys, and takes it when they pause."""

    def __init__(self, is_open: IsOpen, is_dump: IsDump) -> None:
        self.is_open = is_open
        self.is_dump = is_dump
        self.task: asyncio.Task[None] | None = None

    def is_gathering(self) -> bool:
        """Whether Enter ends a row of a dump, and not the input."""
        document = get_app().current_buffer.document
        return document.is_cursor_at_the_end and self.is_open(document.lines)

    def end_row(self, event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")
        if self.task:
            self.task.cancel()
        self.task = event.app.create_background_task(self.accept_after_pause(event.current_buffer, event.current_buffer.text))

    async def accept_after_pause(self, buffer: Buffer, text: str) -> None:
        await asyncio.sleep(PAUSE)
        if buffer.text == text and not get_app().is_done:
            buffer.text = text.rstrip("\n")  # a single row is a line like any other, which history keeps
            buffer.validate_and_handle()

    def paste(self, event: KeyPressEvent) -> None:
        """Runs several lines that are pasted into an empty line, or a dump after its name; any other paste is inserted."""
        text = event.data.replace("\r\n", "\n").replace("\r", "\n")
        buffer = event.current_buffer
        before = buffer.text.strip()
        lines = text.strip("\n")
        buffer.insert_text(lines if text.endswith("\n") else text)
        whole = self.is_dump(buffer.text) or not (before or REACHES_OUT.search(lines))
        if "\n" in lines and whole and buffer.document.is_cursor_at_the_end:
            buffer.validate_and_handle()


def switch_vi(event: KeyPressEvent) -> None:
    """Typing continues in either mode."""
    event.app.editing_mode = EditingMode.EMACS if event.app.editing_mode == EditingMode.VI else EditingMode.VI
    event.app.vi_state.input_mode = InputMode.INSERT


def go_up(event: KeyPressEvent) -> None:
    """To the line above, or to the last line in the history that begins like this one up to the cursor; closes a menu."""
    buffer = event.current_buffer
    if buffer.document.cursor_position_row:
        buffer.cursor_up(event.arg)
        return
    buffer.complete_state = None
    move(buffer, buffer.history_backward, event.arg)


def go_down(event: KeyPressEvent) -> None:
    """To the line below, or back the way that Up came."""
    buffer = event.current_buffer
    if buffer.document.cursor_position_row < buffer.document.line_count - 1:
        buffer.cursor_down(event.arg)
        return
    move(buffer, buffer.history_forward, event.arg)


def move(buffer: Buffer, step: Callable[[], None], count: int) -> None:
    """So many steps in the history; a step to the same text does not count."""
    for _ in range(count):
        before, place = buffer.text, None
        while buffer.text == before and buffer.working_index != place:
            place = buffer.working_index
            step()


def insert_run(event: KeyPressEvent) -> None:
    """Inserts a character with all that arrived with it: one by one, a paste without brackets takes seconds."""
    queue = event.key_processor.input_queue
    run = [event.data] * event.arg
    while queue and len(queue[0].key) == 1:
        run.append(queue.popleft().data)
    event.current_buffer.insert_text("".join(run))


def insert_tab(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\t")


def take_and_go_on(event: KeyPressEvent) -> None:
    """Accepts the picked word, and offers its continuations."""
    buffer = event.current_buffer
    buffer.complete_state = None
    if not buffer.document.text_before_cursor.endswith(GOES_ON):
        buffer.insert_text(" ", fire_event=False)
    buffer.start_completion(select_first=False)


def close_menu(event: KeyPressEvent) -> None:
    """Cancels a picked word that was not accepted."""
    event.current_buffer.cancel_completion()


def ignore(event: KeyPressEvent) -> None:
    pass


@Condition
def is_unfinished() -> bool:
    """Whether the picked word expects another: FIELD=, a folder, a command with words, an option with one."""
    text = get_app().current_buffer.document.text_before_cursor
    words = text.split()
    return text.endswith(GOES_ON) or (len(words) == 1 and words[0] in WANT_WORDS) or bool(words and awaits(words[-1]))


@Condition
def is_typed() -> bool:
    """Whether Escape was pressed by itself, not as the beginning of a key with Alt."""
    return not get_app().key_processor.input_queue


@Condition
def is_after_address() -> bool:
    """Whether a tab comes from gdb's output, which a terminal without bracketed paste sends as a key."""
    return bool(ROW_HEAD.match(get_app().current_buffer.document.current_line_before_cursor))


def bindings(is_open: IsOpen, is_dump: IsDump) -> KeyBindings:
    keys, gatherer = KeyBindings(), Gatherer(is_open, is_dump)
    keys.add("f4")(switch_vi)
    keys.add("enter", filter=Condition(gatherer.is_gathering))(gatherer.end_row)
    keys.add("enter", filter=completion_is_selected & is_unfinished)(take_and_go_on)
    at_rest = ~is_searching & ~has_selection
    keys.add("up", filter=at_rest & ~completion_is_selected)(go_up)
    keys.add("c-p", filter=at_rest & ~completion_is_selected & emacs_insert_mode)(go_up)
    keys.add("down", filter=at_rest & ~has_completions)(go_down)
    keys.add("c-n", filter=at_rest & ~has_completions & emacs_insert_mode)(go_down)
    keys.add("escape", filter=has_completions & emacs_mode, eager=is_typed)(close_menu)
    keys.add("tab", filter=is_after_address)(insert_tab)
    keys.add(Keys.BracketedPaste)(gatherer.paste)
    keys.add(Keys.Any, filter=emacs_insert_mode | vi_insert_mode, save_before=lambda event: not event.is_repeat)(insert_run)
    # \e[31m in coloured text looks like a mouse report, and prompt_toolkit would fail on the missing coordinates.
    keys.add(Keys.Vt100MouseEvent)(ignore)
    return keys
