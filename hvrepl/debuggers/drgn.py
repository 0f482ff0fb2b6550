"""drgn: the meaning of its objects, and a Linux guest's SynIC pages and VMBus channels. Provides bytes, and decodes none itself.

Scripts import `channels`, `decode` and `message_pages`; drgn loads drgn_plugin.py by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

from drgn import FaultError, Object, ObjectAbsentError, PlatformFlags, Program, ProgramFlags, Type, TypeKind
from drgn.helpers.linux.cpumask import for_each_online_cpu, for_each_possible_cpu
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.percpu import per_cpu_ptr

from hvrepl.analysis.guest import EVENTS, MESSAGES, Channel, Read, SynicPage, find_class, judge_page, read_page, read_ring
from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.codec.targets import find_target, open_decoder
from hvrepl.commands.session import ARCH_WORDS
from hvrepl.debuggers.c_values import CType, as_unsigned, decode_typed, find_known, not_known, wrong_arch
from hvrepl.errors import FileError, NotFoundError, UsageError
from hvrepl.record import replace
from hvrepl.render.display import set_displays

SYNIC_PAGE = re.compile(r"(?:(?P<owner>hyp|para)_)?synic_(?P<kind>message|event)_page")  # members of the kernel that point to one
OWNERS = {"hyp": "hypervisor", "para": "paravisor", None: ""}
ARCHES = ARCH_WORDS | {"i386": "x64"}  # the interface is the same for a 32-bit kernel
KINDS = {"message": MESSAGES, "event": EVENTS}
STATE = re.compile(r"CHANNEL_(\w+?)_STATE")
Watch = Callable[[int | None], AbstractContextManager[Callable[[int], None]]]
NUMBERS = (TypeKind.INT, TypeKind.BOOL, TypeKind.ENUM)
TAGGED = (TypeKind.STRUCT, TypeKind.UNION, TypeKind.CLASS, TypeKind.ENUM)


def decode(obj: Object, what: str = "") -> Decoded:
    """The meaning of an object, as from hvrepl.decode. Its type determines what it is; a pointer to such a type is followed.

    `what`, any name or alias of hvrepl, overrides the type; for a struct or page, an integer and a pointer are then its address.
    Raises NotFoundError for an unknown type or name, UsageError for an impossible value and for a program that is not x64 or arm64,
    FileError for unreadable memory.
    """
    from hvrepl.analysis.identify import identify_number

    set_displays()
    decoder = decoder_of(obj.prog_)
    if what:
        found, output = find_target(what, decoder.catalog.arch, None)
        return decoder.decode(found, bytes_for(decoder, found, obj.prog_, obj, output=output)[0], output=output)
    known = resolve(decoder, obj)
    if known is None:
        return identify_number(decoder, number_of(obj))
    found, data, _ = known
    return decode_typed(decoder, found, data)


def message_pages(prog: Program) -> list[SynicPage]:
    """The message page of every possible CPU, even if it has none; without debug info of hv_vmbus, those that a search finds.

    Raises FileError if neither can be read, UsageError for another kind of program.
    """
    found = synic_pages(prog) if has_context(prog) else searched_pages(prog)
    return [page for page in found if page.kind == MESSAGES]


def channels(prog: Program, decoder: Decoder | None = None) -> Iterator[Channel]:
    """The VMBus channels, each before its sub-channels. Raises NotFoundError without debug info of hv_vmbus, FileError where their list
    is damaged, after the channels before that."""
    decoder, read = decoder or decoder_of(prog), reader_of(prog)
    try:
        connection, kind = prog["vmbus_connection"], prog.type("struct vmbus_channel")
    except LookupError:
        raise no_debug_info("vmbus_connection") from None
    for primary in entries(kind, connection.chn_list, "listentry"):
        one = to_channel(decoder, read, primary)
        yield one
        if kind.has_member("sc_list"):
            for sub in entries(kind, primary.sc_list, "sc_list"):
                yield replace(to_channel(decoder, read, sub), primary=one.relid)


# Memory and arch


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


def no_debug_info(name: str) -> NotFoundError:
    return NotFoundError(f"drgn does not know {name}: load the debug info of hv_vmbus")


# Objects


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
    from drgn import sizeof

    try:
        return int(sizeof(kind))
    except TypeError:
        return None


def number_of(obj: Object) -> int:
    """An integer as its bits, even if its type makes it negative."""
    return as_unsigned(int(read_object(obj, int)), size_of(obj.type_) or 0)


def bytes_for(decoder: Decoder, found: Found, prog: Program, value: Object | int | bytes, *, output: bool = False) -> tuple[bytes, str]:
    """The bytes of a value for a named thing, and their place if it was given by its address, as a struct can be."""
    from hvrepl.codec.targets import to_bytes

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


# The kernel's structs


def has_context(prog: Program) -> bool:
    """Whether the places of a guest's SynIC pages are known, which requires debug info of hv_vmbus."""
    try:
        return bool(prog["hv_context"].type_.has_member("guestid"))
    except LookupError:
        return False


def synic_pages(prog: Program, decoder: Decoder | None = None) -> Iterator[SynicPage]:
    """The message and event pages of every possible CPU of a program that has the context."""
    decoder, read = decoder or decoder_of(prog), reader_of(prog)
    context = prog["hv_context"]
    cpus, online = cpus_of(prog)
    for cpu, members in page_members(context, cpus):
        pages = []
        for owner, kind, pointer in members:
            where: dict[str, Any] = {"cpu": cpu, "is_online": cpu in online, "kind": kind, "owner": owner}
            try:
                pages.append(read_page(decoder, read, **where, address=read_object(pointer, int)))
            except FileError as error:
                pages.append(SynicPage(**where, error=f"its context is not in memory: {error}"))
        yield from without_unused(pages)


