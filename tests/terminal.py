"""A terminal for programs: a real pseudo-terminal, with an emulator that reads its screen and answers like a terminal."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import pexpect
import pyte

from tests.paths import TESTS
from tests.program import PROGRAM, SECONDS, clean_environ

C_C, C_D, C_R, C_U, TAB, ENTER, ESCAPE = "\x03", "\x04", "\x12", "\x15", "\t", "\r", "\x1b"
UP, DOWN, RIGHT, F4 = "\x1b[A", "\x1b[B", "\x1b[C", "\x1bOS"
BRACKETED_PASTE = 2004 << 5  # pyte's number for a private mode
CHUNK = 1024  # bytes of keys that are sent at once
SHAPING = ("XDG_STATE_HOME", "INPUTRC", "VISUAL", "EDITOR", "LINES", "COLUMNS", "LESS")


class Terminal:
    """A program (hvrepl by default), its screen, and its keys. Every wait ends after at most `seconds`."""

    def __init__(
        self, home: Path, *arguments: str, program: Sequence[str] = PROGRAM, columns: int = 80, rows: int = 24, **environ: str
    ) -> None:
        self.seconds: float = SECONDS
        self.written = b""
        self.unsent = b""
        self.screen = pyte.HistoryScreen(columns, rows, history=20_000, ratio=0.5)
        self.screen.write_process_input = self.answer
        self.stream = pyte.ByteStream(self.screen)
        variables = {name: text for name, text in clean_environ().items() if name not in SHAPING}
        variables |= {"HOME": str(home), "TERM": "xterm-256color", "SHELL": "/bin/sh", "PAGER": "cat"} | environ
        name, *rest = [*program, *arguments]
        self.child = pexpect.spawn(name, rest, dimensions=(rows, columns), env=variables, cwd=str(TESTS))
        os.set_blocking(self.child.child_fd, False)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.child.close(force=True)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The screen without the empty lines at its end."""
        return "\n".join(self.lines).rstrip("\n")

    @property
    def scrolled(self) -> str:
        """The lines that scrolled off the screen, and the screen."""
        above = ["".join(line[column].data for column in range(self.screen.columns)).rstrip() for line in self.screen.history.top]
        return "\n".join([*above, *self.lines])

    @property
    def before_cursor(self) -> str:
        """The cursor's line up to it, after the lines above: a long line takes several rows."""
        cursor = self.screen.cursor
        return "".join(self.screen.display[: cursor.y]) + self.screen.display[cursor.y][: cursor.x]

    def answer(self, text: str) -> None:
        """The cursor's position for the program's query: after the keys on their way."""
        self.unsent += text.encode()

    def read(self, seconds: float) -> None:
        """Reads the program's output for this long. Raises pexpect.EOF when it has ended."""
        try:
            data = self.child.read_nonblocking(1 << 14, max(seconds, 0))
        except pexpect.TIMEOUT:
            return
        self.written += data
        self.stream.feed(data)

    def flush(self, end: float) -> None:
        """Sends the keys, and reads the program's output where it must be read first: otherwise the two would wait for each other.

        Reading more takes time, and a pause within a paste is the end of a dump.
        """
        file = self.child.child_fd
        while self.unsent:
            assert time.monotonic() < end, f"the program takes no keys:\n{self.text}"
            readable, writable, _ = select.select([file], [file], [], self.seconds)
            if writable:
                self.unsent = self.unsent[os.write(file, self.unsent[:CHUNK]) :]
            elif readable:
                self.read(0)

    def until(self, is_so: Callable[[], bool], complaint: str) -> str:
        """Waits until a condition holds; returns the screen. Fails with the screen if the time or the program ends before."""
        end = time.monotonic() + self.seconds
        try:
            while self.unsent or not is_so():
                self.flush(end)
                assert time.monotonic() < end, f"{complaint}:\n{self.text}"
                self.read(end - time.monotonic())
        except pexpect.EOF:
            raise AssertionError(f"the program has ended; {complaint}:\n{self.text}") from None
        return self.text

    def see(self, *wanted: str) -> str:
        """Waits until all these texts are on the screen."""
        return self.until(lambda: all(text in self.text for text in wanted), f"{wanted} is not on the screen")

    def miss(self, *unwanted: str) -> str:
        """Waits until none of these texts is on the screen any more."""
        return self.until(lambda: not any(text in self.text for text in unwanted), f"{unwanted} is still on the screen")

    def show(self, screen: str) -> str:
        """Waits until the screen is this one."""
        return self.until(lambda: self.text == screen, f"the screen is not\n{screen}\n--- but")

    def prompt(self, arch: str = "x64") -> str:
        """Waits until the program asks for the next line, and the line is empty."""
        text = f"hv {arch}> "
        return self.until(lambda: self.lines[self.screen.cursor.y] == text.rstrip() and self.screen.cursor.x == len(text), "no prompt")

    def type(self, line: str) -> str:
        """Types at the cursor, and waits until the text is there."""
        self.send(line)
        return self.until(lambda: self.before_cursor.endswith(line), f"nobody has typed {line!r}")

    def run(self, line: str, arch: str = "x64") -> str:
        """Types a line, and waits for its output and the next prompt."""
        self.type(line)
        self.send("\r")
        return self.prompt(arch)

    def send(self, keys: str) -> None:
        self.unsent += keys.encode()
        self.flush(time.monotonic() + self.seconds)

    def paste(self, text: str) -> None:
        """Pastes like a terminal: lines end with Enter, within brackets if the program has asked for them."""
        keys = text.replace("\n", "\r")
        self.send(f"\x1b[200~{keys}\x1b[201~" if BRACKETED_PASTE in self.screen.mode else keys)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def end(self) -> int:
        """Waits for the program to end; returns its exit status."""
        end = time.monotonic() + self.seconds
        try:
            while True:
                assert time.monotonic() < end, f"the program goes on:\n{self.text}"
                self.read(end - time.monotonic())
        except pexpect.EOF:
            self.child.close()
        return self.child.exitstatus if self.child.exitstatus is not None else -(self.child.signalstatus or 0)

    def underlined(self) -> str:
        """The underlined characters of the screen."""
        cells = (self.screen.buffer[row][column] for row in range(self.screen.lines) for column in range(self.screen.columns))
        return "".join(cell.data for cell in cells if cell.underscore)

    def color_of(self, text: str) -> set[str]:
        """The colours of a text on the screen, at its last occurrence."""
        row = max(number for number, line in enumerate(self.lines) if text in line)
        start = self.lines[row].rindex(text)
        return {self.screen.buffer[row][column].fg for column in range(start, start + len(text))}

    def is_bold(self, text: str) -> bool:
        """Whether a text is bold anywhere on the screen."""
        places = [(row, line.index(text)) for row, line in enumerate(self.lines) if text in line]
        return any(all(self.screen.buffer[row][start + at].bold for at in range(len(text))) for row, start in places)

    def colors(self) -> set[str]:
        """The colours on the screen."""
        cells = [self.screen.buffer[row][column] for row in range(self.screen.lines) for column in range(self.screen.columns)]
        return {color for cell in cells for color in (cell.fg, cell.bg)} - {"default"}
