"""The program as a process that may use little: what is made to do harm must end in time and memory, whatever it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.paths import PACKAGE
from tests.program import PROGRAM, SECONDS, clean_environ

CPU_SECONDS, MEMORY = 20, 400 << 20


def run(*words: str, stdin: str = "", cwd: Path | None = None, memory: int = MEMORY, **environ: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of the program under limits of time and memory."""
    limits = f'ulimit -t {CPU_SECONDS}; ulimit -v {memory >> 10}; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", limits, "sh", *PROGRAM, *words],
        input=stdin.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
        timeout=SECONDS,
        cwd=cwd,
        env=clean_environ(PYTHONPATH=str(PACKAGE.parent), **environ),
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()
