"""One grammar: each line of a table means the same on the command line, by -c and on stdin, but where the table says otherwise."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.paths import DATA
from tests.program import Ended, call

GRAMMAR = DATA / "grammar.tsv"
ROWS = [line.split("\t") for line in GRAMMAR.read_text().splitlines() if line and not line.startswith("#")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the lines of the table run: files with names that they use."""
    (tmp_path / "page.txt").write_bytes((DATA / "dumps" / "page.gdb.txt").read_bytes())
    (tmp_path / "page.bin").write_bytes((DATA / "dumps" / "page.bin").read_bytes())
    (tmp_path / "dmesg").write_text("[    0.246940] hv_vmbus: Vmbus version:5.3\n")
    (tmp_path / "values").write_text("0x30\n0x31\n")
    (tmp_path / "lines").write_text("sint2 0x30 -f line\n")
    (tmp_path / "simp").write_text("0x1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(ended: Ended, place: str = "") -> tuple[int, str]:
    """The status, and the first line of what was answered or is wrong."""
    text = ended.err.removeprefix(place) if ended.status > 1 else ended.out
    return ended.status, text.partition("\n")[0]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("line", "status", "text", "elsewhere"), [(*row, "")[:4] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_line_means_the_same_wherever_it_stands(line: str, status: str, text: str, elsewhere: str) -> None:
    expected = (int(status), text)
    assert said(call(*shlex.split(line), stdin_is_terminal=True)) == expected
    in_lines = (int(elsewhere[0]), elsewhere[2:]) if elsewhere else expected
    assert said(call("-c", line)) == in_lines
    assert said(call(stdin=f"{line}\n".encode()), "stdin:1: ") == in_lines


def test_the_table_has_as_many_lines_as_it_should() -> None:
    assert len(ROWS) >= 120
