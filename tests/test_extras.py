"""tools/check_extras.py tries every extra, by a command that uses it."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tests.at_hand import need
from tests.paths import ROOT

MODULES = {
    "columns": ["pyarrow"],
    "drgn": ["drgn"],
    "evtx": ["evtx"],
    "fast": ["ahocorasick_rs"],
    "kubevirt": ["yaml"],
    "vmcore": ["cramjam", "lzallright"],
    "web": ["jinja2"],
}


@pytest.fixture(scope="module")
def check_extras() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "tools")
        return importlib.import_module("check_extras")


def test_every_extra_is_tried(check_extras: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(check_extras.EXTRAS) == set(project["optional-dependencies"]) == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_an_extra_that_is_here_is_used(name: str, check_extras: ModuleType, tmp_path: Path) -> None:
    need(*[f"module:{module}" for module in MODULES[name]])
    assert list(check_extras.faults_of(name, sys.executable, tmp_path, is_there=True)) == []


def test_an_extra_that_does_nothing_is_a_fault(check_extras: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    idle = check_extras.Extra(["-c", "print('install hvrepl[columns]')"], ["98"], "install hvrepl[columns]")
    monkeypatch.setitem(check_extras.EXTRAS, "columns", idle)
    (fault,) = check_extras.faults_of("columns", sys.executable, tmp_path, is_there=True)
    assert fault == "columns is installed, and ['98'] is not in what it prints: install hvrepl[columns]"
    assert list(check_extras.faults_of("columns", sys.executable, tmp_path, is_there=False)) == []
