"""The command line: options anywhere, environment, colour, exit statuses, and one clear line for every mistake."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import examples
from tests.paths import ROOT
from tests.program import call, execute, without_colour

SPECS = ROOT / "tests" / "data" / "specs"
DECODE = ("decode", "sint2", "0x04000000000200f3")

# Option → text in the output of DECODE that shows its effect.
OPTIONS = {
    "arch": (("--arch", "arm64"), r"^HV_REGISTER_SINT2 "),
    "arch_with_equals": (("--arch=arm64",), r"^HV_REGISTER_SINT2 "),
    "f": (("-f", "line"), r"^HV_X64_MSR_SINT2 0x04000000000200f3 .*\n$"),
    "format": (("--format", "ndjson"), r"^\{.*\}\n$"),
    "format_joined": (("-fjson",), r"^\{.*\}\n$"),
    "style": (("-f", "table", "--style", "github"), r"\n\|-+\|-+\|"),
    "color": (("--color", "always"), "\x1b\\[1mHV_X64_MSR_SINT2\x1b\\[0m"),
    "keep_going": (("-k",), "^HV_X64_MSR_SINT2 "),
    "keep_going_in_full": (("--keep-going",), "^HV_X64_MSR_SINT2 "),
}


def places(words: tuple[str, ...], option: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The option before, after and between the words."""
    return [(*words[:at], *option, *words[at:]) for at in range(len(words) + 1)]


