"""hv, the command in gdb: a line → values and memory of the program → hvrepl's output. Any other line is run like hvrepl's own."""

from __future__ import annotations

import io
import os
import platform
from collections.abc import Iterator, Sequence

import gdb

from hvrepl.commands.decode import decode_and_keep
from hvrepl.commands.inputs.operands import Value
from hvrepl.commands.inputs.what import find_target
from hvrepl.commands.session import Session, Streams, say_error
from hvrepl.debuggers.c_values import as_unsigned, find_known, not_known, wrong_arch
from hvrepl.debuggers.gdb_values import (
    NUMBERS,
    PHYSICAL,
    address_of,
    arch_name,
    bytes_for,
    bytes_of,
    evaluate,
    is_little_endian,
    is_symbol,
    known_arch,
    parts_of,
    plain,
    read_at,
    type_of,
)
from hvrepl.debuggers.lines import WORD, DebuggerLines, open_session, placed, take_options
from hvrepl.errors import HvreplError, UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.render.formats import Item
from hvrepl.script.complete import Completer
from hvrepl.script.interpret import is_name
from hvrepl.script.option_words import awaits
from hvrepl.script.shell_words import shell_commands

HELP = """\
hv decode EXPR          explain a value: its type says what it is
hv decode WHAT EXPR     explain a value as WHAT, or the struct at an address
hv page EXPR            explain a message page, by its address or a pointer
hv show WHAT            show a definition

EXPR is gdb's. phys:ADDRESS is physical memory, of a guest of QEMU.
Options such as -f json go before the command or right after it; | COMMAND
or > FILE can end a line. Any other line is a command of hvrepl: find, encode,
eom ..."""
FILE = regex(r"(?:(\S+)\s+)?@\S")  # hvrepl reads it; between values @ is gdb's
PRINT = "print "
SYMBOLS = f"complete {PRINT}"  # gdb's command that completes an expression


class Command(gdb.Command):  # type: ignore[misc]
    """The command for gdb."""

    __doc__ = f"Explain Hyper-V's registers, messages and pages.\n\n{HELP}"

    def __init__(self) -> None:
        super().__init__("hv", gdb.COMMAND_DATA)

    def invoke(self, text: str, _: bool) -> None:
        """Every error is one line, and gdb continues."""
        try:
            Lines(start_session()).run(text)
        except HvreplError as error:
            raise gdb.GdbError(say_error(error)) from None
        except gdb.error as error:
            raise gdb.GdbError(" ".join(str(error).split())) from None

    def complete(self, text: str, word: str | None) -> Sequence[str]:
        """Completions for the word before the cursor. gdb asks twice, first without a word to find its beginning."""
        return [] if word is None else [line[len(text) - len(word) :] for line in complete(text)]


class Output(io.StringIO):
    """A stream to gdb, which has its own pager."""

    def __init__(self, stream: int) -> None:
        super().__init__()
        self.stream = stream

    def write(self, text: str) -> int:
        gdb.write(text, self.stream)
        return len(text)

    def flush(self) -> None:
        gdb.flush(self.stream)


def start_session() -> Session:
    """A session for one line, as wide as gdb's screen is now. gdb writes the text itself, so a bar cannot move on it."""
    is_terminal = bool(gdb.parameter("style enabled")) and os.isatty(1)
    columns = gdb.parameter("width") or 0
    streams = Streams(io.BytesIO(), Output(gdb.STDOUT), Output(gdb.STDERR), os.environ, True, is_terminal, False, columns)
    session = open_session(streams)
    if arch := known_arch(arch_name()):
        session.set(arch=arch)
    return session


