"""Adds the decoder to a site: Pyodide from npm, and the wheels of hvrepl and its dependencies. build.py SITE [WORK]"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NEEDED = ("construct", "tabulate", "pyelftools")  # the dependencies that answers import


def run(*command: str | Path) -> None:
    done = subprocess.run([str(word) for word in command], check=False)
    if done.returncode:
        sys.exit(f"{Path(command[0]).name} failed: {' '.join(map(str, command[1:]))}")


def need(program: str) -> str:
    found = shutil.which(program)
    if not found:
        sys.exit(f"{program} is missing, which the decoder of the site is made with: apt install nodejs npm")
    return found


def install_packages(work: Path) -> Path:
    """Downloads the packages of package-lock.json, each with the checksum in it."""
    node, npm = need("node"), need("npm")
    lock = (HERE / "package-lock.json").read_bytes()
    kept = work / "package-lock.json"
    if not (kept.exists() and kept.read_bytes() == lock and (work / "node_modules/.package-lock.json").exists()):
        work.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", work)
        shutil.copy(HERE / "package-lock.json", work)
        run(npm, "ci", "--prefix", work, "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    return Path(node)


def make_wheels(folder: Path) -> None:
    """hvrepl from here, and its dependencies in the versions that pyproject.toml allows."""
    shutil.rmtree(folder, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", folder)
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    run(*pip, ROOT, *(one for one in dependencies if one.startswith(NEEDED)))


def main(site: Path, work: Path) -> None:
    node = install_packages(work)
    make_wheels(work / "wheels")
    run(node, HERE / "runtime.mjs", work / "node_modules/pyodide", work / "wheels", site / "static/runtime")
    # A service worker only controls paths below its own.
    shutil.copy(ROOT / "hvrepl/web/static/service-worker.js", site)
    (site / "static/service-worker.js").unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if sys.argv[2:] else "build/site-parts"))
