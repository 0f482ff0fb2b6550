"""Scripts: where they stop and how, settings for one line and lasting ones, sourced files, and what requires --allow-shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.program import call, execute
from tests.transcripts import ROOT

LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"

# Lines → (status, lines of output, the one line on stderr).
STOPS = {
    "done": (["sint2 0x30", "sint2 0x30"], 0, 2, ""),
    "usage": (["sint2 0x30", "sint2 zz", "sint2 0x30"], 2, 1, "'zz'"),
    "no_command": (["sint2 0x30", "--nosuch", "sint2 0x30"], 2, 1, "no such option"),
    "unread_line": (["sint2 0x30", "sint2 '", "sint2 0x30"], 2, 1, "not closed"),
    "not_found": (["sint2 0x30", "nosuch 1", "sint2 0x30"], 3, 1, "nosuch"),
    "no_file": (["sint2 0x30", "page @/nosuch", "sint2 0x30"], 4, 1, "/nosuch"),
    "remembered": (["check sint2 0x30 masked=1", "sint2 0x30"], 1, 2, ""),
    "remembered_strict": (["sint2 1 --strict", "sint2 0x30"], 1, 2, ""),
    "error_after_1": (["check sint2 0x30 masked=1", "nosuch 1", "sint2 0x30"], 3, 1, "nosuch"),
    "quit": (["sint2 0x30", "quit", "nosuch 1"], 0, 1, ""),
    "exit_remembers": (["check sint2 0x30 masked=1", "exit", "nosuch 1"], 1, 1, ""),
}


def as_options(lines: list[str]) -> list[str]:
    return [word for line in lines for word in ("-c", line)]


def as_stdin(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize(("lines", "status", "count", "says"), STOPS.values(), ids=STOPS)
def test_a_script_stops_at_the_first_error_and_ends_with_it(lines: list[str], status: int, count: int, says: str) -> None:
    given, piped = call("-f", "line", *as_options(lines)), call("-f", "line", stdin=as_stdin(lines))
    assert given.status == piped.status == status
    assert given.out == piped.out
    assert given.out.count("\n") == count
    assert says in given.err
    assert given.err.count("\n") == bool(says)
    assert piped.err == (f"stdin:2: {given.err}" if says else "")


GOES_ON = {
    "first_2": (["sint2 zz", "nosuch 1", "page @/nosuch", "sint2 0x30"], 2),
    "first_3": (["nosuch 1", "sint2 zz", "sint2 0x30"], 3),
    "first_4": (["page @/nosuch", "sint2 zz", "sint2 0x30"], 4),
    "error_beats_1": (["check sint2 0x30 masked=1", "nosuch 1", "sint2 0x30"], 3),
    "error_beats_later_1": (["nosuch 1", "check sint2 0x30 masked=1", "sint2 0x30"], 3),
    "only_1": (["check sint2 0x30 masked=1", "sint2 0x30"], 1),
    "keep_going_twice": (["nosuch 1", "sint2 0x30 -k"], 3),
}


@pytest.mark.parametrize(("lines", "status"), GOES_ON.values(), ids=GOES_ON)
def test_with_keep_going_all_lines_run_and_the_first_error_is_the_status(lines: list[str], status: int) -> None:
    ended = call("-k", "-f", "line", stdin=as_stdin(lines))
    assert ended.status == status
    assert ended.out.endswith(LINE)
    numbers = [number for number, line in enumerate(lines, 1) if "check" not in line and "sint2 0x30" not in line]
    assert [line.split(":")[:2] for line in ended.err.splitlines()] == [["stdin", str(number)] for number in numbers]


def test_errors_of_one_line_are_reported_with_the_line_whoever_finds_them() -> None:
    ended = call("-k", "-f", "line", stdin=b"0xdeadbeef12\npage 00\nsint2 zz\n")
    assert [line[:8] for line in ended.err.splitlines()] == ["stdin:1:", "stdin:2:", "stdin:3:"]


def test_ndjson_of_a_script_that_continues_has_a_line_for_each_line_that_asks() -> None:
    lines = [
        "# head",
        "",
        "sint2 0x30",
        "arch arm64",
        "nosuch 1",
        "  ",
        "sint2 0x30",
        "sint2 'x",
        "0x8100000606570000 # linux",
        "quit",
        "x 1",
    ]
    ended = call("-k", "-f", "ndjson", stdin=as_stdin(lines))
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [(one["line"], one.get("arch") or one.get("status")) for one in found] == [
        (3, "x64"),
        (5, 3),
        (7, "arm64"),
        (8, 2),
        (9, "arm64"),
    ]
    assert [one["input"] for one in found if "error" in one] == ["nosuch 1", "sint2 'x"]
    assert all(next(iter(one)) == "line" for one in found)
    assert (ended.status, ended.err) == (3, "")


@pytest.mark.parametrize("given", [b"0x30\nzz\n\n# x\n0x31", b"zz\n0x30\n"], ids=["values", "error_first"])
def test_ndjson_of_values_that_continue_has_a_line_for_each_value(given: bytes) -> None:
    ended = call("decode", "sint2", "-", "-k", "-f", "ndjson", stdin=given)
    texts = {number: line.decode() for number, line in enumerate(given.splitlines(), 1) if line and not line.startswith(b"#")}
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [one["line"] for one in found] == list(texts)
    assert all(one["input"] == texts[one["line"]] == "zz" and one["status"] == 2 for one in found if "error" in one)
    assert (ended.status, ended.err) == (2, "")


def test_options_on_a_line_end_with_the_line() -> None:
    ended = call("-f", "line", "-c", "sint2 0x30 --arch arm64 -f ndjson", "-c", "sint2 0x30")
    first, second = ended.out.splitlines(keepends=True)
    assert json.loads(first)["arch"] == "arm64"
    assert second == LINE


def test_strict_and_keep_going_on_a_line_end_with_the_line() -> None:
    assert call("-c", "sint2 0x30 --strict", "-c", "sint2 1").status == 0
    ended = call("-f", "line", "-c", "sint2 zz 0x30 -k", "-c", "nosuch 1", "-c", "sint2 0x30")
    assert (ended.status, ended.out) == (2, LINE)
    assert len(ended.err.splitlines()) == 2


def test_with_keep_going_each_value_of_a_command_counts_by_itself(folder: Path) -> None:
    put(folder, "good", "# comment", "0x30")
    put(folder, "bad", "0x30", "zz", "0x30")
    ended = call("decode", "-k", "-f", "line", "sint2", "zz", "0x30", "@missing", "@bad", "@good")
    assert (ended.status, ended.out) == (2, LINE * 4)
    assert [line.split(" ")[0] for line in ended.err.splitlines()] == ["'zz'", "missing:", "bad:2:"]


def test_with_keep_going_each_dump_of_a_command_counts_by_itself(folder: Path) -> None:
    (folder / "good").write_bytes(bytes(256))
    put(folder, "text", "no dump at all")
    ended = call("decode", "-k", "-f", "line", "message", "@missing", "@good", "@text", "@good")
    assert (ended.status, ended.out.count("\n")) == (4, 2)
    assert [line.split(":")[0] for line in ended.err.splitlines()] == ["missing", "text"]


def test_arch_and_format_stay_until_they_are_changed() -> None:
    lines = ["format line", "arch arm64", "sint2 0x30", "arch x64", "sint2 0x30", "format ndjson", "sint2 0x30"]
    out = call(*as_options(lines)).out.splitlines(keepends=True)
    assert out[:2] == [LINE.replace("X64_MSR", "REGISTER"), LINE]
    assert json.loads(out[2])["name"] == "HV_X64_MSR_SINT2"


@pytest.mark.parametrize("word", ["arch x64 x64", "format line bits", "format xml", "arch x86"])
def test_a_setting_takes_one_known_word(word: str) -> None:
    assert call("-c", word).status == 2


def test_a_setting_alone_shows_the_current_one() -> None:
    ended = call("-f", "line", "-c", "arch arm64", "-c", "arch", "-c", "format")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "arm64  x64 arm64\nline  fields table bits line json ndjson csv\n"


def put(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_sourced_file_runs_and_what_it_sets_stays(folder: Path) -> None:
    put(folder, "lines", "# settings", "format line", "arch arm64", "sint2 0x30")
    assert call("-c", "source lines", "-c", "sint2 0x30").out == LINE.replace("X64_MSR", "REGISTER") * 2


def test_a_sourced_file_may_source_another_by_its_path_from_here(folder: Path) -> None:
    put(folder, "a folder/inner", "sint2 0x30")
    put(folder, "a folder/outer", "source 'a folder/inner'", "source 'a folder/inner'")
    assert call("-f", "line", "-c", "source 'a folder/outer'").out == LINE * 2


def test_an_error_in_a_sourced_file_is_reported_with_every_place(folder: Path) -> None:
    put(folder, "inner", "sint2 0x30", "nosuch 1")
    put(folder, "outer", "", "source inner", "sint2 0x30")
    ended = call("-f", "line", stdin=b"\n\nsource outer\n")
    assert (ended.status, ended.out) == (3, LINE)
    assert ended.err == "stdin:3: outer:2: inner:2: no such command or name: nosuch\n"


def test_with_keep_going_errors_in_a_sourced_file_are_reported_with_its_line_and_the_rest_runs(folder: Path) -> None:
    put(folder, "inner", "nosuch 1", "page 00", "sint2 0x30")
    ended = call("-k", "-f", "line", stdin=b"source inner\nnosuch 2\nsint2 0x30\n")
    assert (ended.status, ended.out) == (3, LINE * 2)
    assert [line.split(": ")[0] for line in ended.err.splitlines()] == ["inner:1", "inner:2", "stdin:2"]


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c"]], ids=len)
def test_files_that_source_one_another_end_with_one_line(names: list[str], folder: Path) -> None:
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        put(folder, name, "sint2 0x30", f"source {following}")
    ended = call("-f", "line", "-c", "source a")
    assert (ended.status, ended.out) == (2, LINE * len(names))
    assert ended.err.endswith(": a sources itself\n")
    assert ended.err.count("\n") == 1


def test_files_that_source_one_another_through_links_end_too(folder: Path) -> None:
    put(folder, "a", "source link")
    (folder / "link").symlink_to("a")
    ended = call("-c", "source a")
    assert (ended.status, ended.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("line", "status"),
    [("source", 2), ("source a b", 2), ("source /nosuch", 4), ("source /", 4), ("source ''", 4)],
    ids=["no_file", "two", "missing", "folder", "empty"],
)
def test_source_takes_one_file_that_is_there(line: str, status: int) -> None:
    ended = call("-c", line)
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)


SHELL = ["!echo hi", "sint2 0x30 | cat", "sint2 0x30 > out", "sint2 0x30 >> out"]


@pytest.mark.parametrize("line", SHELL)
def test_a_script_on_stdin_starts_and_writes_nothing(line: str, folder: Path) -> None:
    ended = call(stdin=line.encode())
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "stdin:1: | cmd, !cmd and > file are off here; --allow-shell turns them on\n"
    assert not list(folder.iterdir())


@pytest.mark.parametrize("line", ["-c '!echo hi'", "--allow-shell", "--allow-shell -c '!echo hi'", "-f line", "-k", "--vi"])
def test_a_script_cannot_start_another_that_may_more(line: str) -> None:
    ended = call(stdin=f"{line}\n!echo hi\n".encode())
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "stdin:1: options without a command; `arch` and `format` set the defaults\n"


WRITING = ["encode sint2 vector=0x30 -o out", "sint2 vector=0x30 --output=out", "eom @page 2 -o out"]


@pytest.mark.parametrize("line", WRITING)
def test_an_output_file_of_a_script_on_stdin_needs_allow_shell_too(line: str, folder: Path) -> None:
    (folder / "page").symlink_to(ROOT / "tests" / "data" / "dumps" / "page.bin")
    ended = call(stdin=line.encode())
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == "stdin:1: -o FILE is off here; --allow-shell turns it on\n"
    assert not (folder / "out").exists()
    for arguments in (["--allow-shell"], ["-c", line]):
        allowed = call(*arguments, stdin=line.encode())
        assert (allowed.status, allowed.err) == (0, "")
        (folder / "out").unlink()


def test_a_sourced_file_writes_no_output_file_either(folder: Path) -> None:
    put(folder, "lines", WRITING[0])
    assert call(stdin=b"source lines\n").status == 2
    assert [path.name for path in folder.iterdir()] == ["lines"]


@pytest.mark.parametrize(
    "line", ["--install-completion", "--install-completion bash", "--arch arm64 --show-completion", "-k --install-completion=zsh"]
)
def test_no_script_installs_anything(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("SHELL", "/bin/bash")
    for ended in (call(stdin=line.encode()), call("-c", line)):
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.endswith("are options of hvrepl itself, not of a script\n")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("line", SHELL)
def test_a_sourced_file_may_no_more_than_the_script_that_sources_it(line: str, folder: Path) -> None:
    put(folder, "lines", line)
    ended = call(stdin=b"source lines\n")
    assert (ended.status, ended.out) == (2, "")
    assert [path.name for path in folder.iterdir()] == ["lines"]


@pytest.mark.parametrize("given", [False, True], ids=["stdin", "options"])
def test_commands_and_files_get_the_output_where_they_are_allowed(given: bool, folder: Path) -> None:
    lines = [
        "format line",
        "sint2 0x30",
        "sint2 0x30 | tr a-z A-Z",
        "!echo hi | cat",
        "sint2 0x30 > 'my out'",
        "sint2 0x30 >> 'my out'",
        "arch arm64 > nothing",
        "sint2 0x30",
    ]
    ended = execute(*as_options(lines)) if given else execute("--allow-shell", stdin=as_stdin(lines))
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == LINE + LINE.upper() + "hi\n" + LINE.replace("X64_MSR", "REGISTER")
    assert (folder / "my out").read_text() == LINE * 2
    assert (folder / "nothing").read_text() == ""


def test_a_terminal_s_colour_and_width_do_not_reach_files_and_commands(folder: Path) -> None:
    call("-c", "show sint2 > out", columns=40, stdout_is_terminal=True)
    assert (folder / "out").read_text() == call("show", "sint2", columns=0).out


def test_help_of_a_line_goes_where_its_output_goes(folder: Path) -> None:
    ended = call("-c", "help decode > out")
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert "Usage: hvrepl decode" in (folder / "out").read_text()


@pytest.mark.parametrize(
    "line", ["decode sint2 -", "decode -", "sint2 -", "encode sint2 -", "encode sint2 - vector=1", "check sint2 - vector=1"]
)
def test_stdin_is_not_a_value_in_a_script(line: str) -> None:
    for ended in (call("-c", line, stdin=b"1\n"), call(stdin=f"{line}\n1\n".encode())):
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.endswith("- is the script itself; give the value, or @FILE\n")


# The meaning of a line → the command that does the same.
MEANT = {
    "command": ("decode sint2 0x30", ["decode", "sint2", "0x30"]),
    "name_and_value": ("sint2 0x30", ["decode", "sint2", "0x30"]),
    "number_and_value": ("0x40000092 0x30", ["decode", "0x40000092", "0x30"]),
    "name": ("sint2", ["show", "sint2"]),
    "number": ("0x8100000606570000", ["decode", "0x8100000606570000"]),
    "arithmetic": ("(0x8100 << 48)", ["decode", "(0x8100 << 48)"]),
    "bare_hex": ("c0350005", ["decode", "c0350005"]),
    "space_and_number": ("msr:0x40000083", ["show", "msr:0x40000083"]),
    "help": ("help decode", ["decode", "--help"]),
    "quoted": ("'sint2' \"0x30\"", ["decode", "sint2", "0x30"]),
}


@pytest.mark.parametrize(("line", "words"), MEANT.values(), ids=MEANT)
def test_a_line_means_what_people_type(line: str, words: list[str]) -> None:
    assert call("-c", line) == call(*words)
