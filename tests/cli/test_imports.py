"""A command only imports what it needs: libraries for other commands are not loaded when it has run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.program import SECONDS, clean_environ

LIBRARIES = ("construct", "cramjam", "defusedxml", "elftools", "lzallright", "prompt_toolkit", "tabulate", "typer", "yaml")
SCRIPT = """\
import io, json, sys
from hvrepl.__main__ import ways
from hvrepl.script.program import run
from hvrepl.commands.session import Streams
for words in json.loads(sys.argv[1]):
    assert run(words, Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}), ways()) == 0, words
print(*sorted(sys.modules))
"""
# Lines → the libraries that each of them needs.
NEEDED = {
    "none": (
        (
            "decode guest-id 0x8100000606570000",
            *(f"decode sint2 0x200f3 -f {form}" for form in ("json", "ndjson", "csv", "line", "bits")),
            "show sint2",
            "show hv-stimer",
            "list msr",
            "encode guest-id kernel=6.6.87",
        ),
        set(),
    ),
    "table": (("decode sint2 0x200f3 -f table",), {"tabulate"}),
    "struct": ((f"decode message {'0' * 512}",), {"construct"}),
}


def modules_after(lines: Sequence[str]) -> set[str]:
    """The modules that are there when lines have run in one process."""
    command = [sys.executable, "-c", SCRIPT, json.dumps([line.split() for line in lines])]
    done = subprocess.run(command, capture_output=True, check=True, timeout=SECONDS, env=clean_environ(), text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(("lines", "needed"), NEEDED.values(), ids=NEEDED)
def test_a_command_imports_the_libraries_that_it_needs_and_no_others(lines: Sequence[str], needed: set[str]) -> None:
    found = modules_after(lines)
    assert {name for name in LIBRARIES if name in found} == needed
    assert {"hvrepl.shell.loop", "hvrepl.commands.annotate", "hvrepl.readers.cpuid"}.isdisjoint(found)


def test_a_prompt_is_shown_before_what_reads_dumps_and_logs_is_imported() -> None:
    code = "import sys, hvrepl.shell.keys, hvrepl.shell.loop, hvrepl.shell.prompt; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=SECONDS, env=clean_environ(), text=True)
    found = done.stdout.split()
    assert "prompt_toolkit" in found
    assert [name for name in found if name.startswith(("hvrepl.readers.dump", "hvrepl.readers.images", "hvrepl.readers.kinds"))] == []