@pytest.mark.parametrize(("option", "pattern"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_works_before_and_after_the_command_and_its_words(option: tuple[str, ...], pattern: str) -> None:
    found = {call(*words) for words in places(DECODE, option)}
    assert len(found) == 1
    (ended,) = found
    assert (ended.status, ended.err) == (0, "")
    assert re.search(pattern, ended.out, re.DOTALL)


@pytest.mark.parametrize("words", places(DECODE, ("--strict",)), ids=range(4))
def test_findings_are_status_1_only_with_strict(words: tuple[str, ...]) -> None:
    assert call(*words).status == 1
    assert call(*DECODE).status == 0
    assert call("--strict", "decode", "sint2", "0x200f3").status == 0


def test_the_last_of_two_equal_options_holds() -> None:
    assert call("-f", "json", *DECODE, "-f", "line") == call(*DECODE, "-f", "line")


@pytest.mark.parametrize("words", [("--specs", str(SPECS), "list"), ("list", "--specs", str(SPECS))], ids=["before", "after"])
def test_own_specs_are_added_to_the_built_in_ones(words: tuple[str, ...]) -> None:
    both, built_in = ({json.loads(line)["name"] for line in call(*one, "-f", "ndjson").out.splitlines()} for one in (words, ("list",)))
    assert built_in < both
    assert "TEST_COLORS" in both - built_in


def test_the_environment_says_arch_and_specs_and_options_say_otherwise() -> None:
    arm64 = call(*DECODE, "--arch", "arm64")
    assert call(*DECODE, environ={"HVREPL_ARCH": "arm64"}) == arm64
    assert call(*DECODE, "--arch", "x64", environ={"HVREPL_ARCH": "arm64"}) == call(*DECODE)
    assert call(*DECODE, environ={"HVREPL_ARCH": ""}) == call(*DECODE)
    assert call("list", environ={"HVREPL_SPECS": str(SPECS)}) == call("list", "--specs", str(SPECS))


@pytest.mark.parametrize(
    ("environ", "status", "err"),
    [
        ({"HVREPL_ARCH": "arm"}, 2, "HVREPL_ARCH: no such arch: 'arm'; did you mean arm64?\n"),
        ({"HVREPL_SPECS": "/no\nsuch"}, 4, "/no\\nsuch: no such folder of specs\n"),
    ],
    ids=["arch", "specs"],
)
def test_a_wrong_environment_is_named(environ: dict[str, str], status: int, err: str) -> None:
    ended = call(*DECODE, environ=environ)
    assert (ended.status, ended.out, ended.err) == (status, "", err)


# (environment, --color, stdout is a terminal, is there colour)
COLORS = {
    "pipe": ({}, "", False, False),
    "terminal": ({}, "", True, True),
    "dumb_terminal": ({"TERM": "dumb"}, "", True, False),
    "no_color": ({"NO_COLOR": "1"}, "", True, False),
    "empty_no_color": ({"NO_COLOR": ""}, "", True, True),
    "force_color": ({"FORCE_COLOR": "1"}, "", False, True),
    "force_color_0": ({"FORCE_COLOR": "0"}, "", False, False),
    "force_color_on_a_dumb_terminal": ({"FORCE_COLOR": "1", "TERM": "dumb"}, "", True, True),
    "no_color_beats_force_color": ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "", True, False),
    "always": ({}, "always", False, True),
    "always_beats_no_color": ({"NO_COLOR": "1"}, "always", False, True),
    "never": ({}, "never", True, False),
    "never_beats_force_color": ({"FORCE_COLOR": "1"}, "never", True, False),
    "auto": ({}, "auto", True, True),
}


@pytest.mark.parametrize(("environ", "option", "terminal", "colored"), COLORS.values(), ids=COLORS)
def test_there_is_colour_only_where_it_is_wanted(environ: dict[str, str], option: str, terminal: bool, colored: bool) -> None:
    words = (*DECODE, "--color", option) if option else DECODE
    assert ("\x1b" in call(*words, environ=environ, stdout_is_terminal=terminal).out) == colored


COLORED = [
    DECODE,
    ("decode", "guest-id", "0x818000050fa7042f"),
    ("decode", "page", f"@{ROOT}/tests/data/dumps/page.bin"),
    ("decode", "page.2", f"@{ROOT}/tests/data/dumps/page.bin"),
    ("decode", "0x40000083"),
    ("show", "guest-id"),
    ("show", "sint2"),
    ("list", "vmbus"),
    ("find", "sint"),
    ("diff", "sint2", "0x200f3", "0x10013"),
    ("encode", "sint2", "vector=1"),
]


IN_COLOR = [*product(COLORED, ["fields", "bits", "line", "table"]), (("list",), "fields")]


@pytest.mark.parametrize(("words", "form"), IN_COLOR, ids=[" ".join([*words[:2], form]) for words, form in IN_COLOR])
def test_colour_changes_nothing_but_colour(words: tuple[str, ...], form: str) -> None:
    for columns, is_terminal in ((0, False), (40, True)):
        plain, colored = (
            call(*words, "-f", form, "--color", color, columns=columns, stdout_is_terminal=is_terminal) for color in ("never", "always")
        )
        assert without_colour(colored.out) == plain.out
        assert "\x1b" not in plain.out
        assert colored.err == plain.err


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_what_programs_read_is_never_coloured(form: str) -> None:
    assert call(*DECODE, "-f", form, "--color", "always") == call(*DECODE, "-f", form)


def test_a_script_is_coloured_only_on_demand() -> None:
    assert "\x1b" not in call("-c", "sint2 1", environ={"FORCE_COLOR": "1"}, stdout_is_terminal=True).out
    assert "\x1b" in call("-c", "sint2 1", "--color", "always").out


STATUSES = {
    "decoded": (DECODE, 0),
    "strange_value": (("decode", "sint2", "0x1"), 0),
    "strange_value_strict": (("decode", "sint2", "0x1", "--strict"), 1),
    "encoded_with_findings": (("encode", "sint2", "vector=1"), 0),
    "encoded_with_findings_strict": (("encode", "sint2", "vector=1", "--strict"), 1),
    "equal": (("diff", "sint2", "1", "0x1"), 0),
    "different": (("diff", "sint2", "1", "2"), 1),
    "holds": (("check", "sint2", "0x200f3", "vector=0xf3", "masked!=1"), 0),
    "does_not_hold": (("check", "sint2", "0x200f3", "vector=1"), 1),
    "one_of_two_does_not_hold": (("check", "sint2", "0x200f3", "vector=0xf3", "masked=1"), 1),
    "no_command": (("decod",), 3),
    "no_option": (("--nosuch",), 2),
    "no_field": (("encode", "sint2", "vectr=1"), 2),
    "no_enumerator": (("encode", "guest-id", "os_type=lnux"), 2),
    "no_number": (("decode", "sint2", "zz"), 2),
    "too_wide": (("decode", "sint2", "0x10000000000000000"), 2),
    "too_short": (("decode", "page", "00"), 2),
    "no_name": (("decode", "nosuch", "1"), 3),
    "no_space": (("list", "nosuch"), 3),
    "no_hit": (("find", "nosuchtext"), 3),
    "other_arch": (("--arch", "arm64", "decode", "HV_X64_MSR_SINT0", "1"), 3),
    "no_file": (("decode", "page", "@/nosuch"), 4),
    "no_folder": (("--specs", "/nosuch", "list"), 4),
    "cannot_write": (("encode", "sint2", "vector=16", "-o", "/nosuch/x"), 4),
    "help": (("--help",), 0),
    "version": (("--version",), 0),
}


@pytest.mark.parametrize(("words", "status"), STATUSES.values(), ids=STATUSES)
def test_the_exit_status_says_what_happened(words: tuple[str, ...], status: int) -> None:
    ended = call(*words)
    assert ended.status == status
    if status > 1:
        assert ended.out == ""
        assert re.fullmatch(r"[^\n]+\n", ended.err)
    else:
        assert not ended.err.replace("! valid vectors are 16-255; a lower one is refused unless the source is masked\n", "")


ESC = "\x1b[31mred\x07"
SHOWN = r"\x1b[31mred\x07"
LONG = "x" * 100_000
NASTY: dict[str, tuple[tuple[str, ...], int, str]] = {
    "command": ((ESC,), 3, SHOWN),
    "option": ((f"--{ESC}",), 2, SHOWN),
    "format": (("-f", ESC, "list"), 2, SHOWN),
    "arch": (("--arch", ESC, "list"), 2, SHOWN),
    "color": (("--color", ESC, "list"), 2, SHOWN),
    "style": (("--style", ESC, "list"), 2, SHOWN),
    "unknown_style": (("--style", "gird", "list"), 2, "did you mean grid?"),
    "specs": (("--specs", f"/{ESC}", "list"), 4, SHOWN),
    "name": (("decode", ESC, "1"), 3, SHOWN),
    "name_alone": (("decode", ESC), 2, SHOWN),
    "name_of_two_lines": (("decode", "sint2\nsint3", "1"), 3, r"no such name: sint2\nsint3"),
    "name_of_blanks": (("decode", " \t", "1"), 2, "an empty name"),
    "name_empty": (("decode", "", "1"), 2, "an empty name"),
    "name_a_dot": (("decode", ".", "1"), 2, "an empty name"),
    "name_a_colon": (("decode", ":", "1"), 2, "an empty name"),
    "space_without_name": (("decode", "msr:", "1"), 2, "an empty name"),
    "space": (("decode", f"{ESC}:1", "1"), 3, SHOWN),
    "space_of_list": (("list", ESC), 3, SHOWN),
    "space_empty": (("list", ""), 3, "no such space or kind"),
    "part": (("decode", f"page.{ESC}", "1"), 3, SHOWN),
    "slot_of_5000_digits": (("decode", f"page.{'9' * 5000}", "00"), 3, "no part 999"),
    "slot_of_a_register": (("decode", "sint2.1", "1"), 3, "sint2 has no part 1"),
    "output_of_a_register": (("decode", "sint2.output", "1"), 3, "sint2 has no part output"),
    "value": (("decode", "sint2", ESC), 2, r"'\x1b[31mred\x07'"),
    "value_of_two_lines": (("decode", "sint2", "1\n2"), 2, "more than one word"),
    "value_empty": (("decode", "sint2", ""), 2, "an empty value"),
    "value_override": (("decode", "sint2", "\u202e1"), 2, r"\u202e"),
    "value_surrogate": (("decode", "sint2", "\udcff"), 2, r"\udcff"),
    "name_surrogate": (("decode", "\udcff", "1"), 3, r"\udcff"),
    "find_surrogate": (("find", "\udcff"), 3, r"\udcff"),
    "field": (("encode", "sint2", f"{ESC}=1"), 2, SHOWN),
    "field_value": (("encode", "sint2", f"vector={ESC}"), 2, SHOWN),
    "field_value_empty": (("encode", "sint2", "vector="), 2, "vector: an empty value"),
    "field_empty": (("encode", "sint2", "=1"), 2, "does not name a field"),
    "enumerator_surrogate": (("encode", "message", "message_type=\udcff"), 2, r"\udcff"),
    "field_surrogate": (("encode", "sint2", "\udcff=\udcfe"), 2, r"\udcff"),
    "condition": (("check", "sint2", "1", f"{ESC}=1"), 2, SHOWN),
    "condition_with_a_hyphen": (("check", "sint2", "1", "auto-eoy=1"), 2, "sint2 has no field auto-eoy"),
    "condition_value": (("check", "sint2", "1", f"vector={ESC}"), 2, SHOWN),
    "file": (("decode", "page", f"@/tmp/{ESC}"), 4, SHOWN),
    "file_of_two_lines": (("decode", "page", "@/nosuch\nfile"), 4, r"/nosuch\nfile"),
    "file_surrogate": (("decode", "page", "@/nosuch\udcff"), 4, r"\udcff"),
    "file_nul": (("decode", "page", "@/tmp/\0"), 4, r"\x00"),
    "file_empty": (("decode", "page", "@"), 2, "@ without a file"),
    "file_a_folder": (("decode", "page", "@/"), 4, "/: "),
    "file_too_long": (("decode", "page", f"@/{LONG}"), 4, "too long"),
    "file_alone": (("decode", "@x"), 2, "what is in x?"),
    "file_and_bytes": (("decode", "page", "00", "@x"), 2, "cannot be combined"),
    "output": (("encode", "sint2", "vector=16", "-o", f"/nosuch/{ESC}"), 4, SHOWN),
    "output_a_folder": (("encode", "sint2", "vector=16", "-o", "/"), 4, "/: "),
    "show": (("show", ESC), 3, SHOWN),
    "find": (("find", ESC), 3, SHOWN),
    "find_a_wide_number": (("find", "0x" + "f" * 40), 3, "nothing has"),
    "find_a_wide_bit": (("find", "bit:9999"), 3, "nothing has"),
    "number_as_name": (("decode", "0x" + "f" * 40, "1"), 3, "nothing has the number"),
    "number_of_space": (("show", "msr:0x" + "f" * 16), 3, "0xFFFFFFFFFFFFFFFF is not a known msr number"),
    "line": (("-c", f"{ESC} 1"), 3, SHOWN),
    "source": (("-c", f"source /{ESC}"), 4, SHOWN),
    "source_a_folder": (("-c", "source /"), 4, "/: "),
    "redirection": (("-c", f"list > /nosuch/{ESC}"), 4, SHOWN),
    "line_and_command": (("-c", "list", "list"), 2, "cannot be combined"),
    "long_command": ((LONG,), 3, "no such command or name"),
    "long_option": ((f"--{LONG}",), 2, "no such option"),
    "long_name": (("decode", LONG, "1"), 3, "no such name"),
    "long_space": (("list", LONG), 3, "no such space or kind"),
    "long_value": (("decode", "sint2", LONG), 2, "is 100000 characters long"),
    "long_field": (("encode", "sint2", f"{LONG}=1"), 2, "has no field"),
    "long_text": (("find", LONG), 3, "nothing has"),
    "long_line": (("-c", f"'{LONG}"), 2, "is not closed"),
    "negative": (("decode", "sint2", "-1"), 2, "put a negative number after --"),
    "two_dashes": (("decode", "sint2", "-", "1"), 2, "- must be the only value"),
}


@pytest.mark.parametrize(("words", "status", "says"), NASTY.values(), ids=NASTY)
def test_what_is_wrong_is_one_harmless_line(words: tuple[str, ...], status: int, says: str) -> None:
    ended = call(*words)
    assert (ended.status, ended.out) == (status, "")
    assert says in ended.err
    assert ended.err.endswith("\n")
    assert ended.err[:-1].isprintable()
    assert len(ended.err) < 1000


@pytest.mark.parametrize("words", [(b"decode", b"\xff", b"1"), (b"decode", b"page", b"@/\xff\x1b[2J")], ids=["name", "file"])
def test_arguments_that_are_not_utf8_are_shown_escaped(words: tuple[bytes, ...]) -> None:
    ended = execute(*words)
    assert ended.status in (3, 4)
    assert r"\udcff" in ended.err
    assert ended.err[:-1].isprintable()


def test_many_faults_of_specs_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "bad.toml").write_text('kind = "word"\nnosuch = 1\n')
    (tmp_path / "common" / "worse.toml").write_text('kind = "word"\nnosuch = 1\n')
    ended = call("--specs", str(tmp_path), "list")
    assert ended.status == 2
    assert re.fullmatch(r".*bad\.toml.* \(and \d+ more\)\n", ended.err)


