"""What the hv of every debugger has in common: a line of which a debugger's expression is a part → a command of it, or of hvrepl."""

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
from hvrepl.record import replace
from hvrepl.render.formats import Item
from hvrepl.script.argv import CommandLine, read_argv
from hvrepl.script.interpret import TAGS
from hvrepl.script.lines import Line, direct, parse_line, split_operator
from hvrepl.script.option_words import END, awaits
from hvrepl.script.runner import Runner

WORD = re.compile(r"\s*(\S+)\s*(.*)", re.DOTALL)
HELPS = ("help", "-h", "--help")
SESSIONS: list[Session] = []  # the one of this process, once there was a line


def open_session(streams: Streams) -> Session:
    """A session for one line, on the streams as they are now. Values in hand stay."""
    if not SESSIONS:
        SESSIONS.append(Session.start(streams))
    return replace(SESSIONS[0], streams=streams)


class DebuggerLines(Runner):
    """Runs lines. `name` is how hv is called there, `shell` how a command of the system is run."""

    name = "hv"
    shell = ""
    help = ""

    def own(self) -> Mapping[str, Callable[[str], None]]:
        """The commands that take what is the debugger's, by name; each gets the text after its options."""
        return {"decode": self.decode, "page": self.page}

    def check_program(self) -> None:
        """UsageError for a program that is not of an arch that Hyper-V has."""
        raise NotImplementedError

    def split_what(self, text: str) -> tuple[str, str]:
        """WHAT and EXPR; "" for a line that is an expression as a whole."""
        raise NotImplementedError

    def named(self, what: str, expression: str) -> Item:
        """A value as what it was called."""
        raise NotImplementedError

    def typed(self, expression: str) -> Iterable[Item]:
        """A value as what its type says it is, or each element of an array."""
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
        """A number of which nobody has said what it is."""
        return Item(identify(self.session, Value(f"{number:#x}", number=number)))

    def keep_typed(self, found: Found, data: bytes, place: str) -> Item:
        """A value by its type, which is the last value from now on."""
        self.session.values.keep(found, data)
        return placed(decode_typed(self.session.decoder, found, data), place)

    def is_own(self, text: str) -> bool:  # noqa: ARG002
        """Whether the text after such a command is the debugger's to read."""
        return True

    def prepare(self, line: CommandLine) -> None:
        """Sets the options of a line for a command of its own, which reads the program unless an arch is named."""
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
        """A line of which nothing is split yet but what directs its output."""
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
    """`struct hv_message EXPR` without its struct, as C has it before the name."""
    match = WORD.fullmatch(text)
    return match[2] if match and match[1] in TAGS and match[2] else text


def take_options(text: str) -> tuple[list[str], str]:
    """The options that a text begins with, with the words that they take, and the rest of it."""
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
    """A node with the address that it was read at, which the title of a struct says."""
    if not place:
        return Item(node)
    if not node.is_number:
        node = replace(node, subtitle=f"{node.subtitle or node.name} at {place}")
    return Item(node, extra={"address": place}, where=place)
