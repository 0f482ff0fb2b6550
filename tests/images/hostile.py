"""Damages images, for the tests of each format: cut anywhere, any field set to anything; and checks that a reader survives.

    @pytest.mark.parametrize("harm", [*cuts(IMAGE), *fields(IMAGE, words(0, 64))], ids=str)
    def test_...(harm): survives(harm.data)

The reader's work is counted, not timed: the bytes it asks for, the calls it makes and the memory it takes, each limited in proportion to
the file.
"""

from __future__ import annotations

import pkgutil
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import islice
from types import FrameType

import tests.images
from hvrepl.errors import FileError
from hvrepl.readers.images.formats import memory_in
from hvrepl.readers.images.memory import Memory
from hvrepl.readers.images.source import Source
from tests.images.core import PAGE
from tests.images.source import BytesSource
from tests.paths import DATA, PACKAGE

SIZES = (1, 2, 4, 8)
LOOKED_AT = 64  # ranges that are read from, and pages that are read again
FIRST, LAST = 0, (1 << 64) - 1
ODD_ADDRESSES = (FIRST, 1, PAGE - 1, 1 << 31, 1 << 32, 1 << 47, 1 << 63, LAST - PAGE, LAST)
# A reader's limits per byte of the file, and in addition.
FILLED_PER_BYTE, FILLED_BESIDES = 16, 1 << 20
CALLS_PER_BYTE, CALLS_BESIDES = 16, 100_000
MEMORY_PER_BYTE, MEMORY_BESIDES = 8, 4 << 20
LONGEST_LINE = 400


@dataclass(frozen=True)
class Harm:
    """A modified image, and the modification."""

    what: str
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.what


def cuts(data: bytes, places: Iterable[int] = (), step: int = 64) -> Iterator[Harm]:
    """The image cut at every `step` bytes and at places, and one byte before and after each of these."""
    around = {at + by for at in (*range(0, len(data) + 1, step), *places) for by in (-1, 0, 1)}
    for length in sorted(around):
        if 0 < length < len(data):
            yield Harm(f"cut at {length}", data[:length])


