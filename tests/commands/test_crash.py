"""crash on the command line: its formats, how its words are read, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.program import call

LINUX = ["0x0", "0x81000004132B0000", "0x2050CC", "0xFFFFFFFFFFFFFFDA", "0x7FFD0EC01888"]
WINDOWS = ["0xD1", "0xFFFFE609207FD050", "0x2", "0x0", "0xFFFFF80156F612D0"]
OLD_LINUX = ["0xffffffff81234567", "0", "1", "2", "3"]


def test_the_screen_is_a_sentence_and_a_row_for_each_word() -> None:
    first, *rows = call("crash", *LINUX, "0x8000000000000000").out.splitlines()
    assert first == "Linux 4.19.43  error 0, RIP 0x2050cc (user space), RAX -38, RSP 0x7ffd0ec01888"
    assert [" ".join(row.split()) for row in rows] == [
        "P0 error 0",
        "P1 guest_id 0x81000004132b0000 Linux 4.19.43",
        "P2 rip 0x00000000002050cc user space",
        "P3 rax 0xffffffffffffffda -38",
        "P4 rsp 0x00007ffd0ec01888",
        "CTL ctl 0x8000000000000000 notify",
    ]


def test_a_long_sentence_keeps_to_the_width_of_a_terminal() -> None:
    lines = call("crash", *WINDOWS, columns=60).out.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].startswith("Windows  0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL: read of")


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_the_object_has_what_the_screen_says(form: str) -> None:
    table = json.loads(call("crash", *WINDOWS, "-f", form).out)
    assert list(table) == ["os", "summary", "parameters"]
    assert table["os"] == "Windows"
    assert table["parameters"][0] == {"name": "bug_check", "raw": "0x00000000000000d1", "meaning": "DRIVER_IRQL_NOT_LESS_OR_EQUAL"}
    assert [one["name"] for one in table["parameters"]] == ["bug_check", "memory", "irql", "operation", "address"]


def test_a_line_has_the_sentence_and_the_findings() -> None:
    (line,) = call("crash", *OLD_LINUX, "-f", "line").out.splitlines()
    assert line.startswith("perhaps an old Linux  RIP 0xffffffff81234567 (kernel), RAX 0x0")
    assert "  ! rip: only P0 suggests this" in line


def test_csv_has_one_row_with_every_word() -> None:
    header, row = call("crash", *WINDOWS, "0", "-f", "csv").out.splitlines()
    assert header == "os,summary,P0,P1,P2,P3,P4,CTL,findings"
    assert row.startswith("Windows,")
    assert row.endswith(
        ",0x00000000000000d1,0xffffe609207fd050,0x0000000000000002,0x0000000000000000,0xfffff80156f612d0,0x0000000000000000,"
    )


@pytest.mark.parametrize("form", ["table", "bits"])
def test_other_formats_have_a_row_for_each_word(form: str) -> None:
    assert "P3" in call("crash", *WINDOWS, "-f", form).out
    assert "0xfffff80156f612d0" in call("crash", *WINDOWS, "-f", form).out


def test_findings_are_status_1_with_strict() -> None:
    assert [call("crash", *words).status for words in (OLD_LINUX, WINDOWS)] == [0, 0]
    assert [call("--strict", "crash", *words).status for words in (OLD_LINUX, WINDOWS)] == [1, 0]


# The words → P0 and P1, and how they were read.
READ = {
    "plain": (["0x1e", "10", "0", "0", "0"], 0x1E, 10, ""),
    "decimal": (["30", "10", "0", "0", "0"], 30, 10, ""),
    "xen": (["3b", "c0000096", "75b12c5", "9e7f1580", "0"], 0x3B, 0xC0000096, "(hex)"),
    "digits_beside_bare_hex": (["50", "1000", "0", "0", "ab"], 0x50, 0x1000, "(hex)"),
    "prefixed_beside_bare_hex": (["0x50", "10", "0", "0", "AB"], 0x50, 0x10, "(hex)"),
    "zeros_before": (["0000001e", "10", "0", "0", "0"], 0x1E, 0x10, "(hex)"),
    "with_commas": (["3b,", "10,", "0,", "0,", "1"], 0x3B, 0x10, "(hex, without the surrounding ,)"),
    "windbg": (["1`0000001e", "10", "0", "0", "0"], 0x10000001E, 10, "(WinDbg hex)"),
    "arithmetic": (["0x1e", "(1 << 4)", "0", "0", "0"], 0x1E, 16, "(arithmetic)"),
    "negative": (["--", "-1", "-2", "0", "0", "0"], 2**64 - 1, 2**64 - 2, ""),
}


@pytest.mark.parametrize(("words", "p0", "p1", "how"), READ.values(), ids=READ)
def test_words_are_read_alike_and_it_is_said(words: list[str], p0: int, p1: int, how: str) -> None:
    parameters = json.loads(call("crash", "-f", "json", *words).out)["parameters"]
    assert [int(one["raw"], 16) for one in parameters[:2]] == [p0, p1]
    first = call("crash", *words, columns=0).out.splitlines()[0]
    assert first.partition("      ")[2] == how


REFUSED = {
    "nothing": ([], "crash takes five parameters and optionally the control register, not 0 words"),
    "one": (["0x1e"], "not 1 word:"),
    "seven": (["1"] * 7, "not 7 words:"),
    "no_number": (["1", "2", "3", "4", "zz"], "P4: 'zz' is not a number"),
    "letter_for_digit": (["1", "2", "0xO1", "4", "5"], "P2: letter O at character 3 of '0xO1'; did you mean zero?"),
    "too_wide": (["1", "2", "3", "4", "0x10000000000000000"], "0x10000000000000000 is 65 bits wide; P4 has 64"),
    "bare_digits_too_wide": (["1" * 17, "b", "3", "4", "5"], "is 65 bits wide; P0 has 64"),
    "control_too_wide": (["1", "2", "3", "4", "5", "1 << 70"], "CTL: '1 << 70'"),
    "stdin": (["-", "2", "3", "4", "5"], "P0: "),
}


@pytest.mark.parametrize(("words", "text"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_understood_is_one_line(words: list[str], text: str) -> None:
    ended = call("crash", *words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert text in ended.err


def test_a_crash_is_the_last_value_of_a_script() -> None:
    ended = call("-c", f"crash {' '.join(LINUX)}", "-c", "decode _ -f line")
    assert (ended.status, ended.out.splitlines()[-1].split("  ")[0].split()[0]) == (0, "LINUX_CRASH")


def test_one_line_of_a_script_can_go_wrong() -> None:
    script = f"crash 1\ncrash {' '.join(LINUX)}\n".encode()
    ended = call("-k", "-f", "ndjson", stdin=script)
    failed, told = (json.loads(line) for line in ended.out.splitlines())
    assert (ended.status, failed["line"], failed["status"], told["line"], told["os"]) == (2, 1, 2, 2, "Linux")


def test_ones_own_crash_layouts_come_by_their_rank(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "own.toml").write_text(
        "\n".join(
            (
                'kind = "struct"',
                'name = "OWN_CRASH"',
                'source = ["tlfs:own.md#own"]',
                'crash = { rank = 0, os = "Own {magic:X}", when = [{ magic = 0xABCD }] }',
                "[layout]",
                'summary = ["own system  code {code:x}"]',
                'fields = [{ name = "magic", type = "u64" }, { name = "code", type = "u64" }, { name = "others", type = "u64[3]" }]',
            )
        )
    )
    own = ["crash", "0xabcd", "5", "0", "0", "0", "-f", "json", "--specs", str(tmp_path)]
    assert (json.loads(call(*own).out)["os"], json.loads(call(*own).out)["summary"]) == ("Own 0xABCD", "own system  code 0x5")
    assert json.loads(call("crash", *LINUX, "-f", "json", "--specs", str(tmp_path)).out)["os"] == "Linux"


D1 = [0xD1, 0xFFFFE609207FD050, 0x2, 0x0, 0xFFFFF80156F612D0]
PASTED = {
    "event": "error codes: " + ", ".join(f"ErrorCode{i}: 0x{value:X}" for i, value in enumerate(D1)) + ".  PreOSId: 0.",
    "chinese": "\uff0c".join(f"ErrorCode{i}: 0x{value:X}" for i, value in enumerate(D1)) + "\u3002",  # full-width comma and stop
    "xml": "".join(f"<VmErrorCode{i}>{value:#x}</VmErrorCode{i}>\n" for i, value in enumerate(D1)),
    "table": "".join(f"| ErrorCode{i} | {value:#x} |\n" for i, value in enumerate(D1)),
    "libvirt": "panic hyper-v: " + ", ".join(f"arg{i}='{value:#x}'" for i, value in enumerate(D1, 1)),
    "virtualbox": "00:01:24.5 GIM: HyperV: Guest indicates a fatal condition! "
    + " ".join(f"P{i}={value:#x}" for i, value in enumerate(D1)),
    "xen": "(XEN) d13v0 VIRIDIAN CRASH: " + " ".join(f"{value:x}" for value in D1),
    "kvm": "kvm [9347]: vcpu0, guest rIP: 0xfffff8054cbe5ffe hv crash (" + " ".join(f"{value:#x}" for value in D1) + ")",
    "commas": ",".join(f"{value:#x}" for value in D1),
    "commas_and_blanks": ", ".join(f"{value:#x}" for value in D1) + ",",
    "semicolons_in_hex": "; ".join(f"{value:x}" for value in D1),
    "in_parentheses": f"({', '.join(f'{value:#x}' for value in D1)})",
    "stop": f"*** STOP: {D1[0]:#010x} ({','.join(f'{value:#018x}' for value in D1[1:])})",
    "stop_without_the_word": f"{D1[0]:#010x} ({', '.join(f'{value:#018x}' for value in D1[1:])})",
    "event_1001": "The computer has rebooted from a bugcheck.  The bugcheck was: "
    f"{D1[0]:#010x} ({', '.join(f'{value:#018x}' for value in D1[1:])}). A dump was saved in: C:/Windows/MEMORY.DMP.",
    "windbg": f"BugCheck {D1[0]:X}, {{{', '.join(f'{value:x}' for value in D1[1:])}}}",
    "windbg_without_the_word": f"{D1[0]:X}, {{{', '.join(f'{value:x}' for value in D1[1:])}}}",
    "windbg_analysis": "DRIVER_IRQL_NOT_LESS_OR_EQUAL (d1)\nAn attempt was made to access a pageable address.\nArguments:\n"
    + "".join(f"Arg{i}: {value:016x}, explained in words\n" for i, value in enumerate(D1[1:], 1)),
}


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
def test_a_pasted_line_is_read_as_its_five_numbers(text: str, tmp_path: Path) -> None:
    wanted = call("crash", *map(hex, D1), "-f", "json").out
    (tmp_path / "event.txt").write_text(text)
    assert call("crash", text, "-f", "json").out == wanted
    assert call("crash", *text.split(), "-f", "json").out == wanted
    assert call("crash", "-", "-f", "json", stdin=text.encode()).out == wanted
    assert call("crash", f"@{tmp_path / 'event.txt'}", "-f", "json").out == wanted
    assert "pasted)" in call("crash", text, columns=0).out


@pytest.mark.parametrize(
    "text", [text for name, text in PASTED.items() if name != "table"], ids=[name for name in PASTED if name != "table"]
)
def test_a_pasted_line_is_read_in_lines_too(text: str) -> None:
    wanted = call("crash", *map(hex, D1), "-f", "json").out
    assert call("-c", f"crash {' '.join(text.split())}", "-f", "json").out == wanted


def test_of_several_crashes_the_first_is_told_and_that_there_are_more() -> None:
    one, other = PASTED["kvm"], PASTED["kvm"].replace("0xd1", "0x1e")
    assert "the first of 2 crashes; annotate explains them all" in call("crash", f"{one}\n{other}", columns=0).out
    assert "the first of" not in call("crash", f"{one}\n{one}").out


@pytest.mark.parametrize("words", [["0xd1"], ["D1"], ["DRIVER_IRQL_NOT_LESS_OR_EQUAL", "(d1)"], ["*** STOP: 0x000000D1"]], ids=" ".join)
def test_a_bug_check_alone_is_for_decode(words: list[str]) -> None:
    ended = call("crash", *words)
    assert (ended.status, ended.out) == (2, "")
    assert "; for a bug check alone: `decode BUG_CHECK 0x" in ended.err
    command = ended.err.rpartition("alone: `")[2].rstrip("`\n").split()
    assert "DRIVER_IRQL_NOT_LESS_OR_EQUAL" in call(*command).out


def test_a_file_without_a_crash_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("[    0.246940] hv_vmbus: Vmbus version:5.3\n")
    ended = call("crash", f"@{tmp_path / 'log'}")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"{tmp_path / 'log'}: no five crash parameters in it")
    assert call("crash", "-", stdin=b"nothing\n").err.startswith("stdin: no five crash parameters in it")


def test_a_paste_without_five_numbers_is_refused() -> None:
    assert call("crash", "ErrorCode0: 0x0, ErrorCode1: 0x8100000606570000, ...").status == 2
    assert call("crash", "P0=1", "P1=2", "P3=3", "P4=4", "P5=5").status == 2
    assert call("crash", "@none").status == 4
    assert call(stdin=b"crash -\n").err == "stdin:1: - is the script itself; give the parameters, or @FILE\n"
