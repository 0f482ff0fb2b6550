"""Commands in gdb with its answers, as docs/debuggers.md shows them. `python -m tests.debuggers.gdb_session` rewrites them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import construct
import pytest

from tests.at_hand import need, skip_for
from tests.debuggers.core import Guest, dump_guest
from tests.paths import DATA, PACKAGE, ROOT

DOCUMENT = ROOT / "docs" / "debuggers.md"
FILE = PACKAGE / "debuggers" / "gdb.py"
LIBRARIES = Path(construct.__file__).parent.parent
PROMPT = "(gdb) "
BEHIND = "\x1e"  # written after each answer
SECONDS = 120
PAGE = DATA / "dumps" / "page.bin"
PLANTED = 0x100000
# A guest without a program, with a page in its memory. It ends with gdb.
QEMU = f"exec qemu-system-x86_64 -S -gdb stdio -m 64 -display none -serial none -monitor none -device loader,file={PAGE},addr={PLANTED:#x}"
TO_QEMU = f"target remote | {QEMU}"
CONNECT = "target remote :1234"  # as a person does it
SHOWN = re.compile(rf"(?<=^```text\n){re.escape(PROMPT)}.*?(?=^```$)", re.MULTILINE | re.DOTALL)


def answers(
    commands: Sequence[str], *files: Path, program: str = "gdb", home: Path | None = None, environ: Mapping[str, str] | None = None
) -> list[str]:
    """gdb's answer to each command, errors included. Skips the test without a gdb that can run hvrepl."""
    need(program)
    if version(program) < (3, 11):
        skip_for("a gdb with Python 3.11 or newer")
    words = [program, "-nx", "-batch", "-ex", "set width 80", "-ex", r"echo \036"]
    for command in commands:
        words += ["-ex", command, "-ex", r"echo \036"]
    own = {"PATH": os.environ["PATH"], "HOME": str(home or ROOT), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(LIBRARIES), **(environ or {})}
    done = subprocess.run(
        [*words, *map(str, files)],
        env=own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    _, *said = done.stdout.split(BEHIND)
    assert len(said) == len(commands) + 1, done.stdout[-2000:]
    return [one.rstrip("\n") for one in said[:-1]]


@cache
def version(program: str) -> tuple[int, ...]:
    """The version of gdb's Python; "" if it has none."""
    words = [program, "-nx", "-batch", "-ex", "python print(*sys.version_info[:2])"]
    said = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout
    return tuple(int(one) for one in said.split())


def ask(commands: Sequence[str], *files: Path, program: str = "gdb") -> list[str]:
    """The same after the file is sourced, which prints nothing."""
    sourced, *said = answers([f"source {FILE}", *commands], *files, program=program)
    assert sourced == ""
    return said


def converse(commands: Sequence[str], guest: Guest) -> str:
    """A session with a guest's core, or in QEMU if it begins so: each command after the prompt, and its answer."""
    in_qemu = commands[0] == CONNECT
    if in_qemu:
        need("qemu-system-x86_64")
    real = [TO_QEMU if command == CONNECT else command for command in commands]
    said = ask(real, *([] if in_qemu else [guest.program, guest.core]))
    if in_qemu:
        said[0] = said[0].splitlines()[-1]  # without gdb's remark on a guest without a program
    lines = [line for command, text in zip(commands, said, strict=True) for line in (PROMPT + command, *text.splitlines())]
    return "".join(f"{line}\n" for line in lines)


def shown() -> list[str]:
    """The sessions of the document."""
    return SHOWN.findall(DOCUMENT.read_text())


def commands_of(session: str) -> list[str]:
    return [line.removeprefix(PROMPT) for line in session.splitlines() if line.startswith(PROMPT)]


def update() -> None:
    with tempfile.TemporaryDirectory() as name:
        try:
            guest = dump_guest(Path(name))
            text = SHOWN.sub(lambda match: converse(commands_of(match[0]), guest), DOCUMENT.read_text())
        except pytest.skip.Exception as lacking:
            sys.exit(f"{DOCUMENT.name} stays as it is: {lacking}")
        DOCUMENT.write_text(text)


if __name__ == "__main__":
    update()
