"""Where a Linux guest has its SynIC pages and VMBus channels: read from the structs of its kernel, or found by a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext

from drgn import FaultError, Object, Program, ProgramFlags, Type
from drgn.helpers.linux.cpumask import for_each_online_cpu, for_each_possible_cpu
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.percpu import per_cpu_ptr

from hvrepl.analysis.channels import Channel, find_class, read_ring
from hvrepl.analysis.synic_pages import EVENTS, MESSAGES, Read, SynicPage, judge_page, read_page
from hvrepl.codec.decode import Decoder
from hvrepl.debuggers.drgn_objects import decoder_of, plain, read_object, reader_of
from hvrepl.errors import FileError, NotFoundError, UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import replace

SYNIC_PAGE = regex(r"(?:(?P<owner>hyp|para)_)?synic_(?P<kind>message|event)_page")  # members of the kernel that point to one
OWNERS = {"hyp": "hypervisor", "para": "paravisor", None: ""}
KINDS = {"message": MESSAGES, "event": EVENTS}
STATE = regex(r"CHANNEL_(\w+?)_STATE")
Watch = Callable[[int | None], AbstractContextManager[Callable[[int], None]]]


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


def no_debug_info(name: str) -> NotFoundError:
    return NotFoundError(f"drgn does not know {name}: load the debug info of hv_vmbus")


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