def words(start: int, end: int, sizes: Sequence[int] = SIZES) -> Iterator[tuple[int, int]]:
    """(offset, size) of each aligned word between two offsets."""
    for size in sizes:
        for at in range(-(-start // size) * size, end - size + 1, size):
            yield at, size


def odd_values(size: int, choose: random.Random) -> Iterator[int]:
    """Values for a field of so many bytes that break a reader that trusts them."""
    bits = 8 * size
    odd = (0, 1, 2, 3, 0x7F, PAGE - 1, PAGE, 0xFFFE, 0xFFFF, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 63, (1 << 63) - 1)
    yield from dict.fromkeys(
        value for value in (*odd, (1 << bits) - 1, (1 << bits) - PAGE, choose.getrandbits(bits)) if 0 <= value < 1 << bits
    )


def fields(data: bytes, places: Iterable[tuple[int, int]], seed: int = 20) -> Iterator[Harm]:
    """The image with each field (offset, size) set to each odd value, in the order of its bytes or the reverse."""
    choose = random.Random(seed)
    for at, size in places:
        for value in odd_values(size, choose):
            for order in ("little", "big"):
                packed = value.to_bytes(size, "little" if order == "little" else "big")
                harmed = data[:at] + packed + data[at + size :]
                if harmed != data and (order == "little" or packed != packed[::-1]):
                    yield Harm(f"{at}:{size} = {value:#x} {order}", harmed)


LARGEST_SAMPLE = 1 << 18


def all_samples() -> dict[str, bytes]:
    """Small images of all formats by name: those of tests/data/images, and those from `samples` of each module of tests.images."""
    found = {path.name: path.read_bytes() for path in sorted((DATA / "images").iterdir()) if path.stat().st_size <= LARGEST_SAMPLE}
    for module in pkgutil.iter_modules(tests.images.__path__, "tests.images."):
        made = getattr(import_module(module.name), "samples", dict)()
        found |= {f"{module.name.rpartition('.')[2]}.{name}": data for name, data in made.items()}
    return found


def apply_harm(text: str) -> Harm:
    """The text of a test case: the name of a sample, then one modification per line, in decimal except for bytes:

    `set OFFSET BYTES`, `copy OFFSET SIZE TO`, `fill OFFSET SIZE BYTE` and `cut SIZE`.
    """
    name, *lines = text.splitlines()
    data = bytearray(all_samples()[name])
    for line in lines:
        what, first, *others = line.split()
        at = int(first)
        if what == "set":
            data[at : at + len(others[0]) // 2] = bytes.fromhex(others[0])
        elif what == "copy":
            size, to = map(int, others)
            data[to : to + size] = data[at : at + size]
        elif what == "fill":
            data[at : at + int(others[0])] = bytes.fromhex(others[1]) * int(others[0])
        elif what == "cut":
            del data[at:]
        else:
            raise ValueError(f"{line} is nothing that is done to an image")
    return Harm(text, bytes(data))


HEAD = 512  # bytes at the start of most images, each of them in a field


def make_harm(choose: random.Random, seed: str) -> str:
    """A sample, or an earlier case, with further modifications, mostly of its first bytes."""
    samples = all_samples()
    lines = seed.splitlines() or [choose.choice(sorted(samples))]
    size = len(samples[lines[0]])
    for _ in range(choose.randint(1, 4)):
        width = choose.choice(SIZES)
        at = choose.randrange(min(size, HEAD) if choose.random() < 0.7 else size) // width * width
        what = choose.choice(["set", "set", "set", "copy", "fill", "cut"])
        if what == "set":
            value = choose.choice([*odd_values(width, choose), *range(16), *(1 << bit for bit in range(8 * width))])
            lines.append(f"set {at} {value.to_bytes(width, choose.choice(['little', 'big'])).hex()}")
        elif what == "cut":
            lines.append(f"cut {choose.randrange(1, size)}")
        else:
            length = choose.choice([width, 64, HEAD, PAGE])
            last = choose.randrange(0, size, width) if what == "copy" else choose.choice(["00", "01", "ff"])
            lines.append(f"{what} {at} {length} {last}")
    return "\n".join(lines) + "\n"


class Overworked(BaseException):
    """A reader does more than a file of this size deserves. A reader must not catch it, as it might an AssertionError."""


class Counted:
    """A source that counts what is asked of it, and refuses absurd requests."""

    def __init__(self, source: Source, most: int) -> None:
        self.source = source
        self.path = source.path
        self.size = source.size
        self.most = most
        self.filled = 0

    def fill(self, buffer: bytearray | memoryview, offset: int) -> int:
        if not 0 <= offset < 1 << 63:
            raise Overworked(f"reads at {offset:#x}, where no file can be read")
        got = self.source.fill(buffer, offset)
        self.filled += got
        if self.filled > self.most:
            raise Overworked(f"read {self.filled} bytes; {self.most} would be enough")
        return got

    def hole(self, offset: int, size: int) -> int:
        if not 0 <= offset < 1 << 63:
            raise Overworked(f"looks for a hole at {offset:#x}, where no file has one")
        return self.source.hole(offset, size)

    def close(self) -> None:
        self.source.close()


@dataclass
class Survived:
    """A reader's results: the nonzero pages by address, the error at the end, and the cost."""

    format: str = ""
    pages: dict[int, bytes] = field(default_factory=dict)
    fault: str = ""
    filled: int = 0
    calls: int = 0
    peak: int = 0


def held(source: Source) -> int:
    """The bytes of a source outside its holes."""
    size, at, found = source.size or 0, 0, 0
    while at < size:
        hole = source.hole(at, size - at)
        at += hole
        step = min(PAGE, size - at)
        found, at = found + step, at + step
    return found


def survives(
    image: bytes | Source,
    *,
    truth: Mapping[int, bytes] | None = None,
    opens: Callable[[Source], Memory] = memory_in,
    is_first: bool = True,
) -> Survived:
    """A reader's results for an image. Fails if it does more than the file deserves, in a pass or for one address, or raises another error
    than FileError.

    `truth` is the undamaged content: every result must be a part of it, at its address. A file that is no longer recognised, because it
    ends within the beginning of its format, is read as raw.
    """
    source = BytesSource(image, has_holes=True) if isinstance(image, bytes) else image
    weight = held(source)
    counted = Counted(source, FILLED_BESIDES + FILLED_PER_BYTE * weight)
    result = Survived()
    tracemalloc.start()
    try:
        with counting_calls(result, CALLS_BESIDES + CALLS_PER_BYTE * weight):
            try:
                with closing(opens(counted)) as memory:
                    result.format = memory.facts.format
                    check_facts(memory)
                    for attempt in looks(memory):  # each may cost as much as the whole file
                        counted.filled = result.calls = 0
                        attempt()
                    counted.filled = result.calls = 0
                    for address, data, _ in memory.chunks():
                        keep_pages(result, address, bytes(data))
                        assert len(data) <= 1 << 24
            except FileError as error:
                result.fault = str(error)
            result.peak = tracemalloc.get_traced_memory()[1] - sum(map(len, result.pages.values()))
    finally:
        tracemalloc.stop()
    result.filled = counted.filled
    most = MEMORY_BESIDES + MEMORY_PER_BYTE * weight
    if is_first and result.peak > most:  # modules that were imported and patterns that were compiled, which happens once
        return survives(image, truth=truth, opens=opens, is_first=False)
    assert result.peak <= most
    if result.fault:
        line = result.fault.removeprefix(f"{source.path}: ")
        assert line != result.fault, line
        assert line.isprintable(), line
        assert 0 < len(line) < LONGEST_LINE, line
    if truth is not None and result.format != "raw":
        wrong = [hex(address) for address, data in result.pages.items() if truth.get(address, b"")[: len(data)] != data]
        assert wrong == []
    return result


def keep_pages(result: Survived, address: int, data: bytes) -> None:
    assert address % PAGE == 0
    for at in range(0, len(data), PAGE):
        page = data[at : at + PAGE]
        if any(page):
            assert address + at not in result.pages, f"{address + at:#x} is given twice"
            result.pages[address + at] = page


def check_facts(memory: Memory) -> None:
    for text in (memory.facts.format, memory.facts.arch, memory.facts.kernel, memory.facts.missing, memory.facts.remark):
        assert text.isprintable(), text
        assert len(text) < LONGEST_LINE, text
    assert memory.size is None or memory.size >= 0


def looks(memory: Memory) -> Iterator[Callable[[], object]]:
    """The ranges are in order, and each can be read from, and so can any other address."""
    addresses = list(ODD_ADDRESSES)

    def see_ranges() -> None:
        end = 0
        for one in islice(memory.ranges(), LOOKED_AT):
            assert one.address >= end, "the ranges are in no order, or overlap"
            assert one.size > 0
            end = one.end
            addresses.extend((one.address, one.address + one.size // 2, one.end - 1))

    def read_at(address: int) -> None:
        with suppress(FileError):  # `survives` checks its words for the whole image
            assert len(memory.read(address, 64)) <= 64

    yield see_ranges
    for address in addresses:
        yield partial(read_at, address)


@contextmanager
def counting_calls(result: Survived, most: int) -> Iterator[None]:
    """Counts the calls within the package, of functions and from them, and stops it after too many."""
    package, before = str(PACKAGE), sys.getprofile()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(package):
            result.calls += 1
            if result.calls > most:
                raise Overworked(f"made {result.calls} calls for a small image")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
