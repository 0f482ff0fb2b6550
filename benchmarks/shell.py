"""Time until the shell shows its prompt in a pseudo-terminal, and time for a completion."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pexpect

from benchmarks.measure import BUILD, Row, clean_environ
from benchmarks.wheel import SITE, START

BARE = "from prompt_toolkit import PromptSession; PromptSession().prompt('> ')"
SLOWEST = 16  # ms: a frame of a screen
LINES = ("", "dec", "decode H", "decode HV_X64_MSR_S", "encode guest-id ", "show hvcall_p", "sint2 au")


def rows(quick: bool) -> Iterator[Row]:
    times = 2 if quick else 25
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(times + 1):
        ours.append(to_prompt([sys.executable, "-c", START], {"PYTHONPATH": str(SITE)}))
        bare.append(to_prompt([sys.executable, "-c", BARE], {}))
    # Of neighbours, as the clock of a processor changes from one second to the next.
    ratio = median(mine / other for mine, other in zip(ours[1:], bare[1:], strict=True))
    yield Row("hvrepl to its prompt, against a bare PromptSession", median(ours[1:]), median(bare[1:]), ratio, 1.3, at_most=True, unit="s")
    slowest = max(median(completion(line) for _ in range(3 if quick else 9)) for line in LINES)
    yield Row("the slowest completion, against a frame", slowest, SLOWEST, slowest / SLOWEST, 1, at_most=True, unit="ms")


def to_prompt(words: list[str], environ: dict[str, str]) -> float:
    """Seconds until a typed key is shown."""
    home = {"HOME": str(BUILD), "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    start = time.perf_counter()
    env = clean_environ() | home | environ
    child = pexpect.spawn(words[0], words[1:], env=env, cwd=str(BUILD), dimensions=(24, 80), timeout=60)
    child.delaybeforesend = None
    child.expect(">")
    child.send("qz")
    child.expect("q.*z")
    taken = time.perf_counter() - start
    child.close(force=True)
    return taken


def completion(line: str) -> float:
    """Milliseconds, with a catalogue that was used before."""
    from hvrepl.catalog.catalog import Catalog
    from hvrepl.catalog.index import Index
    from hvrepl.script.complete import Completer
    from hvrepl.script.shell_words import shell_commands

    completer = Completer(Catalog(Index.open(Path(SITE, "hvrepl", "specs.sqlite")), "x64"), shell_commands(), lambda: "6.6.87")
    list(completer.complete(line))
    start = time.process_time()
    list(completer.complete(line))
    return 1000 * (time.process_time() - start)
