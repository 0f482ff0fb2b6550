"""The common part of every debugger's hv: a line with an expression of the debugger → one of its commands, or one of hvrepl's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from hvrepl.catalog.catalog import Found
from hvrepl.codec.decoded import Decoded
from hvrepl.commands.decode import identify
from hvrepl.commands.inputs.operands import Value
from hvrepl.commands.output import emit
from hvrepl.commands.session import Session, Streams
from hvrepl.debuggers.c_values import decode_typed
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.record import replace
from hvrepl.render.formats import Item
from hvrepl.script.argv import CommandLine, read_argv
from hvrepl.script.interpret import TAGS
from hvrepl.script.lines import Line, direct, parse_line, split_operator
from hvrepl.script.option_words import END, awaits
from hvrepl.script.runner import Runner

WORD = regex(r"\s*(\S+)\s*(.*)", re.DOTALL)
HELPS = ("help", "-h", "--help")
SESSIONS: list[Session] = []  # the one of this process, after the first line


def open_session(streams: Streams) -> Session:
    """A session for one line, on the current streams. Values in hand stay."""
    if not SESSIONS:
        SESSIONS.append(Session.start(streams))
    return replace(SESSIONS[0], streams=streams)


class DebuggerLines(Runner):
    """Runs lines. `name` is hv's name in the debugger, `shell` runs a command of the system."""

    name = "hv"
    shell = ""
    help = ""

    def own(self) -> Mapping[str, Callable[[str], None]]:
        """The commands on the debugger's own values, by name; each gets the text after its options."""
        return {"decode": self.decode, "page": self.page}

    def check_program(self) -> None:
        """UsageError for a program of an arch that Hyper-V does not support."""
        raise NotImplementedError

    def split_what(self, text: str) -> tuple[str, str]:
        """WHAT and EXPR; WHAT is "" if the whole line is an expression."""
        raise NotImplementedError

    def named(self, what: str, expression: str) -> Item:
        """A value as the named thing."""
        raise NotImplementedError

    def typed(self, expression: str) -> Iterable[Item]:
        """A value by its type, or each element of an array."""
        raise NotImplementedError

    def decode(self, text: str) -> None:
        """decode [WHAT] EXPR"""
        if not text:
            raise UsageError(f"decode what? `{self.name} decode EXPR`, or `{self.name} decode WHAT EXPR`")
        what, expression = self.split_what(without_tag(text))
        emit(self.session, [self.named(what, expression)] if what else list(self.typed(expression)))

    def page(self, text: str) -> None:
        """page ADDRESS|EXPR"""
        if not text:
            raise UsageError(f"which page? `{self.name} page ADDRESS`, or a pointer to it")
        emit(self.session, [self.named("page", text)])

    def bare(self, number: int) -> Item:
        """A number of unknown meaning."""
        return Item(identify(self.session, Value(f"{number:#x}", number=number)))

    def keep_typed(self, found: Found, data: bytes, place: str) -> Item:
        """A value by its type, which becomes the last value."""
        self.session.values.keep(found, data)
        return placed(decode_typed(self.session.decoder, found, data), place)

    def is_own(self, text: str) -> bool:  # noqa: ARG002
        """Whether the debugger reads the text after such a command."""
        return True

    def prepare(self, line: CommandLine) -> None:
        """Sets the options of a line for a debugger's command, which reads the program's arch unless one is given."""
        self.session.set(**line.shared)
        if "arch" not in line.shared:
            self.check_program()

    def run(self, text: str) -> None:
        before, operator, rest = split_operator(text)
        text = before.strip()
        if operator == "!":
            raise UsageError(f"{self.name} runs no commands of the system; `{self.shell}` does")
        is_directed = operator not in ("", "#")
        self.run_parsed(direct([text] if text else [], operator, rest.strip()) if is_directed else Line((text,)))

    def dispatch(self, words: Sequence[str], number: int | None = None) -> None:  # noqa: ARG002
        """Runs a line that is not split yet, except for its redirection."""
        before, rest = take_options(words[0])
        match = WORD.fullmatch(rest)
        after, text = take_options(match[2]) if match else ([], "")
        if match is None or match[1] in HELPS or any(word in HELPS for word in (*before, *after)):
            self.session.write(f"{self.help.rstrip()}\n")
            return
        command = self.own().get(match[1])
        if command and self.is_own(text):
            self.prepare(read_argv([*before, *after]))
            command(text)
            return
        line = read_argv(parse_line(words[0]).words)
        self.session.set(**line.shared)
        self.run_command_line(line)


def without_tag(text: str) -> str:
    """`struct hv_message EXPR` without its struct, which C puts before the name."""
    match = WORD.fullmatch(text)
    return match[2] if match and match[1] in TAGS and match[2] else text


def take_options(text: str) -> tuple[list[str], str]:
    """(the options at the beginning of a text, with their words; the rest of it)."""
    found: list[str] = []
    rest = text
    while (match := WORD.fullmatch(rest)) and match[1].startswith("-"):
        rest = match[2]
        if match[1] == END:
            break
        found.append(match[1])
        if awaits(match[1]) and (word := WORD.fullmatch(rest)):
            found.append(word[1])
            rest = word[2]
    return found, rest


def placed(node: Decoded, place: str) -> Item:
    """A node with the address that it was read at, which a struct's title shows."""
    if not place:
        return Item(node)
    if not node.is_number:
        node = replace(node, subtitle=f"{node.subtitle or node.name} at {place}")
    return Item(node, extra={"address": place}, where=place)
