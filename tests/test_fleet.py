"""docs/fleet.md: its Python programs print what it shows, on the installed engines. Its commands are transcripts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.at_hand import need
from tests.transcripts import ROOT, environment, prepare, read_steps, run

FLEET = ROOT / "docs" / "fleet.md"
SCENES = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", FLEET.read_text(), re.MULTILINE | re.DOTALL)
BAR = "▕"
NEEDS = {"duckdb": ("module:duckdb", "module:numpy"), "pyspark": ("module:pyspark", "java")}


def engine_of(scene: str) -> str:
    """The engine that a program imports first."""
    return next(name for name in NEEDS if re.search(rf"^(?:from|import) {name}\b", scene, re.MULTILINE))


@pytest.mark.parametrize(("scene", "shown"), SCENES, ids=[engine_of(scene) for scene, _ in SCENES])
def test_a_scene_prints_what_is_shown(scene: str, shown: str, tmp_path: Path) -> None:
    need("module:pyarrow", *NEEDS[engine_of(scene)])
    folder = prepare(tmp_path)
    for step in read_steps(FLEET):  # for the files that earlier commands write
        if " -o " in step.command:
            run(step.command, folder)
    words = [sys.executable, "-c", scene]
    done = subprocess.run(words, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line and BAR not in line]  # DuckDB shows a bar after two seconds
    assert (done.returncode, lines) == (0, shown.splitlines()), done.stderr[-2000:]


def test_each_scene_in_python_is_run() -> None:
    assert FLEET.read_text().count("```python") == len(SCENES) == 3
