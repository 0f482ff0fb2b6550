"""The notebook of docs/ has the current results, and a value shows itself as a table and as text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import hvrepl
from hvrepl.codec import decoded
from hvrepl.codec.decoded import Decoded
from hvrepl.render.html import STYLE, render_html
from tests.at_hand import needs
from tests.notebook import NOTEBOOK
from tests.program import call
from tests.transcripts import ROOT, environment

SINT = 0x4200F3


class Printer:
    """The part of IPython that a value uses."""

    said = ""

    def text(self, text: str) -> None:
        self.said += text


@needs("module:nbclient", "module:ipykernel")
def test_the_notebook_gives_what_it_shows(tmp_path: Path) -> None:
    again = tmp_path / "again.ipynb"
    words = [sys.executable, "-m", "tests.notebook", str(again)]
    done = subprocess.run(words, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert again.read_text() == NOTEBOOK.read_text()


def test_a_value_shows_itself_as_a_table_and_as_the_screen() -> None:
    node = hvrepl.decode("sint2", SINT)
    assert node._repr_html_() == f"<style>\n{STYLE}</style>{render_html(node)}"
    printer = Printer()
    node._repr_pretty_(printer, cycle=False)
    assert printer.said == str(node) == call("decode", "sint2", hex(SINT)).out.rstrip("\n")


def test_text_of_a_value_obeys_nothing() -> None:
    hvrepl.decode("sint2", SINT)
    assert "\x1b" not in str(Decoded(name="\x1b[31m", raw="0x1", value=1))


def test_without_a_renderer_a_value_shows_what_it_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded, "DISPLAYS", {})
    node = Decoded(name="A", raw="0x1", value=1)
    assert (str(node), node._repr_html_()) == (repr(node), None)


def test_decoding_alone_imports_no_renderer() -> None:
    program = (
        "import sys, hvrepl; hvrepl.decode('sint2', 1); print([name for name in sys.modules if name in ('html', 'hvrepl.render.screen')])"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(ROOT), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