class Lines(DebuggerLines):
    """Runs the lines of hv."""

    shell = "shell COMMAND"
    help = HELP

    def is_own(self, text: str) -> bool:
        file = FILE.match(text)
        return not file or not (file[1] is None or is_name(self.session, file[1]))

    def check_program(self) -> None:
        if not known_arch(arch_name()):
            raise wrong_arch(arch_name())
        if not is_little_endian():
            raise wrong_arch(f"big-endian {arch_name()}")

    def split_what(self, text: str) -> tuple[str, str]:
        match = WORD.fullmatch(text)
        if match is None or not match[2]:
            return "", text
        is_what, is_number = is_name(self.session, match[1]), match[1][:1].isdigit()
        is_value = not is_number and is_symbol(match[1])
        if is_what and not is_value and not is_number:
            return match[1], match[2]
        try:
            evaluate(text)
        except gdb.error:  # the first word is then a name, and refused as one, unless the program has it
            return ("", text) if is_value and not is_what else (match[1], match[2])
        return "", text

    def named(self, what: str, expression: str) -> Item:
        target = find_target(self.session, what)
        data, place = bytes_for(self.session.decoder, target.found, expression, output=target.output)
        node = decode_and_keep(self.session, target, Value(expression, data))
        return placed(node, place if target.slot is None else "")  # a slot is not at the address of its page

    def typed(self, expression: str) -> Iterator[Item]:
        if expression.startswith(PHYSICAL):
            raise UsageError(f"what is at {expression}? `hv decode WHAT {expression}`")
        for value in parts_of(evaluate(expression)):
            yield self.typed_value(value)

    def typed_value(self, value: Any) -> Item:
        """A pointer is followed once."""
        is_pointer = plain(value.type).code == gdb.TYPE_CODE_PTR
        kind = plain(value.type).target() if is_pointer else value.type
        found = find_known(self.session.decoder, type_of(kind))
        if found is None:
            if is_pointer or plain(kind).code not in NUMBERS:
                raise not_known(str(value.type))
            return self.bare(as_unsigned(int(value), kind.sizeof))
        data, place = read_at(address_of(value), kind.sizeof) if is_pointer else bytes_of(value)
        return self.keep_typed(found, data, place)


COMPLETERS: dict[str, Completer] = {}


def complete(text: str) -> list[str]:
    """Lines that the text can become: in an expression by gdb, otherwise by hvrepl's shell; the first word of decode can be either."""
    is_begun = text[-1:].strip() != ""
    words = text.split()
    _, rest = take_options(text)
    match = WORD.fullmatch(rest)
    command, behind = (match[1], take_options(match[2])[1]) if match else ("", "")
    if awaits(words[-1] if words else "") or behind.startswith("-"):
        return names(text)
    if command == "page" and (behind or not is_begun):
        return expressions(text, behind)
    what = WORD.fullmatch(behind) if command == "decode" else None
    if what and (what[2] or not is_begun):
        return names(text) if what[2].startswith("-") else expressions(text, what[2])
    found = names(text)
    if what and (not found or behind.isidentifier()):  # guest-i is also a difference
        found += expressions(text, behind)
    return list(dict.fromkeys(found))


def names(text: str) -> list[str]:
    """Lines as hvrepl's shell completes them, limited to offers that begin with the typed text."""
    session = start_session()
    arch = session.options.arch
    if arch not in COMPLETERS:
        COMPLETERS[arch] = Completer(session.catalog, shell_commands(), platform.release)
    offers = COMPLETERS[arch].complete(text)
    for same in (str, str.lower):  # gdb replaces the typed text by the beginning that all share, literally
        found = [
            text[: len(text) - one.length] + one.text for one in offers if same(one.text).startswith(same(text[len(text) - one.length :]))
        ]
        if found:
            return found
    return []


def expressions(text: str, expression: str) -> list[str]:
    """Lines whose expression gdb has completed."""
    expression = expression.removeprefix(PHYSICAL)
    before = text[: len(text) - len(expression)]
    try:
        said = str(gdb.execute(SYMBOLS + expression, to_string=True))
    except gdb.error:
        return []
    return [before + line.removeprefix(PRINT) for line in said.splitlines() if line.startswith(PRINT)]
