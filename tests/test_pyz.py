"""hvrepl in one zip file: the package with an index made here, and the file from `make pyz` if there is one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hvrepl.catalog.opening import open_index
from tests.at_hand import needs
from tests.paths import PACKAGE, ROOT, SPECS
from tests.program import SECONDS, clean_environ
from tests.terminal import Terminal

PYZ = ROOT / "build" / "hvrepl.pyz"
SINT = "HV_X64_MSR_SINT2 0x00000000000200f3  vector 0xf3, auto-EOI"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package alone: its imports come from this environment."""
    path = tmp_path_factory.mktemp("archive") / "a b.pyz"
    index = open_index()
    with zipfile.ZipFile(path, "w") as archive:
        for module in PACKAGE.rglob("*.py"):
            archive.write(module, module.relative_to(PACKAGE.parent))
        archive.writestr("hvrepl/specs.sqlite", index.database.serialize())
        archive.writestr("__main__.py", "from hvrepl.__main__ import main\n\nmain()\n")
    return path


def run(path: Path, *words: str, folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    options = ["-I", "-S"] if path == PYZ else []  # without anything of this environment
    command = [sys.executable, *options, str(path), *words]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=SECONDS, env=clean_environ(), cwd=folder, check=False
    )


@pytest.mark.parametrize("own", [False, True])
def test_the_index_is_read_from_within_the_archive(archive: Path, tmp_path: Path, own: bool) -> None:
    words = ["--specs", str(ROOT / "tests" / "data" / "own")] if own else []
    done = run(archive, *words, "-f", "line", "-c", "sint2 0x200f3", folder=tmp_path)
    assert (done.returncode, done.stdout.startswith(SINT), done.stderr) == (0, True, "")
    assert list(tmp_path.iterdir()) == []


def is_made() -> bool:
    """Whether the file is up to date: an older one proves little."""
    parts = [*PACKAGE.rglob("*.py"), *SPECS.rglob("*.toml")]
    return PYZ.exists() and PYZ.stat().st_mtime >= max(part.stat().st_mtime for part in parts)


made = needs(make_pyz=is_made())


def test_gdb_has_to_have_the_file_unpacked(archive: Path, tmp_path: Path) -> None:
    done = run(archive, "--gdb", folder=tmp_path)
    unpack = f"`python3 -m zipfile -e '{archive}' FOLDER`, then `gdb -x FOLDER/hvrepl/debuggers/gdb.py`"
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == f"gdb cannot source a file that is in {archive.name}; unpack it: {unpack}\n"


@made
def test_the_file_needs_nothing_but_python(tmp_path: Path) -> None:
    assert run(PYZ, "decode", "sint2", "0x200f3", "-f", "line", folder=tmp_path).stdout.startswith(SINT)
    done = run(PYZ, "annotate", folder=tmp_path, stdin="hv_vmbus: Vmbus version:5.3\n")
    assert "VMBus protocol 5.3" in done.stdout
    assert "decode" in run(PYZ, "--help", folder=tmp_path).stdout
    assert (list(tmp_path.iterdir()), os.access(PYZ, os.X_OK)) == ([], True)


@made
def test_the_file_has_the_shell(tmp_path: Path) -> None:
    with Terminal(tmp_path, program=[sys.executable, "-I", "-S", str(PYZ)], columns=100) as terminal:
        terminal.prompt()
        terminal.run("sint2 0x200f3 -f line")
        assert SINT in terminal.text
        terminal.send("quit\r")
        assert terminal.end() == 0
