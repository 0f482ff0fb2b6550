"""Decodes a guest's VMBus channels and the state of their rings, once a debugger has found them in its memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hvrepl.analysis.synic_pages import Read
from hvrepl.catalog.guids import number_to_guid
from hvrepl.codec.decode import Decoder
from hvrepl.errors import HvreplError, NotFoundError
from hvrepl.hints import Any
from hvrepl.record import record

RING, CLASS = "HV_RING_BUFFER", "vmbus_class"


@record(kw_only=True)
class Ring:
    """One direction of a channel: how many bytes are written and not yet read, and out of how many. `error` says why that is unknown."""

    size: int
    used: int = 0
    interrupts_masked: bool = False
    waits_for: int = 0  # free bytes that a blocked sender waits for
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        if self.error:
            return {"size": self.size, "error": self.error}
        return {"size": self.size, "used": self.used, "interrupts_masked": self.interrupts_masked, "waits_for": self.waits_for}


def read_ring(decoder: Decoder, read: Read, address: int, size: int) -> Ring | None:
    """The ring whose control page is at an address, followed by `size` bytes of data; None if there is no ring."""
    if not address:
        return None
    found = decoder.catalog.find_name(RING)
    try:
        data = read(address, decoder.schemas.size(found.spec) or 0)
    except HvreplError as error:
        return Ring(size=size, error=str(error))
    fields: Mapping[str, int] = {part.name: part.value or 0 for part in decoder.decode(found, data).fields}
    written, taken = fields["write_index"], fields["read_index"]
    if max(written, taken) >= size:
        return Ring(size=size, error=f"write_index {written:#x} and read_index {taken:#x} do not fit {size:#x} bytes")
    return Ring(
        size=size,
        used=(written - taken) % size,
        interrupts_masked=bool(fields["interrupt_mask"]),
        waits_for=fields["pending_send_sz"],
    )


@record(kw_only=True)
class Channel:
    """A VMBus channel. `class_name` is "" for an unknown class; `sub_channel` is 0 for the primary channel of a device."""

    relid: int
    class_id: str
    class_name: str
    title: str
    state: str
    is_rescinded: bool = False
    sub_channel: int = 0
    primary: int | None = None  # the relid of the channel that this is a sub-channel of
    cpu: int | None = None
    outbound: Ring | None = None  # from guest to host
    inbound: Ring | None = None

    def to_dict(self) -> dict[str, Any]:
        table: dict[str, Any] = {"relid": self.relid, "class": self.class_id, "class_name": self.class_name, "title": self.title}
        table |= {"state": self.state, "rescinded": self.is_rescinded, "sub_channel": self.sub_channel, "primary": self.primary}
        table |= {"cpu": self.cpu}
        table |= {name: ring.to_dict() for name, ring in (("outbound", self.outbound), ("inbound", self.inbound)) if ring}
        return {key: value for key, value in table.items() if value not in (None, "")}


def find_class(decoder: Decoder, data: bytes) -> tuple[str, str, str]:
    """(GUID, name, title) of a class from its 16 bytes; name and title are "" if it is unknown."""
    number = int.from_bytes(data, "little")
    try:
        found = decoder.catalog.find_number(number, CLASS)
    except NotFoundError:
        return number_to_guid(number), "", ""
    return number_to_guid(number), found.name, found.spec.title
