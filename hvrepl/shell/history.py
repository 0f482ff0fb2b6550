"""The lines of earlier sessions, in a file that only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

LONGEST_KEPT = 4096  # characters of a line that is kept


class KeptHistory(FileHistory):
    """History in a file of mode 0600, without dumps, repetitions, and lines that begin with a space."""

    def append_string(self, string: str) -> None:
        kept = not string.startswith(" ") and len(string) <= LONGEST_KEPT and "\n" not in string
        if kept and self.get_strings()[-1:] != [string]:
            super().append_string(string)

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        try:
            os.close(os.open(self.filename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            super().store_string(string)
        except OSError:
            pass  # a full or read-only disk must not end the shell; this session's lines are still in memory


def open_history(environ: Mapping[str, str]) -> History:
    """$XDG_STATE_HOME/hvrepl/history; HVREPL_HISTORY gives another file, or turns it off if empty."""
    named = environ.get("HVREPL_HISTORY")
    if named == "":
        return InMemoryHistory()
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home(), ".local", "state")
    path = Path(named) if named else Path(state, "hvrepl", "history")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        state_of = path.stat() if path.exists() else None
    except (OSError, ValueError):  # also a name with a NUL
        return InMemoryHistory()
    if state_of is None:
        return KeptHistory(str(path))
    if not S_ISREG(state_of.st_mode):  # a pipe would block
        return InMemoryHistory()
    if state_of.st_mode & 0o077:
        with suppress(OSError):
            path.chmod(0o600)
    return KeptHistory(str(path))
