"""Decodes the SynIC pages of a guest's CPUs, once a debugger has found them in its memory. Pure."""

from __future__ import annotations

from collections.abc import Callable

from hvrepl.analysis.eom import free
from hvrepl.analysis.find_pages import PAGE
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.errors import HvreplError
from hvrepl.hints import Any
from hvrepl.record import record

MESSAGES, EVENTS = "messages", "events"
PAGE_OF = {MESSAGES: PAGE, EVENTS: "HV_SYNIC_EVENT_FLAGS_PAGE"}

Read = Callable[[int, int], bytes]  # (address, size) → the bytes there, or an HvreplError that says why they are missing


@record(kw_only=True)
class SynicPage:
    """A page of a CPU's SynIC, of `kind` messages or events; `cpu` is None if unknown.

    `owner` is who writes to it, if there are both a hypervisor and a paravisor. `address` is 0 for a page that does not exist or whose
    place is unknown; `error` says why there is no `node`. `owed` are the slots for which an end of message is owed once they are free.
    """

    cpu: int | None
    is_online: bool = True
    kind: str = MESSAGES
    owner: str = ""
    address: int = 0
    node: Decoded | None = None
    owed: tuple[int, ...] = ()
    error: str = ""

    @property
    def used(self) -> tuple[int, ...]:
        """The slots in use."""
        return tuple(number for number, slot in enumerate(self.node.slots if self.node else ()) if not slot.unused)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, without what is unknown."""
        table: dict[str, Any] = {} if self.cpu is None else {"cpu": self.cpu, "online": self.is_online}
        table |= {"page": self.kind} | ({"owner": self.owner} if self.owner else {}) | {"address": f"{self.address:#x}"}
        if self.node:
            table |= {"used": list(self.used), "owed": list(self.owed), "node": self.node.to_dict()}
        return table | ({"error": self.error} if self.error else {})


def judge_page(decoder: Decoder, data: bytes, **where: Any) -> SynicPage:
    """The bytes of a page with their origin: cpu, is_online, kind, owner, address."""
    kind = where.get("kind", MESSAGES)
    node = decoder.decode(decoder.catalog.find_name(PAGE_OF[kind]), data)
    if kind != MESSAGES:
        return SynicPage(node=node, **where)
    owed = tuple(number for number, slot in enumerate(node.slots) if not slot.unused and free(decoder, data, number).owed)
    return SynicPage(node=node, owed=owed, **where)


def read_page(decoder: Decoder, read: Read, **where: Any) -> SynicPage:
    """The page at an address, or one that says why it is missing."""
    address = where["address"]
    if not address:
        return SynicPage(**where)
    found = decoder.catalog.find_name(PAGE_OF[where["kind"]])
    try:
        data = read(address, decoder.schemas.size(found.spec) or 0)
    except HvreplError as error:
        return SynicPage(error=str(error), **where)
    return judge_page(decoder, data, **where)
