"""Lines from a terminal without cursor movement or colour: with the terminal's own line editing, and a plain prompt."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence

from hvrepl.hints import IO

PAUSE = 0.5  # seconds of silence after which a dump that arrives line by line is complete
CHUNK = 1 << 16

# Whether more may follow the lines so far.
IsOpen = Callable[[Sequence[str]], bool]


class PlainPrompt:
    """Asks for a line, or for the lines of a dump."""

    def __init__(self, source: int, target: IO[str], is_open: IsOpen) -> None:
        self.source = source
        self.target = target
        self.is_open = is_open
        self.pending = b""

    def ask(self, text: str) -> str:
        """The next line, or lines that belong together. Raises EOFError at the end of input, KeyboardInterrupt on C-c."""
        self.target.write(text)
        self.target.flush()
        try:
            lines = [self.read_line()]
            while self.is_open(lines) and self.has_more():
                lines.append(self.read_line())
        except (EOFError, KeyboardInterrupt):
            self.target.write("\n")
            raise
        return "\n".join(lines)

    def has_more(self) -> bool:
        """Whether another line is there, or arrives soon; on Windows, select only supports sockets."""
        return b"\n" in self.pending or (os.name != "nt" and bool(select.select([self.source], [], [], PAUSE)[0]))

    def read_line(self) -> str:
        """Reads from the file descriptor: sys.stdin's buffer would hide lines from select and from the commands that `!` runs."""
        while b"\n" not in self.pending:
            chunk = os.read(self.source, CHUNK)
            if not chunk and not self.pending:
                raise EOFError
            self.pending += chunk or b"\n"
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")
