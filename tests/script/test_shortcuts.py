"""Text that is pasted or typed instead of a plain line: a copied prompt, the program's name, NAME?."""

from __future__ import annotations

import pytest

from hvrepl.script.shortcuts import expand
from tests.program import call

LINE = "HV_X64_MSR_SINT2 0x0000000000000030  vector 0x30\n"
SAID = "sint2 0x30 -f line"

# Texts before a line that are dropped.
DROPPED = [
    "hvrepl ",
    "  hvrepl   ",
    "$ hvrepl ",
    "% hvrepl ",
    "> hvrepl ",
    "hv x64> ",
    "hv arm64> hvrepl ",
    "me@host:~/a b$ hvrepl ",
    "me@host ~ % hvrepl ",
    "root@host:/# hvrepl ",
    "[root@host ~]# hvrepl ",
    "PS C:\\Users\\me> hvrepl.exe ",
    "C:\\Users\\me>hvrepl ",
    "./hvrepl ",
    ".venv/bin/hvrepl ",
]


@pytest.mark.parametrize("before", DROPPED)
def test_a_copied_prompt_and_the_program_s_name_are_dropped(before: str) -> None:
    assert expand(before + SAID) == SAID
    assert call("-c", before + SAID).out == call(stdin=f"{before}{SAID}\n".encode()).out == LINE


# Lines that only look like these.
KEPT = [
    "list > hvrepl",
    "!echo $ hvrepl",
    "dmesg | hvrepl annotate",
    "list | /usr/bin/hvrepl",
    "find hvrepl",
    "# hvrepl sint2 1",
    "hvrepls 1",
    "sint2 0x30",
    "help | less",
    "help me > file",
    "? ?",
    "'x?'",
    "(1 << 2)?",
]


@pytest.mark.parametrize("line", KEPT)
def test_other_lines_are_what_they_say(line: str) -> None:
    assert expand(line) == line


# Line → the one that prints the same.
SAME = {
    "sint2?": "show sint2",
    "sint2? -f json": "show sint2 -f json",
    "?sint2 --arch arm64": "show sint2 --arch arm64",
    "sint2? | cat": "show sint2 | cat",
    " sint2 ? ": "show sint2",
    "?sint2": "show sint2",
    "? sint2": "show sint2",
    "0x40000092?": "show 0x40000092",
    "msr:0x40000092?": "show msr:0x40000092",
    "decode?": "help decode",
    "?set": "help set",
    "_?": "help _",
    "hvrepl sint2?": "show sint2",
    "hv x64> sint2?": "show sint2",
    "help >>": "help '>>'",
}


@pytest.mark.parametrize(("line", "same"), SAME.items(), ids=SAME)
def test_a_question_mark_asks(line: str, same: str) -> None:
    ended = call("-c", line)
    assert ended == call("-c", same)
    assert (ended.status, ended.err) == (0, "")


def test_the_name_alone_asks_for_nothing() -> None:
    assert call("-c", "hvrepl").status == 0
    assert call("-c", "hvrepl -c list").status == 2
