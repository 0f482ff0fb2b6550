"""Runs processes in turns and measures each: CPU seconds, elapsed seconds, peak memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Cost:
    cpu: float
    wall: float
    peak: int  # bytes


@dataclass(frozen=True)
class Program:
    """A command with its input; its output is discarded."""

    words: Sequence[str]
    stdin: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    may_fail: bool = False


@dataclass(frozen=True)
class Row:
    """A figure compared with another. `wanted` is the limit of the ratio; `at_most` says whether it is an upper one."""

    name: str
    ours: float
    theirs: float
    ratio: float
    wanted: float
    at_most: bool
    unit: str = "s CPU"

    @property
    def holds(self) -> bool:
        return self.ratio <= self.wanted if self.at_most else self.ratio >= self.wanted

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        mark = "" if self.holds else "  !"
        return f"{self.name:52} {self.ours:9.4f} {self.theirs:9.4f} {self.unit:6} {self.ratio:7.2f}  {sign} {self.wanted:g}{mark}"


def clean_environ() -> dict[str, str]:
    """The environment without variables that change how Python or hvrepl runs."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "HVREPL_"))}


# The peak of a process includes that of its parent when it started, so a small one is in between, and reports what the child used.
LAUNCHER = """\
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
told = used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status)
os.write(int(sys.argv[1]), " ".join(map(str, told)).encode())
"""


def run(program: Program) -> Cost:
    reading, writing = os.pipe()
    first, *rest = program.words
    words = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(writing), shutil.which(first) or first, *rest]
    with (program.stdin or Path(os.devnull)).open("rb") as stdin, os.fdopen(reading) as told:
        start = time.perf_counter()
        subprocess.run(
            words,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            env=clean_environ() | dict(program.environ),
            cwd=BUILD,
            check=True,
            pass_fds=(writing,),
        )
        wall = time.perf_counter() - start
        os.close(writing)
        cpu, peak, status = told.read().split()
    if int(status) and not program.may_fail:
        raise SystemExit(f"{' '.join(program.words)[:200]}: status {status}")
    return Cost(float(cpu), wall, int(peak) * 1024)


def in_turns(programs: Sequence[Program], times: int) -> list[Cost]:
    """The median of each, after a first round that only fills caches."""
    rounds = [[run(program) for program in programs] for _ in range(times + 1)][1:]
    return [
        Cost(median(one[at].cpu for one in rounds), median(one[at].wall for one in rounds), max(one[at].peak for one in rounds))
        for at in range(len(programs))
    ]


def compare(name: str, ours: Program, theirs: Program, wanted: float, times: int, *, faster: bool = False) -> tuple[Row, Cost]:
    """Our CPU time divided by theirs, at most `wanted`; or with `faster` theirs divided by ours, at least `wanted`."""
    mine, other = in_turns((ours, theirs), times)
    ratio = other.cpu / mine.cpu if faster else mine.cpu / other.cpu
    return Row(name, mine.cpu, other.cpu, ratio, wanted, at_most=not faster), mine


def memory(name: str, cost: Cost, most: int) -> Row:
    """The peak of a process, in MiB."""
    mib = cost.peak / 2**20
    return Row(f"{name}: peak memory", mib, most, mib / most, 1, at_most=True, unit="MiB")
