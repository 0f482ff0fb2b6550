"""A terminal to run the shell in: a real pseudo-terminal, with an emulator that reads its screen and answers as a terminal does."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

import pexpect
import pyte

from tests.frontends.program import PROGRAM, SECONDS, clean_environ

BRACKETED_PASTE = 2004 << 5  # as pyte keeps a private mode
UNDERLINED = "underscore"


class Terminal:
    """The program, its screen, and the keys."""

    def __init__(self, home: Path, *arguments: str, columns: int = 80, rows: int = 24, **environ: str) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=20_000, ratio=0.5)
        self.stream = pyte.ByteStream(self.screen)
        program, *rest = PROGRAM
        variables = clean_environ() | {"HOME": str(home), "TERM": "xterm-256color", "SHELL": "/bin/sh"} | environ
        for name in ("XDG_STATE_HOME", "INPUTRC", "VISUAL", "EDITOR", "LINES", "COLUMNS"):
            variables.pop(name, None) if name not in environ else None
        self.child = pexpect.spawn(program, [*rest, *arguments], dimensions=(rows, columns), env=variables, timeout=SECONDS)
        self.child.delaybeforesend = None
        self.screen.write_process_input = self.child.send  # where the cursor is, when the program asks

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
        """What has left the screen at its top, and the screen."""
        above = ["".join(line[column].data for column in range(self.screen.columns)).rstrip() for line in self.screen.history.top]
        return "\n".join([*above, *self.lines])

    def read(self, seconds: float) -> bool:
        """Takes what the program writes next; whether it wrote anything."""
        try:
            self.stream.feed(self.child.read_nonblocking(1 << 16, seconds))
        except pexpect.TIMEOUT:
            return False
        return True

    def see(self, *wanted: str) -> str:
        """Waits until all of this stands on the screen, and the screen is drawn."""
        end = time.monotonic() + SECONDS
        while not all(text in self.text for text in wanted):
            try:
                assert self.read(max(end - time.monotonic(), 0)), f"{wanted} is not on the screen:\n{self.text}"
            except pexpect.EOF:
                raise AssertionError(f"the program has ended:\n{self.text}") from None
        return self.text

    def prompt(self, arch: str = "x64") -> str:
        """Waits until the program asks for the next line, and the line is empty."""
        end = time.monotonic() + SECONDS
        while not (self.lines[self.screen.cursor.y] == f"hv {arch}>" and self.screen.cursor.x == len(arch) + 5):
            assert self.read(max(end - time.monotonic(), 0)), f"no prompt:\n{self.text}"
        return self.text

    def run(self, line: str, arch: str = "x64") -> str:
        """Types a line, and waits for what comes of it and for the next prompt."""
        self.send(f"{line}\r")
        self.see(line[:10])
        return self.prompt(arch)

    def miss(self, *unwanted: str) -> str:
        """Waits until none of this stands on the screen any more."""
        end = time.monotonic() + SECONDS
        while any(text in self.text for text in unwanted):
            assert self.read(max(end - time.monotonic(), 0)), f"{unwanted} is still on the screen:\n{self.text}"
        return self.text

    def send(self, keys: str) -> None:
        self.child.send(keys)

    def paste(self, text: str) -> None:
        """As terminals do: lines end with Enter, and brackets stand around it if the program has asked for them."""
        keys = text.replace("\n", "\r")
        self.send(f"\x1b[200~{keys}\x1b[201~" if BRACKETED_PASTE in self.screen.mode else keys)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def end(self) -> int:
        """Waits for the program to end; returns its exit status."""
        while True:
            try:
                assert self.read(SECONDS), f"the program goes on:\n{self.text}"
            except pexpect.EOF:
                break
        self.child.close()
        return self.child.exitstatus if self.child.exitstatus is not None else -(self.child.signalstatus or 0)

    def underlined(self) -> str:
        """The characters of the screen that are underlined."""
        cells = (self.screen.buffer[row][column] for row in range(self.screen.lines) for column in range(self.screen.columns))
        return "".join(cell.data for cell in cells if cell.underscore)

    def colors(self) -> set[str]:
        """The colours on the screen."""
        cells = [self.screen.buffer[row][column] for row in range(self.screen.lines) for column in range(self.screen.columns)]
        return {color for cell in cells for color in (cell.fg, cell.bg)} - {"default"}
