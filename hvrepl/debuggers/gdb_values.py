"""gdb's expressions, types and memory → values and bytes. Decodes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import gdb

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.codec.decode import Decoder
from hvrepl.codec.targets import to_bytes
from hvrepl.debuggers.c_values import CType
from hvrepl.errors import FileError, UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex

PHYSICAL = "phys:"
PHYSICAL_MODE = "qemu.PhyMemMode"  # of QEMU's stub: q asks for it, Q sets it
X64, ARM64 = regex("i386|i8086"), regex("aarch64")
NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_FLAGS, gdb.TYPE_CODE_PTR)
REFERENCES = (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF)
AGGREGATES = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
VALUELESS = (gdb.TYPE_CODE_VOID, gdb.TYPE_CODE_FLT, gdb.TYPE_CODE_COMPLEX)


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


def bytes_for(decoder: Decoder, found: Found, expression: str, *, output: bool = False) -> tuple[bytes, str]:
    """The bytes of a value for a named thing, and their place if it was given by its address, as a struct can be."""
    is_physical = expression.startswith(PHYSICAL)
    value = evaluate(expression.removeprefix(PHYSICAL))
    is_word = decoder.width(found.spec) and not output
    if is_word and not is_physical:
        return to_bytes(decoder, found, int(value) if plain(value.type).code in NUMBERS else bytes_of(value)[0]), ""
    address = address_of(value, found.called)
    size = decoder.width(found.spec) // 8 if is_word else decoder.schemas.size(found.spec, found.spec.output if output else None)
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
        with physical_memory() if is_physical else nullcontext():
            return bytes(gdb.selected_inferior().read_memory(address, size)), where
    except (gdb.MemoryError, OverflowError):
        raise FileError(f"{size} bytes at {where} cannot be read") from None


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
