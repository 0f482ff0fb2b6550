"""%hv, the command in drgn: a line → objects of the program → hvrepl's output. Any other line is run like hvrepl's own command line."""

from __future__ import annotations

import ast
import builtins
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from drgn import Object, Program, TypeKind
from drgn.commands import CommandError

from hvrepl.analysis.channels import Channel
from hvrepl.commands.decode import decode_and_keep
from hvrepl.commands.inputs.operands import Value
from hvrepl.commands.inputs.what import find_target
from hvrepl.commands.output import emit_listing
from hvrepl.commands.progress import progress
from hvrepl.commands.session import Session, Streams, say_error
from hvrepl.debuggers import drgn_kernel as kernel
from hvrepl.debuggers import drgn_objects as objects
from hvrepl.debuggers.lines import WORD, DebuggerLines, open_session, placed
from hvrepl.errors import HvreplError, UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.render.channels import list_channels
from hvrepl.render.formats import Item
from hvrepl.render.synic_pages import list_pages
from hvrepl.script.interpret import is_name

HELP = """\
%hv decode EXPR         explain an object: its type says what it is
%hv decode WHAT EXPR    explain a value as WHAT, or the struct at an address
%hv page EXPR           explain a message page, by its address or a pointer
%hv pages               the message and event pages of every CPU
%hv channels            the VMBus channels, and how full their rings are
%hv show WHAT           show a definition

EXPR is Python, in which the variables of the program have their names.
Options such as -f json go before the command or right after it; | COMMAND
or > FILE can end a line. Any other line is a command of hvrepl: find, encode,
eom ..."""
IDENTIFIER = regex(r"[^\W\d]\w*")


def run(prog: Program, text: str, names: Mapping[str, Any]) -> None:
    """Runs a line of %hv, with the names of drgn's session. CommandError, one line, for anything that hvrepl refuses."""
    try:
        Lines(start_session(prog), prog, names).run(text)
    except HvreplError as error:
        raise CommandError(say_error(error)) from None


def start_session(prog: Program) -> Session:
    """A session for one line, on the current streams: drgn may have redirected them."""
    terminal = sys.stdout.isatty()
    streams = Streams(io.BytesIO(), sys.stdout, sys.stderr, os.environ, True, terminal, sys.stderr.isatty(), 0)
    streams.measure()
    session = open_session(streams)
    try:
        session.set(arch=objects.arch_of(prog))
    except UsageError:  # only lines that read the program's memory report it
        return session
    return session


class Names(dict[str, Any]):
    """Names for an expression in addition to the session's and Python's: the program's variables."""

    def __init__(self, prog: Program, others: Mapping[str, Any]) -> None:
        super().__init__()
        self.prog = prog
        self.others = others

    def __missing__(self, name: str) -> Any:
        if name in self.others or hasattr(builtins, name):
            raise KeyError(name)
        return self.prog[name]

    def has(self, name: str) -> bool:
        try:
            return name in self.others or bool(self[name] is not None)
        except LookupError:
            return False


class Lines(DebuggerLines):
    """Runs the lines of %hv on a program, with the names of drgn's session."""

    name = "%hv"
    shell = "%sh COMMAND"
    help = HELP

    def __init__(self, session: Session, prog: Program, names: Mapping[str, Any]) -> None:
        super().__init__(session)
        self.prog = prog
        self.globals = dict(names)
        self.names = Names(prog, names)

    def own(self) -> Mapping[str, Callable[[str], None]]:
        return {**super().own(), "pages": self.pages, "channels": self.channels}

    def check_program(self) -> None:
        objects.arch_of(self.prog)

    def pages(self, text: str) -> None:
        """pages"""
        refuse(text, "pages")
        if kernel.has_context(self.prog):
            emit_listing(self.session, list_pages(list(kernel.synic_pages(self.prog, self.session.decoder))))
            return
        core = kernel.core_of(self.prog)
        said = f"hv_context is not known, as without debug info of hv_vmbus: searching {core} for message pages"
        self.session.warn(said + ("; their addresses are guest physical" if kernel.is_kernel(self.prog) else ""))
        found = list(kernel.searched_pages(self.prog, self.session.decoder, partial(progress, self.session, "scan")))
        if not found:
            self.session.warn(f"no message page found in {core}")
            return
        emit_listing(self.session, list_pages(found))

    def channels(self, text: str) -> None:
        """channels"""
        refuse(text, "channels")
        found: list[Channel] = []
        failed = None
        try:
            found.extend(kernel.channels(self.prog, self.session.decoder))
        except HvreplError as error:
            failed = error
        if found:
            emit_listing(self.session, list_channels(found))
        if failed:
            raise failed
        if not found:
            self.session.warn("vmbus_connection.chn_list is empty: the host has offered no channel")

    def split_what(self, text: str) -> tuple[str, str]:
        """WHAT and EXPR; WHAT is "" if the whole line is an expression that does not begin with a name of hvrepl alone."""
        match = WORD.fullmatch(text)
        first, rest = (match[1], match[2]) if match else ("", "")
        if not rest:
            return "", text
        if not is_expression(text):
            return first, rest
        root = IDENTIFIER.match(first)  # also for guest-id, which is a difference to Python
        is_apart = rest.startswith("(")  # nobody writes a call like this
        is_what = root and is_name(self.session, first) and (is_apart or not self.names.has(root[0]))
        return (first, rest) if is_what else ("", text)

    def evaluate(self, expression: str) -> Any:
        """The value of a Python expression; raises its errors, which drgn prints in one line."""
        return eval(expression.strip(), self.globals, self.names)

    def named(self, what: str, expression: str) -> Item:
        value = self.evaluate(expression)
        if not isinstance(value, (int, bytes, Object)):
            raise UsageError(f"{expression} is of Python's type {type(value).__name__}, not a number, an object or bytes")
        target = find_target(self.session, what)
        data, place = objects.bytes_for(self.session.decoder, target.found, self.prog, value, output=target.output)
        node = decode_and_keep(self.session, target, Value(expression, data))
        return placed(node, "" if target.slot is not None else place)

    def typed(self, expression: str) -> Iterator[Item]:
        value = self.evaluate(expression)
        if isinstance(value, int):
            yield self.bare(value)
        elif isinstance(value, Object):
            for one in parts_of(value):
                known = objects.resolve(self.session.decoder, one)
                yield self.keep_typed(*known) if known else self.bare(objects.number_of(one))
        else:
            raise UsageError(f"{expression} is of Python's type {type(value).__name__}; `%hv decode WHAT EXPR` says what it is")


def parts_of(obj: Object) -> Iterator[Object]:
    """The elements of an array of structs with known types; any other object itself."""
    kind = objects.plain(obj.type_)
    if kind.kind == TypeKind.ARRAY and list(objects.names_of(kind.type)):
        yield from obj
    else:
        yield obj


def is_expression(text: str) -> bool:
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def refuse(text: str, command: str) -> None:
    if text.strip():
        raise UsageError(f"%hv {command} takes no words")
