"""The index that a checkout keeps between runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hvrepl.catalog.build.kept import open_kept
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.errors import FileError, SpecError

SPEC = """\
kind = "enumeration"
name = "COLOR"
width = 8
source = ["a:b#c"]
values = [{{ value = {value}, name = "red" }}]
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "specs"
    (folder / "common").mkdir(parents=True)
    write(folder, 1)
    return folder


def write(specs: Path, value: int) -> None:
    (specs / "common" / "color.toml").write_text(SPEC.format(value=value))


def red(specs: Path) -> int:
    return Catalog(open_kept(specs)).find_name("COLOR").spec.values[0].low


def kept(specs: Path) -> list[Path]:
    return sorted((specs.parent / "build").glob("*"))


def test_a_second_run_opens_what_the_first_has_kept(specs: Path) -> None:
    assert red(specs) == 1
    (first,) = kept(specs)
    before = first.stat().st_ino, first.stat().st_mtime_ns
    assert red(specs) == 1
    assert kept(specs) == [first]
    assert (first.stat().st_ino, first.stat().st_mtime_ns) == before


def test_a_changed_spec_is_seen_at_once_and_the_old_index_goes(specs: Path) -> None:
    red(specs)
    (first,) = kept(specs)
    write(specs, 22)
    assert red(specs) == 22
    (second,) = kept(specs)
    assert second != first


def test_a_spec_of_the_same_size_but_another_time_is_read_anew(specs: Path) -> None:
    red(specs)
    write(specs, 2)
    os.utime(specs / "common" / "color.toml", ns=(1, 1))
    assert red(specs) == 2


def test_where_nothing_can_be_kept_the_specs_are_read_all_the_same(specs: Path) -> None:
    (specs.parent / "build").write_text("a file where the folder should be")
    assert red(specs) == 1


def test_specs_that_are_not_toml_are_refused_and_nothing_is_kept(specs: Path) -> None:
    (specs / "common" / "color.toml").write_text("kind =")
    with pytest.raises(SpecError, match=r"color\.toml"):
        open_kept(specs)
    assert kept(specs) == []


def test_a_link_to_nothing_among_the_specs_ends_nothing(specs: Path) -> None:
    (specs / "common" / ".#color.toml").symlink_to("somebody@somewhere.1234")
    assert red(specs) == 1


def test_a_spec_in_a_new_folder_is_seen_at_once(specs: Path) -> None:
    red(specs)
    (specs / "x64" / "more").mkdir(parents=True)
    write(specs, 3)
    (specs / "common" / "color.toml").rename(specs / "x64" / "more" / "color.toml")
    assert red(specs) == 3


def test_a_folder_of_specs_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="specs"):
        open_kept(tmp_path / "specs")


def test_a_process_looks_at_the_specs_of_a_checkout_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every command of a script would look at each spec again."""
    open_index()
    monkeypatch.setattr(os, "scandir", None)
    open_index()
