"""The program for tests: `call` in this process on its own streams, `start` as a process of its own."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from hvrepl.__main__ import ways
from hvrepl.commands.session import Streams
from hvrepl.script import program

PROGRAM = [sys.executable, "-m", "hvrepl"]
SGR = re.compile(r"\x1b\[[0-9;]*m")
SECONDS = 60  # until a program that should have answered is given up


@dataclass(frozen=True)
class Ended:
    """The result of a run: its exit status and its output."""

    status: int
    out: str
    err: str


def run(arguments: Sequence[str], streams: Streams) -> int:
    """The program on given streams; its exit status."""
    return program.run(arguments, streams, ways())


def call(*arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None, **streams: Any) -> Ended:
    """The program on its own streams; `streams` are further fields of Streams."""
    out, err = io.StringIO(), io.StringIO()
    status = run(arguments, Streams(io.BytesIO(stdin), out, err, environ or {}, **streams))
    return Ended(status, out.getvalue(), err.getvalue())


def clean_environ(**environ: str) -> dict[str, str]:
    """The environment without variables that change the program's output."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HVREPL_") and key not in ("NO_COLOR", "FORCE_COLOR")}
    return kept | {"LC_ALL": "C.UTF-8"} | environ


def execute(*arguments: str | bytes, stdin: bytes = b"", **environ: str) -> Ended:
    """The program as a process, to its end."""
    done = subprocess.run(
        [*PROGRAM, *arguments], input=stdin, capture_output=True, check=False, timeout=SECONDS, env=clean_environ(**environ)
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """The program as a process, with pipes to talk to it."""
    pipes: dict[str, int | IO[bytes]] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*PROGRAM, *arguments], env=clean_environ(), **{**pipes, **options})


def without_colour(text: str) -> str:
    return SGR.sub("", text)
