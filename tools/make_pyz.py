"""One file that runs on any Python from 3.11 on without a network: `python tools/make_pyz.py FILE` makes it, and tries it.

A zip file for Python, with hvrepl, the index of its specs and the packages it needs, none of them compiled. It has typer before 0.29, as
later ones need pydantic, which is compiled. Modules are compiled for the Python that makes it; another one reads their source.
"""

from __future__ import annotations

import compileall
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

from check_dist import STEPS, Step, run

ROOT = Path(__file__).resolve().parent.parent
MAIN = "from hvrepl.__main__ import main\n\nmain()\n"
PURE = ["--only-binary=:all:", "--implementation", "py", "--abi", "none", "--platform", "any", "--python-version", "3.11"]
OLD_TYPER = "typer<0.29"
HELP = Step(["--help"], "decode")  # which typer makes


def install(home: Path) -> Path:
    """A folder with hvrepl and everything that it imports, made with its own pip."""
    venv.create(home / "venv", with_pip=True)
    pip = [home / "venv" / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", home, ROOT])
    (wheel,) = home.glob("*.whl")
    site = home / "site"
    run([*pip, "install", "--no-compile", "--target", site, *PURE, wheel, OLD_TYPER])
    return site


def members(site: Path) -> Iterator[tuple[Path, str]]:
    """The contents of the file, with their names there."""
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.is_file() and not name.startswith(("bin/", "share/")) and "__pycache__" not in name:
            yield path, name


def pack(site: Path, target: Path) -> None:
    # Times are lost when a zip file is copied, so compiled modules must be valid without them.
    compileall.compile_dir(site, quiet=1, legacy=True, stripdir=str(site), invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path, name in members(site):
                assert path.suffix not in (".so", ".pyd"), f"{name} is compiled, and a zip file cannot load it"
                # Stored, the index is read in half the time.
                archive.write(path, name, zipfile.ZIP_STORED if path.suffix == ".sqlite" else None)
            archive.writestr("__main__.py", MAIN)
    target.chmod(0o755)


def check(path: Path, folder: Path) -> None:
    """Tries it as on a machine that has nothing else."""
    program = [sys.executable, "-I", "-S", path.absolute()]
    for step in (*STEPS, HELP):
        out = run([*program, *step.words], step.stdin, folder)
        if step.expected not in out:
            raise SystemExit(f"{path} {' '.join(step.words)}: {step.expected!r} is not in\n{out}")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        pack(install(home), target)
        (home / "empty").mkdir()
        check(target, home / "empty")
