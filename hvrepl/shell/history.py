"""The lines of earlier sessions, in a file that only its owner can read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from stat import S_ISREG

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from hvrepl.shell.home import expand, home

LONGEST_KEPT = 4096  # characters of a line that is kept
MOST_READ = 1 << 20  # bytes at the end of the file that are read, some 20,000 lines: it grows for years
ENTRY = re.compile(rb"(?:^\+.*\n?)+", re.MULTILINE)


class KeptHistory(FileHistory):
    """History in a file of mode 0600, without dumps, repetitions, and lines that begin with a space."""

    def append_string(self, string: str) -> None:
        kept = not string.startswith(" ") and len(string) <= LONGEST_KEPT and "\n" not in string
        if kept and self.get_strings()[-1:] != [string]:
            super().append_string(string)

    def load_history_strings(self) -> Iterable[str]:
        """The lines of earlier sessions, the last first."""
        try:
            with open(self.filename, "rb") as file:
                start = max(0, os.fstat(file.fileno()).st_size - MOST_READ)
                file.seek(start)
                data = file.read(MOST_READ)
        except OSError:
            return []
        whole = data.partition(b"\n")[2] if start else data
        entries = [entry.decode("utf-8", "replace").removesuffix("\n") for entry in ENTRY.findall(whole)]
        return [entry[1:].replace("\n+", "\n") for entry in reversed(entries)]

    def store_string(self, string: str) -> None:
        try:
            os.close(os.open(self.filename, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            super().store_string(string)
        except OSError:
            pass  # a full or read-only disk must not end the shell; this session's lines are still in memory


def open_history(environ: Mapping[str, str]) -> History:
    """$XDG_STATE_HOME/hvrepl/history; HVREPL_HISTORY gives another file, or turns it off if empty."""
    path = find_file(environ)
    if not path:
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


def find_file(environ: Mapping[str, str]) -> str:
    """The path of the history; "" for none. A relative XDG_STATE_HOME is invalid, says its specification."""
    named = environ.get("HVREPL_HISTORY")
    if named is not None:
        return expand(named, environ)
    state, folder = environ.get("XDG_STATE_HOME", ""), home(environ)
    if not os.path.isabs(state):
        state = folder and os.path.join(folder, ".local", "state")
    return state and os.path.join(state, "hvrepl", "history")
