"""Where message pages lie in memory: pages whose every slot could be a message, and with a payload in one that fits its type. Pure.

What a header allows is taken from its spec, byte by byte: known types, a size up to the largest, no reserved bits. Those bytes of all slots
of a chunk are looked at together, the most telling ones first, so that memory is passed over about as fast as it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES, Field
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.record import record

PAGE, MESSAGE, HEADER = "HV_MESSAGE_PAGE", "HV_MESSAGE", "HV_MESSAGE_HEADER"
TYPE, SIZE, SPACE = "message_type", "payload_size", "message"
# What the payload of a real message does not have.
UNFIT = ("unknown_value", "truncated", "out_of_range", "reserved_set")
SET = bytes(value != 0 for value in range(256))

Tables = dict[int, bytes]  # place in a slot → for each value of the byte there 0 if it can stand there, else 1


@record
class Page:
    """A message page: where it starts in what was searched, its decoding, how many slots are used, and in how many the payload fits."""

    at: int
    node: Decoded
    used: int
    score: int


class PageFinder:
    """Finds message pages in chunks of memory that begin at a page boundary.

    The guest can be of any arch: a page is decoded on that on which most of its payloads fit, the decoder's own before others.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.catalog = decoder.catalog
        others = (arch for arch in ARCHES if arch != self.catalog.arch)
        self.decoders = [decoder, *(Decoder(self.catalog.for_arch(arch)) for arch in others)]
        self.size, self.slot = (decoder.schemas.size(self.catalog.find_name(name).spec) or 0 for name in (PAGE, MESSAGE))
        self.slots = self.size // self.slot
        self.least = payload_sizes(self.decoders)
        self.bodies = payload_bodies(self.decoders)
        self.known: set[int] = {0}
        self.types = range(0)
        self.size_place = 0
        self.tables = self._tables(decoder)
        self.telling = telling_places(self.known, self.types)
        self.long_enough = bytes(value >= min(self.least.values()) for value in range(256))

    def find(self, chunk: bytes | mmap) -> Iterator[Page]:
        """The message pages in a chunk. Bytes of a last page that is not whole are not looked at."""
        for at in self.candidates(chunk):
            if self.may_be_one(chunk, at):
                page = self.judge(at, bytes(chunk[at : at + self.size]))
                if page:
                    yield page

    def candidates(self, chunk: bytes | mmap) -> Iterator[int]:
        """Where pages start whose headers all could be ones, and one of which is in use and has a payload."""
        end = len(chunk) - len(chunk) % self.size
        count = end // self.slot
        clean, nothing = bytes(self.slots), bytes(count)
        columns = [chunk[place : end : self.slot] for place in self.telling]
        if all(column == nothing for column in columns):
            return
        wrong = 0
        for place, table in self.tables.items():
            faults = chunk[place : end : self.slot].translate(table)
            if clean not in faults:
                return
            wrong |= int.from_bytes(faults, "little")
        faults = wrong.to_bytes(count, "little")
        if clean in faults:
            uses = self._uses(columns, chunk[self.size_place : end : self.slot])
            yield from (page * self.size for page in self._whole_pages(faults, uses))

    def _uses(self, columns: list[bytes], sizes: bytes) -> bytes:
        """For each slot whether it is in use and could have a payload."""
        used = 0
        for column in columns:
            used |= int.from_bytes(column.translate(SET), "little")
        used &= int.from_bytes(sizes.translate(self.long_enough), "little")
        return used.to_bytes(len(sizes), "little")

    def _whole_pages(self, faults: bytes, uses: bytes) -> Iterator[int]:
        """The pages in which no slot has a fault and one is used."""
        clean = bytes(self.slots)
        at = uses.find(1)
        while at >= 0:
            page = at // self.slots
            start, end = page * self.slots, (page + 1) * self.slots
            if faults[start:end] == clean:
                yield page
            at = uses.find(1, end)

    def may_be_one(self, chunk: bytes | mmap, at: int) -> bool:
        """Whether the types of all slots are known, and one of them has a payload that is long enough for it: quicker than to decode."""
        is_one = False
        for slot in range(at, at + self.size, self.slot):
            kind = int.from_bytes(chunk[slot + self.types.start : slot + self.types.stop], "little")
            if kind not in self.known:
                return False
            is_one |= kind in self.least and chunk[slot + self.size_place] >= self.least[kind]
        return is_one

    def judge(self, at: int, data: bytes) -> Page | None:
        """The page if it is one: payloads of slots in use are laid out by their types, and have nothing impossible in them.

        A guest frees a slot by its type alone. So what is after a size of zero speaks against a page as much as a payload does for it.
        """
        best: Page | None = None
        for decoder in self.decoders:
            node = decoder.decode(decoder.catalog.find_name(PAGE), data)
            page = Page(at, node, sum(not slot.unused for slot in node.slots), self.score(node, data))
            best = page if best is None or page.score > best.score else best
            if best.score == best.used:  # no other arch can do better
                break
        return best if best and best.score and best.score >= self._headless(data) else None

    def score(self, page: Decoded, data: bytes) -> int:
        """In how many slots the payload fits its type."""
        unfit = {finding.field.partition(".")[0] for finding in page.findings if finding.code in UNFIT}
        return sum(f"slots{slot.name}" not in unfit and self.fits(slot, data) for slot in page.slots)

    def fits(self, slot: Decoded, data: bytes) -> bool:
        """Whether a slot's payload is laid out by its type to its last byte, and says something."""
        payload = slot.find("payload")
        if slot.unused or not payload or not payload.fields or any(part.find("rest") for part in (payload, *payload.fields)):
            return False
        kind = slot.find(f"header.{TYPE}")
        bodies = self.bodies.get(kind.value or 0, set()) if kind else set()
        start = payload.offset or 0
        return any(data[start : start + (payload.size or 0)]) and all(part.fields for part in payload.fields if part.name in bodies)

    def _headless(self, data: bytes) -> int:
        """How many slots have neither type nor size nor flags, and something after them."""
        header = max(self.tables) + 1
        return sum(not any(data[at : at + header]) and any(data[at : at + self.slot]) for at in range(0, self.size, self.slot))

    def _tables(self, decoder: Decoder) -> Tables:
        """What each byte of a header allows, those bytes first that tell most."""
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
        """The values that each byte of a field can have; nothing for a field that says nothing of it."""
        if field.name == TYPE:
            yield from (frozenset(number >> 8 * i & 0xFF for number in self.known) for i in range(size))
        elif field.reserved:
            yield from (frozenset((0,)) for _ in range(size))
        elif field.max is not None and size == 1:
            yield frozenset(range(field.max + 1))
        elif (inner := self.catalog.type(field.type)) and inner.layout and inner.width == 8:
            reserved = sum(((1 << part.width) - 1) << part.lsb for part in inner.layout.fields if part.reserved)
            yield frozenset(value for value in range(256) if not value & reserved)


