"""A command only imports what it needs: libraries for other commands are not loaded when it has run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.program import SECONDS, clean_environ

LIBRARIES = ("construct", "cramjam", "defusedxml", "elftools", "lzallright", "prompt_toolkit", "tabulate", "typer", "yaml")
SCRIPT = """\
import io, sys
from hvrepl.__main__ import ways
from hvrepl.script.program import run
from hvrepl.commands.session import Streams
assert run(sys.argv[1:], Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}), ways()) == 0
print(*sorted(sys.modules))
"""
# Arguments → the libraries they need.
NEEDED = {
    "decode guest-id 0x8100000606570000": (),
    "decode guest-id 0x8100000606570000 -f json": (),
    "decode sint2 0x200f3 -f ndjson": (),
    "decode sint2 0x200f3 -f table": ("tabulate",),
    "decode message 0" + "0" * 511: ("construct",),
    "show sint2": (),
    "show hv-stimer": (),
    "list msr": (),
    "encode guest-id kernel=6.6.87": (),
}


def modules_after(arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments.split()], capture_output=True, check=True, timeout=SECONDS, env=clean_environ(), text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("arguments", NEEDED, ids=lambda arguments: arguments[:40])
def test_a_command_imports_the_libraries_that_it_needs_and_no_others(arguments: str) -> None:
    found = modules_after(arguments)
    assert {name for name in LIBRARIES if name in found} == set(NEEDED[arguments])
    assert {"hvrepl.shell.loop", "hvrepl.commands.annotate", "hvrepl.readers.cpuid"}.isdisjoint(found)
