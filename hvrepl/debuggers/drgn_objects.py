"""drgn's programs and objects → their arch, memory, types and bytes. Decodes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from drgn import FaultError, Object, ObjectAbsentError, PlatformFlags, Program, Type, TypeKind, sizeof

from hvrepl.analysis.synic_pages import Read
from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.codec.decode import Decoder
from hvrepl.codec.targets import open_decoder, to_bytes
from hvrepl.commands.session import ARCH_WORDS
from hvrepl.debuggers.c_values import CType, as_unsigned, find_known, not_known, wrong_arch
from hvrepl.errors import FileError, UsageError
from hvrepl.hints import Any

ARCHES = ARCH_WORDS | {"i386": "x64"}  # the interface is the same for a 32-bit kernel
NUMBERS = (TypeKind.INT, TypeKind.BOOL, TypeKind.ENUM)
TAGGED = (TypeKind.STRUCT, TypeKind.UNION, TypeKind.CLASS, TypeKind.ENUM)


def decoder_of(prog: Program) -> Decoder:
    """The decoder of a program's arch. UsageError for one that Hyper-V does not support."""
    return open_decoder(arch_of(prog), None)


def arch_of(prog: Program) -> str:
    if prog.platform is None:
        raise UsageError("drgn has no program open: start it with a core or a kernel")
    name = prog.platform.arch.name.lower()
    if name not in ARCHES:
        raise wrong_arch(name)
    if not prog.platform.flags & PlatformFlags.IS_LITTLE_ENDIAN:
        raise wrong_arch(f"big-endian {name}")
    return ARCHES[name]


def reader_of(prog: Program) -> Read:
    """A function that reads a program's memory; FileError if it cannot."""

    def read(address: int, size: int) -> bytes:
        try:
            return bytes(prog.read(address, size))
        except FaultError as error:
            raise FileError(f"{error.address:#x} cannot be read: {error.message}") from None
        except (OverflowError, ValueError):
            raise UsageError(f"{address:#x} is not an address") from None

    return read


def read_object(obj: Object, of: Callable[[Any], Any]) -> Any:
    """The value of an object, or its bytes. FileError if it cannot be read, or was optimized away."""
    try:
        return of(obj.to_bytes_() if of is bytes else obj.value_())
    except FaultError as error:
        raise FileError(f"{error.address:#x} cannot be read: {error.message}") from None
    except ObjectAbsentError:
        raise FileError("the object has no value here: it was optimized away") from None


def resolve(decoder: Decoder, obj: Object) -> tuple[Found, bytes, str] | None:
    """The thing that an object is by its type, with its bytes and their place; None for a plain number. A pointer is followed."""
    is_pointer = plain(obj.type_).kind == TypeKind.POINTER
    kind = plain(obj.type_).type if is_pointer else obj.type_
    size = size_of(kind)
    found = find_known(decoder, CType(kind.type_name(), tuple(names_of(kind)), size, first_of(kind)))
    if found is None:
        if plain(obj.type_).kind in NUMBERS:
            return None
        raise not_known(obj.type_.type_name())
    if not is_pointer:
        return found, read_object(obj, bytes), "" if obj.address_ is None else f"{obj.address_:#x}"
    address = read_object(obj, int)
    if not address:
        raise UsageError(f"the {obj.type_.type_name()} is NULL")
    return found, reader_of(obj.prog_)(address, size or 0), f"{address:#x}"


def first_of(kind: Type) -> tuple[str, ...]:
    """The names of the type of a struct's first member."""
    members = (plain(kind).members or ()) if plain(kind).kind == TypeKind.STRUCT else ()
    return tuple(names_of(members[0].type)) if members else ()


def names_of(kind: Type) -> Iterator[str]:
    """The names of a type, from the typedef of the declaration to the tag of its struct."""
    while kind.kind == TypeKind.TYPEDEF:
        yield kind.name
        kind = kind.type
    if kind.kind in TAGGED and kind.tag:
        yield kind.tag


def plain(kind: Type) -> Type:
    while kind.kind == TypeKind.TYPEDEF:
        kind = kind.type
    return kind


def size_of(kind: Type) -> int | None:
    """Bytes of a type; None for an incomplete one."""
    try:
        return int(sizeof(kind))
    except TypeError:
        return None


def number_of(obj: Object) -> int:
    """An integer as its bits, even if its type makes it negative."""
    return as_unsigned(int(read_object(obj, int)), size_of(obj.type_) or 0)


def bytes_for(decoder: Decoder, found: Found, prog: Program, value: Object | int | bytes, *, output: bool = False) -> tuple[bytes, str]:
    """The bytes of a value for a named thing, and their place if it was given by its address, as a struct can be."""
    if isinstance(value, bytes):
        return value, ""
    if decoder.width(found.spec) and not output:
        if isinstance(value, Object):
            value = read_object(value, int if plain(value.type_).kind in (*NUMBERS, TypeKind.POINTER) else bytes)
        return to_bytes(decoder, found, value), ""
    address = address_of(value)
    if not address:
        raise UsageError(f"the address of {found.called} is NULL")
    fixed = decoder.schemas.size(found.spec, found.spec.output if output else None)
    size = fixed or PAGE_SIZE - address % PAGE_SIZE  # without a fixed size, the rest of its page
    try:
        return reader_of(prog)(address, size), f"{address:#x}"
    except FileError:
        if isinstance(value, Object):
            raise
        try:  # registers such as SIMP hold physical addresses
            return bytes(prog.read(address, size, physical=True)), f"gpa {address:#x}"
        except FaultError:
            pass
        raise


def address_of(value: Object | int) -> int:
    """The address in an integer or a pointer, or that of another object. UsageError for an object without one."""
    if isinstance(value, int):
        return value
    if plain(value.type_).kind in (TypeKind.POINTER, *NUMBERS):
        return int(read_object(value, int))
    if value.address_ is None:
        raise UsageError(f"the {value.type_.type_name()} is a value without an address")
    return int(value.address_)
