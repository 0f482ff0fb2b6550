"""The lines of earlier sessions, in a file that only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
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
    state = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    path = named or os.path.join(state, "hvrepl", "history")
    if path.startswith("~"):  # a user without a home
        return InMemoryHistory()
    path = os.path.abspath(path)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        mode = os.stat(path).st_mode if os.path.exists(path) else None
    except (OSError, ValueError):  # also a name with a NUL
        return InMemoryHistory()
    if mode is not None and not S_ISREG(mode):  # a pipe would block
        return InMemoryHistory()
    if mode is not None and mode & 0o077:
        with suppress(OSError):
            os.chmod(path, 0o600)
    return KeptHistory(path)
