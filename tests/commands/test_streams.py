"""The program among pipes, as a process: immediate answers, closed ends, signals, full disks, input of any kind."""

from __future__ import annotations

import errno
import json
import os
import re
import select
import shlex
import signal
import subprocess
from pathlib import Path
from typing import IO

import pytest

from hvrepl.commands.inputs.operands import holds_lines
from hvrepl.script.lines import quote
from tests.at_hand import needs
from tests.fuzz import amount, sampled
from tests.program import PROGRAM, SECONDS, Ended, call, clean_environ, execute, start

VALUES = ["0x200f3", "0x10013", "0x30"]
MESSAGE = bytes.fromhex("10000080 18 00 0000".replace(" ", "")).ljust(256, b"\0")


def read_exactly(stream: IO[bytes] | None, size: int) -> str:
    """So many bytes, as they arrive; fails if they are late or the stream ends."""
    assert stream is not None
    found = b""
    while len(found) < size:
        ready, _, _ = select.select([stream], [], [], SECONDS)
        assert ready, f"no answer; so far {found[-200:]!r}"
        more = os.read(stream.fileno(), size - len(found))
        assert more, f"the answer ends after {found[-200:]!r}"
        found += more
    return found.decode()


def write(process: subprocess.Popen[bytes], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text.encode())
    process.stdin.flush()


def finish(process: subprocess.Popen[bytes]) -> Ended:
    """Ends the input and waits for the program."""
    out, err = process.communicate(timeout=SECONDS)
    return Ended(process.returncode, out.decode(), err.decode())


def answers(form: str, what: str, values: list[str]) -> list[str]:
    """The output that each value should add, and that of the end of the input."""
    alone = [call("decode", what, value, "-f", form, columns=0).out for value in values]
    match form:
        case "json":  # a value is held back until it is clear whether others follow
            objects = [text.rstrip("\n") for text in alone]
            return ["", f"[{objects[0]},\n", *(f"{one},\n" for one in objects[1:-1]), f"{objects[-1]}]\n"]
        case "csv":
            return [alone[0], *(text.split("\n", 1)[1] for text in alone[1:]), ""]
        case "fields" | "bits":
            return [alone[0], *(f"\n{text}" for text in alone[1:]), ""]
    return [*alone, ""]


@pytest.mark.parametrize("form", ["ndjson", "line", "csv", "json", "fields", "bits", "table"])
def test_each_value_of_stdin_is_answered_before_the_next_is_given(form: str) -> None:
    *expected, rest = answers(form, "sint2", VALUES)
    with start("decode", "sint2", "-", "-f", form) as process:
        for value, answer in zip(VALUES, expected, strict=True):
            write(process, f"{value}\n")
            assert read_exactly(process.stdout, len(answer.encode())) == answer
        assert finish(process) == Ended(0, rest, "")


@pytest.mark.parametrize("form", ["ndjson", "line", "fields"])
def test_each_line_of_a_script_is_answered_before_the_next_is_given(form: str) -> None:
    with start("-f", form) as process:
        for value in VALUES:
            write(process, f"# comment\n\nsint2 {value}\n")
            answer = call("decode", "sint2", value, "-f", form, columns=0).out
            assert read_exactly(process.stdout, len(answer.encode())) == answer
        assert finish(process) == Ended(0, "", "")


def test_each_line_of_hex_is_a_message_as_soon_as_it_is_there() -> None:
    answer = call("decode", "message", MESSAGE.hex(), "-f", "line").out
    with start("decode", "message", "-", "-f", "line") as process:
        for _ in range(3):
            write(process, MESSAGE.hex() + "\n")
            assert read_exactly(process.stdout, len(answer.encode())) == answer
        assert finish(process) == Ended(0, "", "")


def test_a_number_without_a_name_is_answered_at_once() -> None:
    with start("decode", "-", "-f", "line") as process:
        for value in ("0x8100000606570000", "0xC0350005"):
            write(process, f"{value}\n")
            answer = call("decode", value, "-f", "line").out
            assert read_exactly(process.stdout, len(answer.encode())) == answer
        assert finish(process) == Ended(0, "", "")


def test_an_error_is_reported_before_the_next_line_is_given() -> None:
    message = "stdin:2: 'zz' is not a number; write it as 0x1f, 31, 1fh, 0b11111 or (1 << 5)\n"
    with start("decode", "sint2", "-", "-f", "line", "-k") as process:
        write(process, "0x30\nzz\n")
        assert read_exactly(process.stderr, len(message)) == message
        answer = call("decode", "sint2", "0x30", "-f", "line").out
        assert read_exactly(process.stdout, len(answer.encode())) == answer
        assert finish(process) == Ended(2, "", "")


