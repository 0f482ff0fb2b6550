"""The memory of an image, in pieces: `Mapped` if the file has the bytes as they are, `Packed` if its blocks must be unpacked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from mmap import mmap

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import FileError
from hvrepl.hints import Protocol
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import Source
from hvrepl.record import mutable, record

CHUNK = 1 << 20  # bytes that are read at once: they stay in the processor's cache while they are searched
ZEROS = bytes(CHUNK)
MOST_SHARED = 1 << 12  # places of the file that several blocks share
NO_END = 1 << 64  # the end of a range that lasts to the end of its file

Chunk = tuple[int, bytes | mmap, int]  # address, its bytes, and how many empty bytes before it were skipped


@record(kw_only=True)
class Facts:
    """Facts about an image, from its headers. `kernel` is the release of its guest's kernel.

    `missing` lists what was left out when it was taken: `user pages, free pages (dump level 24)`.
    `remark` is a sentence about something unusual that is not a fault.
    From the address `unplaced` on, the addresses are unknown: pieces have their offset in the file as their address.
    `state` yields what a hypervisor saved of the guest in addition to memory, one chunk with its header at a time.
    """

    format: str
    arch: str = ""
    kernel: str = ""
    missing: str = ""
    remark: str = ""
    unplaced: int | None = None
    state: Callable[[], Iterable[bytes]] | None = None


class Memory(Protocol):
    """An image. Unreadable parts raise FileError. `size` is the bytes of memory it holds, None if only the end will show.

    `fault` is what `chunks` reports at the end as missing or damaged; "" if nothing is.
    """

    facts: Facts
    size: int | None
    fault: str

    def ranges(self) -> Iterator[Range]:
        """The ranges of memory that it holds, in ascending order."""

    def read(self, address: int, size: int) -> bytes:
        """The bytes at an address, fewer where they end."""

    def chunks(self) -> Iterator[Chunk]:
        """All its memory in pieces that begin at pages, each valid until the next. Missing memory raises an error after the rest."""

    def close(self) -> None: ...


class Gathered:
    """Collects bytes of memory until there are enough to search: `filled` of them, from address `start` on, after a hole."""

    def __init__(self) -> None:
        # A bytearray begins 16 bytes after a page, and many processors copy several times as fast to the beginning of a page.
        # Slices with a step are as fast as those of bytes; those of a memoryview take 8 times as long.
        self.buffer = mmap(-1, CHUNK)
        self.view = memoryview(self.buffer)
        self.start = self.filled = self.hole = 0

    def room(self, size: int) -> memoryview:
        """The place for the next bytes, as far as there is room."""
        return self.view[self.filled : min(self.filled + size, CHUNK)]

    def take(self) -> Chunk:
        chunk = (self.start, self.buffer if self.filled == CHUNK else self.buffer[: self.filled], self.hole)
        self.filled = self.hole = 0
        return chunk


@mutable
class Unread:
    """Unreadable parts: missing bytes or an incomplete page, ranges that failed and the error of the first, and the error that ended the
    list of ranges."""

    missing: int = 0
    rest: int = 0
    failures: int = 0
    failure: FileError | None = None
    broken: FileError | None = None

    def say_fault(self) -> str:
        return bytes_missing(self.missing) if self.missing else cut_in_page(self.rest) if self.rest else ""

    def say(self) -> FileError | None:
        more = f", and {self.failures - 1} more of its ranges cannot be read" if self.failures > 1 else ""
        return FileError(f"{self.failure}{more}") if self.failure else self.broken


class Mapped:
    """An image whose bytes are in a source as they are. `fault` says what is missing or damaged.

    `ranges` is called for each pass, so that an image of millions of ranges needs no memory for them. `searched` gives the ranges that
    `chunks` reads, if they differ: bytes of the file with several addresses are searched once. A range whose end is NO_END lasts to the
    end of its source.
    """

    def __init__(
        self,
        source: Source,
        facts: Facts,
        ranges: Callable[[], Iterable[Range]],
        *,
        size: int | None,
        searched: Callable[[], Iterable[Range]] | None = None,
        fault: str = "",
    ) -> None:
        self.source = source
        self.facts = facts
        self.size = size
        self.fault = fault
        self._ranges = ranges
        self._searched = searched or ranges

    def ranges(self) -> Iterator[Range]:
        return iter(self._ranges())

    def read(self, address: int, size: int) -> bytes:
        found = bytearray()
        for one in self._ranges():
            at = address + len(found)
            if one.address > at:
                break
            if at < one.end:
                buffer = bytearray(min(size - len(found), one.end - at))
                got = self.fill(one, memoryview(buffer), at - one.address)
                found += buffer[:got]
                if got < len(buffer) or len(found) == size:
                    break
        return bytes(found)

    def chunks(self) -> Iterator[Chunk]:
        """Joins adjacent memory. Unreadable ranges are skipped and reported at the end."""
        gathered, unread = Gathered(), Unread()
        hole, passed = range(0), 0
        for one in self._until_broken(unread):
            if gathered.filled and one.address != gathered.start + gathered.filled:
                yield gathered.take()
            # One hole of the file can contain millions of ranges.
            if not gathered.filled and one.offset not in hole:
                hole = range(one.offset, one.offset + self.hole(one, 0, NO_END))
            if not gathered.filled and one.offset + one.size <= hole.stop:
                passed += one.size
                continue
            if passed:
                yield one.address // PAGE_SIZE * PAGE_SIZE, b"", passed
                passed = 0
            yield from self._chunks_of(one, gathered, unread)
        if gathered.filled:
            yield gathered.take()
        if passed:
            yield 0, b"", passed
        self._raise_fault(unread)

    def _raise_fault(self, unread: Unread) -> None:
        """Raises the error for parts that are unreadable, missing or damaged."""
        if error := unread.say():
            raise error
        if self.source.size is not None:  # the source may have ended at a damaged place
            self.source.fill(bytearray(1), self.source.size)
        if fault := self.say_fault() or unread.say_fault():
            raise FileError(f"{self.source.path}: {fault}")

    def _until_broken(self, unread: Unread) -> Iterator[Range]:
        """The ranges to search, up to an error in finding the next one; it is kept until they have been read."""
        try:
            yield from self._searched()
        except FileError as error:
            unread.broken = error

    def _chunks_of(self, one: Range, gathered: Gathered, unread: Unread) -> Iterator[Chunk]:
        """The chunks of one range; the part before its first page is only searched if it continues what is gathered."""
        at = one.address if gathered.filled else -(-one.address // PAGE_SIZE) * PAGE_SIZE
        while at < one.end:
            if not gathered.filled:
                gathered.hole = self.hole(one, at - one.address, one.end - at) // PAGE_SIZE * PAGE_SIZE
                gathered.start = at = at + gathered.hole
            room = gathered.room(one.end - at)
            try:
                got = self.fill(one, room, at - one.address)
            except FileError as error:
                unread.failures += 1
                unread.failure = unread.failure or error
                return
            gathered.filled += got
            at += got
            if gathered.filled == CHUNK or (gathered.hole and not gathered.filled):
                yield gathered.take()
            if len(room) and not got:  # not after a short read: the next read reports what is wrong, if anything
                if one.end == NO_END:
                    unread.rest = at % PAGE_SIZE
                else:
                    unread.missing += one.end - at
                return

    def fill(self, one: Range, buffer: memoryview, at: int) -> int:
        """Reads from an offset within a range; returns the number of bytes read."""
        return self.source.fill(buffer, one.offset + at)

    def hole(self, one: Range, at: int, size: int) -> int:
        """The number of bytes from an offset within a range on that are known to be zeros."""
        return self.source.hole(one.offset + at, size)

    def say_fault(self) -> str:
        """`fault`, or one that only showed at the end of the source."""
        return self.fault

    def close(self) -> None:
        self.source.close()


def bytes_missing(count: int) -> str:
    return f"is truncated: {count} bytes of the memory in it are missing"


def cut_in_page(rest: int) -> str:
    return f"ends in the middle of a page; its last {rest} bytes are not searched"


@record
class Block:
    """`size` bytes of memory at an address: `length` bytes of the file at an offset, unpacked by `method`."""

    address: int
    size: int
    offset: int
    length: int
    method: int

    @property
    def end(self) -> int:
        return self.address + self.size


class CutError(ValueError):
    """The file ends before the block does, or never had its bytes."""


@mutable
class Lost:
    """Unreadable bytes of an image: those beyond the end of the file, and those that cannot be unpacked. `error` ended the reading."""

    cut: int = 0
    damaged: int = 0
    first: int = 0
    error: FileError | None = None

    def say(self) -> str:
        faults = [bytes_missing(self.cut)] if self.cut else []
        if self.damaged:
            faults.append(f"is damaged: {self.damaged} bytes of the memory in it cannot be unpacked, the first at {self.first:#x}")
        return str(self.error or "; ".join(faults))


class Packed(ABC):
    """An image of blocks that are packed one by one, such as a kdump. A block that cannot be unpacked is skipped and counted.

    `fault` says what is missing or damaged, if nothing else shows it.
    """

    def __init__(self, source: Source, facts: Facts, size: int | None) -> None:
        self.source = source
        self.facts = facts
        self.size = size
        self.fault = ""

    @abstractmethod
    def ranges(self) -> Iterator[Range]:
        """The ranges of memory that it holds, in ascending order."""

    @abstractmethod
    def blocks(self, address: int) -> Iterator[Block]:
        """Its blocks in ascending order, from the one that holds an address, or the next one, on."""

    @abstractmethod
    def unpack(self, block: Block) -> bytes:
        """The bytes of a block. Raises ValueError if it cannot be unpacked, CutError if it is incomplete."""

    def is_nothing(self, block: Block) -> bool:  # noqa: ARG002
        """Whether a block evidently has no page worth searching, such as zeros, so that it need not be unpacked."""
        return False

    def read(self, address: int, size: int) -> bytes:
        found = b""
        for block in self.blocks(address):
            at = address + len(found)
            if len(found) == size or not block.address <= at < block.end:
                break
            try:
                found += self.unpack(block)[at - block.address :][: size - len(found)]
            except ValueError as error:
                if found:
                    break
                reason = "is truncated; {} is missing" if isinstance(error, CutError) else "is damaged; {} cannot be unpacked"
                raise FileError(f"{self.source.path}: {reason.format(f'what it has at {at:#x}')}") from None
        return found

    def chunks(self) -> Iterator[Chunk]:
        """Joins adjacent blocks: large pieces are faster to search."""
        lost = Lost()
        held: list[bytes] = []
        start = end = hole = 0
        for block, data in self._unpacked(lost):
            if held and (not data or end - start >= CHUNK or block.address != end):
                yield start, b"".join(held), hole
                held.clear()
                hole = 0
            if data:
                start = start if held else block.address
                held.append(data)
            else:
                start = block.address
                hole += block.size
            end = block.end
        if held or hole:
            yield start if held else end, b"".join(held), hole
        if fault := lost.say() or self.fault:
            raise lost.error or FileError(f"{self.source.path}: {fault}")

    def _unpacked(self, lost: Lost) -> Iterator[tuple[Block, bytes]]:
        """Its readable blocks with their bytes, or b"" for zeros and for a place that was searched before.

        In a kdump, pages of zeros share one place. Other pages should not, but in a damaged or hostile file any may.
        """
        taken = end = 0
        known: set[tuple[int, int, int]] = set()  # of places before `end`
        for block in self.blocks(0):
            if self.is_nothing(block):
                yield block, b""
                continue
            place = (block.offset, block.length, block.method)
            if block.offset < end and place in known:
                yield block, b""
                continue
            try:
                data = self.unpack(block)
            except CutError:
                lost.cut += block.size
                continue
            except ValueError:
                lost.first = lost.first if lost.damaged else block.address
                lost.damaged += block.size
            except FileError as error:
                lost.error = error
                return
            else:
                is_zeros = ZEROS.startswith(data)
                if (is_zeros or block.offset < end) and len(known) < MOST_SHARED:
                    known.add(place)
                yield block, b"" if is_zeros else data
            end = max(end, block.offset + 1)
            taken += min(block.length, block.size)
            if self.source.size is not None and taken > 2 * self.source.size:
                lost.error = FileError(f"{self.source.path}: is damaged: the blocks up to {block.address:#x} are larger than the file")
                return

    def close(self) -> None:
        self.source.close()
