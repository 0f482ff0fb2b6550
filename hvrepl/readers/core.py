"""Where the memory stands in an ELF core: its program headers, by guest physical address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

from hvrepl.errors import FileError
from hvrepl.record import record, replace

NO_ADDRESS = (1 << 64) - 1  # p_paddr of what has none, in /proc/kcore


@record(eq=True)
class Range:
    """`size` bytes at a guest physical address, and where they stand in the file."""

    address: int
    size: int
    offset: int = 0

    @property
    def end(self) -> int:
        return self.address + self.size


def core_ranges(path: str, file: BinaryIO) -> list[Range]:
    """What an ELF core says it holds, by physical addresses, or by virtual ones where it has no others."""
    loads = read_loads(path, file)
    is_physical = len(loads) == 1 or len({one.p_paddr for one in loads}) > 1
    found = (Range(one.p_paddr if is_physical else one.p_vaddr, one.p_filesz, one.p_offset) for one in loads)
    return join_ranges(one for one in found if one.address != NO_ADDRESS)


def read_loads(path: str, file: BinaryIO) -> list[Any]:
    """The program headers of what is loaded and has bytes in the file."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        file.seek(0)
        core = ELFFile(file)
        kind = core.header.e_type
        loads = [segment.header for segment in core.iter_segments("PT_LOAD") if segment.header.p_filesz]
    # What the library's parsers let through of a damaged file.
    except (ELFError, ValueError, OverflowError, AttributeError, KeyError, TypeError, AssertionError) as error:
        raise FileError(f"{path}: begins as an ELF file but cannot be read as one: {str(error) or 'it is damaged'}") from None
    if kind != "ET_CORE":
        raise FileError(f"{path}: an ELF program or library; give a core, the memory of a machine")
    return loads


def join_ranges(ranges: Iterable[Range]) -> list[Range]:
    """In ascending order, without what an earlier one has (the kernel's text stands twice in a vmcore), neighbours as one."""
    joined: list[Range] = []
    for one in sorted(ranges, key=lambda one: (one.address, -one.size)):
        double = max(0, joined[-1].end - one.address) if joined else 0
        if double >= one.size:
            continue
        rest = Range(one.address + double, one.size - double, one.offset + double)
        last = joined[-1] if joined else None
        if last and last.end == rest.address and last.offset + last.size == rest.offset:
            joined[-1] = replace(last, size=last.size + rest.size)
        else:
            joined.append(rest)
    return joined
