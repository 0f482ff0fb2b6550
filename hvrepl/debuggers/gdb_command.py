"""hv, the command in gdb: a line → values and memory of the program → hvrepl's output. Any other line is run like hvrepl's own."""

from __future__ import annotations

import io
import os
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gdb

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.codec.targets import to_bytes
from hvrepl.commands.decode import decode_and_keep
from hvrepl.commands.inputs.operands import Value
from hvrepl.commands.inputs.what import Target, find_target
from hvrepl.commands.session import Session, Streams, say_error
from hvrepl.debuggers.c_values import CType, as_unsigned, find_known, not_known, wrong_arch
from hvrepl.debuggers.lines import WORD, DebuggerLines, open_session, placed, take_options
from hvrepl.errors import FileError, HvreplError, UsageError
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
FILE = re.compile(r"(?:(\S+)\s+)?@\S")  # hvrepl reads it; between values @ is gdb's
PHYSICAL = "phys:"
PHYSICAL_MODE = "qemu.PhyMemMode"  # of QEMU's stub: q asks for it, Q sets it
X64, ARM64 = re.compile("i386|i8086"), re.compile("aarch64")
NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_FLAGS, gdb.TYPE_CODE_PTR)
REFERENCES = (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF)
AGGREGATES = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
VALUELESS = (gdb.TYPE_CODE_VOID, gdb.TYPE_CODE_FLT, gdb.TYPE_CODE_COMPLEX)
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


def arch_name() -> str:
    """gdb's name for the arch of the frame, or without a process, of the program."""
    try:
        return str(gdb.selected_frame().architecture().name())
    except gdb.error:
        return str(gdb.selected_inferior().architecture().name())


def known_arch(name: str) -> str:
    """x64 also for a 32-bit program, whose hypervisor has the same interface; "" for an unsupported one."""
    return "x64" if X64.match(name) else "arm64" if ARM64.match(name) else ""


def is_little_endian() -> bool:
    """Whether gdb uses the byte order of Hyper-V's interface for the program."""
    return int(gdb.Value(b"\1\0", gdb.selected_inferior().architecture().integer_type(16, False))) == 1


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
        data, place = bytes_for(self.session, target, expression)
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


# Values and memory


def evaluate(expression: str) -> Any:
    """The value of an expression, read from memory where it is there."""
    value = gdb.parse_and_eval(expression)
    if value.type.code in REFERENCES:
        value = value.referenced_value()
    if value.type.code in VALUELESS:
        raise UsageError(f"{expression} is {value.type}, which is not a value of Hyper-V's interface")
    return value


def is_symbol(name: str) -> bool:
    """Whether the program has a variable of that name: then a line that begins with it is an expression."""
    try:
        gdb.parse_and_eval(name)
    except gdb.error:
        return False
    return True


def plain(kind: gdb.Type) -> gdb.Type:
    return kind.strip_typedefs()


def parts_of(value: Any) -> Iterator[Any]:
    """The elements of an array of structs with known types; any other value itself."""
    kind = plain(value.type)
    if kind.code == gdb.TYPE_CODE_ARRAY and next(names_of(kind.target()), None):
        first, last = kind.range()
        for number in range(first, last + 1):
            yield value[number]
    else:
        yield value


def type_of(kind: gdb.Type) -> CType:
    """gdb's knowledge of a type. An incomplete one has no size or members."""
    members = plain(kind).fields() if plain(kind).code in AGGREGATES else []
    first = tuple(names_of(members[0].type)) if members and plain(kind).code == gdb.TYPE_CODE_STRUCT else ()
    return CType(str(kind), tuple(names_of(kind)), kind.sizeof or None, first)


def names_of(kind: gdb.Type) -> Iterator[str]:
    """The names of a type, from the typedef of the declaration to the tag of its struct."""
    while kind.code == gdb.TYPE_CODE_TYPEDEF:
        if kind.name:
            yield kind.name
        kind = kind.target()
    if kind.code in (*AGGREGATES, gdb.TYPE_CODE_ENUM):
        name = kind.tag or kind.name
        if name:
            yield name


def bytes_for(session: Session, target: Target, expression: str) -> tuple[bytes, str]:
    """The bytes of a value for a named thing, and their place if it was given by its address, as a struct can be."""
    decoder, found = session.decoder, target.found
    is_physical = expression.startswith(PHYSICAL)
    value = evaluate(expression.removeprefix(PHYSICAL))
    is_word = decoder.width(found.spec) and not target.output
    if is_word and not is_physical:
        return to_bytes(decoder, found, int(value) if plain(value.type).code in NUMBERS else bytes_of(value)[0]), ""
    address = address_of(value, found.called)
    size = decoder.width(found.spec) // 8 if is_word else decoder.schemas.size(found.spec, found.spec.output if target.output else None)
    data, place = read_at(address, size or PAGE_SIZE - address % PAGE_SIZE, is_physical=is_physical)  # or the rest of its page
    return data, "" if is_word else place


def address_of(value: Any, called: str = "") -> int:
    """The address in a number or a pointer, or that of another value. UsageError for NULL, and for a value without an address."""
    if plain(value.type).code in NUMBERS:
        address = int(value) & (1 << 64) - 1
        if not address:
            raise UsageError(f"the address of {called} is NULL" if called else f"the {value.type} is NULL")
        return address
    if value.address is None:
        raise UsageError(f"the {value.type} is a value without an address")
    return int(value.address)


def bytes_of(value: Any) -> tuple[bytes, str]:
    """The bytes of a value, and their place; for one without an address, such as a vector register, as gdb has them."""
    if value.is_optimized_out:
        raise FileError("the value is not there: it was optimized away")
    if value.address is not None:
        return read_at(int(value.address), value.type.sizeof)
    unsigned = gdb.selected_inferior().architecture().integer_type(8, False)
    octets = value.cast(unsigned.array(value.type.sizeof - 1)) if not hasattr(value, "bytes") else value.bytes
    return bytes(int(octets[at]) for at in range(value.type.sizeof)), ""


def read_at(address: int, size: int, *, is_physical: bool = False) -> tuple[bytes, str]:
    """Memory, and the name of its place. FileError if it cannot be read."""
    where = f"{'gpa ' if is_physical else ''}{address:#x}"
    try:
        with physical_memory() if is_physical else nothing():
            return bytes(gdb.selected_inferior().read_memory(address, size)), where
    except (gdb.MemoryError, OverflowError):
        raise FileError(f"{size} bytes at {where} cannot be read") from None


@contextmanager
def nothing() -> Iterator[None]:
    yield


@contextmanager
def physical_memory() -> Iterator[None]:
    """Makes QEMU's stub read physical memory for a while. UsageError if another stub is at the other end."""
    connection = gdb.selected_inferior().connection
    before = connection.send_packet(f"q{PHYSICAL_MODE}") if hasattr(connection, "send_packet") else b""
    if before not in (b"0", b"1"):
        raise UsageError("phys: needs a guest that gdb debugs through the stub of QEMU: `target remote :1234`")
    connection.send_packet(f"Q{PHYSICAL_MODE}:1")
    try:
        yield
    finally:
        connection.send_packet(b"Q" + PHYSICAL_MODE.encode() + b":" + before)


# Completion


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