def without_unused(pages: list[SynicPage]) -> Iterator[SynicPage]:
    """Drops pages that a guest does not have because it has those of the other owner; a kind that is missing gets one without an owner."""
    for kind in dict.fromkeys(page.kind for page in pages):
        of_kind = [page for page in pages if page.kind == kind]
        there = [page for page in of_kind if page.address or page.error]
        if len(there) == 1 and there[0].owner == OWNERS["hyp"]:
            there = [replace(there[0], owner="")]
        yield from there or [replace(of_kind[0], owner="")]


def cpus_of(prog: Program) -> tuple[list[int], set[int]]:
    """The possible CPUs, and those of them that are online."""
    try:
        return list(for_each_possible_cpu(prog)), set(for_each_online_cpu(prog))
    except LookupError:
        raise NotFoundError("drgn does not know which CPUs there are: load the debug info of the kernel") from None


def page_members(context: Object, cpus: list[int]) -> Iterator[tuple[int, list[tuple[str, str, Object]]]]:
    """(CPU, its pointers to pages with owner and kind): from hv_per_cpu_context, or from arrays in hv_context before Linux 4.11."""
    if not context.type_.has_member("cpu_context"):
        for cpu in cpus:
            yield cpu, [(owner, kind, context.member_(name)[cpu]) for name, owner, kind in members_of(context.type_)]
        return
    if not read_object(context.cpu_context, int):
        raise UsageError("hv_context.cpu_context is NULL: this kernel has not set up VMBus")
    for cpu in cpus:
        holder = per_cpu_ptr(context.cpu_context, cpu)
        yield cpu, [(owner, kind, holder.member_(name)) for name, owner, kind in members_of(plain(holder.type_).type)]


def members_of(kind: Type) -> Iterator[tuple[str, str, str]]:
    """(name, owner, kind) of the members that point to SynIC pages, by all names that Linux has used so far."""
    for member in plain(kind).members or ():
        match = SYNIC_PAGE.fullmatch(member.name or "")
        if match:
            yield match[0], OWNERS[match["owner"]], KINDS[match["kind"]]


def searched_pages(
    prog: Program, decoder: Decoder | None = None, watch: Watch = lambda _: nullcontext(lambda _: None)
) -> Iterator[SynicPage]:
    """The message pages that a search through a core finds. `watch` gets its size, and returns a function that is called at each step."""
    from hvrepl.analysis.find_pages import PageFinder
    from hvrepl.commands.scan import find_pages
    from hvrepl.readers.images.formats import open_memory

    decoder = decoder or decoder_of(prog)
    with closing(open_memory(core_of(prog))) as memory, watch(memory.size) as advance:
        for address, page in find_pages(PageFinder(decoder), memory, advance):
            yield judge_page(decoder, page.node.to_bytes(), cpu=None, address=address)


def is_kernel(prog: Program) -> bool:
    """Whether a search through a program's core finds guest physical addresses."""
    return bool(prog.flags & ProgramFlags.IS_LINUX_KERNEL)


def core_of(prog: Program) -> str:
    """The file that drgn has open. NotFoundError if there is none, or this drgn does not tell."""
    path = getattr(prog, "core_dump_path", None)
    if not path:
        raise NotFoundError(f"{no_debug_info('hv_context')}; or search a core with `hvrepl scan FILE`")
    return str(path)


def entries(kind: Type, head: Object, member: str) -> Iterator[Object]:
    """The objects of a kernel's list. FileError if a link is invalid, or leads back."""
    seen = set()
    try:
        for pointer in list_for_each_entry(kind, head.address_of_(), member):
            if pointer.value_() in seen:
                raise FileError(f"the list of channels is damaged: it comes back to {pointer.value_():#x}")
            seen.add(pointer.value_())
            yield pointer[0]
    except FaultError as error:
        raise FileError(f"the list of channels is damaged: {error.address:#x} cannot be read") from None


def to_channel(decoder: Decoder, read: Read, channel: Object) -> Channel:
    try:
        offer = channel.offermsg.offer
        state = channel.state.format_(type_name=False)
        named = STATE.fullmatch(state)
        class_id, class_name, title = find_class(decoder, offer.if_type.to_bytes_())
        return Channel(
            relid=channel.offermsg.child_relid.value_(),
            class_id=class_id,
            class_name=class_name,
            title=title,
            state=named[1].lower().replace("_", " ") if named else state,
            is_rescinded=bool(member_or(channel, "rescind", 0)),
            sub_channel=member_or(offer, "sub_channel_index", 0) or 0,
            cpu=member_or(channel, "target_cpu", None),
            outbound=read_ring(decoder, read, channel.outbound.ring_buffer.value_(), channel.outbound.ring_datasize.value_()),
            inbound=read_ring(decoder, read, channel.inbound.ring_buffer.value_(), channel.inbound.ring_datasize.value_()),
        )
    except FaultError as error:
        raise FileError(f"the list of channels is damaged: {error.address:#x} cannot be read") from None


def member_or(obj: Object, name: str, default: Any) -> Any:
    """The value of a member that some kernels lack."""
    return obj.member_(name).value_() if obj.type_.has_member(name) else default
