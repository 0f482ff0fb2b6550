"""Finds message pages in memory: every slot could be a message, and at least one has a payload that fits its type. Pure.

The spec of a header gives the values that each of its bytes may have: known types, a size up to the largest, no reserved bits. Those bytes
are compared in all slots of a chunk at once, the most selective first, so that the search is about as fast as reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from mmap import mmap

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES, Field
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.record import record

PAGE, MESSAGE, HEADER = "HV_MESSAGE_PAGE", "HV_MESSAGE", "HV_MESSAGE_HEADER"
TYPE, SIZE, SPACE = "message_type", "payload_size", "message"
# Findings that the payload of a real message does not have.
UNFIT = ("unknown_value", "truncated", "out_of_range", "reserved_set")
SET = bytes(value != 0 for value in range(256))
PART = 1 << 8  # slots of a chunk that are ruled out together

Tables = dict[int, bytes]  # place in a slot → for each value of the byte there 0 if it is possible, otherwise 1


@record
class Page:
    """A message page: its offset in the searched bytes, its decoding, how many slots are used, and how many payloads fit."""

    at: int
    node: Decoded
    used: int
    score: int


class PageFinder:
    """Finds message pages in chunks of memory that begin at a page boundary.

    The guest may be of any arch: each page is decoded on the arch where most payloads fit, preferably the decoder's own.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.catalog = decoder.catalog
        others = (arch for arch in ARCHES if arch != self.catalog.arch)
        self.decoders = [decoder, *(Decoder(self.catalog.for_arch(arch)) for arch in others)]
        self.size, self.slot = (decoder.schemas.size(self.catalog.find_name(name).spec) or 0 for name in (PAGE, MESSAGE))
        self.slots = self.size // self.slot
        self.known: set[int] = {0}
        self.types = range(0)
        self.size_place = 0
        self.tables = self._tables(decoder)
        self.telling = telling_places(self.known, self.types)

    # What most images never need: the layouts of all payloads.

    @cached_property
    def least(self) -> dict[int, int]:
        return payload_sizes(self.decoders)

    @cached_property
    def bodies(self) -> dict[int, set[str]]:
        return payload_bodies(self.decoders)

    @cached_property
    def long_enough(self) -> bytes:
        """For each size of a payload, whether that of any type is so long."""
        return bytes(value >= min(self.least.values()) for value in range(256))

    def find(self, chunk: bytes | mmap) -> Iterator[Page]:
        """The message pages in a chunk. An incomplete last page is not searched."""
        for at in self.candidates(chunk):
            if self.may_be_one(chunk, at):
                page = self.judge(at, bytes(chunk[at : at + self.size]))
                if page:
                    yield page

    def candidates(self, chunk: bytes | mmap) -> Iterator[int]:
        """Offsets of pages whose headers are all possible, at least one of them in use with a payload.

        Most chunks are ruled out as a whole, by no type being set or by one byte of the types; the others part by part.
        """
        end = len(chunk) - len(chunk) % self.size
        columns = [chunk[place : end : self.slot] for place in self.telling]
        if not any(map(any_set, columns)):
            return
        faults = columns[0].translate(self.tables[self.telling[0]])
        clean = bytes(self.slots)
        if clean not in faults:
            return
        for first in range(0, len(faults), PART):
            last = min(first + PART, len(faults))
            if clean in faults[first:last] and any(any_set(column[first:last]) for column in columns):
                yield from self._candidates_between(chunk, first * self.slot, last * self.slot)

    def _candidates_between(self, chunk: bytes | mmap, start: int, end: int) -> Iterator[int]:
        clean = bytes(self.slots)
        wrong = 0
        for place, table in self.tables.items():
            faults = chunk[start + place : end : self.slot].translate(table)
            if clean not in faults:
                return
            wrong |= int.from_bytes(faults, "little")
        faults = wrong.to_bytes(len(faults), "little")
        if clean in faults:
            uses = self._uses(chunk, start, end)
            yield from (start + page * self.size for page in self._whole_pages(faults, uses))

    def _uses(self, chunk: bytes | mmap, start: int, end: int) -> bytes:
        """For each slot, whether it is in use and could have a payload."""
        used = 0
        for place in self.telling:
            used |= int.from_bytes(chunk[start + place : end : self.slot].translate(SET), "little")
        sizes = chunk[start + self.size_place : end : self.slot]
        used &= int.from_bytes(sizes.translate(self.long_enough), "little")
        return used.to_bytes(len(sizes), "little")

    def _whole_pages(self, faults: bytes, uses: bytes) -> Iterator[int]:
        """The pages without a faulty slot and with at least one used slot."""
        clean = bytes(self.slots)
        at = uses.find(1)
        while at >= 0:
            page = at // self.slots
            start, end = page * self.slots, (page + 1) * self.slots
            if faults[start:end] == clean:
                yield page
            at = uses.find(1, end)

    def may_be_one(self, chunk: bytes | mmap, at: int) -> bool:
        """Whether all slots have known types, and one a payload that is long enough for its type: faster than decoding."""
        is_one = False
        for slot in range(at, at + self.size, self.slot):
            kind = int.from_bytes(chunk[slot + self.types.start : slot + self.types.stop], "little")
            if kind not in self.known:
                return False
            is_one |= kind in self.least and chunk[slot + self.size_place] >= self.least[kind]
        return is_one

    def judge(self, at: int, data: bytes) -> Page | None:
        """The page if it is one: payloads of used slots have the layouts of their types, without impossible values.

        A guest frees a slot by clearing the type alone, so a slot with bytes after an empty header cancels one payload that fits.
        """
        best: Page | None = None
        for decoder in self.decoders:
            node = decoder.decode(decoder.catalog.find_name(PAGE), data)
            page = Page(at, node, sum(not slot.unused for slot in node.slots), self.score(node, data))
            best = page if best is None or page.score > best.score else best
            if best.score == best.used:  # no arch can score more
                break
        return best if best and best.score and best.score >= self._headless(data) else None

    def score(self, page: Decoded, data: bytes) -> int:
        """The number of slots whose payload fits its type."""
        unfit = {finding.field.partition(".")[0] for finding in page.findings if finding.code in UNFIT}
        return sum(f"slots{slot.name}" not in unfit and self.fits(slot, data) for slot in page.slots)

    def fits(self, slot: Decoded, data: bytes) -> bool:
        """Whether the layouts of a slot's type cover its payload to the last byte, and some byte is not zero."""
        payload = slot.find("payload")
        if slot.unused or not payload or not payload.fields or any(part.find("rest") for part in (payload, *payload.fields)):
            return False
        kind = slot.find(f"header.{TYPE}")
        bodies = self.bodies.get(kind.value or 0, set()) if kind else set()
        start = payload.offset or 0
        return any(data[start : start + (payload.size or 0)]) and all(part.fields for part in payload.fields if part.name in bodies)

    def _headless(self, data: bytes) -> int:
        """The number of slots without type, size and flags, but with bytes after them."""
        header = max(self.tables) + 1
        return sum(not any(data[at : at + header]) and any(data[at : at + self.slot]) for at in range(0, self.size, self.slot))

    def _tables(self, decoder: Decoder) -> Tables:
        """The allowed values of each byte of a header, the most selective bytes first."""
        layout = self.catalog.find_name(HEADER).spec.layout
        assert layout
        tables: Tables = {}
        at = 0
        for field in layout.fields:
            at = field.at if field.at is not None else at
            size = decoder.schemas.member_size(field) or 0
            if field.name == TYPE:
                self.types = range(at, at + size)
                self.known |= known_types(self.catalog, field)
            elif field.name == SIZE:
                self.size_place = at
            allowed = self._allowed(field, size)
            tables |= {at + i: bytes(value not in values for value in range(256)) for i, values in enumerate(allowed)}
            at += size
        return dict(sorted(tables.items(), key=lambda item: -sum(item[1])))

    def _allowed(self, field: Field, size: int) -> Iterator[frozenset[int]]:
        """The values that each byte of a field can have; empty if the field does not restrict them."""
        if field.name == TYPE:
            yield from (frozenset(number >> 8 * i & 0xFF for number in self.known) for i in range(size))
        elif field.reserved:
            yield from (frozenset((0,)) for _ in range(size))
        elif field.max is not None and size == 1:
            yield frozenset(range(field.max + 1))
        elif (inner := self.catalog.type(field.type)) and inner.layout and inner.width == 8:
            reserved = sum(((1 << part.width) - 1) << part.lsb for part in inner.layout.fields if part.reserved)
            yield frozenset(value for value in range(256) if not value & reserved)