@sampled
@needs("/proc/self/status")
@pytest.mark.parametrize(
    ("arguments", "line", "times"),
    [
        (["decode", "sint2", "-", "-f", "ndjson"], "0x200f3", amount(60, 200)),
        (["decode", "sint2", "-", "-f", "json"], "0x200f3", amount(60, 200)),
        (["decode", "sint2", "-", "-f", "csv"], "0x200f3", amount(60, 200)),
        (["decode", "sint2", "-", "-f", "ndjson", "-k"], "zz", amount(60, 200)),
        (["decode", "message", "-", "-f", "line"], MESSAGE.hex(), amount(20, 50)),
        (["-f", "line"], "sint2 0x200f3", amount(30, 50)),
    ],
    ids=["ndjson", "json", "csv", "errors", "messages", "script"],
)
def test_thousands_of_values_need_no_more_memory_than_two_hundred(arguments: list[str], line: str, times: int) -> None:
    batch = 100
    with start(*arguments) as process:
        write(process, f"{line}\n" * batch)  # one answer may be held back, so a batch of answers is read only when the next is asked
        peaks = []
        for _ in range(times):
            write(process, f"{line}\n" * batch)
            assert process.stdout is not None
            for _ in range(batch):
                process.stdout.readline()
            peaks.append(peak_of(process))
        process.communicate(timeout=SECONDS)
    assert peaks[-1] - peaks[0] < 3 << 20


def peak_of(process: subprocess.Popen[bytes]) -> int:
    """The most memory that the process has used, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


PLENTY = 20_000


@pytest.fixture(scope="module")
def plenty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of values whose answers fill every buffer."""
    path = tmp_path_factory.mktemp("values") / "plenty.txt"
    path.write_text("0x200f3\n" * PLENTY)
    return path


@pytest.fixture(scope="module")
def plenty_of_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("values") / "lines.txt"
    path.write_text("sint2 0x200f3\n" * PLENTY)
    return path


@pytest.mark.parametrize("form", ["ndjson", "json", "line", "csv", "fields"])
def test_a_reader_that_has_seen_enough_is_not_an_error(form: str, plenty: Path) -> None:
    with plenty.open("rb") as stdin, start("decode", "sint2", "-", "-f", form, stdin=stdin) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        assert process.communicate(timeout=SECONDS)[1] == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["list", "-f", "json"],
        ["show", "guest-id"],
        ["find", "sint"],
        ["decode", "sint2", "1"],
        ["encode", "sint2", "vector=16"],
        ["diff", "sint2", "1", "1"],
        ["-c", "list", "-c", "sint2 1"],
        ["-k", "-c", "list", "-c", "list"],
    ],
    ids=" ".join,
)
def test_a_reader_that_is_gone_is_not_an_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout, start(*arguments, stdout=stdout) as process:
        ended = process.communicate(timeout=SECONDS)
    assert (process.returncode, ended[1]) == (0, b"")


