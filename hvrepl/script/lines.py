"""The line language of scripts and the shell: words, quotes, parentheses, comments, `| cmd`, `> file`. Pure except for ~/."""

from __future__ import annotations

import os
import re

from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.number import is_number
from hvrepl.record import field, mutable, record

TOKEN = regex(
    r"""(?P<space>\s+) | '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<open>\() | (?P<close>\)) | (?P<operator>[|>]+)
      | (?P<comment>\#) | \\(?P<escaped>[\s'"()|>\#\\]) | (?P<plain>[^\s'"()|>\#\\]+|\\)""",
    re.DOTALL | re.VERBOSE,
)
# A word that is being typed: its last quote may be open, and parentheses do not join it yet. A run of plain characters is taken at once
# and for good (++): for each time that a group matches, re keeps some 70 bytes until the end.
TYPED = regex(r"""(?:'[^']*(?:'|\Z) | "(?:[^"\\]|\\.)*(?:"|\\?\Z) | \\. | [^\s'"\\]++ | \\\Z)+""", re.DOTALL | re.VERBOSE)
QUOTED = regex(r"""'([^']*)(?:'|\Z) | "((?:[^"\\]|\\.)*)(?:"|\\?\Z) | \\(.)""", re.DOTALL | re.VERBOSE)
SPECIAL = regex(r"""[\s'"()\\]|^[|>#]""")  # operators and comments only at the beginning of a word
SPECIAL_IN_SHELL = regex(r"""[\s'"\\$`&;|<>()*?\[\]{}!#^]""")
OPERATOR = regex(r"[|>]+|\#")
HOME = regex(r"(@?)(~[^/]*/.*)", re.DOTALL)
OPENED = {"'": "a single quote", '"': "a double quote"}


def split_typed(text: str) -> tuple[list[str], str]:
    """(the words before the cursor, unquoted; the one at the cursor as it is written, with quotes and backslashes)."""
    found = list(TYPED.finditer(text))
    current = found.pop()[0] if found and found[-1].end() == len(text) else ""
    return [unquote(match[0]) for match in found], current


def unquote(word: str) -> str:
    return QUOTED.sub(lambda match: re.sub(r"\\(.)", r"\1", match[2]) if match[2] else match[1] or match[3] or "", word)


def quote(word: str) -> str:
    """A word in the form to type, so that parse_line reads it unchanged."""
    return SPECIAL.sub(r"\\\g<0>", word)


def quote_for_shell(word: str) -> str:
    """A word in the form for bash and other shells, so that they read it unchanged."""
    return SPECIAL_IN_SHELL.sub(r"\\\g<0>", word)


def at_home(word: str) -> str:
    """~/FILE and @~/FILE with the home folder instead of ~; the system's shells do not expand the second."""
    match = HOME.fullmatch(word)
    return match[1] + os.path.expanduser(match[2]) if match else word


def split_operator(text: str) -> tuple[str, str, str]:
    """(the text before the first operator, the operator: !, |, >, >>, # or "", the text after it)."""
    if text.lstrip().startswith("!"):
        return "", "!", text.lstrip()[1:]
    depth = 0
    for match in TYPED.finditer(text):
        operator = OPERATOR.match(match[0])
        if operator and not depth and not match[0].startswith(">="):
            return text[: match.start()], operator[0], text[match.start() + operator.end() :]
        plain = QUOTED.sub("", match[0])
        depth += plain.count("(") - plain.count(")")
    return text, "", ""


@record(eq=True)
class Line:
    """The words of a line, and the target of its output: a command, or a file (`append`: at its end)."""

    words: tuple[str, ...]
    pipe: str = ""
    file: str = ""
    append: bool = False
    shell: str = ""


@mutable
class Words:
    """The words so far; `word` has the parts of the current one, and is empty between words. Parentheses join a word."""

    done: list[str]
    word: list[str] = field(default_factory=list)
    depth: int = 0

    def end(self) -> None:
        if self.word:
            self.done.append("".join(self.word))
        self.word = []


def parse_line(text: str) -> Line:
    """A line as words. UsageError for an unclosed quote or parenthesis, or a redirection without a target."""
    if "\0" in text:
        raise UsageError(f"a NUL character at column {text.index(chr(0)) + 1}; lines are text")
    stripped = text.strip()
    if stripped.startswith("!"):
        return Line((), shell=stripped[1:].strip())
    words = Words([])
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise UsageError(f"{OPENED.get(text[at], 'a backslash')} at column {at + 1} is not closed")
        kind = str(match.lastgroup)
        if kind == "operator" and not words.word and not words.depth and not text.startswith(">=", at):
            return direct(words.done, match[0], text[match.end() :].strip())
        if kind == "comment" and not words.word and not words.depth:
            break
        add_token(words, kind, match, at)
        at = match.end()
    if words.depth:
        raise UsageError("a parenthesis is not closed")
    words.end()
    return Line(tuple(words.done))


def add_token(words: Words, kind: str, match: re.Match[str], at: int) -> None:
    """Adds one token: within parentheses, blanks and quotes are part of the word."""
    if kind == "space" and not words.depth:
        words.end()
        return
    words.depth += {"open": 1, "close": -1}.get(kind, 0)
    if words.depth < 0:
        raise UsageError(f"the parenthesis at column {at + 1} is unmatched")
    if kind == "plain" and not words.word and not words.depth:
        words.word.append(at_home(match[0]))
    elif kind == "double":
        words.word.append(re.sub(r"\\(.)", r"\1", match[kind]))
    else:
        words.word.append(match[kind] if kind in ("single", "escaped") else match[0])


def direct(words: list[str], operator: str, target: str) -> Line:
    if operator not in ("|", ">", ">>"):
        raise UsageError(f"{operator} is not |, > or >>")
    if not words:
        raise UsageError(f"before {operator} there is no command")
    if not target:
        raise UsageError(f"after {operator} there is no {'command' if operator == '|' else 'file'}")
    if is_number(target):
        does = "runs a command" if operator == "|" else "writes a file"
        raise UsageError(f"{operator} {does}; for a number write ({' '.join(words[-1:])} {operator} {target})")
    if operator == "|":
        return Line(tuple(words), pipe=target)
    names = parse_line(target).words
    if len(names) != 1:
        raise UsageError(f"after {operator} there must be one file name")
    return Line(tuple(words), file=names[0], append=operator == ">>")
