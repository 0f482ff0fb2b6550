"""Folders of a user's own specs, as for --specs."""

from __future__ import annotations

from pathlib import Path


def write_own(folder: Path, *specs: str, arch: str = "common") -> Path:
    """The folder with own0.toml, own1.toml, … of an arch in it; their sources begin with `test:`."""
    (folder / arch).mkdir(parents=True)
    for place, spec in enumerate(specs):
        (folder / arch / f"own{place}.toml").write_text(spec)
    (folder / "sources.toml").write_text('[test]\ntitle = "Made up"\n')
    return folder
