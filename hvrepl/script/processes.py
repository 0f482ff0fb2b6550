"""Runs commands of the system, for pipes and `!`. In its own module, as the imports take a tenth of a short run."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping

from hvrepl.commands.session import Session
from hvrepl.errors import FileError


def start_command(
    session: Session, command: str, *, has_input: bool = False, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """`environ` is the command's environment, if not that of this process. Raises FileError."""
    session.streams.stdout.flush()
    try:
        return subprocess.Popen(
            command,
            shell=True,
            stdin=subprocess.PIPE if has_input else None,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            env=environ,
        )
    except OSError as error:
        raise FileError(f"the command cannot be started: {error.strerror}") from error


def wait_for(process: subprocess.Popen[str]) -> None:
    """Waits for a command to end. C-c is for the command: less continues after it. If the command dies from it, so does the line."""
    is_interrupted = False
    while process.returncode is None:
        try:
            process.wait()
        except KeyboardInterrupt:
            is_interrupted = True
    if is_interrupted and process.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
        raise KeyboardInterrupt
