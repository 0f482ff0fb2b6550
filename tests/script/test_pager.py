"""Output that is taller than the terminal goes through a pager; not if it fits, if input is awaited, or without a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from hvrepl.script.pager import choose_pager, rows_of
from tests.at_hand import needs
from tests.program import PROGRAM, call, execute
from tests.terminal import C_C, C_D, Terminal

MARK = "sed s/^/paged:/"  # a pager that leaves its mark
ROWS = 12
DEFAULT = ["env", "-u", "PAGER", *PROGRAM]  # without the variable that keeps all other tests from paging


def last_of(*arguments: str) -> str:
    return call(*arguments, columns=80).out.splitlines()[-1][:60].strip()


def pager_for(keys: str) -> str:
    """C-c ends a pager of ours: less misses it between the ":" and the wait for a key."""
    return f"sh -c 'head -n {ROWS - 2}; stty -echo </dev/tty; echo :; read key </dev/tty'" if keys == C_C else "less -FRX"


@needs("less")
def test_a_long_answer_is_read_in_less_and_left_with_q(tmp_path: Path) -> None:
    with Terminal(tmp_path, "show", "guest-id", program=DEFAULT, rows=ROWS) as terminal:
        terminal.until(lambda: ":" in terminal.lines, "the pager does not wait")
        assert "\x1b[" not in terminal.text
        assert terminal.is_bold("HV_X64_MSR_GUEST_OS_ID")
        terminal.send("G")
        terminal.see(last_of("show", "guest-id"), "(END)")
        terminal.send("q")
        assert terminal.end() == 0


@needs("less")
@pytest.mark.parametrize("keys", ["q", C_C], ids=["q", "C-c"])
def test_whoever_leaves_the_pager_early_has_seen_enough(keys: str, tmp_path: Path) -> None:
    (tmp_path / "values").write_text("0x30\n" * 50_000)
    with Terminal(tmp_path, "decode", "sint2", f"@{tmp_path}/values", "-f", "line", rows=ROWS, PAGER=pager_for(keys)) as terminal:
        terminal.until(lambda: ":" in terminal.lines, "the pager does not wait")
        terminal.send(keys)
        assert terminal.end() == 0
        assert "Traceback" not in terminal.scrolled


@needs("less")
@pytest.mark.parametrize("keys", ["q", C_C], ids=["q", "C-c"])
def test_the_shell_continues_after_the_pager(keys: str, tmp_path: Path) -> None:
    with Terminal(tmp_path, rows=ROWS, PAGER=pager_for(keys)) as terminal:
        terminal.prompt()
        terminal.send("list\r")
        terminal.until(lambda: ":" in terminal.lines, "the pager does not wait")
        terminal.send(keys)
        terminal.prompt()
        terminal.run("sint2 0x30 -f line")
        terminal.see("vector 0x30")


def test_the_height_is_measured_again_at_each_line(tmp_path: Path) -> None:
    with Terminal(tmp_path, rows=12, PAGER=MARK) as terminal:
        terminal.prompt()
        terminal.run("show vp-assist-page")
        terminal.see("paged:")
        terminal.resize(80, 60)
        terminal.run("show vp-assist-page")
        assert "paged:" not in terminal.text.rpartition("hv x64> show")[2]


# Arguments → whether their output goes through a pager on a terminal of 12 rows.
PAGED: Mapping[str, bool] = {
    "list msr": True,
    "show sint2 --color never": True,
    "help": True,
    "--help": True,
    "list vmbus -f json": True,
    "simp 0x1": False,
    "help version": False,
    "-c list\\ vmbus": False,
    "annotate data/logs/dmesg.txt": False,
}


@pytest.mark.parametrize(("arguments", "is_paged"), PAGED.items(), ids=PAGED)
def test_output_taller_than_the_terminal_is_paged(arguments: str, is_paged: bool, tmp_path: Path) -> None:
    with Terminal(tmp_path, *shlex.split(arguments), rows=ROWS, PAGER=MARK) as terminal:
        assert terminal.end() == 0
        assert ("paged:" in terminal.scrolled) == is_paged


def test_a_script_on_stdin_is_not_paged(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("list msr\n")
    program = ["sh", "-c", f"{shlex.join(map(str, PROGRAM))} < {shlex.quote(str(tmp_path / 'script'))}"]
    with Terminal(tmp_path, program=program, rows=ROWS, PAGER=MARK) as terminal:
        assert terminal.end() == 0
        assert "HV_X64_MSR_HYPERCALL" in terminal.scrolled
        assert "paged:" not in terminal.scrolled


# Variables that prevent paging: turned off, a missing or unreadable pager, or a terminal that only prints.
OFF: Mapping[str, dict[str, str]] = {
    "empty": {"HVREPL_PAGER": "", "PAGER": MARK},
    "not_there": {"HVREPL_PAGER": "/nosuch/pager -x", "PAGER": MARK},
    "dumb": {"PAGER": MARK, "TERM": "dumb"},
}


@pytest.mark.parametrize("environ", OFF.values(), ids=OFF)
def test_without_a_pager_all_is_printed(environ: dict[str, str], tmp_path: Path) -> None:
    with Terminal(tmp_path, "list", "msr", rows=ROWS, **environ) as terminal:
        assert terminal.end() == 0
        assert "HV_X64_MSR_GUEST_OS_ID" in terminal.scrolled
        assert last_of("list", "msr") in terminal.scrolled
        assert "paged:" not in terminal.scrolled


def test_hvrepl_s_own_variable_goes_before_the_other(tmp_path: Path) -> None:
    with Terminal(tmp_path, "list", "msr", rows=ROWS, PAGER="/nosuch", HVREPL_PAGER="LC_ALL=C sed s/^/mine:/") as terminal:
        assert terminal.end() == 0
        assert "mine:" in terminal.scrolled


@pytest.mark.parametrize(("environ", "expected"), [({}, "<FRX>"), ({"LESS": "-R"}, "<-R>")], ids=["unset", "set"])
def test_less_is_told_to_show_colour_unless_it_has_other_settings(environ: dict[str, str], expected: str, tmp_path: Path) -> None:
    with Terminal(tmp_path, "list", "msr", rows=ROWS, PAGER='sh -c "cat > /dev/null; echo \\"<\\$LESS>\\""', **environ) as terminal:
        assert terminal.end() == 0
        assert expected in terminal.scrolled


def test_values_from_a_terminal_are_answered_one_by_one(tmp_path: Path) -> None:
    with Terminal(tmp_path, "decode", "sint2", "-", "-f", "line", rows=ROWS, PAGER=MARK) as terminal:
        for number in range(0x20, 0x40):
            terminal.send(f"{number:#x}\r")
            terminal.see(f"  vector {number:#x}")
        terminal.send(C_D)
        assert terminal.end() == 0
        assert "paged:" not in terminal.scrolled


def test_errors_stay_among_what_is_paged_and_the_last_one_follows_it(tmp_path: Path) -> None:
    values = ["0x30"] * 6 + ["zz"] + ["0x31"] * 6
    with Terminal(tmp_path, "decode", "-k", "-f", "line", "sint2", *values, rows=ROWS, PAGER=MARK) as terminal:
        assert terminal.end() == 2
        lines = [line for line in terminal.scrolled.splitlines() if line]
        assert [line[:10] for line in lines] == ["paged:HV_X"] * 6 + ["paged:'zz'"] + ["paged:HV_X"] * 6
    with Terminal(tmp_path, "decode", "-f", "line", "sint2", *["0x30"] * 15, "zz", rows=ROWS, PAGER=MARK) as terminal:
        assert terminal.end() == 2
        *answers, error = [line for line in terminal.scrolled.splitlines() if line]
        assert all(line.startswith("paged:") for line in answers)
        assert error.startswith("'zz'")


def test_without_a_terminal_nothing_is_paged() -> None:
    assert execute("list", "msr", PAGER=MARK).out == call("list", "msr", columns=0).out


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PAGER": "sh -c 'more'"}, "sh -c 'more'"),
        ({"PAGER": " sh "}, "sh"),
        ({"PAGER": "A=1 sh"}, "A=1 sh"),
        ({"PAGER": "A=1"}, ""),
        ({"PAGER": "sh", "HVREPL_PAGER": "nosuch"}, ""),
        ({"PAGER": "sh", "HVREPL_PAGER": "cat"}, ""),
        ({"PAGER": ""}, ""),
        ({"PAGER": "cat"}, ""),
        ({"PAGER": "sh '"}, ""),
    ],
)
def test_the_pager_is_chosen_if_it_is_there(environ: dict[str, str], expected: str) -> None:
    assert choose_pager(environ) == expected


def test_no_pager_is_chosen_where_the_path_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nosuch")
    assert (choose_pager({}), choose_pager({"PAGER": "sh"})) == ("", "")


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("", 10, 0),
        ("a", 10, 0),
        ("\n", 10, 1),
        ("0123456789\n", 10, 1),
        ("0123456789a\n", 10, 2),
        ("\x1b[36m0123456789\x1b[0m\nb\n", 10, 2),
        ("x" * 30 + "\n", 0, 1),
    ],
)
def test_long_lines_take_several_rows_and_colour_none(text: str, columns: int, rows: int) -> None:
    assert rows_of(text, columns) == rows