COMMANDS = st.sampled_from(["decode", "encode", "show", "list", "find", "diff", "check", "nosuch", ""])
NAMES = """sint2 guest-id page page.2 message status msr bit:3 vmbus:1 nosuch . msr:0x40000083 0x40000003 cpuid:0x40000003
    HVCALL_POST_MESSAGE HVCALL_POST_MESSAGE.output HV_REGISTER_SINT0 HV_X64_MSR_SINT0"""
VALUES = "0 0x200f3 0xC0350005 1h -1 -- zz eax=1 @/nosuch @ - vector=1 vector!=1 os_type=linux kernel=6.6.87 [0]=1 a.b=1 = eax=eax"
ODD_VALUES = ["", "(1 << 3)", "00 01", "00" * 256, "\x1b[1m", "\udcff", "f" * 16, "f" * 17, "0x" + "f" * 2000]
SWITCHES = """--arch=arm64 --arch=x86 -fjson -fndjson -fcsv -fline -fbits -ftable -fx --strict -k --color=always --style=grid
    --specs=/nosuch --help --version --nosuch -f -x"""
NAME, VALUE, SWITCH = (st.sampled_from(words) for words in (NAMES.split(), [*VALUES.split(), *ODD_VALUES], SWITCHES.split()))
ARGUMENTS = st.lists(COMMANDS | NAME | VALUE | SWITCH | st.text(max_size=8), max_size=6)
LIKELY = st.tuples(COMMANDS, NAME, st.lists(VALUE | SWITCH, max_size=4)).map(lambda parts: [parts[0], parts[1], *parts[2]])


