"""Chooses the format of an image by its first bytes, and opens it. A packed file or a container is never taken for a raw image."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from itertools import islice

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.readers.images.memory import Memory
from hvrepl.readers.images.refused import find_refused
from hvrepl.readers.images.source import Source, open_source, read
from hvrepl.readers.images.unpacked import Packing, Unpacked, packing_of, plain_name
from hvrepl.readers.plain_text import decode
from hvrepl.record import record

SNIFFED = 16  # the first bytes of a file, which identify its format
SHOWN_RANGES = 4


@record
class Format:
    """The first bytes of a format, and its opener: `module:function` below this folder, from a Source to a Memory.

    A file with its suffix counts as one too: the opener explains best what is wrong with its beginning.
    """

    magic: bytes
    opener: str
    suffix: str = ""

    def fits(self, start: bytes, path: str) -> bool:
        return start.startswith(self.magic) or (self.suffix != "" and path.lower().endswith(self.suffix))


FORMATS = (
    Format(b"\x7fELF", "elf:open_core"),
    Format(b"KDUMP   ", "kdump:open_kdump"),
    Format(b"makedumpfile", "flattened:open_flattened"),
    Format(b"PAGEDU64", "windows:open_dump"),
    *(Format(magic, "vmware:open_state") for magic in (b"\xd0\xbe\xd2\xbe", b"\xd1\xba\xd1\xba", b"\xd2\xbe\xd2\xbe", b"\xd3\xbe\xd3\xbe")),
    Format(b"\x14\x20\x28\x01", "vmrs:open_vmrs", ".vmrs"),
    Format(b"EMiL", "lime:open_lime"),
    Format(b"AVML", "lime:open_lime"),
)
# A format without a signature: recognised by the suffix of its name.
VMEM = ".vmem"


def is_image(start: bytes) -> bool:
    """Whether a file begins like an image of memory; raw ones have no signature."""
    return start.startswith(tuple(one.magic for one in FORMATS))


def open_memory(path: str, base: int | None = None) -> Memory:
    """An image of any format; `base` is the first address of a raw one. FileError if it cannot be opened or has an unreadable format,
    UsageError if it does not take a base."""
    source = open_source(path)
    try:
        return memory_in(source, base)
    except OSError as error:
        source.close()
        raise FileError(f"{path}: {error.strerror}") from error
    except HvreplError:
        source.close()
        raise


def memory_in(source: Source, base: int | None = None) -> Memory:
    """The image in a source, unpacked if necessary. The memory closes the source."""
    start = read(source, 0, SNIFFED)
    packing = packing_of(start)
    if packing:
        source = Unpacked(source, packing)
        start = read(source, 0, SNIFFED)
        check_unpacked(source, packing, start)
    name = plain_name(source)
    other = find_refused(source)
    if other:
        raise FileError(say_inside(source, packing, other.what) if packing else f"{source.path}: {other.say(source.path)}")
    if not start:
        raise FileError(f"{source.path}: {'unpacks to nothing' if packing else 'is empty'}")
    for one in FORMATS:
        if one.fits(start, name):
            if base is not None:
                raise UsageError(f"{source.path}: has addresses of its own; --base is only for raw images")
            return opener(one)(source)
    if base is None and name.lower().endswith(VMEM):
        from hvrepl.readers.images.vmware import open_vmem

        return open_vmem(source)
    from hvrepl.readers.images.raw import open_raw

    return open_raw(source, base or 0)


def check_unpacked(source: Source, packing: Packing, start: bytes) -> None:
    """FileError for content that would pass for a raw image but is packed a second time, or is text: logs are packed as often as images."""
    from shlex import quote

    path = source.path
    if again := packing_of(start):
        raise FileError(say_inside(source, packing, f"packed with {again.name}"))
    page = read(source, 0, PAGE_SIZE)
    if len(page) >= SNIFFED and decode(page, cut=True) is not None:
        raise FileError(f"{path}: unpacks to text, not to a memory image; `{packing.command} {quote(path)} | hvrepl annotate` reads a log")


def say_inside(source: Source, packing: Packing, what: str) -> str:
    """The error for a packed file with unreadable content."""
    from shlex import quote

    return f"{source.path}: packed with {packing.name}, and what is in it is {what}; `{packing.name} -d {quote(source.path)}` unpacks it"


def unpacked_start(path: str, start: bytes, size: int) -> bytes:
    """The first bytes of an unpacked file that begins with `start`; b"" if it is not packed, or cannot be unpacked here."""
    packing = packing_of(start)
    if not packing:
        return b""
    try:
        with closing(Unpacked(open_source(path), packing)) as source:
            return read(source, 0, size)
    except FileError:
        return b""


def opener(one: Format) -> Callable[[Source], Memory]:
    module, _, name = one.opener.partition(":")
    found: Callable[[Source], Memory] = getattr(import_module(f"hvrepl.readers.images.{module}"), name)
    return found


def read_at(path: str, address: int, size: int) -> bytes:
    """The bytes at an address of an image. FileError if the image does not hold any there."""
    with closing(open_memory(path)) as memory:
        data = memory.read(address, size)
        if data:
            return data
        lacks = f"; it lacks {memory.facts.missing}" if memory.facts.missing else ""
        first = [f"{one.address:#x}-{one.end - 1:#x}" for one in islice(memory.ranges(), SHOWN_RANGES + 1)]
    held = ", ".join(first[:SHOWN_RANGES]) + (" and more" if len(first) > SHOWN_RANGES else "")
    raise FileError(f"{path}: has nothing at {address:#x}; it has {held or 'no memory at all'}{lacks}")
