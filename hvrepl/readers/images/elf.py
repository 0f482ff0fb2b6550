"""ELF cores: their program headers say where the memory is, by guest physical address."""

from __future__ import annotations

from typing import Any

from hvrepl.errors import FileError
from hvrepl.readers.images.memory import Facts, Mapped
from hvrepl.readers.images.ranges import Range, join_ranges
from hvrepl.readers.images.source import Source, as_file
from hvrepl.record import replace

NO_ADDRESS = (1 << 64) - 1  # p_paddr of what has none, in /proc/kcore


def open_core(source: Source) -> Mapped:
    """An ELF core, as far as the file goes."""
    claimed = core_ranges(source)
    length = source.size
    ranges = (
        claimed if length is None else [replace(one, size=min(one.size, length - one.offset)) for one in claimed if one.offset < length]
    )
    missing = sum(one.size for one in claimed) - (size := sum(one.size for one in ranges))
    if not ranges:
        reason = "is truncated before the memory in it begins" if missing else "an ELF core without memory in it"
        raise FileError(f"{source.path}: {reason}")
    fault = f"is truncated: {missing} bytes of the memory in it are missing" if missing else ""
    return Mapped(source, Facts(format="ELF core"), lambda: ranges, size=size, fault=fault)


def core_ranges(source: Source) -> list[Range]:
    """What an ELF core says it holds, by physical addresses, or by virtual ones where it has no others."""
    loads = read_loads(source)
    is_physical = len(loads) == 1 or len({one.p_paddr for one in loads}) > 1
    found = (Range(one.p_paddr if is_physical else one.p_vaddr, one.p_filesz, one.p_offset) for one in loads)
    return join_ranges(one for one in found if one.address != NO_ADDRESS)


def read_loads(source: Source) -> list[Any]:
    """The program headers of what is loaded and has bytes in the file."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        core = ELFFile(as_file(source))
        kind = core.header.e_type
        loads = [segment.header for segment in core.iter_segments("PT_LOAD") if segment.header.p_filesz]
    # What the library's parsers let through of a damaged file.
    except (ELFError, ValueError, OverflowError, AttributeError, KeyError, TypeError, AssertionError) as error:
        raise FileError(f"{source.path}: begins as an ELF file but cannot be read as one: {str(error) or 'it is damaged'}") from None
    if kind != "ET_CORE":
        raise FileError(f"{source.path}: an ELF program or library; give a core, the memory of a machine")
    return loads
