"""What hvrepl.decode and hvrepl.encode share; apart, so that `import hvrepl` costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from hvrepl.catalog.catalog import Catalog, Found, open_index
from hvrepl.catalog.index import Index
from hvrepl.catalog.model import ARCHES
from hvrepl.codec.assign import Assigner, Assignment
from hvrepl.codec.decode import Decoder
from hvrepl.errors import UsageError


@cache
def shared_index() -> Index:
    return open_index()


@cache
def open_decoder(arch: str) -> Decoder:
    if arch not in ARCHES:
        raise UsageError(f"no arch {arch!r}; there are {', '.join(ARCHES)}")
    return Decoder(Catalog(shared_index(), arch))


def to_bytes(decoder: Decoder, found: Found, value: int | bytes) -> bytes:
    """The bytes in memory order. UsageError if a number does not fit, or is given for a struct."""
    width = decoder.width(found.spec)
    if isinstance(value, bytes):
        if width and 8 * len(value) != width:
            raise UsageError(f"{found.called} has {width // 8} bytes; these are {len(value)}")
        return value
    if not width:
        raise UsageError(f"{found.called} is a struct: its value is bytes")
    if not -(1 << width - 1) <= value < 1 << width:
        raise UsageError(f"{value:#x} is {value.bit_length()} bits wide; {found.called} has {width}")
    return (value & (1 << width) - 1).to_bytes(width // 8, "little")


def assign(decoder: Decoder, what: str, start: int | bytes | None, fields: Mapping[str, int | str]) -> int | bytes:
    found = decoder.catalog.find_name(what)
    assignments = [Assignment(path, str(value), value if isinstance(value, int) else None) for path, value in fields.items()]
    data = Assigner(decoder, found).assign(None if start is None else to_bytes(decoder, found, start), assignments)
    return int.from_bytes(data, "little") if found.spec.width else data
