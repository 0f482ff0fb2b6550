"""Transcripts: `$ command` and its output. `python -m tests.transcripts` rewrites them; read the diff as a reviewer.

They are in tests/transcripts/*.txt, in the ```console blocks of README.md and docs/, and between .EX and .EE in the man pages.
`[status N]` follows if a command does not end with 0. All commands of a file run in one new folder, which has tests/data
as `data`, and as `tests/data` for README, whose commands run from the root of a checkout.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

DOCUMENTS = ["README.md", "docs/fleet.md", "docs/reference.md", "docs/tutorial.md", "man/hvrepl.1", "man/hvrepl-specs.5"]
FILES = [*(ROOT / name for name in DOCUMENTS), *sorted((ROOT / "tests" / "transcripts").glob("*.txt"))]
PROMPT = "$ "
FENCES = {".md": ("```console", "```"), ".1": (".EX", ".EE"), ".5": (".EX", ".EE")}
# Characters that groff needs escaped; the backslash comes first.
ROFF = (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("→", "\\[->]"), ("·", "\\[pc]"), ("↳", "\\[u21B3]"))


@dataclass(frozen=True)
class Step:
    """A command of a transcript; its output is on the lines from `start` to before `end`."""

    command: str
    expected: str
    start: int
    end: int


def to_roff(line: str) -> str:
    for plain, escaped in ROFF:
        line = line.replace(plain, escaped)
    return f"\\&{line}" if line.startswith(".") else line


def from_roff(line: str) -> str:
    for plain, escaped in reversed(ROFF):
        line = line.replace(escaped, plain)
    return line.removeprefix("\\&")


def codec(path: Path) -> tuple[Callable[[str], str], Callable[[str], str]]:
    return (to_roff, from_roff) if path.suffix in (".1", ".5") else (str, str)


def blocks(path: Path, lines: list[str]) -> Iterator[tuple[int, int]]:
    """(first line, the line after the last) of each block."""
    if path.suffix not in FENCES:
        yield 0, len(lines)
        return
    opening, closing = FENCES[path.suffix]
    start = None
    for number, line in enumerate(lines):
        if start is None and line == opening:
            start = number + 1
        elif start is not None and line == closing:
            yield start, number
            start = None


def read_steps(path: Path) -> list[Step]:
    lines = path.read_text().splitlines()
    _, decode = codec(path)
    steps = []
    for first, last in blocks(path, lines):
        plain = [decode(line) for line in lines[first:last]]
        starts = [i for i, line in enumerate(plain) if line.startswith(PROMPT)]
        for at, behind in zip(starts, [*starts[1:], len(plain)], strict=True):
            output = plain[at + 1 : behind]
            while output and not output[-1]:
                output.pop()
            steps.append(Step(plain[at].removeprefix(PROMPT), "\n".join(output), first + at + 1, first + at + 1 + len(output)))
    return steps


def environment(folder: Path, home: Path = ROOT) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(home),
    }


def run(command: str, folder: Path, home: Path = ROOT) -> str:
    """A person's view of a command of the checkout `home`: its output and errors, and its status unless that is 0."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(folder, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return with_status(done.stdout.decode(), done.returncode)


def with_status(output: str, status: int) -> str:
    return output + (f"[status {status}]" if status else "")


def prepare(folder: Path) -> Path:
    for name in ("data", "tests/data"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / "tests" / "data")
    return folder


def update(path: Path) -> None:
    lines = path.read_text().splitlines()
    encode, _ = codec(path)
    with tempfile.TemporaryDirectory() as name:
        folder = prepare(Path(name))
        outputs = [(step, run(step.command, folder)) for step in read_steps(path)]
    for step, output in reversed(outputs):
        lines[step.start : step.end] = [encode(line) for line in output.rstrip("\n").splitlines()]
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for file in [Path(name).absolute() for name in sys.argv[1:]] or FILES:
        update(file)
