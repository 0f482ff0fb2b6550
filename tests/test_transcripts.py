"""Every example of README, man page and transcripts runs, and prints what stands there."""

from pathlib import Path

import pytest

from tests.transcripts import FILES, ROOT, prepare, read_steps, run


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_prints_what_stands_in_the_transcript(path: Path, tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    steps = read_steps(path)
    assert steps, f"{path} holds no command"
    for step in steps:
        assert run(step.command, folder).rstrip("\n") == step.expected, f"{path.name}:{step.start}: $ {step.command}"
