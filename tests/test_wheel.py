"""The wheel: its contents, that the program runs from it as from the checkout, and that it only loads what it needs."""

from __future__ import annotations

import email
import fcntl
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hvrepl
from tests.at_hand import skip_for
from tests.paths import ROOT

LAZY = ["prompt_toolkit", "tabulate", "tomllib", "rich", "pydantic", "sqlite3", "datetime", "pathlib", "typing", "construct", "typer"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel as pip builds it, once for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "wheel"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(folder.glob("*.whl")):
            build(folder)
    (path,) = folder.glob("*.whl")
    return zipfile.Path(path)


def build(folder: Path) -> None:
    alone = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        *alone,
        "-w",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and "hatchling" in done.stderr and "No matching distribution" in done.stderr:
        skip_for("hatchling or a network")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def unpacked(wheel: zipfile.Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    assert isinstance(wheel.root.filename, str)
    with zipfile.ZipFile(wheel.root.filename) as archive:
        archive.extractall(folder)
    return folder


def environment(home: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


def run(home: Path, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """The program in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "hvrepl", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=home,
        env=environment(home),
    )
    return done.returncode, done.stdout, done.stderr


def test_the_wheel_has_the_package_the_index_and_the_man_pages(wheel: zipfile.Path) -> None:
    names = set(wheel.root.namelist())
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "hvrepl").rglob("*.py")}
    assert sources <= names
    assert "hvrepl/specs.sqlite" in names
    for page in ("man1/hvrepl.1", "man5/hvrepl-specs.5"):
        assert [name for name in names if name.endswith(f".data/data/share/man/{page}")]
    assert "hvrepl/py.typed" in names
    assert [name for name in names if name.endswith(".dist-info/entry_points.txt")]


def test_the_metadata_says_for_whom_it_is(wheel: zipfile.Path) -> None:
    (name,) = [name for name in wheel.root.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(wheel.root.read(name))
    assert (metadata["Name"], metadata["Version"], metadata["License-Expression"]) == ("hvrepl", hvrepl.__version__, "MIT")
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert {"Programming Language :: Python :: 3.11", "Typing :: Typed"} <= set(metadata.get_all("Classifier", []))
    assert {"drgn", "vmcore"} <= set(metadata.get_all("Provides-Extra", []))


def test_the_wheel_has_nothing_else(wheel: zipfile.Path) -> None:
    for name in wheel.root.namelist():
        first, *_ = Path(name).parts
        assert first == "hvrepl" or first.endswith((".dist-info", ".data")), name
        assert not name.endswith((".toml", ".pyc")), name


COMMANDS = [
    ["list", "-f", "ndjson"],
    ["list", "--arch", "arm64", "-f", "csv"],
    ["find", "sint"],
    ["find", "bit:17"],
    ["show", "guest-id"],
    ["show", "message", "-f", "json"],
    ["decode", "sint2", "0x04000000000200f3"],
    ["decode", "0x8100000606570000", "-f", "json"],
    ["decode", "status", "0xC0350005", "-f", "line"],
    ["decode", "page", f"@{ROOT}/tests/data/dumps/page.gdb.txt", "-f", "json"],
    ["--arch", "arm64", "decode", "HV_REGISTER_SINT2", "0x10013", "-f", "bits"],
    ["encode", "guest-id", "kernel=6.6.87"],
    ["diff", "sint2", "1", "2"],
    ["check", "sint2", "1", "vector=2"],
    ["decode", "sintt2", "1"],
    ["--specs", str(ROOT / "tests" / "data" / "specs"), "list"],
    ["--version"],
    ["-c", "arch arm64", "-c", "sint2 1"],
]


# Runs each of the commands in the first argument, and prints their statuses and output.
ALL = """\
import io, json, sys
from hvrepl.__main__ import ways
from hvrepl.script.program import run
from hvrepl.commands.session import Streams
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    print(json.dumps([words, run(words, Streams(io.BytesIO(), out, err, {}), ways()), out.getvalue(), err.getvalue()]))
"""


def run_all(home: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", ALL, json.dumps(COMMANDS)],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_the_program_of_the_wheel_says_what_that_of_the_checkout_says(unpacked: Path) -> None:
    of_wheel, of_checkout = run_all(unpacked), run_all(ROOT)
    assert of_wheel == of_checkout
    assert {json.loads(line)[1] for line in of_wheel} == {0, 1, 3}


@pytest.mark.parametrize("arguments", [["decode", "guest-id", "0x8100000606570000"], ["decode", "sintt2", "1"]], ids=" ".join)
def test_the_wheel_is_a_program_of_its_own(arguments: list[str], unpacked: Path) -> None:
    assert run(unpacked, *arguments) == run(ROOT, *arguments)


def test_the_wheel_is_run_from_its_own_index(unpacked: Path) -> None:
    script = "import os, hvrepl.catalog.opening as c; print(os.path.exists(c.BUILT_INDEX), os.path.exists(c.CHECKOUT_SPECS), c.__file__)"
    done = subprocess.run([sys.executable, "-c", script], cwd=unpacked, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"True False {unpacked / 'hvrepl' / 'catalog' / 'opening.py'}\n"


def loaded(home: Path, *lines: str) -> set[str]:
    """The modules of LAZY that lines load, all in one process."""
    script = (
        "import io, json, sys\n"
        "from hvrepl.__main__ import ways\n"
        "from hvrepl.script.program import run\n"
        "from hvrepl.commands.session import Streams\n"
        "for line in sys.argv[1:]:\n"
        "    assert run(line.split(), Streams(io.BytesIO(), io.StringIO(), sys.stderr, {}), ways()) == 0\n"
        f"print(json.dumps([name for name in {LAZY} if name in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *lines], cwd=home, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return set(json.loads(done.stdout))


def test_what_needs_no_library_loads_none(unpacked: Path) -> None:
    forms = [f"decode sint2 0x200f3 -f {form}" for form in ("json", "fields", "line", "ndjson", "csv", "bits")]
    assert loaded(unpacked, "--version", "list msr", "show sint2", *forms) == set()


def test_a_table_loads_tabulate(unpacked: Path) -> None:
    assert loaded(unpacked, "decode sint2 0x200f3 -f table") - {"datetime", "pathlib", "typing"} == {"tabulate"}


def test_the_checkout_loads_no_shell_either() -> None:
    assert not {"prompt_toolkit", "tabulate", "rich", "pydantic", "typer"} & loaded(ROOT, "decode sint2 0x200f3 -f json")
