"""Guesses the kind of a file by its beginning: a memory image, a dump in text, a CPUID dump, a log, a guest, values. Pure."""

from __future__ import annotations

import re

from hvrepl.catalog.model import Space
from hvrepl.patterns import regex
from hvrepl.readers import dump_forms
from hvrepl.readers.event_log import MAGIC
from hvrepl.readers.images.formats import is_image
from hvrepl.readers.number import is_given
from hvrepl.readers.plain_text import decode, is_nearly_ascii

SNIFFED = 1 << 12  # bytes that are read
FIRST_LINES = 3  # one of them must be a row of a dump: a prompt or a heading can precede it
EVENTS = "a Windows event log"
GUEST = "a guest's configuration"
IMAGE, BYTES, ROWS, LEAVES, LOG, VALUES, OTHER = "a memory image", "raw bytes", "a dump in text", "a CPUID dump", "a log", "values", "text"
# How lines of logs begin: the kernel's clock or priority, syslog's or ISO's date.
LOG_LINE = regex(r"\s*(?:<\d+>|\[ *\d+\.\d+\]|[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d |\d{4}-\d\d-\d\d[T ]\d\d:\d\d)")
# Rows without an address: at least eight bytes, or the run of digits that xxd -p prints.
ROW = regex(r"\s*(?:(?:0x|\\x)?[0-9a-f]{2}[\s,-]+){7,}(?:0x|\\x)?[0-9a-f]{2},?\s*", re.IGNORECASE)
DIGITS = regex(r"\s*(?:[0-9a-f]{2}){17,}\s*", re.IGNORECASE)


def kind_of(start: bytes, space: Space) -> str:
    """One of the words above, "" if unknown. `start`: SNIFFED bytes, and one more if there are more. `space`: that of CPUID leaves."""
    if start.startswith(MAGIC):
        return EVENTS
    text = decode(start, cut=len(start) > SNIFFED)
    if not start or is_image(start):
        return IMAGE if start else ""
    if text is None and is_nearly_ascii(start):
        return OTHER  # text with a damaged byte
    if text is None:
        return IMAGE if len(start) > SNIFFED else BYTES
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    from hvrepl.readers.guests.formats import kind_of_guest  # imported here, as only the first file in a shell needs it

    if kind_of_guest(text):
        return GUEST
    if any(map(LOG_LINE.match, lines[:1])):
        return LOG
    if has_leaf(lines, space):
        return LEAVES
    if any(is_row(line) for line in lines[:FIRST_LINES]):
        return ROWS
    return VALUES if lines and all(is_given(line.strip()) for line in lines) else OTHER


def has_leaf(lines: list[str], space: Space) -> bool:
    """Whether one of the leaves is a hypervisor's: rows of dumps can look like other leaves."""
    from hvrepl.readers.cpuid import find_leaves

    return any(space.is_hypervisors(leaf.leaf) for line in lines for leaf in find_leaves(line))


def is_row(line: str) -> bool:
    """Whether a line is certainly a row of a dump, or a run of hex bytes."""
    return dump_forms.is_row(line) or bool(ROW.fullmatch(line) or DIGITS.fullmatch(line))
