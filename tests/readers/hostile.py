"""What reads text of others, each as a function of a text; and texts that make a reader slow which looks at its input again and again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from hvrepl.analysis.claims import Teller
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.commands.annotate import pieces
from hvrepl.commands.encode import read_json
from hvrepl.commands.inputs.operands import holds_lines
from hvrepl.commands.session import Session, Streams
from hvrepl.errors import HvreplError
from hvrepl.readers.cpuid import read_machines
from hvrepl.readers.crash import find_crashes, read_parameters, read_pasted, split_pasted
from hvrepl.readers.dump import read_dump
from hvrepl.readers.kinds import LOG_LINE, is_row, is_value, kind_of
from hvrepl.readers.number import read_cpuid, read_given
from hvrepl.script.argv import read_argv
from hvrepl.script.interpret import interpret
from hvrepl.script.lines import parse_line, split_operator, split_typed
from hvrepl.script.paste import is_open, split_text
from hvrepl.script.shortcuts import expand

LABELS = [f"P{place}" for place in range(6)]


@cache
def session() -> Session:
    return Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}))


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
    interpret(session(), words.command, words.words)


def read_typed(text: str) -> None:
    split_typed(text)
    split_operator(text)


def read_pasted_text(text: str) -> None:
    list(split_text(text, is_struct))
    is_open(text.split("\n"), is_struct)


def read_number(text: str) -> None:
    is_value(text)
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


READERS: dict[str, Callable[[str], Any]] = {
    "crash": read_crash,
    "dump": read_dump,
    "row": is_row,
    "cpuid": lambda text: read_machines(text, session().catalog.spaces["cpuid"]),
    "log": read_log,
    "line": read_line,
    "typed": read_typed,
    "pasted": read_pasted_text,
    "number": read_number,
    "json": read_tree,
    "kind": read_kind,
}


def read(reader: str, text: str) -> None:
    with suppress(HvreplError):
        READERS[reader](text)