def any_set(column: bytes) -> bool:
    return column != bytes(len(column))


def known_types(catalog: Catalog, field: Field) -> set[int]:
    """The message types that have their own name on any arch."""
    named = (one for arch in ARCHES for one in catalog.for_arch(arch).enumerators(field))
    return {one.low for one in named if one.low == one.high}


def payload_sizes(decoders: list[Decoder]) -> dict[int, int]:
    """Type → the least size of its payload on any arch; only for types with a layout."""
    least: dict[int, int] = {}
    for decoder in decoders:
        for number, case in decoder.catalog.cases(SPACE):
            if number and case.layout:
                head = decoder.head(case, case.layout)
                least[number] = min(head, least.get(number, head))
    return least


def payload_bodies(decoders: list[Decoder]) -> dict[int, set[str]]:
    """Type → the parts of its payload with a variant layout, which must be known."""
    cases = ((number, case) for decoder in decoders for number, case in decoder.catalog.cases(SPACE) if case.layout)
    return {number: {one.name for one in case.layout.fields if one.switch and one.size == "rest"} for number, case in cases if case.layout}


def telling_places(known: set[int], places: range) -> list[int]:
    """The smallest set of bytes of a type in which every used type is nonzero."""
    left, found = known - {0}, []
    while left:
        covers = {place: {number for number in left if number >> 8 * (place - places.start) & 0xFF} for place in places}
        best = max(covers, key=lambda place: len(covers[place]))
        found.append(best)
        left -= covers[best]
    return found
