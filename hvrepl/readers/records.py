"""Files of records with addresses and checksums, for loaders and simulators → bytes at addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.dump_forms import HEADER, strip_prefix
from hvrepl.record import record
from hvrepl.wording import shorten

Part = tuple[int, bytes, int]  # an address, its bytes, and the line

INTEL = regex(r":(?:[0-9A-F]{2}){5,}", re.IGNORECASE)
MOTOROLA = regex(r"S[0-9](?:[0-9A-F]{2}){3,}", re.IGNORECASE)
ADDRESS_BYTES = {"1": 2, "2": 3, "3": 4}  # of Motorola's data records
VERILOG = regex(r"@[0-9A-F]{4,16}(?:\s+[0-9A-F]+)*", re.IGNORECASE)


COMMENT = regex(r"//[^\n]*|/\*[^\n]*?\*/")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        source, _ = strip_prefix(line)
        if source and not HEADER.fullmatch(source):
            yield number, source


def read_intel(text: str) -> Iterator[Part]:
    base = 0
    ended = 0
    for number, source in lines_of(text):
        if not INTEL.fullmatch(source) or ended:
            raise UsageError(f"line {number}: '{shorten(source)}' is not a record of Intel HEX{' after its end' if ended else ''}")
        data = bytes.fromhex(source[1:])
        if sum(data) & 0xFF or data[0] != len(data) - 5:
            raise UsageError(f"line {number}: the length or checksum of '{shorten(source)}' is wrong")
        kind, offset, body = data[3], int.from_bytes(data[1:3], "big"), data[4:-1]
        if kind == 0:
            yield base + offset, body, number
        elif kind in (2, 4):
            base = int.from_bytes(body, "big") << (4 if kind == 2 else 16)
        elif kind == 1:
            ended = number
    if not ended:
        raise UsageError("Intel HEX without its end record, :00000001FF: it is truncated")


def read_motorola(text: str) -> Iterator[Part]:
    records, ended = 0, False
    for number, source in lines_of(text):
        data = bytes.fromhex(source[2:]) if MOTOROLA.fullmatch(source) else b""
        if not data or ended:
            raise UsageError(f"line {number}: '{shorten(source)}' is not an S-record{' after the end' if ended else ''}")
        if sum(data) & 0xFF != 0xFF or data[0] != len(data) - 1:
            raise UsageError(f"line {number}: the length or checksum of '{shorten(source)}' is wrong")
        kind = source[1]
        if kind in ADDRESS_BYTES:
            size = ADDRESS_BYTES[kind]
            records += 1
            yield int.from_bytes(data[1 : 1 + size], "big"), data[1 + size : -1], number
        elif kind in "56" and int.from_bytes(data[1:-1], "big") != records:
            raise UsageError(f"line {number}: {int.from_bytes(data[1:-1], 'big')} records are announced, but there are {records}")
        ended = kind in "789"


def read_verilog(text: str) -> Iterator[Part]:
    """$readmemh's format, and TI-TXT's, which has a `q` at the end. Only bytes: the unit of addresses is unknown for words."""
    at: int | None = None
    ended = False
    for number, source in lines_of(text):
        for word in source.split():
            if ended or not re.fullmatch("@[0-9a-f]{1,16}|[0-9a-f]{2}|q", word, re.IGNORECASE):
                wide = re.fullmatch("[0-9a-f]+", word, re.IGNORECASE) and not ended
                right = "; nothing says the byte order of words" if wide else ""
                raise UsageError(f"line {number}: '{shorten(word)}' is neither @ADDRESS nor a byte{right}")
            if word[0] == "@":
                at = int(word[1:], 16)
            elif word in "qQ":
                ended = True
            elif at is not None:
                yield at, bytes.fromhex(word), number
                at += 1


@record
class Kind:
    """A format: a pattern for its first record, a function that reads all, and its name."""

    start: re.Pattern[str]
    read: Callable[[str], Iterator[Part]]
    name: str


KINDS = (
    Kind(INTEL, read_intel, "Intel HEX"),
    Kind(MOTOROLA, read_motorola, "S-records"),
    Kind(VERILOG, read_verilog, "@ADDRESS and bytes"),
)


def read_records(text: str) -> list[tuple[bytes, str, int]]:
    """(bytes, name of the format, address) for each run of bytes without a gap; empty if the text has none.

    Raises UsageError with the line and the fault.
    """
    text = COMMENT.sub("", text) if "@" in text else text
    first = next((source for _, source in lines_of(text)), "")
    kind = next((kind for kind in KINDS if kind.start.fullmatch(first)), None)
    if kind is None:
        return []
    runs: list[tuple[int, list[bytes]]] = []
    end = -1
    for address, data, number in kind.read(text):
        if runs and runs[-1][0] <= address < end:
            raise UsageError(f"line {number}: address {address:#x} appears twice")
        if address == end:
            runs[-1][1].append(data)
        else:
            runs.append((address, [data]))
        end = address + len(data)
    if not runs:
        raise UsageError(f"{kind.name} without bytes")
    return [(b"".join(parts), kind.name, address) for address, parts in runs]
