"""A number without a name → its best reading, and the other readings. The specs say what to try (`lone`)."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.catalog import Catalog, Found, Named
from hvrepl.catalog.index import reach
from hvrepl.catalog.model import fill
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.codec.heading import say_number
from hvrepl.codec.phrases import holds
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.record import replace
from hvrepl.wording import listed

WIDEST = 64
GUID_BITS = 128
STATUS_BITS = 32  # of a number printed with a sign: a status, as C# and logs print it


def identify_number(decoder: Decoder, number: int, *, searches: bool = True) -> Decoded:
    """The number as the first spec whose `lone` conditions it meets; otherwise as a name in each space that has the number.

    NotFoundError if nothing fits, with enumerations that have the number unless `searches` is off.
    UsageError for a negative number, and for one of over 64 bits that is not a GUID with a name.
    """
    if -(1 << STATUS_BITS - 1) <= number < 0:
        node = identify_number(decoder, number + (1 << STATUS_BITS), searches=searches)
        return replace(node, read=", ".join(how for how in (f"read as {STATUS_BITS} bits", node.read) if how))
    readings = list(readings_of(decoder, number)) if 0 <= number < 1 << GUID_BITS else []
    if not readings and not 0 <= number < 1 << WIDEST:
        raise UsageError(f"{number:#x} is {number.bit_length()} bits wide; a value without a name has at most {WIDEST}")
    if not readings:
        raise NotFoundError(f"{number:#x} is not a known number on {decoder.catalog.arch}; {say_meant(decoder.catalog, number, searches)}")
    best, *others = readings
    return replace(best, other=tuple(replace(one, fields=(), findings=(), source=()) for one in others))


def say_meant(catalog: Catalog, number: int, searches: bool) -> str:
    from hvrepl.catalog.near import find_enumerations

    meant = [f"`decode {name} {number:#x}`" for name in find_enumerations(catalog.index, number, catalog.arch)] if searches else []
    return f"did you mean {listed(meant, 'or')}?" if meant else f"say what it belongs to: decode WHAT {number:#x}"


def compute(decoder: Decoder, text: str, number: int) -> Decoded:
    """The result of arithmetic, a negative one in 64 bits, with its readings. UsageError if it is negative and wider."""
    value, read = (number, "") if number >= 0 else narrow(number, WIDEST)
    if value is None:
        raise UsageError(f"{number:#x} is negative, and has more than {WIDEST} bits")
    readings = list(readings_of(decoder, value)) if value < 1 << GUID_BITS else []
    others = tuple(replace(one, fields=(), findings=(), source=()) for one in readings)
    return Decoded(name=text, kind="number", raw=f"{value:#x}", value=value, read=read, other=others)


def readings_of(decoder: Decoder, number: int) -> Iterator[Decoded]:
    """Readings as values, then as names, except those that a value's field shows already."""
    values = list(as_values(decoder, number))
    yield from values
    said = {field.meaning for value in values for field in value.fields if field.named}
    yield from (name for name in as_names(decoder, number) if name.name not in said)


def as_values(decoder: Decoder, number: int) -> Iterator[Decoded]:
    for spec in decoder.catalog.lone():
        value, read = narrow(number, spec.width)
        if value is not None and spec.lone:
            node = decoder.decode(
                Found(spec, decoder.catalog.arch, address=decoder.catalog.heading(spec)), value.to_bytes(spec.width // 8, "little")
            )
            if any(holds(when, node) for when in spec.lone.when):
                yield replace(node, read=read)


def narrow(number: int, width: int) -> tuple[int | None, str]:
    """The number in `width` bits and how it was read: as it is, with a sign, or sign-extended to 64 bits; None if it is wider."""
    if number < 0:
        return (number + (1 << width), f"read as {width} bits") if number >= -(1 << width - 1) else (None, "")
    if number < 1 << width:
        return number, ""
    low = number & (1 << width) - 1
    if number >> width - 1 == (1 << WIDEST - width + 1) - 1:
        return low, f"read as {width} bits, sign-extended"
    return None, ""


def as_names(decoder: Decoder, number: int) -> Iterator[Decoded]:
    """Definitions with the number, in each space of the arch; a range such as that of all SPIs does not explain a number within it."""
    catalog = decoder.catalog
    for row in catalog.numbered(number):
        found = catalog.find_number(number, row.space)
        yield name_only(catalog, found, Named(catalog.spaces[row.space], number, found.name))


def name_only(catalog: Catalog, found: Found, named: Named) -> Decoded:
    """The definition of a number, without a value."""
    address = next((one for one in catalog.standing(found.spec) if one.space == named.space.name), None)
    arch = reach(found.spec, address, catalog.spaces) if address else found.spec.arch
    number = named.space.write(named.number)
    return Decoded(
        name=found.name,
        kind=found.spec.kind,
        arch=catalog.arch,
        space=named.space.name,
        number=number,
        summary=fill(found.spec.title, found.element),
        source=found.spec.source,
        subtitle=say_number(named.space, named.number, arch),
    )
