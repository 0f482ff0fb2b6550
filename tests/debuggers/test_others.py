"""hvrepl reads what crash, lldb, gdb and QEMU's monitor print: from earlier output, and from the programs if they are installed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import hvrepl
from hvrepl.render.display import to_text
from tests.at_hand import need, skip_for
from tests.debuggers.core import PAGES, Guest
from tests.debuggers.gdb_session import DOCUMENT, PAGE, PLANTED, QEMU, TO_QEMU
from tests.paths import DATA
from tests.program import call
from tests.transcripts import ROOT, environment

SECONDS = 120
PRINTED = DATA / "debuggers"
SCREEN = to_text(hvrepl.decode("page", PAGE.read_bytes())).splitlines()
LLDB_PYTHON = "/usr/lib/llvm-14/lib/python3.11/dist-packages"  # Debian 12 has it there, but does not look there

# File → (where the page was, how it is read). crash 8.0.2 on a kernel's dump by QEMU, lldb 14, QEMU 7.2.
SAMPLES = {
    "crash-rd.txt": (0xFFFF88800D000000, "crash rd words, 4096 bytes"),
    "crash-rd-8.txt": (0xFFFF88800D000000, "crash rd -8 bytes, 4096 bytes"),
    "crash-rd-p.txt": (0xD000000, "crash rd words, 4096 bytes"),
    "lldb-memory-read.txt": (PAGES, "gdb x/gx words, 4096 bytes"),
    "qemu-monitor.txt": (PLANTED, "QEMU xp/gx words, 4096 bytes"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_a_debugger_printed_is_read(name: str) -> None:
    address, how = SAMPLES[name]
    done = call("decode", "page", "-", stdin=(PRINTED / name).read_bytes())
    first, *rest = done.out.splitlines()
    assert first.startswith(f"message page at {address:#x}  2 of 16 slots in use")
    assert how in done.out
    assert rest[-len(SCREEN) + 1 :] == SCREEN[1:]


def test_every_sample_is_read() -> None:
    assert {path.name for path in PRINTED.iterdir()} == set(SAMPLES)


def run(command: str, folder: Path, text: str = "", **more: str) -> str:
    """The output of a line in the system's shell, which has hvrepl."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(folder) | more,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return "".join(process.communicate(text, timeout=SECONDS))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # also the debugger, which would go into a loop without its reader
            raise


def test_gdb_pipes_a_page(guest: Guest, tmp_path: Path) -> None:
    said = run(f"gdb -nx -batch {guest.program} {guest.core} -ex 'pipe x/512gx message_page | hvrepl decode page -'", tmp_path)
    assert f"message page at {PAGES:#x}  2 of 16 slots in use" in said


def test_gdb_pipes_physical_memory_of_qemu(tmp_path: Path) -> None:
    need("gdb", "qemu-system-x86_64")
    said = run(f"gdb -nx -batch -ex '{TO_QEMU}' -ex 'pipe monitor xp /512gx {PLANTED:#x} | hvrepl decode page -'", tmp_path)
    assert f"message page at {PLANTED:#x}  2 of 16 slots in use" in said


def test_the_monitor_of_qemu_pipes_a_page(tmp_path: Path) -> None:
    need("qemu-system-x86_64")
    guest = QEMU.removeprefix("exec ").replace("-gdb stdio", "").replace("-monitor none", "-monitor stdio")
    said = run(f"{guest} | hvrepl decode page -", tmp_path, f"xp /512gx {PLANTED:#x}\nquit\n")
    assert f"message page at {PLANTED:#x}  2 of 16 slots in use" in said


def test_lldb_pipes_a_page(guest: Guest, tmp_path: Path) -> None:
    need("lldb")
    python = {"PYTHONPATH": f"{ROOT}:{LLDB_PYTHON}"}
    if "embedded_interpreter" in run("lldb --version", tmp_path, **python):
        skip_for("an lldb that finds its Python")
    command = f"memory read -s8 -fx -c512 --force {PAGES:#x}"
    said = run(f"lldb -b {guest.program} -c {guest.core} -o '{command}' -o quit | hvrepl decode page -", tmp_path, **python)
    assert f"message page at {PAGES:#x}  2 of 16 slots in use" in said


def test_the_document_has_a_line_for_each() -> None:
    text = DOCUMENT.read_text()
    for word in ("rd -64 ", "memory read ", "xp /512gx ", ".shell -ci ", "pipe x/512gx "):
        assert re.search(rf"`[^`]*{re.escape(word)}[^`]*hvrepl decode page[^`]*`", text), word
