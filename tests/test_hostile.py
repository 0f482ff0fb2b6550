"""Hostile input for the program as a process with limits: it ends with the right status, and with one line unless it succeeds. The files
are in tests/data/hostile."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.at_hand import needs
from tests.images.core import LOAD, MANY, PAGE, TIMER, VERSION_RESPONSE, core, elf, page
from tests.limits import MEMORY, run
from tests.modules import MODULES, name_of, tree_of
from tests.paths import DATA
from tests.program import PROGRAM, call
from tests.terminal import Terminal


def trees() -> Iterator[tuple[str, str, int, str]]:
    for row in (DATA / "hostile/json.tsv").read_text().splitlines():
        what, text, status, line = row.split("\t")
        yield what, text, int(status), line


NESTED = '{"fields":[' * 200 + '{"name":"vector"}' + "]}" * 200
MADE_TREES = [
    ("sint2", f'{{"fields":[{{"name":"vector","value":{"1" * 5000}}}]}}', 2, "has 5,000 digits; a number has at most 1,234"),
    ("sint2", NESTED, 2, "parts within parts, over 32 deep"),
    ("sint2", "[" * 100_000, 2, "stdin is not the JSON of decode: nested too deeply"),
    ("sint2", '{"fields":[{"name":"vector","value":1},{"name":"vector","value":2}]}', 2, "vector appears twice"),
    ("sint2", '{"fields":[{"name":"\\u001b[8m\\u202e","value":1}]}', 2, "sint2 has no field \\x1b[8m\\u202e with these values"),
    ("page", json.dumps({"slots": [{"name": f"[{place}]"} for place in range(17)]}), 2, "slots has 16 elements, not 17"),
    ("page", '{"slots":[{"name":"[1]"}]}', 2, "slots is an array: its element 0 must be called [0], not '[1]'"),
    ("sint2", "}" + "\n" * 100_000, 2, "stdin is not the JSON of decode"),
    ("message", '{"fields":[{"name":"header","fields":[{"name":"payload_size","value":-300}]}]}', 2, "header.payload_size is 8 bits wide"),
]


@needs("sh")
@pytest.mark.parametrize(("what", "text", "status", "line"), [*trees(), *MADE_TREES])
def test_a_tree_is_held_to_the_layout(what: str, text: str, status: int, line: str) -> None:
    found, out, err = run("encode", what, "-", stdin=text)
    assert (found, (err or out).count("\n")) == (status, 1)
    assert line in (err or out)
    assert bool(out) != bool(err)


@needs("sh")
def test_a_tree_that_fills_the_memory_ends_with_a_line() -> None:
    text = '{"slots":[' + ",".join(['{"name":"[0]","fields":[{"name":"a"}]}'] * 150_000) + "]}"
    status, out, err = run("encode", "page", "-", stdin=text, memory=MEMORY // 3)
    assert (status in (2, 4), out, err.count("\n")) == (True, "", 1), err[-300:]


DIGITS = "1" * 5000
# Lines of the shell's language → (status, stderr).
LINES = {
    "index": (f"page slots[{DIGITS}].x=1", 2, "has 5,000 digits"),
    "slot": (f"page.{DIGITS} 0", 3, "page has no part 1111"),
    "value": (f"sint2 {DIGITS}", 2, "wider than 4096 bits"),
    "value_in_hand": (f"sint2 _{DIGITS}", 2, ""),
    "arithmetic": (f"({DIGITS} + 1)", 2, ""),
    "cpuid": (f"cpuid 0x40000003 eax={DIGITS}", 2, ""),
    "kernel": (f"encode guest-id kernel={DIGITS}.1", 2, ""),
    "field": (f"encode sint2 vector={DIGITS}", 2, ""),
    "bit": (f"find bit:{DIGITS}", 3, ""),
    "spaces": ("msr " * 2000, 3, ""),
    "parentheses": ("(" * 100_000, 2, "a parenthesis is not closed"),
    "escapes": ("\\x" * 100_000, 3, ""),
    "quotes": ("'x'" * 100_000, 3, ""),
    "long_name": (f"show {'x' * 100_000}", 3, "no such name: xxx"),
    "long_topic": (f"help {'X_' * 50_000}", 3, "no such name: X_X_"),
    "nested_arithmetic": ("(" * 400 + "1" + ")" * 400, 2, "is not arithmetic"),
}


@needs("sh")
@pytest.mark.parametrize(("line", "status", "said"), LINES.values(), ids=LINES)
def test_a_line_is_refused_in_one(line: str, status: int, said: str) -> None:
    found, out, err = run(stdin=f"{line}\n")
    assert (found, out, err.count("\n")) == (status, "", 1), err[-600:]
    assert said in err
    assert len(err) < 1000


@needs("sh")
@pytest.mark.parametrize("most", ["0", "640", "100000"])
def test_how_many_digits_python_takes_changes_nothing(most: str) -> None:
    status, out, _ = run(stdin=f"({2**2990} >> 2985)\n(1 << 4000)\n{DIGITS}\n", PYTHONINTMAXSTRDIGITS=most)
    assert status == 2
    assert " = 0x20\n" in out
    assert f"decimal  {1 << 4000}\n" in out


@needs("sh")
@pytest.mark.parametrize("text", ["a" * 20_000, "P0=" * 10_000, "0xd1 (" * 10_000], ids=len)
def test_letters_are_not_a_crash(text: str) -> None:
    status, out, err = run("crash", "-", stdin=text)
    assert (status, out, err.count("\n")) == (2, "", 1)


@needs("sh")
def test_the_cpus_of_a_large_machine_are_surveyed() -> None:
    text = "".join(f"CPU {cpu}:\n  0x40000003 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4\n" for cpu in range(20_000))
    status, out, err = run("cpuid", "-", stdin=text)
    assert (status, err) == (0, "")
    assert "20000 CPUs, all alike" in out


@needs("sh")
def test_more_machines_than_can_be_surveyed_are_refused() -> None:
    text = "".join(f"0x40000003 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x{place:x}\n" for place in range(2000))
    assert run("cpuid", "-", stdin=text) == (2, "", "stdin: the leaves of 2,000 machines; at most 1,000 are surveyed at once\n")


@needs("sh")
@pytest.mark.parametrize("files", [1, 2, 400])
def test_files_that_source_one_another_end_with_a_line(files: int, tmp_path: Path) -> None:
    for place in range(files):
        (tmp_path / f"s{place}").write_text(f"source s{(place + 1) % files}\n")
    status, out, err = run("-c", "source s0", cwd=tmp_path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert ("sources itself" if files < 16 else "files that source one another, over 16 deep") in err


@needs("sh")
@pytest.mark.parametrize("options", [[], ["-k"]], ids=len)
def test_files_that_source_one_another_many_times_end_with_a_line(options: list[str], tmp_path: Path) -> None:
    """Each of 16 files sources the next twice, so the last would be read 32,768 times."""
    for place in range(16):
        (tmp_path / f"s{place}").write_text(f"source s{place + 1}\n" * 2 if place < 15 else "# nothing\n")
    status, out, err = run(*options, "-c", "source s0", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert re.match(r"(s\d+:\d: )+s\d+: files that source one another, over 10,000 in all\n", err)
    assert err.count("\n") <= (16 if options else 1)


@needs("sh")
def test_each_line_may_source_as_many_files_as_another(tmp_path: Path) -> None:
    (tmp_path / "all").write_text("source one\n" * 6_000)
    (tmp_path / "one").write_text("")
    assert run("-c", "source all", "-c", "source all", cwd=tmp_path) == (0, "", "")


@needs("sh")
@pytest.mark.parametrize("name", ["a\x1b[8mb", "a\x07b", "a\x9bb", "a\u202eb", "a\nb", "a\x7fb"], ids=ascii)
def test_a_file_name_does_nothing_to_a_terminal(name: str, tmp_path: Path) -> None:
    """Nor breaks the lines for programs."""
    (tmp_path / name).write_bytes(bytes(PAGE) + page({0: TIMER, 2: VERSION_RESPONSE}))
    quoted = name.encode("unicode_escape").decode()
    for words in (
        ["decode", "page", f"@{name}:0x1000"],
        ["scan", name, "-f", "line"],
        ["scan", name, "-f", "csv"],
        ["scan", name, "-f", "json"],
    ):
        before = os.getcwd()
        os.chdir(tmp_path)
        try:
            found = call("--color", "never", *words, stdout_is_terminal=True)
        finally:
            os.chdir(before)
        unprintable = [c for c in found.out if not (c.isprintable() or c == "\n")]
        assert (found.status, unprintable) == (0, []), found.err
        assert name not in found.out or name == "a\nb"  # a CSV cell may contain a line end
        assert quoted in found.out or words[-1] in ("csv", "json")


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_json_has_only_what_can_be_printed(form: str) -> None:
    line = "Hyper-V: \x7f\x9b31m\u202e\u2028\xad\U000e0041 sint2 HV_X64_MSR_SINT2: 0x200f3\n"
    for is_terminal in (False, True):
        found = call("annotate", "-f", form, stdin=line.encode(), stdout_is_terminal=is_terminal)
        assert found.out.replace("\n", "").isprintable()
        table = json.loads(found.out)
        assert (table[0] if isinstance(table, list) else table)["text"] == line.rstrip("\n")


def test_a_finding_of_encode_does_nothing_to_a_terminal() -> None:
    found = call("encode", "guest-id", "kernel=6.6.999-\x1b[2J\x9b")
    assert [c for c in found.err if not (c.isprintable() or c == "\n")] == []


def test_the_colours_of_the_program_pass_and_others_do_not() -> None:
    found = call("--color", "always", "decode", "sint2", "0x200f3", stdout_is_terminal=True)
    assert "\x1b[1mHV_X64_MSR_SINT2\x1b[0m" in found.out
    assert call("sint2\x1b[5m", "0x1", stdout_is_terminal=True).err.startswith("no such command or name: sint2\\x1b[5m")


def test_a_log_acts_in_no_terminal_and_is_whole_in_a_pipe() -> None:
    line = "[    1.0] Hyper-V: \x1b[31m\x9b\x07 SINT2 HV_X64_MSR_SINT2 0x200f3\n"
    assert call("annotate", stdin=line.encode()).out.startswith(line)
    shown = call("annotate", "--color", "always", stdin=line.encode(), stdout_is_terminal=True).out
    assert "\\x1b[31m\\x9b\\x07" in shown


def sparse(path: Path, start: bytes, size: int) -> None:
    """A file with a given beginning, followed by a hole."""
    path.write_bytes(start)
    os.truncate(path, size)


def headers_of_nothing(count: int) -> Callable[[Path], None]:
    """A core with program headers of zeros in a hole."""
    return lambda path: sparse(path, core([], count=MANY, info=count, start=PAGE), PAGE + 56 * count)


def one_mebibyte(count: int) -> Callable[[Path], None]:
    """A core whose segments are all the same part of the file."""
    segments = [(LOAD, 0, 0, number << 32, 1 << 20, 1 << 20) for number in range(count)]
    return lambda path: path.write_bytes(core(segments, bytes([1]) * (1 << 20)))


def as_told(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data)


NOT_READ = "begins as an ELF file but cannot be read as one: "
TWICE = "some of its memory is at several addresses; pages in it are shown at one of them"
HELD = elf([(0, 0x1000, page({0: TIMER}))])
# Image → (the function that makes it, status, stderr).
IMAGES: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "elf 400,000 headers of nothing": (headers_of_nothing(400_000), 4, "an ELF core without memory in it"),
    "elf 4,000,000 headers of nothing": (headers_of_nothing(4_000_000), 4, "an ELF core without memory in it"),
    "elf 4 billion headers of nothing": (headers_of_nothing((1 << 32) - 1), 4, "an ELF core without memory in it"),
    "elf 65,534 segments of one MiB": (one_mebibyte(0xFFFE), 0, TWICE),
    "elf 65,535 headers that are not there": (as_told(core([], count=MANY)), 4, "is truncated after 0 of its 65535 program headers"),
    "elf headers of 0 bytes": (
        as_told(core([], count=3, stride=0)),
        4,
        NOT_READ + "a program header has 56 bytes, not 0",
    ),
    "elf headers of 1 byte": (
        as_told(core([], count=MANY, stride=1)),
        4,
        NOT_READ + "a program header has 56 bytes, not 1",
    ),
    "elf huge headers": (as_told(core([], count=MANY, stride=MANY)), 4, "is truncated after 0 of its 65535 program headers"),
    "elf headers at no offset": (as_told(core([], count=1, start=(1 << 64) - 1)), 4, "is truncated after 0 of its 1 program headers"),
    "elf section at no offset": (
        as_told(core([], count=MANY, sections=(1 << 64) - 1)),
        4,
        "is truncated after 0 of its 65535 program headers",
    ),
    "elf of no class": (as_told(HELD[:4] + b"\7" + HELD[5:]), 4, NOT_READ + "its class is 7 and its byte order 1; each is 1 or 2"),
    "elf of another order": (as_told(HELD[:5] + b"\2" + HELD[6:]), 4, NOT_READ + "its type is 1024; that of a core is 4"),
    "elf segment beyond the end": (as_told(core([(LOAD, 1 << 63, 0, 0, 1 << 63, 0)])), 4, "is truncated before the memory in it begins"),
    "elf segment of all bytes": (
        as_told(core([(LOAD, 0, 0, 0, (1 << 64) - 1, 0)])),
        4,
        f"is truncated: {(1 << 64) - 121} bytes of the",
    ),
    "elf segment that wraps": (as_told(core([(LOAD, 0, 0, (1 << 64) - 64, 120, 1)])), 4, "is damaged: 56 bytes of the memory in it have"),
    "elf hole of 1 TiB": (lambda path: sparse(path, core([(LOAD, PAGE, 0, 0, 1 << 40, 0)]), PAGE + (1 << 40)), 0, ""),
}


@needs("sh")
@pytest.mark.parametrize("name", IMAGES)
def test_an_image_does_no_harm(name: str, tmp_path: Path) -> None:
    make, status, said = IMAGES[name]
    make(tmp_path / "image")
    for words in (["scan", "image"], ["decode", "page", "@image:0"]):
        found, out, err = run(*words, cwd=tmp_path)
        assert err.count("\n") == bool(err), err[-600:]
        assert (found == 0) == bool(out) or words[0] == "scan"
        if words[0] == "scan":
            assert (found, out) == (status, ""), err
            assert said in err
            assert bool(said) == bool(err)
        else:
            assert found in (0, 2, 4)  # 2 for less than a page


@needs("sh")
@pytest.mark.parametrize("most", [5, 6, 7])
def test_the_shell_asks_plainly_where_few_files_may_be_open(most: int, tmp_path: Path) -> None:
    with Terminal(tmp_path, program=["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh", *PROGRAM]) as terminal:
        terminal.see("hv x64>")
        terminal.send("sint2 0x30\n")
        terminal.see("vector 0x30", "\nhv x64>")


# int() takes quadratic time for a text with many digits, and raises if the environment limits them. These calls are fine: those with a
# base of a power of two, which does neither; and the ones here, with the reason.
BOUNDED = {
    "digits.py": "is what bounds",
    "columns/inputs.py": "of a float or a decimal, whose digits are bounded before",
    "debuggers/drgn_objects.py": "of numbers of drgn",
    "debuggers/gdb_command.py": "of numbers of gdb",
    "debuggers/gdb_values.py": "of numbers of gdb",
    "commands/inputs/register_value.py": "a million lines, of which the pattern bounds the digits",
}
LINEAR_BASES = (2, 8, 16)


def unbounded(path: Path) -> Iterator[int]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "int":
            base = node.args[1] if len(node.args) > 1 else None
            if not (isinstance(base, ast.Constant) and base.value in LINEAR_BASES):
                yield node.lineno


def test_every_text_becomes_a_number_through_the_bounded_reader() -> None:
    found = [f"{name}:{line}" for path in MODULES if (name := name_of(path)) not in BOUNDED for line in unbounded(path)]
    assert found == []


# Patterns with a repeated group that begins or ends with a repetition within it take time that doubles with each character.
NESTED_REPEAT = re.compile(r"\((?:\?:)?\\?[\w.]\+\)[*+]")


def test_no_pattern_repeats_a_repetition() -> None:
    found = [name_of(path) for path in MODULES if NESTED_REPEAT.search(path.read_text())]
    assert found == []


CUT = "is truncated before the memory in it begins"
# Images → the message after the path.
VMCORES = {"cut_in_bitmap.vmcore": CUT, "claims_many_pages.vmcore": CUT}


@needs("sh")
@pytest.mark.parametrize("name", VMCORES)
def test_a_damaged_image_ends_with_a_line(name: str) -> None:
    path = f"{DATA}/hostile/images/{name}"
    assert run("scan", path) == (4, "", f"{path}: {VMCORES[name]}\n")
    assert run("decode", "page", f"@{path}:0x1000") == (4, "", f"{path}: {VMCORES[name]}\n")
