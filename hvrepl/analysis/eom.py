"""Freeing a slot of a message page: what the guest writes, and the end of message that it then owes. Pure.

A CPU that reads another one's page, as the crash path does, cannot know that a slot is still what it saw: the owner may have freed it, or
the host may have put the next message there. So the type is compared and exchanged, never just cleared; a barrier keeps the next read from
coming before that; then message_pending is read again, and only if it is set does the host wait for a write to EOM.
"""

from __future__ import annotations

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import Field
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.codec.encode.assign import Assigner, Assignment
from hvrepl.codec.encode.assignment import read_field
from hvrepl.errors import UsageError
from hvrepl.record import record

PAGE, HEADER, REGISTER = "HV_MESSAGE_PAGE", "HV_MESSAGE_HEADER", "eom"
TYPE, PENDING = "message_type", "message_flags.message_pending"
SET_REGISTERS, CONTROL = "HVCALL_SET_VP_REGISTERS", "HV_HYPERCALL_INPUT"


@record
class Owed:
    """A write of a register. On arm64, which has no MSRs, also the hypercall that makes it: its control word and its input in memory."""

    found: Found
    value: int
    call: str = ""
    control: bytes = b""
    input: bytes = b""


@record
class Freed:
    """The outcome of freeing a slot: the slot before, the page after, and the writes that must follow."""

    slot: Decoded
    expected: int
    page: bytes
    owed: tuple[Owed, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_freed(self) -> bool:
        """Whether the type was the expected one, and so is exchanged."""
        kind = self.slot.find(f"header.{TYPE}")
        return bool(kind and kind.value and kind.value == self.expected)


def free(decoder: Decoder, page: bytes, index: int, expected: int | None = None) -> Freed:
    """Frees a slot of a page if its type is `expected`, by default its current type. UsageError if the bytes have no such slot."""
    found = decoder.catalog.find_name(PAGE)
    node = decoder.decode(found, page)
    if not 0 <= index < len(node.slots):
        raise UsageError(f"the page has slots 0 to {len(node.slots) - 1}; there is no slot {index}")
    slot = node.slots[index]
    kind, pending = slot.find(f"header.{TYPE}"), slot.find(f"header.{PENDING}")
    if kind is None or kind.value is None or pending is None:
        raise UsageError(f"the page ends within slot {index}")
    wanted = kind.value if expected is None else expected
    seen = [finding for finding in node.findings if finding.field.startswith(f"slots[{index}].") and not finding.field.endswith(PENDING)]
    if kind.value != wanted or not kind.value:
        return Freed(slot, wanted, page, findings=(*seen, say_kept(decoder, kind, wanted)))
    cleared = Assigner(decoder, found).assign(page, [Assignment(f"slots[{index}].header.{TYPE}", "0", 0)])
    return Freed(slot, wanted, cleared, (owe(decoder),) if pending.value else (), tuple(seen))


def say_kept(decoder: Decoder, kind: Decoded, wanted: int) -> Finding:
    """Why nothing is exchanged: the slot is free, or already has another message."""
    path = f"header.{TYPE}"
    if not kind.value:
        return Finding("slot_free", path, "message_type is 0: the slot is already free, and no end of message is owed")
    text = f"message_type is {say_type(decoder, kind.value)}, not {say_type(decoder, wanted)}: the exchange fails and the message stays; "
    return Finding(
        "type_changed", path, text + "a blind write of 0 would lose it; no end of message is owed for a message that was not taken"
    )


def type_field(decoder: Decoder) -> Field:
    """The message type of a header."""
    layout = decoder.catalog.find_name(HEADER).spec.layout
    return next(one for one in (layout.fields if layout else ()) if one.name == TYPE)


def say_type(decoder: Decoder, number: int) -> str:
    """A message type with its name, as HVMSG_TIMER_EXPIRED (0x80000010)."""
    name = decoder.catalog.enumerator(type_field(decoder), number)
    return f"{name} ({number:#x})" if name else f"{number:#x}"


def read_type(decoder: Decoder, one: Assignment) -> int:
    """A message type as a person writes it: a number, or a name such as HVMSG_TIMER_EXPIRED. UsageError if it is neither."""
    field = type_field(decoder)
    return read_field(one, field, 8 * (decoder.schemas.element_size(field) or 0), decoder.catalog)


def owe(decoder: Decoder) -> Owed:
    """The write that ends a message: any value does, and 0 is what guests write."""
    catalog = decoder.catalog
    found = catalog.find_name(REGISTER)
    if found.address and found.address.space != "register":
        return Owed(found, 0)
    call = catalog.find_name(SET_REGISTERS)
    control = [Assignment("code", SET_REGISTERS), Assignment("rep_count", "1", 1)]
    elements = [Assignment("elements[0].name", found.name), Assignment("elements[0].value", "0", 0)]
    return Owed(
        found,
        0,
        call.name,
        Assigner(decoder, catalog.find_name(CONTROL)).assign(None, control),
        Assigner(decoder, call).assign(None, [Assignment("partition_id", "self"), Assignment("vp_index", "self"), *elements]),
    )
