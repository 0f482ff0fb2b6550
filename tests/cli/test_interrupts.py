"""C-c at any moment: no traceback, and the status by which a calling shell sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.at_hand import needs
from tests.program import SECONDS, clean_environ

# Presses C-c when a module is about to be imported, with a caller that ignores it or not.
SCRIPT = """\
import signal, sys

ignored, pressed_at = sys.argv.pop() == "ignored", sys.argv.pop()

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == pressed_at:
            signal.raise_signal(signal.SIGINT)

if ignored:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.meta_path.insert(0, Finder())
from hvrepl.__main__ import main
main()
"""
IMPORTED = ("hvrepl.script.program", "hvrepl.commands.session", "hvrepl.catalog.catalog", "hvrepl.script.runner", "hvrepl.codec.decode")
pytestmark = needs(POSIX=os.name == "posix")


def run(module: str, caller: str = "") -> tuple[int, str, str]:
    command = [sys.executable, "-c", SCRIPT, "decode", "sint2", "0x30", "-f", "line", module, caller]
    done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS, env=clean_environ(), text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("module", IMPORTED)
def test_c_c_while_the_program_starts_ends_it_quietly(module: str) -> None:
    assert run(module) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("module", IMPORTED)
def test_c_c_that_the_caller_ignores_does_not(module: str) -> None:
    assert run(module, "ignored") == (0, "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n", "")
