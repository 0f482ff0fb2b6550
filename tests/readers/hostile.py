"""The readers of foreign text, each as a function of a text; and texts that slow down a reader with backtracking or repeated passes."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from hvrepl.commands.annotate import pieces
from hvrepl.commands.encode import read_json
from hvrepl.commands.inputs.operands import holds_lines
from hvrepl.commands.session import Session, Streams
from hvrepl.errors import HvreplError
from hvrepl.readers.cpuid import read_machines
from hvrepl.readers.crash import find_crashes, read_parameters, read_pasted, split_pasted
from hvrepl.readers.dump import read_dump
from hvrepl.readers.kinds import LOG_LINE, is_row, kind_of
from hvrepl.readers.number import is_given, read_cpuid, read_given
from hvrepl.script.argv import read_argv
from hvrepl.script.complete import Completer
from hvrepl.script.interpret import interpret
from hvrepl.script.lines import parse_line, split_operator, split_typed
from hvrepl.script.paste import is_open, split_text
from hvrepl.script.shell_words import shell_commands
from hvrepl.script.shortcuts import expand
from hvrepl.shell.highlight import classify

LABELS = [f"P{place}" for place in range(6)]


@cache
def session() -> Session:
    return Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}))


@cache
def completer() -> Completer:
    made = Completer(session().catalog, shell_commands(), str)
    vars(made)["names"] = made.names[::100]  # each text is searched in all of them, however long it is
    made.warm_up()
    return made


def is_struct(name: str) -> bool:
    return name in ("message", "page")


def read_log(text: str) -> None:
    chunks = text.encode()
    one = session()
    for _ in pieces(one, (chunks[at : at + 65536] for at in range(0, len(chunks), 65536))):
        pass


def read_crash(text: str) -> None:
    find_crashes(text, session().catalog.log_forms())
    read_pasted(text)
    read_parameters(split_pasted(text)[:6], LABELS)


def read_line(text: str) -> None:
    line = parse_line(expand(text))
    if not line.words:
        return
    words = read_argv(line.words)
    if words.words or words.command:
        interpret(session(), words.command, words.words)


def read_typed(text: str) -> None:
    split_typed(text)
    split_operator(text)


def read_keys(text: str) -> None:
    """The cost of each key of a line."""
    for is_asked in (False, True):
        completer().complete(text, is_asked=is_asked)
    for done in (False, True):
        list(classify(text, completer(), done=done))


def read_pasted_text(text: str) -> None:
    list(split_text(text, is_struct))
    is_open(text.split("\n"), is_struct)


def read_number(text: str) -> None:
    is_given(text)
    LOG_LINE.match(text)
    with suppress(HvreplError):
        read_cpuid([text])
    read_given(text)


def read_tree(text: str) -> None:
    one = Session(Streams(io.BytesIO(text.encode()), io.StringIO(), io.StringIO(), {}))
    list(read_json(one))


def read_kind(text: str) -> None:
    kind_of(text.encode(), session().catalog.spaces["cpuid"])
    holds_lines(text.encode(), 16)


def number_of_cpus(size: int) -> str:
    """Leaves of more and more CPUs."""
    return "".join(f"CPU {cpu}:\n  0x40000003 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4\n" for cpu in range(size // 60))


def other_leaves(size: int) -> str:
    """CPUs that each have another leaf."""
    return "".join(f"CPU:\n  0x{0x40000100 + place:08x} 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4\n" for place in range(size // 60))


def alternating(size: int) -> str:
    """One line with leaves in two alternating forms."""
    return "0x40000003 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4, cpuid 40000001 1-2-3-4, " * (size // 75)


def rows(size: int) -> str:
    """A dump as gdb prints it."""
    return "".join(f"0x{16 * row:x}:\t0x0000000000000001\t0x{row:016x}\n" for row in range(size // 48))


READERS: dict[str, Callable[[str], Any]] = {
    "crash": read_crash,
    "dump": read_dump,
    "row": is_row,
    "cpuid": lambda text: read_machines(text, session().catalog.spaces["cpuid"]),
    "log": read_log,
    "line": read_line,
    "typed": read_typed,
    "keys": read_keys,
    "pasted": read_pasted_text,
    "number": read_number,
    "json": read_tree,
    "kind": read_kind,
}


# A repeated text → for every reader, the time must not grow faster than its length.
UNITS = (
    *("a", "A", "0", " ", "\t", "\n", "(", ")", "'", '"', "\\", "\\'", "\\x", "\\x00", "0x", "0x1 ", "00 ", "00", "{", "}", "[", "]"),
    *("{0},", "u8 a[]={0};\n", "/*", "//", "*\n", ":", "<", ">", "=", ",", ".", "-", "_", "`", "#", "|", "P0=", "P0=1 ", "0xd1 (0x1, "),
    *("eax=", "eax=1 ebx=2 ecx=3 edx=4\n", "cpuid 40000003 ", "40000003 1 2 3 4\n", "CPU 0:\n", "leaf=1 ", "<register ", '{"a":1}\n'),
    *('{"fields":[', "0000000000000000: ", "0x0 <", "0x0:\t", "kernel: ", "[1.0] ", "[1.0] a: ", "(XEN) ", "b'", "12:", "hv_vmbus: "),
    *("msr ", "x=", "\r", "\u200b", "0000: 00\n", "}\n\n", "\\\n", "msr: 0x40000000 0x1\n", "|x"),
    *("zz ", "_ ", "-k ", "--hex ", "a=b ", "vector=1 ", "'a' ", "(1) ", "@x ", "\u00e9 "),
)
STARTS = ("", "(", "'", '"', "{", "/*", "P0=", "[1.0] ", "sint2 ", "encode page ", "b'", "0x")  # texts before it
# The largest inputs that a reader is made for.
OWN: dict[str, tuple[Callable[[int], str], ...]] = {
    "cpuid": (number_of_cpus, other_leaves, alternating),
    "log": (number_of_cpus, rows),
    "dump": (rows,),
    "pasted": (rows,),
}


def text_of(start: str, unit: str, size: int) -> str:
    return start + unit * (size // len(unit))


def read(reader: str, text: str) -> None:
    with suppress(HvreplError):
        READERS[reader](text)
