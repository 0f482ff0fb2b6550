"""Which format an image has, by what it begins with, and what opens it. Whatever is packed or a container is never taken for raw."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from itertools import islice

from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.readers.images.memory import Memory
from hvrepl.readers.images.refused import find_refused
from hvrepl.readers.images.source import Source, open_source, read
from hvrepl.record import record

SNIFFED = 16  # bytes with which a format says what it is
SHOWN_RANGES = 4


@record
class Format:
    """What a file of a format begins with, and what opens it: `module:function` below this folder, given a Source, for a Memory.

    A file with its suffix is taken for one too, as it says better than another what is wrong with its beginning.
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
)
# What does not say what it is: how its name ends.
VMEM = ".vmem"

NOT_CONVERTED = "which is not read; convert it to a raw image"
# How files begin that are not read → what they are, and what makes them readable.
REFUSED = {
    b"PAGEDUMP": f"a MEMORY.DMP of 32-bit Windows, {NOT_CONVERTED}",
    b"DISKDUMP": "an old diskdump, which is not read",
    b"EMiL": "a LiME image, which is not read; take it with format=raw or format=padded",
}
SUFFIXES_REFUSED = (".vsv",)
SAVED_STATE = f"a saved state of Hyper-V, {NOT_CONVERTED}"


def is_image(start: bytes) -> bool:
    """Whether a file begins as an image of memory; a raw one has nothing that says so."""
    return start.startswith((*(one.magic for one in FORMATS), *REFUSED))


def open_memory(path: str, base: int | None = None) -> Memory:
    """An image by what it begins with; `base` is where a raw one begins. FileError if it cannot be opened or its format is not read,
    UsageError if it takes no base."""
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
    """The image in the bytes of a source, which closes it."""
    start = read(source, 0, SNIFFED)
    other = find_refused(source)
    refused = other.say(source.path) if other else next((text for magic, text in REFUSED.items() if start.startswith(magic)), "")
    if refused or source.path.lower().endswith(SUFFIXES_REFUSED):
        raise FileError(f"{source.path}: {refused or SAVED_STATE}")
    if not start:
        raise FileError(f"{source.path}: is empty")
    for one in FORMATS:
        if one.fits(start, source.path):
            if base is not None:
                raise UsageError(f"{source.path}: has addresses of its own; --base is only for raw images")
            return opener(one)(source)
    if base is None and source.path.lower().endswith(VMEM):
        from hvrepl.readers.images.vmware import open_vmem

        return open_vmem(source)
    from hvrepl.readers.images.raw import open_raw

    return open_raw(source, base or 0)


def opener(one: Format) -> Callable[[Source], Memory]:
    module, _, name = one.opener.partition(":")
    found: Callable[[Source], Memory] = getattr(import_module(f"hvrepl.readers.images.{module}"), name)
    return found


def read_at(path: str, address: int, size: int) -> bytes:
    """The bytes at an address of an image. FileError if it holds none there."""
    with closing(open_memory(path)) as memory:
        data = memory.read(address, size)
        if data:
            return data
        lacks = f"; it lacks {memory.facts.missing}" if memory.facts.missing else ""
        first = [f"{one.address:#x}-{one.end - 1:#x}" for one in islice(memory.ranges(), SHOWN_RANGES + 1)]
    held = ", ".join(first[:SHOWN_RANGES]) + (" and more" if len(first) > SHOWN_RANGES else "")
    raise FileError(f"{path}: holds nothing at {address:#x}; it has {held or 'no memory at all'}{lacks}")
