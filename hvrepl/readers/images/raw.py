"""Raw images: the memory of a machine from an address on, byte for byte. Nothing in them says that they are one."""

from __future__ import annotations

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import UsageError
from hvrepl.readers.images.memory import NO_END, Facts, Mapped, Memory, cut_in_page
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import Source


def open_raw(source: Source, base: int = 0) -> Memory:
    """`base` is the address of its first byte. UsageError if it would not end within 64 bits."""
    if base + (source.size or 0) > NO_END:
        raise UsageError(f"{source.path}: would end beyond 64 bits if it began at {base:#x}")
    size = NO_END - base if source.size is None else source.size
    rest = (source.size or 0) % PAGE_SIZE
    return Mapped(source, Facts(format="raw"), lambda: [Range(base, size)], size=source.size, fault=cut_in_page(rest) if rest else "")