def known_types(catalog: Catalog, field: Field) -> set[int]:
    """The message types that have a name of their own on any arch."""
    named = (one for arch in ARCHES for one in catalog.for_arch(arch).enumerators(field))
    return {one.low for one in named if one.low == one.high}


def payload_sizes(decoders: list[Decoder]) -> dict[int, int]:
    """Type → the bytes that its payload has at least, on the arch where these are fewest; only types that are laid out."""
    least: dict[int, int] = {}
    for decoder in decoders:
        for number, case in decoder.catalog.cases(SPACE):
            if number and case.layout:
                head = decoder.head(case, case.layout)
                least[number] = min(head, least.get(number, head))
    return least


def payload_bodies(decoders: list[Decoder]) -> dict[int, set[str]]:
    """Type → the parts of its payload that are laid out by what they are, or by nothing."""
    cases = ((number, case) for decoder in decoders for number, case in decoder.catalog.cases(SPACE) if case.layout)
    return {number: {one.name for one in case.layout.fields if one.switch and one.size == "rest"} for number, case in cases if case.layout}


def telling_places(known: set[int], places: range) -> list[int]:
    """The fewest bytes of a type by which one that is set differs from none."""
    left, found = known - {0}, []
    while left:
        covers = {place: {number for number in left if number >> 8 * (place - places.start) & 0xFF} for place in places}
        best = max(covers, key=lambda place: len(covers[place]))
        found.append(best)
        left -= covers[best]
    return found
