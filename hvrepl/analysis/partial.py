"""Some bits or fields of a thing → Decoded with only these: the unknown ones are not shown, and have no findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.parse_specs import PlaceError, parse_bits
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded


def decode_partial(decoder: Decoder, found: Found, parts: Mapping[str, int]) -> Decoded:
    """A thing of which only parts are known: each is a field, or bits as a spec writes them ("eax", "63:32"), with its number.

    Anything outside the parts is missing, also the raw value unless the parts cover all of it. UsageError for a number that is too wide.
    """
    from hvrepl.codec.encode.assign import Assigner
    from hvrepl.codec.encode.assignment import Assignment, fit

    bits = {path: place for path in parts if (place := place_of(path))}
    start = sum(fit(path, parts[path], width) << lsb for path, (lsb, width) in bits.items())
    data = start.to_bytes(decoder.width(found.spec) // 8, "little")
    named = [Assignment(path, str(number), number) for path, number in parts.items() if path not in bits]
    data = Assigner(decoder, found).assign(data, named) if named else data
    mask = sum((1 << width) - 1 << lsb for lsb, width in bits.values())
    node = decoder.decode(found, data)
    kept = tuple(known_parts(node, set(parts), mask))
    return node if len(kept) == len(node.fields) else decoder.only(found, node, kept)


def place_of(path: str) -> tuple[int, int] | None:
    """(lsb, width) of bits, None for a field."""
    try:
        return parse_bits(path)
    except PlaceError:
        return None


def known_parts(node: Decoded, names: set[str], mask: int) -> Iterator[Decoded]:
    for part in node.fields:
        place = absolute(part)
        if part.name in names or (place and place & mask == place):
            yield part


def absolute(part: Decoded) -> int:
    """The bits of a part of a word as a mask; for a CPUID leaf, within its register."""
    if part.bits is None:
        return 0
    high, low = part.bits
    base = place_of(part.register) if part.register else None
    return ((1 << high - low + 1) - 1) << low + (base[0] if base else 0)
