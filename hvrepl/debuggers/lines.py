"""What the hv of every debugger has in common: a line of which a debugger's expression is a part → a command of it, or of hvrepl."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from hvrepl.codec.decoded import Decoded
from hvrepl.errors import UsageError
from hvrepl.record import replace
from hvrepl.render.formats import Item
from hvrepl.script.argv import CommandLine, read_argv
from hvrepl.script.lines import Line, direct, parse_line, split_operator
from hvrepl.script.option_words import END, awaits
from hvrepl.script.runner import Runner

WORD = re.compile(r"\s*(\S+)\s*(.*)", re.DOTALL)
HELPS = ("help", "-h", "--help")


class DebuggerLines(Runner):
    """Runs lines. `name` is how hv is called there, `shell` how a command of the system is run."""

    name = "hv"
    shell = ""
    help = ""

    def own(self) -> Mapping[str, Callable[[str], None]]:
        """The commands that take what is the debugger's, by name; each gets the text after its options."""
        raise NotImplementedError

    def is_own(self, text: str) -> bool:  # noqa: ARG002
        """Whether the text after such a command is the debugger's to read."""
        return True

    def prepare(self, line: CommandLine) -> None:
        """Sets the options of a line for a command of its own."""
        self.session.set(**line.shared)

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
        if match is None or (match[1] in HELPS and not match[2]):
            self.session.write(f"{self.help.rstrip()}\n")
            return
        command = self.own().get(match[1])
        after, text = take_options(match[2])
        if command and self.is_own(text):
            self.prepare(read_argv([*before, *after]))
            command(text)
            return
        line = read_argv(parse_line(words[0]).words)
        self.session.set(**line.shared)
        self.run_command_line(line)


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
