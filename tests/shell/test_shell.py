"""Lines typed into the shell print the same as the command line; `_`, `set`, switches, help, commands of the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from hvrepl.commands.session import FORMATS
from hvrepl.script.lines import quote
from tests.program import call
from tests.shell.typed import type_keys, type_lines
from tests.terminal import ENTER

LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
MESSAGE = "10 00 00 80 18 00 00 00 00 00 00 00 00 00 00 00"


def told(line: str) -> str:
    """The command line's output for the words of a line."""
    ended = call(*line.split())
    return ended.out + ended.err


# A line → the command line with the same output.
SAME = {
    "number": ("0x8100000606570000", "decode 0x8100000606570000"),
    "number_of_a_register": ("0x40000003", "decode 0x40000003"),
    "bare_hex": ("8100000606570000", "decode 8100000606570000"),
    "arithmetic": ("(0x8100<<48)", "decode (0x8100<<48)"),
    "name": ("simp", "show simp"),
    "name_and_value": ("sint2 0x200f3", "decode sint2 0x200f3"),
    "name_equals_value": ("sint2 = 0x200f3", "decode sint2 0x200f3"),
    "name_and_values": ("sint2 1 2", "decode sint2 1 2"),
    "name_and_bytes": (f"message {MESSAGE}", f"decode message {MESSAGE.replace(' ', '')}"),
    "name_and_fields": ("sint2 vector=0xf3 auto_eoi=1", "encode sint2 vector=0xf3 auto_eoi=1"),
    "name_value_and_fields": ("sint2 0x200f3 vector=0x31", "encode sint2 0x200f3 vector=0x31"),
    "name_and_registers": ("sint2 eax=0x200f3 edx=0", "decode sint2 eax=0x200f3 edx=0"),
    "command": ("decode sint2 0x200f3 -f line", "decode sint2 0x200f3 -f line"),
    "option_first": ("--arch arm64 decode sint2 1", "--arch arm64 decode sint2 1"),
    "list": ("list vmbus", "list vmbus"),
    "find": ("find auto eoi", "find auto eoi"),
    "diff": ("diff sint2 1 2", "diff sint2 1 2"),
    "check": ("check sint2 1 vector=2", "check sint2 1 vector=2"),
    "comment": ("sint2 0x200f3 # what is it?", "decode sint2 0x200f3"),
    "help_on_a_command": ("help decode", "decode --help"),
    "help_on_a_name": ("help simp", "show simp"),
    "question_mark": ("? decode", "decode --help"),
}


@pytest.mark.parametrize(("line", "command"), SAME.values(), ids=SAME)
def test_a_line_prints_what_the_command_line_prints(line: str, command: str) -> None:
    printed = type_lines(line)
    assert printed == told(command)
    assert printed.count("\n") > 0


# Lines → the command line with the same output as the last of them.
LAST = {
    "decoded_again": (["sint2 0x200f3", "_"], "decode sint2 0x200f3"),
    "of_a_lone_number": (["0x8100000606570000", "_"], "decode guest-id 0x8100000606570000"),
    "as_a_value": (["sint2 0x200f3", "sint3 _"], "decode sint3 0x200f3"),
    "behind_decode": (["sint2 0x200f3", "decode _"], "decode sint2 0x200f3"),
    "behind_show": (["sint2 0x200f3", "show _"], "show sint2"),
    "with_fields": (["sint2 0x200f3", "_ masked=1"], "encode sint2 0x200f3 masked=1"),
    "encoded": (["sint2 vector=0xf3", "encode _ masked=1"], "encode sint2 vector=0xf3 masked=1"),
    "with_its_name": (["sint2 0x200f3", "diff sint2 _ 0x300f3"], "diff sint2 0x200f3 0x300f3"),
    "without_its_name": (["sint2 0x200f3", "diff _ 0x300f3"], "diff sint2 0x200f3 0x300f3"),
    "checked": (["sint2 0x200f3", "check _ vector=1 auto_eoi=1"], "check HV_X64_MSR_SINT2 0x200f3 vector=1 auto_eoi=1"),
    "on_the_other_arch": (["sint2 0x200f3", "arch arm64", "_"], "--arch arm64 decode sint2 0x200f3"),
    "of_a_struct": ([f"message {MESSAGE}", "_"], f"decode message {MESSAGE.replace(' ', '')}"),
    "changed": (["sint2 0x200f3", "set masked=1", "_"], "decode sint2 0x300f3"),
    "changed_twice": (["sint2 0x200f3", "set masked=1", "set vector=0x30", "_"], "decode sint2 0x30030"),
    "changed_by_a_shorthand": (["guest-id 0", "set kernel=6.6.87", "_"], "decode guest-id 0x8100000606570000"),
    "kept_after_errors": (["sint2 0x200f3", "sint2 zz", "nosuch 1", "set nosuch=1", "_"], "decode sint2 0x200f3"),
}


