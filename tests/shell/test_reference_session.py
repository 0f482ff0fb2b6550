"""The session in docs/reference.md: typed line by line into the shell, it prints the same."""

from __future__ import annotations

import io
import re

from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from hvrepl.commands.session import Session, Streams
from hvrepl.shell.loop import Shell
from tests.paths import ROOT

REFERENCE = ROOT / "docs" / "reference.md"
PROMPT = re.compile(r"^hv (?:x64|arm64)> (.*)\n", re.MULTILINE)


def test_the_session_in_the_reference_is_what_the_shell_prints() -> None:
    block = REFERENCE.read_text().partition("```session\n")[2].partition("```")[0]
    typed = PROMPT.findall(block)
    out = io.StringIO()
    streams = Streams(io.BytesIO(), out, out, {"HVREPL_HISTORY": ""}, stdin_is_terminal=True)
    with create_pipe_input() as keys:
        keys.send_text("".join(f"{line}\r" for line in [*typed, "quit"]))
        Shell(Session(streams), source=keys, target=DummyOutput()).run()
    greeting, printed = out.getvalue().split("\n", 1)
    assert greeting.startswith("hvrepl")
    assert typed
    assert printed == PROMPT.sub("", block)
