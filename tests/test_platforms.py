"""hvrepl also starts on Windows and macOS: imports use nothing that only POSIX has, and text is always read and written as UTF-8."""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hvrepl.commands.output_files import open_output
from hvrepl.commands.session import Session, Streams
from hvrepl.script.pager import is_plain
from tests.each import each
from tests.modules import MODULES, name_of, tree_of

POSIX_MODULES = frozenset(
    ("curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog", "termios", "tty", "crypt", "nis")
)
# Parts of os and signal that Windows lacks.
POSIX_NAMES = re.compile(
    r"(?:f|l)?chown|chroot|fchmod|fork|forkpty|get(?:e|res)?[ug]id|getgroups|getloadavg|get(?:pgid|pgrp|sid|priority)|killpg|mkfifo|mknod"
    r"|openpty|posix_\w+|p(?:read|write)v?|sched_\w+|SEEK_(?:DATA|HOLE)|set\w*id|f?statvfs|sysconf|tc[gs]etpgrp|ttyname|uname|wait(?:3|4|id)"
    r"|W[A-Z]+|O_(?:CLOEXEC|DIRECTORY|NOFOLLOW|NONBLOCK|NOCTTY|SYNC)"
    r"|SIG(?!INT|TERM|ABRT|FPE|ILL|SEGV|_)\w+|alarm|pause|pthread_\w+|[gs]etitimer|sig(?:wait\w*|pending|timedwait)"
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The code that runs on import: everything except the bodies of functions."""
    yield node
    if isinstance(node, FUNCTIONS):
        defaults = [one for one in (*node.args.defaults, *node.args.kw_defaults) if one]
        parts: list[ast.AST] = [*defaults, *getattr(node, "decorator_list", [])]
    else:
        parts = list(ast.iter_child_nodes(node))
    for part in parts:
        yield from at_import(part)


def posix_only(tree: ast.AST) -> Iterator[str]:
    """The parts that a module would lack on Windows when it is imported."""
    for node in at_import(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in POSIX_MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from [node.module] if node.module in POSIX_MODULES else []
            yield from (alias.name for alias in node.names if node.module in ("os", "signal") and POSIX_NAMES.fullmatch(alias.name))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
            yield from [f"{node.value.id}.{node.attr}"] if POSIX_NAMES.fullmatch(node.attr) else []


@each(MODULES, name_of)
def test_a_module_is_imported_without_what_only_posix_has(path: Path) -> None:
    assert list(posix_only(tree_of(path))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "try:\n    import termios\nexcept ImportError:\n    pass",
        "from pwd import getpwnam",
        "from os import getuid",
        "class A:\n    me = os.getuid()",
        "def f(who=os.getuid()):\n    pass",
        "@signal.SIGPIPE\ndef f(): ...",
    ],
)
def test_what_only_posix_has_would_be_found(source: str) -> None:
    assert len(list(posix_only(ast.parse(source)))) == 1
    assert list(posix_only(ast.parse("def f():\n    import fcntl\n    return os.getuid()"))) == []


def texts_without_encoding(tree: ast.AST) -> Iterator[int]:
    """The lines that read or write text of a path in the system's encoding."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        is_text = node.func.attr in ("read_text", "write_text")
        is_open = node.func.attr == "open" and ast.unparse(node.func.value) not in ("os", "Index", "self", "self.recogniser", "webbrowser")
        if (is_text or is_open) and "encoding" not in {keyword.arg for keyword in node.keywords}:
            binary = any(isinstance(one, ast.Constant) and "b" in str(one.value) for one in node.args)
            yield from [] if binary and is_open else [node.lineno]


@each(MODULES, name_of)
def test_text_is_read_and_written_in_an_encoding_that_is_said(path: Path) -> None:
    assert list(texts_without_encoding(tree_of(path))) == []


def test_a_windows_terminal_is_not_a_plain_one() -> None:
    assert not is_plain({}, "nt")
    assert is_plain({}, "posix")
    assert is_plain({"TERM": "dumb"}, "nt")


def test_lines_of_an_output_file_end_as_those_of_stdout_do(tmp_path: Path) -> None:
    session = Session(Streams(io.BytesIO(), io.StringIO(), io.StringIO(), {}))
    with open_output(session, str(tmp_path / "out"), "w") as file:
        file.write("é →\n")
    assert (tmp_path / "out").read_bytes() == "é →\n".encode()


def test_the_streams_of_the_process_are_utf8_with_plain_line_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {}
    for stream in ("stdout", "stderr"):
        written[stream] = io.BytesIO()
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(written[stream], encoding="cp1252", newline="\r\n"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    streams = Streams.of_process()
    for stream, target in (("stdout", streams.stdout), ("stderr", streams.stderr)):
        target.write("a → b\n")
        target.flush()
        assert written[stream].getvalue() == "a → b\n".encode()