def test_a_reader_of_a_sourced_script_that_is_gone_is_not_an_error(plenty_of_lines: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout, start("-c", f"source {quote(str(plenty_of_lines))}", stdout=stdout) as process:
        ended = process.communicate(timeout=SECONDS)
    assert (process.returncode, ended[1]) == (0, b"")


@pytest.mark.parametrize("command", ["head -n 1", "true"])
def test_a_command_that_has_read_enough_does_not_end_the_script(command: str) -> None:
    ended = execute("-c", f"list | {command}", "-c", "sint2 0x30 -f line")
    assert ended.status == 0
    assert ended.err == ""
    assert ended.out.splitlines()[-1].startswith("HV_X64_MSR_SINT2 0x0000000000000030")


def test_an_interrupt_while_it_waits_ends_the_program_by_the_signal() -> None:
    with start("decode", "sint2", "-", "-f", "line") as process:
        write(process, "0x30\n")
        answer = call("decode", "sint2", "0x30", "-f", "line").out
        assert read_exactly(process.stdout, len(answer.encode())) == answer
        process.send_signal(signal.SIGINT)
        assert finish(process) == Ended(-signal.SIGINT, "", "")


@pytest.mark.parametrize("arguments", [["decode", "sint2", "-", "-f", "ndjson"], ["-f", "line"]], ids=["values", "script"])
def test_an_interrupt_in_the_midst_leaves_whole_lines(arguments: list[str], plenty: Path, plenty_of_lines: Path) -> None:
    source = plenty if "-" in arguments else plenty_of_lines
    with source.open("rb") as stdin, start(*arguments, stdin=stdin) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, err = process.stdout.readlines(), process.stderr.read()
    assert (process.returncode, err) == (-signal.SIGINT, b"")
    assert set(rest) <= {first}
    assert len(rest) < PLENTY - 1


FULL = Path("/dev/full")
MUCH = [
    ["list"],
    ["decode", "sint2", "1"],
    ["decode", "sint2", "1", "-f", "table"],
    ["encode", "sint2", "vector=16"],
    ["--help"],
    ["decode", "--help"],
    ["--version"],
    ["-c", "list", "-c", "nosuch"],
]


@needs("/dev/full")
@pytest.mark.parametrize("arguments", MUCH, ids=" ".join)
def test_a_full_disk_is_one_line_and_status_4(arguments: list[str]) -> None:
    with FULL.open("wb") as stdout, start(*arguments, stdout=stdout) as process:
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 4
    assert err.decode() == f"cannot write: {os.strerror(errno.ENOSPC)}\n"


@needs("/dev/full")
@pytest.mark.parametrize(
    ("arguments", "status"), [(["decode", "sint2", "zz"], 2), (["encode", "sint2", "vector=1"], 0)], ids=["error", "warning"]
)
def test_where_no_error_can_be_written_the_status_says_it(arguments: list[str], status: int) -> None:
    with FULL.open("wb") as full, start(*arguments, stderr=full) as process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, bool(out)) == (status, not status)


@needs("/dev/full")
@pytest.mark.parametrize("arguments", [["-c", "list > /dev/full"], ["encode", "sint2", "vector=16", "-o", "/dev/full"]], ids=" ".join)
def test_a_full_disk_under_a_file_is_reported_with_its_name(arguments: list[str]) -> None:
    assert execute(*arguments) == Ended(4, "", f"/dev/full: {os.strerror(errno.ENOSPC)}\n")


