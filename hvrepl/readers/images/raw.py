"""Raw images: the memory of a machine from an address on, byte for byte. They have no signature."""

from __future__ import annotations

from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.errors import UsageError
from hvrepl.readers.images.memory import NO_END, Facts, Mapped, Memory, cut_in_page
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import Source


class Raw(Mapped):
    """`base` is the address of its first byte. The end may only be known after reading it."""

    def __init__(self, source: Source, base: int) -> None:
        super().__init__(source, Facts(format="raw"), self._range, size=source.size)
        self.base = base
        self.fault = self.say_fault()

    def _range(self) -> list[Range]:
        return [Range(self.base, NO_END - self.base if self.source.size is None else self.source.size)]

    def say_fault(self) -> str:
        rest = (self.source.size or 0) % PAGE_SIZE
        return cut_in_page(rest) if rest else ""


def open_raw(source: Source, base: int = 0) -> Memory:
    """`base` is the address of its first byte. UsageError if it would not end within 64 bits."""
    if base + (source.size or 0) > NO_END:
        raise UsageError(f"{source.path}: would end beyond 64 bits if it began at {base:#x}")
    return Raw(source, base)
