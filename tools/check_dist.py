"""Checks the distribution: `python tools/check_dist.py DIST...` installs each wheel and sdist into an environment of its own.

It cannot reach a checkout or a development package there. A fault is one line, and then the exit status is 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "tests" / "data" / "dumps" / "page.gdb.txt"
MAN_PAGES = ("hvrepl.1", "hvrepl-specs.5")
# Tracked files that only the repository itself needs.
LEFT_OUT = (".ci/", ".git")


class Step(NamedTuple):
    """A command of the installed program, its stdin, and text that its output must contain."""

    words: Sequence[str]
    expected: str
    stdin: str = ""


STEPS = [
    Step(["--version"], "hvrepl "),
    Step(["decode", "0x818000050fa7042f"], "Linux 5.15.167, Ubuntu (Canonical), package ABI 1071"),
    Step(["decode", "page", f"@{PAGE}"], "2 of 16 slots in use, 1 with more pending"),
    Step(["decode", "sint2", "0x200f3", "-f", "table"], "auto_eoi"),
    Step(["--arch", "arm64", "decode", "sint2", "0x10013", "-f", "line"], "HV_REGISTER_SINT2"),
    Step(["encode", "guest-id", "kernel=6.6.87"], "0x8100000606570000"),
    Step(["show", "simp"], "tlfs:inter-partition-communication.md#simp-register"),
    Step(["find", "auto eoi"], "HV_X64_MSR_SINT0-15"),
    Step(["annotate", "--only"], "VMBus protocol 5.3", "hv_vmbus: Vmbus version:5.3\n"),
    Step(["-c", "arch arm64", "-c", "sint2 1"], "HV_REGISTER_SINT2"),
    Step([], "Linux 6.6.87", "format line\n0x8100000606570000\n"),
]
IMPORT = 'import hvrepl; print(hvrepl.decode("guest-id", 0x8100000606570000).summary, hvrepl.catalog.find("sint2").name)'


class FailedError(Exception):
    """A command failed that must succeed."""


def result(command: Sequence[str | Path], stdin: str = "", folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command: its exit status and output. Its environment contains nothing of the checkout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HVREPL_", "PYTHONPATH", "VIRTUAL_ENV"))}
    return subprocess.run(list(map(str, command)), input=stdin, capture_output=True, text=True, check=False, cwd=folder, env=kept)


def run(command: Sequence[str | Path], stdin: str = "", folder: Path | None = None) -> str:
    """The output of a command, which must succeed."""
    done = result(command, stdin, folder)
    if done.returncode:
        raise FailedError(f"{' '.join(map(str, command))}: status {done.returncode}: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def install(home: Path, *wanted: str | Path) -> Path:
    """The folder of programs of an environment, created if necessary, into which pip installs the given files with their dependencies."""
    if not home.exists():
        venv.create(home, with_pip=True)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    if wanted:
        run([programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
    return programs


def faults(path: Path, home: Path) -> Iterator[str]:
    """The faults of an installation from a file."""
    programs = install(home, path)
    for step in STEPS:
        shown = run([programs / "hvrepl", *step.words], step.stdin, home)
        if step.expected not in shown:
            yield f"hvrepl {' '.join(step.words)}: {step.expected!r} is not in what it prints"
    node = json.loads(run([programs / "hvrepl", "decode", "0x8100000606570000", "-f", "json"], folder=home))
    if node["summary"] != "Linux 6.6.87":
        yield f"hvrepl decode -f json: summary is {node['summary']!r}"
    if run([programs / "python", "-c", IMPORT], folder=home) != "Linux 6.6.87 HV_X64_MSR_SINT2\n":
        yield "import hvrepl: decode does not answer"
    package = Path(run([programs / "python", "-c", "import hvrepl; print(hvrepl.__path__[0])"], folder=home).strip())
    yield from (f"{name} is missing in {package}" for name in ("py.typed", "specs.sqlite") if not (package / name).exists())
    yield from man_faults(home)


def man_faults(home: Path) -> Iterator[str]:
    for name in MAN_PAGES:
        page = home / "share" / "man" / f"man{name[-1]}" / name
        title = name.rpartition(".")[0]
        if not page.exists():
            yield f"{page} is missing"
        elif shutil.which("man") and Path(run(["man", "-M", home / "share" / "man", "-w", title]).strip()).name != name:
            yield f"man {title} shows another page"


def sdist_faults(path: Path) -> Iterator[str]:
    """Tracked files that the sdist lacks; without a repository, none are known."""
    if not (ROOT / ".git").exists():
        return
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    tracked = run(["git", "ls-files"], folder=ROOT).splitlines()
    yield from (f"{name} is missing in the sdist" for name in tracked if name not in held and not name.startswith(LEFT_OUT))


def main(paths: Sequence[str]) -> int:
    status = 0
    for path in map(Path, paths):
        with tempfile.TemporaryDirectory() as name:
            try:
                found = [*faults(path.resolve(), Path(name, "env")), *(sdist_faults(path) if path.name.endswith(".tar.gz") else ())]
            except FailedError as error:
                found = [str(error)]
        print(f"{path}: {'works' if not found else f'{len(found)} faults'}", *found, sep="\n  ")
        status |= bool(found)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