def without(redirection: str, *arguments: str) -> Ended:
    """The program started by a shell with one of its streams closed."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, *arguments],
        capture_output=True,
        check=False,
        timeout=SECONDS,
        env=clean_environ(),
        stdin=subprocess.DEVNULL,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


BAD_FILE = os.strerror(errno.EBADF)


@needs("sh")
@pytest.mark.parametrize("arguments", MUCH[:-1], ids=" ".join)
def test_a_closed_stdout_is_one_line_and_status_4(arguments: list[str]) -> None:
    assert without(">&-", *arguments) == Ended(4, "", f"cannot write: {BAD_FILE}\n")


@needs("sh")
def test_a_closed_stdout_does_not_matter_to_what_writes_nothing(tmp_path: Path) -> None:
    assert without(">&-", "encode", "sint2", "vector=16", "-o", str(tmp_path / "x")) == Ended(0, "", "")
    assert (tmp_path / "x").read_bytes() == b"\x10" + bytes(7)


@needs("sh")
@pytest.mark.parametrize("arguments", [["decode", "sint2", "-"], ["decode", "page", "-"], ["decode", "-"], []], ids=" ".join)
def test_a_closed_stdin_is_one_line_and_status_4(arguments: list[str]) -> None:
    assert without("<&-", *arguments) == Ended(4, "", f"stdin: {BAD_FILE}\n")


@needs("sh")
def test_a_closed_stderr_leaves_the_status() -> None:
    assert without("2>&-", "decode", "nosuch", "1") == Ended(3, "", "")


# Differences between a pipe and a file in memory: bytes in many pieces, none at all, and text that stderr cannot encode.
AS_A_PROCESS = ("nothing", "no_utf8", "a_million_characters", "a_million_blanks", "raw_many")


def run_as(name: str, *words: str, stdin: bytes) -> Ended:
    return (execute if name in AS_A_PROCESS else call)(*words, stdin=stdin)


NO_NUMBER = "is not a number; write it as 0x1f, 31, 1fh, 0b11111 or (1 << 5)"
INPUTS = {
    "nothing": (b"", 0, [], ""),
    "no_newline_at_the_end": (b"0x30\n0x31", 0, ["30", "31"], ""),
    "crlf": (b"0x30\r\n0x31\r\n", 0, ["30", "31"], ""),
    "blanks_and_comments": (b"\n  \n# 0x1\n\t0x30 \n", 0, ["30"], ""),
    "nul": (b"0x30\n\0\n0x31\n", 2, ["30", "31"], f"stdin:2: '\\x00' {NO_NUMBER}\n"),
    "nul_within": (b"0x\x0030\n", 2, [], "stdin:1: '\\x00' at character 3 of '0x\\x0030' is not a hex digit\n"),
    "no_utf8": (b"\xff\xfe\n0x31\n", 2, ["31"], "stdin:1: '\ufffd' (U+FFFD) at character 1 of '\ufffd\ufffd' is not an ASCII digit\n"),
    "terminal_escape": (b"\x1b[2J\n", 2, [], f"stdin:1: '\\x1b[2J' {NO_NUMBER}\n"),
    "a_million_characters": (
        b"f" * 1_000_000 + b"\n0x31\n",
        2,
        ["31"],
        f"stdin:1: '{'f' * 40}...' is 1000000 characters long; a number has at most 4096 bits\n",
    ),
    "a_million_blanks": (b" " * 1_000_000 + b"0x31\n", 0, ["31"], ""),
}


@pytest.mark.parametrize(("name", "given", "status", "shown", "err"), [(name, *row) for name, row in INPUTS.items()], ids=INPUTS)
def test_lines_of_any_kind_are_read_or_refused_one_by_one(name: str, given: bytes, status: int, shown: list[str], err: str) -> None:
    ended = run_as(name, "decode", "sint2", "-", "-f", "csv", "-k", stdin=given)
    rows = [line.split(",")[2] for line in ended.out.splitlines()[1:]]
    assert (ended.status, rows, ended.err) == (status, [f"0x00000000000000{digits}" for digits in shown], err)


SCRIPTS = {
    "nothing": (b"", 0, 0, ""),
    "no_newline_at_the_end": (b"sint2 0x30\nsint2 0x31", 0, 2, ""),
    "crlf": (b"sint2 0x30\r\narch x64\r\n\r\n# x\r\n", 0, 1, ""),
    "nul": (b"sint2 0x30\nsint2\0 1\n", 2, 1, "stdin:2: a NUL character at column 6; lines are text\n"),
    "no_utf8": (b"\xff\xfe\n", 3, 0, "stdin:1: no such command or name: \ufffd\ufffd\n"),
    "terminal_escape": (b"\x1b[2J 1\n", 3, 0, "stdin:1: no such command or name: \\x1b[2J\n"),
    "a_million_characters": (b"sint2 0x30 #" + b"x" * 1_000_000 + b"\n", 0, 1, ""),
    "a_long_name": (b"x" * 1_000_000, 3, 0, f"stdin:1: no such command or name: {'x' * 40}...\n"),
}


@pytest.mark.parametrize(("name", "given", "status", "count", "err"), [(name, *row) for name, row in SCRIPTS.items()], ids=SCRIPTS)
def test_a_script_of_any_kind_is_run_up_to_the_line_that_is_wrong(name: str, given: bytes, status: int, count: int, err: str) -> None:
    ended = run_as(name, "-f", "line", stdin=given)
    assert (ended.status, ended.out.count("\n"), ended.err) == (status, count, err)


@pytest.mark.parametrize(("values", "shape"), [(0, None), (1, dict), (2, list), (5, list)])
def test_the_json_of_a_stream_is_one_document(values: int, shape: type | None) -> None:
    ended = call("decode", "sint2", "-", "-f", "json", stdin=b"0x30\n" * values)
    assert (ended.status, ended.err) == (0, "")
    if shape is None:
        assert ended.out == ""
    else:
        document = json.loads(ended.out)
        assert type(document) is shape
        assert len(document if shape is list else [document]) == values


@pytest.mark.parametrize("good", [0, 1, 2, 3])
def test_the_json_of_a_stream_that_fails_is_whole_as_far_as_it_goes(good: int) -> None:
    ended = call("decode", "sint2", "-", "-f", "json", stdin=b"0x30\n" * good + b"zz\n0x31\n")
    assert ended.status == 2
    assert ended.err == f"stdin:{good + 1}: 'zz' {NO_NUMBER}\n"
    found = json.loads(ended.out or "[]")
    assert len(found if isinstance(found, list) else [found]) == good


STRUCTS = {
    "raw_one": (MESSAGE, 1, ""),
    "raw_three": (MESSAGE * 3, 3, ""),
    "raw_many": (MESSAGE * 300, 300, ""),
    "raw_and_a_short_one": (MESSAGE * 2 + MESSAGE[:100], 3, "truncated"),
    "hex_lines": (b"".join(MESSAGE.hex().encode() + b"\n" for _ in range(3)), 3, ""),
    "hex_lines_without_newline_at_the_end": (MESSAGE.hex().encode() + b"\n" + MESSAGE.hex().encode(), 2, ""),
    "hex_lines_with_crlf_and_comments": (MESSAGE.hex().upper().encode() + b"\r\n\r\n# x\r\n" + MESSAGE.hex().encode() + b"\r\n", 2, ""),
    "a_dump": (MESSAGE.hex(" ").encode(), 1, ""),
    "hex_lines_behind_an_empty_one_and_a_comment": (b"\n# two\n" + (MESSAGE.hex() + "\n").encode() * 2, 2, ""),
}


@pytest.mark.parametrize(("name", "given", "count", "finding"), [(name, *row) for name, row in STRUCTS.items()], ids=STRUCTS)
def test_stdin_holds_structs_raw_or_in_hex(name: str, given: bytes, count: int, finding: str) -> None:
    ended = run_as(name, "decode", "message", "-", "-f", "ndjson", stdin=given)
    found = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.status, ended.err, len(found)) == (0, "", count)
    assert all(bytes.fromhex(one["raw"]) == MESSAGE for one in found[:-1])
    assert [one["code"] for one in found[-1].get("findings", [])] == ([finding] if finding else [])


REFUSED_STRUCTS = {
    "raw_too_short": (MESSAGE[:10], 0, "message: got 10 bytes, needs at least 16"),
    "raw_and_too_short_a_one": (MESSAGE + MESSAGE[:10], 1, "message: got 10 bytes, needs at least 16"),
    "first_hex_line_too_short": (b"00\n" + MESSAGE.hex().encode(), 0, "stdin:1: '00' is not 256 bytes of hex, as the other lines are"),
    "hex_line_too_short": (MESSAGE.hex().encode() + b"\n00\n", 1, "stdin:2: '00' is not 256 bytes of hex, as the other lines are"),
}


@pytest.mark.parametrize(("given", "count", "err"), REFUSED_STRUCTS.values(), ids=REFUSED_STRUCTS)
def test_a_struct_of_too_few_bytes_ends_the_stream(given: bytes, count: int, err: str) -> None:
    ended = call("decode", "message", "-", "-f", "line", stdin=given)
    assert (ended.status, ended.out.count("\n"), ended.err) == (2, count, f"{err}\n")


LINES_OF_FOUR = {
    "lines": (b"\n# two\n01020304\n05060708\n", True),
    "first_damaged": (b"zz\n01020304\n", True),
    "hexdump_and_where_it_ends": (b"00000000  01 02 03 04                                       |....|\n00000004\n", False),
    "comment": (b"# a\n", False),
    "nothing": (b"", False),
}


@pytest.mark.parametrize(("start", "holds"), LINES_OF_FOUR.values(), ids=LINES_OF_FOUR)
def test_a_dump_of_four_bytes_is_not_read_as_lines_of_four(start: bytes, holds: bool) -> None:
    assert holds_lines(start, 4) == holds


PIPELINES = {
    "into": ("echo zz | {} decode sint2", "hvrepl: stdin:1: 'zz' is not a number"),
    "out_of": ("{} decode nosuch 1 | cat", "hvrepl: no such name: nosuch"),
    "none": ("{} decode nosuch 1 > /dev/null < /dev/null", "no such name: nosuch"),
    "script": ("echo nosuch | {}", "hvrepl: stdin:1: no such command or name: nosuch"),
}


@needs("sh")
@pytest.mark.parametrize(("line", "says"), PIPELINES.values(), ids=PIPELINES)
def test_in_a_pipeline_an_error_says_whose_it_is(line: str, says: str, tmp_path: Path) -> None:
    with (tmp_path / "errors").open("wb") as errors:
        subprocess.run(["sh", "-c", line.format(shlex.join(PROGRAM))], check=False, stderr=errors, env=clean_environ(), timeout=SECONDS)
    assert (tmp_path / "errors").read_text().startswith(says)
