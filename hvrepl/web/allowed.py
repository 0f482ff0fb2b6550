"""Lines that a page runs: they only compute. Lines that use files, the machine or the session work only in a terminal."""

from __future__ import annotations

import re

from hvrepl.commands.inputs.files import is_file
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.script.argv import ASKING, read_argv
from hvrepl.script.lines import parse_line
from hvrepl.script.shell_words import spelled
from hvrepl.script.shortcuts import expand
from hvrepl.wording import shorten

# Commands that only compute. The others read files or the machine, or serve pages.
COMPUTES = ("decode", "encode", "show", "list", "find", "diff", "check", "eom", "crash")
READ_FILES = ("annotate", "cpuid", "scan")  # commands that take files
# Words that use files, or the session.
ELSEWHERE = spelled("source", "save", "history", "clear", "quit")
OWN_OPTIONS = ("specs", "output", "lines", "allow_shell", "vi", "install", "show", "root")
PATH = regex(r"@.+|~.*|\.{1,2}[/\\].*|[/\\].*|[A-Za-z]:[/\\].*|[^\s()]*[/\\][^()]*", re.DOTALL)


def refuse(text: str) -> None:
    """UsageError for a line that would run a program, or read or write a file."""
    line = parse_line(expand(text))
    if line.shell or line.pipe or line.file:
        raise UsageError("!CMD, | CMD and > FILE work in a terminal, not on this page")
    if not line.words:
        return
    given = read_argv(line.words)
    first = given.command or next(iter(given.words), "")
    words = given.words if given.command else given.words[1:]
    options = {**given.shared, **given.own}
    is_leaf = first == "cpuid" and words[:1] and words[0][:1].isdigit()
    is_elsewhere = bool(given.command) and first not in (*COMPUTES, *READ_FILES)
    if first in ELSEWHERE or is_elsewhere or any(key in options for key in OWN_OPTIONS):
        raise UsageError(f"{shorten(text.strip())} works in a terminal, not on this page")
    if first in READ_FILES and not is_leaf:
        raise UsageError(f"{first} takes a file: drop it on this page, or paste what it holds")
    for word in given.words:
        if PATH.fullmatch(word) or (first not in ("find", *ASKING) and is_file(word)):
            raise UsageError(f"{shorten(word)}: a page reads no files by their names; drop the file on it, or paste what it holds")
