"""-o FILE: links are followed, modes stay, and a failure to write is one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.at_hand import needs
from tests.program import call
from tests.transcripts import ROOT

PAGE = ROOT / "tests" / "data" / "dumps" / "page.bin"
SINT = (0x30).to_bytes(8, "little")


def write(path: Path | str) -> int:
    """The exit status of writing a register's bytes; the only other output is the fault."""
    ended = call("encode", "sint2", "vector=0x30", "-o", str(path))
    assert (ended.out, ended.err.count("\n")) == ("", bool(ended.status))
    return ended.status


def test_a_new_file_has_the_mode_that_files_have(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    assert write(tmp_path / "out") == 0
    assert (tmp_path / "out").read_bytes() == SINT
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode


@needs(modes_of_POSIX=os.name == "posix")
def test_a_file_that_is_there_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(bytes(100))
    path.chmod(0o600)
    assert write(path) == 0
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (SINT, 0o600)


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("out")
    assert write(tmp_path / "link") == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "out").read_bytes() == SINT


def test_what_cannot_be_encoded_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"before")
    assert call("encode", "sint2", "vectr=1", "-o", str(path)).status == 2
    assert call("eom", f"@{PAGE}", "99", "-o", str(path)).status == 2
    assert path.read_bytes() == b"before"


def test_a_page_is_freed_in_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(PAGE.read_bytes())
    assert call("eom", f"@{path}", "2", "-o", str(path)).status == 0
    changed = [at for at, (one, other) in enumerate(zip(PAGE.read_bytes(), path.read_bytes(), strict=True)) if one != other]
    assert changed == [512]


@pytest.mark.parametrize("name", ["", "nosuch/out", "link"], ids=["folder", "no_folder", "loop"])
def test_a_file_that_cannot_be_written_is_status_4(name: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    assert write(f"{tmp_path}{os.sep}{name}") == 4
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


@needs("/dev/full")
def test_a_full_disk_is_status_4() -> None:
    assert write("/dev/full") == 4
