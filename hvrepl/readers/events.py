"""Records of a Windows event log in JSON → events, and the text of each. Does not know what their data mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hvrepl.digits import to_int
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import record

VM_NAME, VM_ID = "vmname", "vmid"  # data of Hyper-V's events, in lower case
MOST_DATA = 1000  # per event
LONGEST_VALUE = 1 << 16  # characters
DEEPEST = 20  # nested elements
# Names of data that hold an HRESULT or NTSTATUS. Some are decimal, with or without a sign.
STATUS = regex(r"(?:status|error|code|result|hr)\Z", re.IGNORECASE)
DECIMAL = regex(r"-?[0-9]{1,10}")
LEAST_STATUS, PAST_STATUS = 1 << 31, 1 << 32  # a smaller number is not a failure, or not of these types
NAMELESS = ("Data", "#text")  # elements without their own names


@record(eq=True)
class Event:
    """`record`: its number in the log. `time` is UTC, as ISO writes it. `data`: (name, "" for none; value as text), in order."""

    record: int
    time: str
    provider: str
    event: int
    data: tuple[tuple[str, str], ...] = ()

    @property
    def vm(self) -> str:
        return self._first(VM_NAME)

    @property
    def vm_id(self) -> str:
        return self._first(VM_ID)

    def _first(self, wanted: str) -> str:
        return next((value for name, value in self.data if name.lower() == wanted), "")


def to_event(number: int, time: str, table: Any) -> Event:
    """An event from the JSON that the package evtx makes of a record. Malformed parts are left out."""
    event = as_table(as_table(table).get("Event"))
    system = as_table(event.get("System"))
    provider = as_table(as_table(system.get("Provider")).get("#attributes"))
    created = as_table(as_table(system.get("TimeCreated")).get("#attributes")).get("SystemTime")
    identity = system.get("EventID")
    identity = str(identity.get("#text") if isinstance(identity, dict) else identity)
    return Event(
        number,
        str(created or time),
        str(provider.get("Name") or provider.get("EventSourceName") or ""),
        to_int(identity) if DECIMAL.fullmatch(identity) else 0,
        tuple(data_of(event)),
    )


def as_table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def data_of(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Named facts of an event, apart from its origin."""
    found = 0
    for part, value in event.items():
        for one in data_in("", value, DEEPEST) if part not in ("System", "#attributes") else ():
            yield one
            found += 1
            if found == MOST_DATA:
                return


def data_in(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """The data in an element, without attributes, which are names and schemas."""
    if isinstance(value, dict) and depth:
        for key, inside in value.items():
            if key != "#attributes":
                yield from data_in(name if key in NAMELESS else key, inside, depth - 1)
    elif isinstance(value, list) and depth:
        for inside in value:
            yield from data_in(name, inside, depth - 1)
    elif isinstance(value, (str, int, float)):
        text = to_text(name, str(value)[:LONGEST_VALUE])
        if text:
            yield name, text


def to_text(name: str, value: str) -> str:
    """A value as a log would print it: a status in hex."""
    text = value.replace("\r\n", "\n").strip()
    if STATUS.search(name) and DECIMAL.fullmatch(text):
        number = to_int(text)
        if LEAST_STATUS <= number < PAST_STATUS or -LEAST_STATUS <= number < 0:
            return f"0x{number & PAST_STATUS - 1:08X}"
    return text


def write_event(event: Event) -> str:
    """The text of an event: time, VM, provider and data. It has several lines if a value does."""
    vm = f"'{event.vm}' " if event.vm else ""
    vm += f"({event.vm_id}) " if event.vm_id else ""
    rest = ((name, value) for name, value in event.data if name.lower() not in (VM_NAME, VM_ID))
    data = ", ".join(f"{name}: {value}" if name else value for name, value in rest)
    return f"{event.time} {vm}{event.provider} event {event.event}" + (f": {data}" if data else "") + "\n"
