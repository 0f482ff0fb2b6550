"""A stopped guest for debuggers to inspect: guest.c compiled, started, and dumped by gdb's gcore."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.at_hand import need, skip_for
from tests.images.core import RESET_OF_ARM64, TIMER, VERSION_RESPONSE, page
from tests.paths import DATA

SOURCE = Path(__file__).with_name("guest.c")
SECONDS = 60
# Equal addresses in each guest: from here on the pages follow one another, messages and event flags of each CPU.
PAGES = 0x7E0000000000
PAGE = 0x1000
UNREADABLE = 0xDEAD000
# The message pages of CPU 0 and 1.
FIRST = (DATA / "dumps" / "page.bin").read_bytes()
SECOND = page({0: TIMER, 2: VERSION_RESPONSE})
ONE_OF_ARM64 = page({0: RESET_OF_ARM64})


@dataclass(frozen=True)
class Guest:
    """A program with its debug info, and the core of a run of it."""

    program: Path
    core: Path


def dump_guest(folder: Path, *macros: str) -> Guest:
    """A guest of guest.c with these macros, stopped when everything is set up. Skips the test where that is impossible."""
    need("gcc", "gdb")
    guest = Guest(folder / "guest", folder / "guest.core")
    build_guest(guest.program, *macros)
    pages = [folder / f"{number}.page" for number in range(2)]
    for path, data in zip(pages, (FIRST, SECOND), strict=True):
        path.write_bytes(data)
    steps = ["break ready", f"run {pages[0]} {pages[1]}", f"gcore {guest.core}", "kill"]
    words = ["gdb", "-nx", "-batch", *(word for step in steps for word in ("-ex", step)), str(guest.program)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL)
    if not guest.core.exists():
        if "ptrace" in done.stderr:  # as in a container without permission to trace
            skip_for("a system whose programs gdb may trace")
        pytest.fail(f"gdb made no core: {done.stderr[-2000:]}")
    return guest


def build_guest(program: Path, *macros: str) -> None:
    """Static, and at a fixed place in memory: its addresses do not depend on the machine's libraries, and it needs no other files."""
    words = ["gcc", "-g", "-O0", "-static", "-no-pie", "-Wall", "-Wextra", "-Werror", *(f"-D{macro}" for macro in macros)]
    subprocess.run([*words, "-o", str(program), str(SOURCE)], check=True, timeout=SECONDS)
