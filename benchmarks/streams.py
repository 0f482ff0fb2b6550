"""`decode WHAT - -f ndjson` of many lines, compared with loops that a user would write."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import BUILD, ROOT, Program, Row, compare, memory
from benchmarks.wheel import hvrepl

MIB = 64
DICE = random.Random(1)


def guest_id() -> str:
    """A Linux kernel of some version and build; one in three is Ubuntu's."""
    version = DICE.choice((4, 5, 6)) << 16 | DICE.randrange(20) << 8 | DICE.randrange(256)
    return f"{0x8100 << 48 | DICE.choice((0, 0, 0x80)) << 48 | version << 16 | DICE.randrange(1100):#x}"


def sint() -> str:
    return f"{DICE.choice((0, 0x10000, 0x20000)) | DICE.randrange(16, 256):#x}"


def leaf() -> str:
    return " ".join(f"{register}=0x{DICE.getrandbits(32):08x}" for register in ("eax", "ebx", "ecx", "edx"))


def message() -> str:
    head = bytes.fromhex("1000008018000000") + bytes(8)
    due = DICE.randrange(1 << 40)
    times = due.to_bytes(8, "little") + (due + DICE.randrange(1000)).to_bytes(8, "little")
    return (head + DICE.randrange(4).to_bytes(8, "little") + times + bytes(216)).hex()


# What, its name in the loops, one of its lines, their number, and how many times as fast as the two loops it must be.
STREAMS: tuple[tuple[str, str, Callable[[], str], int, float, float | None], ...] = (
    ("guest-id", "guest-id", guest_id, 1_000_000, 4, 0.5),
    ("sint2", "sint2", sint, 1_000_000, 3, 0.5),
    ("cpuid:0x40000003", "cpuid", leaf, 200_000, 3, 0.5),
    ("message", "message", message, 200_000, 3, None),
)


def rows(quick: bool) -> Iterator[Row]:
    times = 1 if quick else 3
    for what, loop, line, count, construct, bare in STREAMS:
        stdin = write_lines(loop, line, 200 if quick else count)
        ours = hvrepl("decode", what, "-", "-f", "ndjson", stdin=stdin)
        row, cost = compare(
            f"{what}, times as fast as a Construct loop", ours, written("construct", loop, stdin), construct, times, faster=True
        )
        yield row
        if bare:
            yield compare(f"{what}, times as fast as shifts and masks", ours, written("bare", loop, stdin), bare, times, faster=True)[0]
        yield memory(what, cost, MIB)


def write_lines(name: str, line: Callable[[], str], count: int) -> Path:
    path = BUILD / f"{name}.txt"
    path.write_text("".join(f"{line()}\n" for _ in range(count)))
    return path


def written(how: str, what: str, stdin: Path) -> Program:
    return Program([sys.executable, "-m", "benchmarks.loops", how, what], stdin, {"PYTHONPATH": str(ROOT)})