@pytest.mark.parametrize(("lines", "command"), LAST.values(), ids=LAST)
def test_the_last_value_is_called_by_an_underscore(lines: list[str], command: str) -> None:
    assert type_lines(*lines) == type_lines(*lines[:-1]) + told(command)


# Lines → their output.
PRINTED = {
    "set": (
        ["sint2 0x200f3 > /dev/null", "set masked=1 vector=0x30"],
        "0x0000000000030030  vector 0x30, masked, auto-EOI\n  16   masked  0     →  1\n  7:0  vector  0xf3  →  0x30\n",
    ),
    "nothing_to_set": (["sint2 1 > /dev/null", "set"], "set takes fields: `set FIELD=VALUE`\n"),
    "no_field_to_set": (["sint2 1 > /dev/null", "set nosuch=1"], "sint2 has no field nosuch\n"),
    "none_to_set": (["set vector=1"], "set changes the last value, but there is none yet; decode or encode one first\n"),
    "none": (["_"], "_ is the value of an earlier line of a script or the shell, and there is none\n"),
    "arch_and_format": (
        ["format line", "sint2 0x30", "arch arm64", "sint2 0x30", "arch x64", "sint2 0x30"],
        LINE + LINE.replace("X64_MSR", "REGISTER") + LINE,
    ),
    "option_for_one_line": (["sint2 0x30 -f line --arch arm64", "sint2 0x30 -f line"], LINE.replace("X64_MSR", "REGISTER") + LINE),
    "arch": (["arch"], "arch is x64; choices: x64, arm64\n"),
    "two_arches": (["arch x64 arm64"], "arch takes one word: `arch x64`\n"),
    "unknown_arch": (["arch x86"], "no such arch: 'x86'; did you mean x64?\n"),
    "format": (["format bits", "format"], "format is bits; choices: fields, table, bits, line, json, ndjson, csv\n"),
    "format_in_json": (["format json", "arch"], '{"arch":"x64","choices":["x64","arm64"]}\n'),
    "words_behind_quit": (["quit now", "sint2 0x30 -f line"], "quit takes no words\n" + LINE),
    "empty_lines": (["", "  ", "# nothing"], ""),
}


@pytest.mark.parametrize(("lines", "expected"), PRINTED.values(), ids=PRINTED)
def test_lines_print(lines: list[str], expected: str) -> None:
    assert type_lines(*lines) == expected


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_switched_to(form: str) -> None:
    assert type_lines(f"format {form}", "sint2 0x30") == told(f"decode sint2 0x30 -f {form}")


def test_the_environment_says_the_arch() -> None:
    assert type_lines("sint2 0x30 -f line", environ={"HVREPL_ARCH": "arm64"}) == LINE.replace("X64_MSR", "REGISTER")


@pytest.mark.parametrize(("name", "words"), [("guest-id", ["kernel=", "os_type", "Linux", "FreeBSD"]), ("sint2", ["vector", "masked"])])
def test_encode_without_fields_shows_what_can_be_given(name: str, words: list[str]) -> None:
    printed = type_lines(f"encode {name}")
    assert [word for word in words if word not in printed] == []


@pytest.mark.parametrize("line", ["quit", "exit", "\\q", " quit ", "q", ":q", ":quit", "exit()", "quit()"])
def test_a_word_leaves(line: str) -> None:
    assert type_keys(f"{line}{ENTER}sint2 0x30{ENTER}") == ""


HELPED = ["decode", "encode", "set", "arch", "quit", "_", "| CMD", "> FILE", "!CMD", "Tab", "C-r", "F4", "C-c", "C-d"]


@pytest.mark.parametrize("line", ["help", ".help", "?"])
def test_help_fits_a_screen_and_names_commands_and_keys(line: str) -> None:
    printed = type_lines(line)
    lines = printed.splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert [word for word in HELPED if word not in printed] == []


def test_output_goes_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    typed = quote(str(file))
    assert type_lines("format line", f"sint2 0x30 > {typed}", f"sint2 0x30 >> {typed}") == ""
    assert file.read_text() == LINE * 2
    assert type_lines(f"sint2 0x30 -f line > {typed}") == ""
    assert file.read_text() == LINE


def test_output_goes_into_a_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert type_lines("format line", "sint2 0x30 | tr a-z A-Z", "!echo from sh") == ""
    assert capfd.readouterr().out == LINE.upper() + "from sh\n"


def test_a_command_that_has_read_enough_is_not_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert type_lines("list | head -n 1", "list | true", "sint2 0x30 -f line") == LINE
    assert capfd.readouterr().out.count("\n") == 1


def test_a_file_of_lines_is_run(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_text("arch arm64\nsint2 0x30 -f line\nnosuch 1\nsint2 0x30\n")
    printed = type_lines(f"source {quote(str(file))}", "sint2 0x30 -f line").splitlines(keepends=True)
    assert printed[::2] == [LINE.replace("X64_MSR", "REGISTER")] * 2
    assert printed[1].startswith(f"{file}:3: ")
    assert len(printed) == 3
