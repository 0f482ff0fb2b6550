"""A session of drgn in a terminal, as docs/debuggers.md shows it. `python -m tests.debuggers.drgn_session` rewrites it."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.debuggers.core import Guest, dump_guest
from tests.paths import ROOT
from tests.terminal import Terminal

DOCUMENT = ROOT / "docs" / "debuggers.md"
PROMPT = ">>> "
PLUGIN = {"DRGN_PLUGINS": "hvrepl=hvrepl.debuggers.drgn_plugin", "PYTHONPATH": str(ROOT)}  # a checkout has no entry points
SHOWN = re.compile(r"(?<=^```text\n)>>> %hv.*?(?=^```$)", re.MULTILINE | re.DOTALL)


def converse(guest: Guest, lines: Sequence[str], home: Path, columns: int = 80) -> str:
    """The screen once drgn has answered the lines, from the first of them on."""
    program = [sys.executable, "-m", "drgn", "-q", "-c", str(guest.core)]
    environ = PLUGIN | {"NO_COLOR": "1", "PYTHON_BASIC_REPL": "1", "TERM": "dumb"}
    with Terminal(home, program=program, columns=columns, rows=200, **environ) as terminal:
        for number, line in enumerate(lines):
            wait(terminal, number + 1)
            terminal.send(f"{line}\r")
        wait(terminal, len(lines) + 1)
        text = "\n".join(terminal.lines)
    return text[text.index(PROMPT + lines[0]) :].rstrip().removesuffix(PROMPT.rstrip())


def wait(terminal: Terminal, prompts: int) -> None:
    """Waits until drgn asks for the next line. Its list of imports looks like more lines."""
    terminal.until(lambda: is_asking(terminal) and len(answered(terminal)) >= prompts - 1, "no prompt")


def is_asking(terminal: Terminal) -> bool:
    return terminal.lines[terminal.screen.cursor.y] == PROMPT.rstrip() and terminal.screen.cursor.x == len(PROMPT)


def answered(terminal: Terminal) -> list[str]:
    """The lines that were typed."""
    return [line for line in terminal.lines if line.startswith(f"{PROMPT}%")]


def shown() -> list[str]:
    """The sessions of the document."""
    return SHOWN.findall(DOCUMENT.read_text())


def lines_of(session: str) -> list[str]:
    return [line.removeprefix(PROMPT) for line in session.splitlines() if line.startswith(PROMPT)]


def update() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        guest = dump_guest(folder)
        DOCUMENT.write_text(SHOWN.sub(lambda match: converse(guest, lines_of(match[0]), folder), DOCUMENT.read_text()))


if __name__ == "__main__":
    update()