@given(LIKELY | ARGUMENTS)
@settings(deadline=None, max_examples=examples(150))
def test_any_arguments_end_with_a_known_status_and_at_most_one_line(arguments: list[str]) -> None:
    ended = call(*arguments)
    assert ended.status in range(5)
    errors = [line for line in ended.err.splitlines() if not line.startswith("! ")]
    assert len(errors) == (1 if ended.status > 1 and not ended.out.startswith('{"input"') else 0)
    assert all(line.isprintable() for line in errors)


@given(st.lists((LIKELY | ARGUMENTS).map(" ".join), min_size=1, max_size=20), st.sampled_from(["ndjson", "line"]))
@settings(deadline=None, max_examples=examples(30))
def test_any_script_that_continues_reports_each_error_once(lines: list[str], form: str) -> None:
    text = "\n".join(line.replace("\n", " ").replace("\r", " ") for line in lines)
    ended = call("-k", "-f", form, stdin=text.encode("utf-8", "replace"))
    assert ended.status in range(5)
    errors = [line for line in ended.err.splitlines() if not line.startswith("! ")]
    assert len(errors) <= len(text.split())
    assert all(re.match(r"stdin:(\d+:)? ", line) and line.isprintable() for line in errors)


def test_every_object_of_a_stream_that_continues_has_its_line() -> None:
    script = b"# comment\nsint2 0x30\narch arm64\n\nnosuch 1\nshow sint2\ndiff sint2 1 2\ndecode page 00\n0xdeadbeef12\n"
    ended = call("-k", "-f", "ndjson", stdin=script)
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert [one["line"] for one in found] == [2, 5, 6, 7, 8, 9]
    assert [one.get("status") for one in found] == [None, 3, None, None, 2, 3]
    assert (ended.status, ended.err) == (3, "")


def test_a_path_with_blanks_is_asked_for_in_quotes(tmp_path: Path) -> None:
    path = tmp_path / "my page.txt"
    path.write_text("00 " * 256)
    ended = call("-c", f"message @{path}")
    assert (ended.status, ended.err) == (2, f"a path with blanks goes in quotes: '@{path}'\n")
    assert call("-c", f"message '@{path}'").status == 0
