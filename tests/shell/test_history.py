"""The shell's history: the lines it keeps, its place and owner, and that any state of its file is harmless."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hvrepl.shell.history import open_history
from tests.shell.typed import paste, type_keys, type_lines
from tests.terminal import C_R, ENTER, UP

LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
ROW = "10 00 00 80 18 00 00 00"


def kept(file: Path) -> list[str]:
    return [line[1:] for line in file.read_text(errors="replace").splitlines() if line.startswith("+")]


# Typed lines → the lines that are kept.
KEPT = {
    "lines": (["simp", "sint2 0x30"], ["simp", "sint2 0x30"]),
    "repetition": (["simp", "simp", "sint2 0x30", "simp"], ["simp", "sint2 0x30", "simp"]),
    "leading_space": ([" simp", "sint2 0x30"], ["sint2 0x30"]),
    "nothing": (["", "simp"], ["simp"]),
    "error": (["nosuch 1"], ["nosuch 1"]),
    "longest": ([f"#{'x' * 4095}"], [f"#{'x' * 4095}"]),
    "too_long": ([f"#{'x' * 4096}", "simp"], ["simp"]),
    "other_scripts": (["имя 🐛"], ["имя 🐛"]),
    "comment": (["# comment"], ["# comment"]),
    "bytes_behind_a_name": ([f"message {ROW}"], [f"message {ROW}"]),
}


@pytest.mark.parametrize(("lines", "expected"), KEPT.values(), ids=KEPT)
def test_lines_are_kept(lines: list[str], expected: list[str], tmp_path: Path) -> None:
    file = tmp_path / "history"
    type_lines(*lines, environ={"HVREPL_HISTORY": str(file)})
    assert kept(file) == expected


def test_a_dump_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "history"
    assert type_keys(paste(f"{ROW}\n{ROW}\n"), f"simp{ENTER}", environ={"HVREPL_HISTORY": str(file)}).startswith("SynIC message")
    assert kept(file) == ["simp"]


def test_history_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "history"
    type_lines("simp", environ={"HVREPL_HISTORY": str(file)})
    assert [path.stat().st_mode & 0o777 for path in (file.parent, file)] == [0o700, 0o600]


def test_a_history_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_text("\n# 2026-01-01 00:00:00\n+sint2 0x30\n")
    file.chmod(0o644)
    type_lines("simp", environ={"HVREPL_HISTORY": str(file)})
    assert (file.stat().st_mode & 0o777, kept(file)) == (0o600, ["sint2 0x30", "simp"])


def test_a_history_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "history")
    assert type_keys(f"simp{ENTER}", environ={"HVREPL_HISTORY": str(tmp_path / "history")}).startswith("HV_X64_MSR_SIMP")


CALLS = {"up": UP * 2 + ENTER, "search": f"{C_R}nt2{ENTER}{ENTER}"}  # keys that run the line before the last, which was sint2 0x30


@pytest.mark.parametrize("keys", CALLS.values(), ids=CALLS)
def test_a_line_of_an_earlier_session_is_called_up(keys: str, tmp_path: Path) -> None:
    environ = {"HVREPL_HISTORY": str(tmp_path / "history")}
    type_lines("sint2 0x30", "format line", environ=environ)
    assert type_keys(f"format line{ENTER}", keys, environ=environ) == LINE


@pytest.mark.parametrize("keys", CALLS.values(), ids=CALLS)
def test_a_line_of_this_session_is_called_up_though_none_is_kept(keys: str) -> None:
    assert type_keys(f"sint2 0x30 -f line{ENTER}", f"simp > /dev/null{ENTER}", keys) == LINE * 2


@pytest.mark.parametrize(
    ("environ", "file"),
    [
        ({"XDG_STATE_HOME": "{0}/state"}, "state/hvrepl/history"),
        ({"HOME": "{0}"}, ".local/state/hvrepl/history"),
        ({"XDG_STATE_HOME": "", "HOME": "{0}"}, ".local/state/hvrepl/history"),
        ({"XDG_STATE_HOME": "{0}/state", "HOME": "{0}"}, "state/hvrepl/history"),
        ({"HVREPL_HISTORY": "{0}/mine", "XDG_STATE_HOME": "{0}/state"}, "mine"),
        ({"HVREPL_HISTORY": "~/folder/mine", "HOME": "{0}"}, "folder/mine"),
        ({"XDG_STATE_HOME": "state", "HOME": "{0}"}, ".local/state/hvrepl/history"),
    ],
    ids=["state", "home", "empty_state", "state_before_home", "own_file", "own_file_at_home", "relative_state"],
)
def test_the_environment_says_where_history_is_kept(environ: dict[str, str], file: str, tmp_path: Path) -> None:
    type_lines("simp", environ={"HVREPL_HISTORY": None} | {name: text.format(tmp_path) for name, text in environ.items()})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / file]
    assert kept(tmp_path / file) == ["simp"]


def test_an_empty_variable_turns_history_off(tmp_path: Path) -> None:
    type_lines("simp", environ={"HVREPL_HISTORY": "", "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_a_home_has_no_history(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # the result for a user whom the system does not know
    type_lines("simp", environ={"HVREPL_HISTORY": None, "XDG_STATE_HOME": None, "HOME": None})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("home", ["{0}/missing", "relative", "~", "."])
@pytest.mark.parametrize("history", [None, "~/history"])
def test_no_folder_is_made_for_a_home_that_is_not_one(
    home: str, history: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    type_lines("simp", environ={"HVREPL_HISTORY": history, "XDG_STATE_HOME": None, "HOME": home.format(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_only_the_end_of_a_long_history_is_read(tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_text("".join(f"\n# 2026-01-01 00:00:00\n+sint2 {number:#x} -f line\n" for number in range(100_000)))
    history = open_history({"HVREPL_HISTORY": str(file)})
    lines = list(history.load_history_strings())
    assert 10_000 < len(lines) < 30_000
    assert lines[0] == "sint2 0x1869f -f line"
    assert {len(line.split()) for line in lines} == {4}
    assert type_keys(UP + ENTER, environ={"HVREPL_HISTORY": str(file)}).startswith("HV_X64_MSR_SINT2 0x000000000001869f ")


@pytest.mark.parametrize("place", ["", "file/history", "file/folder/history"], ids=["folder", "below_a_file", "two_below_a_file"])
def test_a_history_that_cannot_be_read_or_written_is_not_an_error(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert type_lines("format line", "sint2 0x30", environ={"HVREPL_HISTORY": str(tmp_path / place)}) == LINE


@pytest.mark.parametrize("data", [b"\0\xff\n+simp\n+\xff\n", b"+", b"\n\n+\n", b"simp\n"], ids=["bytes", "cut", "empty_line", "no_history"])
def test_odd_bytes_in_a_history_are_not_an_error(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_bytes(data)
    environ = {"HVREPL_HISTORY": str(file)}
    assert type_keys(f"format line{ENTER}", f"sint2 0x30{ENTER}", UP * 3 + ENTER, environ=environ).startswith(LINE)
    assert file.read_bytes().startswith(data)
    assert "sint2 0x30" in kept(file)
