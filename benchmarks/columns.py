"""Columns compared with code by hand in Arrow and NumPy, and single values compared with parsing by Construct."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import BUILD, ROOT, Row, clean_environ, in_turns
from benchmarks.wheel import SITE, hvrepl

BATCH = 1 << 17


def rows(quick: bool) -> Iterator[Row]:
    count = BATCH if quick else 20_000_000
    costs = measure("guest-id", count)
    yield times_as_fast(f"{count:_} guest ids, against dictionary_encode", costs, 0.1)
    yield two_batches("the same", costs)
    count = BATCH if quick else 10_000_000
    costs = measure("numbers", count)
    yield times_as_fast(f"{count:_} different sint2, against shifts in NumPy", costs, 0.3)
    yield two_batches("the same", costs)
    count = BATCH if quick else 1_000_000
    costs = measure("sentences", count)
    line = in_turns([hvrepl("decode", "sint2", "-", "-f", "ndjson", stdin=write_lines(count))], 1)[0]
    yield times_as_fast("sint2 with sentences, against decode sint2 -", costs | {"theirs": line.cpu}, 1)
    yield two_batches("the same", costs)
    values = 100 if quick else 20_000
    costs = run("single", str(values))
    ours, theirs = (1e6 * costs[who] / values for who in ("ours", "theirs"))
    yield Row("hvrepl.decode of a guest id, against a BitStruct", ours, theirs, ours / theirs, 6, at_most=True, unit="us CPU")


def measure(how: str, count: int) -> dict[str, float]:
    return run(how, str(count), str(BATCH))


def run(*words: str) -> dict[str, float]:
    environ = clean_environ() | {"PYTHONPATH": f"{SITE}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.column_loops", *words], capture_output=True, check=True, cwd=BUILD, env=environ
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def times_as_fast(name: str, costs: dict[str, float], wanted: float) -> Row:
    return Row(name, costs["ours"], costs["theirs"], costs["theirs"] / costs["ours"], wanted, at_most=False)


def two_batches(name: str, costs: dict[str, float]) -> Row:
    """The memory of Arrow, or the growth of the process after two batches, compared with two batches and their decoded values."""
    taken, most = (max(costs["arrow"], costs["growth"]) / 2**20, 2 * costs["batch"] / 2**20)
    return Row(f"{name}: memory against two batches", taken, most, taken / most, 1, at_most=True, unit="MiB")


def write_lines(count: int) -> Path:
    dice = random.Random(1)
    path = BUILD / "sints.txt"
    path.write_text("".join(f"{dice.getrandbits(64):#x}\n" for _ in range(count)))
    return path
