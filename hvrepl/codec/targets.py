"""Caches the decoders and things that the Python API needs, per thread; and turns Python's values into bytes."""

from __future__ import annotations

import threading

from hvrepl.catalog import find, open_catalog
from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.codec.decode import Decoder
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING

if TYPE_CHECKING:
    from hvrepl.catalog import Specs

OUTPUT = ".output"
MOST_TARGETS = 1024  # things in the cache


class Kept(threading.local):
    """The cache of one thread: a decoder per catalogue, and the things that were asked for."""

    def __init__(self) -> None:
        self.decoders: dict[Catalog, Decoder] = {}
        self.targets: dict[tuple[Catalog, str], tuple[Found, bool]] = {}


KEPT = Kept()


def open_decoder(arch: str, specs: Specs) -> Decoder:
    """The decoder of this thread's catalogue. UsageError for an unknown arch."""
    catalog = open_catalog(arch, specs=specs)
    if catalog not in KEPT.decoders:
        KEPT.decoders[catalog] = Decoder(catalog)
    return KEPT.decoders[catalog]


def find_target(what: str, arch: str, specs: Specs) -> tuple[Found, bool]:
    """(the thing, whether its output was asked for). Raises NotFoundError."""
    key = open_catalog(arch, specs=specs), what
    if key not in KEPT.targets:
        target = look_up(what, arch, specs)
        if len(KEPT.targets) >= MOST_TARGETS:
            KEPT.targets.clear()
        KEPT.targets[key] = target
    return KEPT.targets[key]


def look_up(what: str, arch: str, specs: Specs) -> tuple[Found, bool]:
    name, output = (what.removesuffix(OUTPUT), True) if what.endswith(OUTPUT) else (what, False)
    found = find(name, arch=arch, specs=specs)
    if output and found.spec.output is None:
        raise UsageError(f"{name} has no output")
    return found, output


def to_bytes(decoder: Decoder, found: Found, value: int | bytes) -> bytes:
    """The bytes in memory order. UsageError if a number does not fit, or if a struct gets a number."""
    width = decoder.width(found.spec)
    if not isinstance(value, int):
        data = bytes(value)
        if width and 8 * len(data) != width:
            raise UsageError(f"{found.called} takes {width // 8} bytes, not {len(data)}")
        return data
    if not width:
        raise UsageError(f"{found.called} is a struct: its value must be bytes")
    if not -(1 << width - 1) <= value < 1 << width:
        raise UsageError(f"{value:#x} is {value.bit_length()} bits wide; {found.called} has {width}")
    return (value & (1 << width) - 1).to_bytes(width // 8, "little")
