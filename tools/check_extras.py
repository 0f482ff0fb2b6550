"""Checks every extra: `python tools/check_extras.py WHEEL` installs the wheel alone, with each of its extras, with all, and with all into
an environment that already has programs with the same dependencies.

It uses the Python that runs it. In each environment pip must not find a conflict, the installed extras must work, and for the others hvrepl
must say what to install. Faults are printed, and then the exit status is 1.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from check_dist import ROOT, FailedError, install, result, run

DATA = ROOT / "tests" / "data"
BESIDE = ["jupyter", "fastapi[standard]", "pandas"]


class Extra(NamedTuple):
    """A command for Python, text that its output must contain if the extra is installed, and text if it is not."""

    words: Sequence[str]
    works: Sequence[str]
    lacks: str


# Vmcores with every packing of pages, and an image that is packed as a file.
PACKED = ["snappy.kdump", "zstd.kdump", "lzo.kdump", "image.zst"]
MAKE_PACKED = """
from pathlib import Path
import sys
from tests.images.core import TIMER, page
from tests.images.kdump import kdump, with_lzo, with_snappy, with_zstd
from tests.images.packed import zstd
guest = page({2: TIMER})
for name, pack in {"snappy": with_snappy, "zstd": with_zstd, "lzo": with_lzo}.items():
    Path(sys.argv[1], f"{name}.kdump").write_bytes(kdump({0x3C5A: guest}, pack))
Path(sys.argv[1], "image.zst").write_bytes(zstd(guest))
"""
PROGRAM = ["-P", "-m", "hvrepl"]
EXTRAS = {
    "columns": Extra(
        [*PROGRAM, "columns", str(DATA / "fleet" / "ids.parquet"), "guest_id=guest-id"],
        ["98  24.5%  Linux 5.15.167, Ubuntu (Canonical), package ABI 1071"],
        "install the package pyarrow",
    ),
    "drgn": Extra(["-P", "-c", "import hvrepl.debuggers.drgn, drgn; print(drgn.Program())"], ["drgn.Program"], "No module named 'drgn'"),
    "evtx": Extra([*PROGRAM, "annotate", str(DATA / "evtx" / "security.evtx")], ["7 events"], "install the package evtx"),
    # It only makes the search faster, so only the library itself shows that it is used, where it has a wheel.
    "fast": Extra(
        ["-X", "importtime", *PROGRAM, "annotate", "--only", str(DATA / "logs" / "dmesg.txt")],
        ["ahocorasick_rs"] if sys.version_info < (3, 15) else ["VMBus protocol 5.3"],
        "VMBus protocol 5.3",
    ),
    "kubevirt": Extra([*PROGRAM, "cpuid", str(DATA / "qemu" / "kubevirt.yaml")], ["hv-"], "PyYAML"),
    "vmcore": Extra(
        [*PROGRAM, "scan", "-f", "line", str(DATA / "images" / "guest.avml"), *PACKED],
        [f"{name}:0x" for name in ("guest.avml", *PACKED)],
        "install the package",
    ),
    "web": Extra(["-P", "-c", "import hvrepl.web.site; print(hvrepl.web.site.__name__)"], ["hvrepl.web.site"], "jinja2"),
}


def faults(wheel: Path, extras: Collection[str], before: Sequence[str], home: Path) -> Iterator[str]:
    """The faults of the wheel with some extras, installed after other packages."""
    python = install(home / "env", *before) / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    there = set(run([*pip, "freeze"]).splitlines())
    install(home / "env", f"{wheel}[{','.join(extras)}]" if extras else wheel)
    yield from (f"it changes what was there: {line}" for line in sorted(there - set(run([*pip, "freeze"]).splitlines())))
    check = result([*pip, "check"])
    yield from check.stdout.splitlines() if check.returncode else ()
    for name in EXTRAS:
        yield from faults_of(name, python, home, is_there=name in extras)


def faults_of(name: str, python: str | Path, home: Path, *, is_there: bool) -> Iterator[str]:
    """What an installed extra fails to do, or what hvrepl fails to say about a missing one."""
    extra = EXTRAS[name]
    if name == "vmcore" and is_there:
        run([python, "-c", MAKE_PACKED, home], folder=ROOT)
    done = result([python, *extra.words], folder=home)
    shown = done.stdout + done.stderr
    missing = [text for text in (extra.works if is_there else [extra.lacks]) if text not in shown]
    if missing:
        yield f"{name} {'is' if is_there else 'is not'} installed, and {missing} is not in what it prints: {shown.strip()[-400:]}"


def main(wheel: Path) -> int:
    status = 0
    for extras, before in [((), ()), *(((name,), ()) for name in EXTRAS), (EXTRAS, ()), (EXTRAS, BESIDE)]:
        with tempfile.TemporaryDirectory() as home:
            try:
                found = list(faults(wheel.resolve(), extras, before, Path(home)))
            except FailedError as error:
                found = [str(error)]
        title = f"Python {platform.python_version()}: hvrepl[{','.join(extras)}]{' next to ' * bool(before)}{', '.join(before)}"
        print(f"{title}: {'works' if not found else f'{len(found)} faults'}", *found, sep="\n  ", flush=True)
        status |= bool(found)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
