"""One grammar: each line of a table means the same on the command line, with -c and on stdin, unless the table says otherwise."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.each import each
from tests.paths import DATA
from tests.program import Ended, call

GRAMMAR = DATA / "grammar.tsv"
ROWS = [line.split("\t") for line in GRAMMAR.read_text().splitlines() if line and not line.startswith("#")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for the lines of the table: it has files with the names in them."""
    (tmp_path / "page.txt").write_bytes((DATA / "dumps" / "page.gdb.txt").read_bytes())
    (tmp_path / "page.bin").write_bytes((DATA / "dumps" / "page.bin").read_bytes())
    (tmp_path / "dmesg").write_text("[    0.246940] hv_vmbus: Vmbus version:5.3\n")
    (tmp_path / "values").write_text("0x30\n0x31\n")
    (tmp_path / "lines").write_text("sint2 0x30 -f line\n")
    (tmp_path / "simp").write_text("0x1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(ended: Ended, place: str = "") -> tuple[int, str]:
    """The status, and the first line of the answer or error."""
    text = ended.err.removeprefix(place) if ended.status > 1 else ended.out
    return ended.status, text.partition("\n")[0]


@pytest.mark.usefixtures("folder")
@each(((*row, "")[:4] for row in ROWS), lambda row: row[0], parts=8)
def test_a_line_means_the_same_wherever_it_is(line: str, status: str, text: str, elsewhere: str) -> None:
    expected = (int(status), text)
    assert said(call(*shlex.split(line), stdin_is_terminal=True)) == expected
    in_lines = (int(elsewhere[0]), elsewhere[2:]) if elsewhere else expected
    assert said(call("-c", line)) == in_lines
    assert said(call(stdin=f"{line}\n".encode()), "stdin:1: ") == in_lines


@pytest.mark.parametrize(
    ("line", "said_so"),
    {
        "encode sint2 vector 0xf3 masked": "read as vector=0xf3 masked=1\n",
        "encode sint2 vector = 0xf3": "read as vector=0xf3\n",
        "encode sint2 vector=0xf3": "",
        "encode HV_SCHEDULER_TYPE root": "",  # a value, though not a number
    }.items(),
)
def test_fields_that_were_written_otherwise_are_mentioned_with_the_value(line: str, said_so: str) -> None:
    ended = call("-c", line)
    assert (ended.status, ended.err, ended.out.count("\n")) == (0, said_so, 1)


def test_a_suggested_command_runs() -> None:
    suggested = [row[2].rpartition("did you mean `")[2].removesuffix("`?") for row in ROWS if "did you mean `" in row[2]]
    assert len(suggested) >= 10
    for line in suggested:
        assert call("-c", line).status in (0, 1), line


def test_the_table_has_as_many_lines_as_it_should() -> None:
    assert len(ROWS) >= 120


PAGE = (DATA / "dumps" / "page.gdb.txt").read_bytes()
MESSAGE = b"".join((DATA / "dumps" / "page.xxd.txt").read_bytes().splitlines(keepends=True)[:16])
LOG = b"[    0.246940] hv_vmbus: Vmbus version:5.3\n"
RDMSR = b"200f3\n10013\n40000082\n"  # as rdmsr prints values
# stdin and the words → status, first line.
STDIN = {
    "a_page": (PAGE, ["-f", "line"], 0, "HV_MESSAGE_PAGE 4096 bytes  2 of 16 slots in use, 1 with more pending"),
    "a_message": (MESSAGE, ["-f", "line"], 0, "HV_MESSAGE 256 bytes  HVMSG_TIMER_EXPIRED, timer 0, due 0x1122334455, 6.8 us late"),
    "a_page_behind_empty_lines": (b"\n\n" + PAGE, ["-f", "line"], 0, "HV_MESSAGE_PAGE 4096 bytes  2 of 16"),
    "a_page_raw": ((DATA / "dumps" / "page.bin").read_bytes(), [], 2, "stdin: raw bytes, not a script"),
    "a_page_in_utf_16": (PAGE.decode().encode("utf-16"), ["-f", "line"], 0, "HV_MESSAGE_PAGE 4096 bytes  2 of 16 slots in use"),
    "a_page_in_colour": (b"\x1b[1m" + PAGE, ["-f", "line"], 0, "HV_MESSAGE_PAGE 4096 bytes  2 of 16 slots in use"),
    "a_script_in_utf_16": ("sint2 0x30 -f line\n".encode("utf-16"), [], 0, "HV_X64_MSR_SINT2 0x0000000000000030"),
    "values_with_a_mark": (b"\xef\xbb\xbf0x30\n", ["decode", "sint2", "-", "-f", "line"], 0, "HV_X64_MSR_SINT2 0x0000000000000030"),
    "values_in_utf_16": ("0x30\n".encode("utf-16"), ["decode", "sint2", "-", "-f", "line"], 0, "HV_X64_MSR_SINT2 0x0000000000000030"),
    "a_script_with_a_mark": (b"\xef\xbb\xbfsint2 0x30 -f line\n", [], 0, "HV_X64_MSR_SINT2 0x0000000000000030"),
    "a_log": (LOG, [], 2, "stdin:1: this looks like a log; `hvrepl annotate` explains the numbers in it"),
    "a_page_for_decode": (PAGE, ["decode", "page", "-f", "line"], 0, "HV_MESSAGE_PAGE 4096 bytes  2 of 16 slots in use"),
    "a_page_for_eom": (PAGE, ["eom", "2", "-f", "csv"], 0, "step,what,where,value"),
    "a_page_for_eom_with_a_type": (PAGE, ["eom", "2", "1", "-f", "csv"], 0, "step,what,where,value"),
    "a_crash": (b"0x1e 0x1 0x2 0x3 0x4\n", ["crash", "-f", "line"], 0, "Windows  0x1E KMODE_EXCEPTION_NOT_HANDLED"),
    "no_crash": (b"0x1e 0x1 0x2\n", ["crash", "-f", "line"], 2, "crash takes five parameters"),
    "a_pasted_crash": (b"P0=0x1e P1=0x1 P2=0x2 P3=0x3 P4=0x4\n", ["crash", "-f", "line"], 0, "Windows  0x1E KMODE_EXCEPTION_NOT_HANDLED"),
    "values": (b"0x30\n0x31\n", ["decode", "sint2", "-f", "line"], 0, "HV_X64_MSR_SINT2 0x0000000000000030"),
    "values_as_ndjson": (b"0x30\n0x31\n", ["decode", "sint2", "-f", "ndjson"], 0, '{"name":"HV_X64_MSR_SINT2"'),
    "numbers": (b"0x8100000606570000\n", ["decode", "-f", "line"], 0, "HV_X64_MSR_GUEST_OS_ID 0x8100000606570000  Linux 6.6.87"),
    "no_values": (b"# none\n", ["decode", "sint2"], 2, "sint2: no value; see `show sint2`"),
    "no_values_as_ndjson": (b"", ["decode", "sint2", "-f", "ndjson"], 2, "sint2: no value; see `show sint2`"),
    "rdmsr": (RDMSR, ["--hex", "decode", "sint2", "-f", "line"], 0, "HV_X64_MSR_SINT2 0x00000000000200f3  vector 0xf3, auto-EOI"),
    "rdmsr_as_ndjson": (RDMSR, ["--hex", "decode", "sint2", "-", "-f", "ndjson"], 0, '{"name":"HV_X64_MSR_SINT2"'),
    "rdmsr_without_hex": (b"40000082\n", ["decode", "sint2", "-"], 2, "stdin:1: '40000082' can be hex or decimal"),
    "not_for_a_value_with_its_words": (b"0x30\n", ["sint2", "0x31", "-f", "line"], 0, "HV_X64_MSR_SINT2 0x0000000000000031"),
    "not_for_show": (b"0x30\n", ["sint2", "-f", "csv"], 0, "bits,name,type,doc"),
}


@pytest.mark.parametrize(("stdin", "words", "status", "text"), STDIN.values(), ids=STDIN)
def test_stdin_is_what_is_missing_or_what_it_looks_like(stdin: bytes, words: list[str], status: int, text: str) -> None:
    ended, line = said(call(*words, stdin=stdin))
    assert ended == status
    assert line.startswith(text)
