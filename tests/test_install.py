"""tools/install reports in one line what a machine lacks; and the Makefile needs nothing from the machine that README does not mention."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.at_hand import need, needs
from tests.transcripts import ROOT

pytestmark = needs("sh")
OLD = 'case "$*" in --version) echo Python 3.10.1 ;; *version_info*) exit 1 ;; esac\n'
NO_VENV = 'case "$*" in *venv*) exit 1 ;; esac\n'
# Makes of a folder what is enough of a virtual environment here, in a fiftieth of the time.
QUICK_VENV = """\
case "$*" in
  "-m venv --clear "*) mkdir -p "$4/bin" && ln -s "$0" "$4/bin/python" ;;
  *) exec "{python}" "$@" ;;
esac
"""


def install(*words: str, **environ: str) -> tuple[int, list[str]]:
    """The exit status and output lines of tools/install."""
    done = subprocess.run(
        [ROOT / "tools" / "install", *words], capture_output=True, text=True, check=False, timeout=120, env=os.environ | environ
    )
    return done.returncode, done.stderr.splitlines()


def fake(folder: Path, script: str) -> str:
    """A program that replaces a Python."""
    path = folder / "py thon"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert install("python-nosuch", str(tmp_path / "venv"), ".") == (
        1,
        ["there is no python-nosuch here; say which Python: make PYTHON=python3.12 ..."],
    )


def test_a_python_that_is_too_old_is_reported_with_its_version(tmp_path: Path) -> None:
    assert install(fake(tmp_path, OLD), str(tmp_path / "venv"), ".") == (
        1,
        ["Python 3.10.1 is too old, 3.11 is needed; say which Python: make PYTHON=python3.12 ..."],
    )


def test_a_python_without_venv_is_reported_with_the_package_that_has_it(tmp_path: Path) -> None:
    status, (line,) = install(fake(tmp_path, NO_VENV), str(tmp_path / "venv"), ".")
    assert status == 1
    assert line.endswith("is missing; on Debian: apt install python3-venv")


def test_a_folder_that_cannot_be_written_is_reported_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, (line,) = install(sys.executable, str(tmp_path / "file" / "venv"), ".")
    assert status == 1
    assert line.startswith("cannot write into ")
    assert "pipx install" in line


def test_without_a_network_one_line_says_so_and_where_pip_says_more(tmp_path: Path) -> None:
    need("module:pip")
    folder = tmp_path / "a venv"
    python = fake(tmp_path, QUICK_VENV.format(python=sys.executable))
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
    status, (line,) = install(python, str(folder), "hvrepl-nosuch>=1", **offline, PIP_CONFIG_FILE=os.devnull)
    assert status == 1
    assert line == (f"pip cannot fetch hvrepl-nosuch>=1: no network, or it needs a proxy or an index (pip says it in {folder}/pip.log)")
    assert "hvrepl-nosuch" in (folder / "pip.log").read_text()


def test_the_readme_names_the_packages_and_commands_that_a_fresh_machine_is_given() -> None:
    readme = (ROOT / "README.md").read_text()
    patterns = re.findall(r"sed -n 's/(.*?)/\\1/p' \"\$home/README\.md\"", (ROOT / "tools" / "fresh").read_text())
    found = [re.findall(pattern.replace(r"\(", "(").replace(r"\)", ")"), readme, re.MULTILINE) for pattern in patterns]
    assert found == [["python3-venv make"], ["make demo", "make check"]]
