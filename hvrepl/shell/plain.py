"""Lines from a terminal that can neither move its cursor nor show colour: its own line editing, and a plain prompt."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence
from typing import IO

PAUSE = 0.5  # seconds without a further line after which a dump that comes line by line is complete
CHUNK = 1 << 16

# Whether more may follow the last of the lines that were read.
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
        """Whether a further line is there, or comes soon; on Windows select knows only sockets."""
        return b"\n" in self.pending or (os.name != "nt" and bool(select.select([self.source], [], [], PAUSE)[0]))

    def read_line(self) -> str:
        """Not through sys.stdin, whose buffer would hide lines from select and from the commands that `!` runs."""
        while b"\n" not in self.pending:
            chunk = os.read(self.source, CHUNK)
            if not chunk and not self.pending:
                raise EOFError
            self.pending += chunk or b"\n"
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")
