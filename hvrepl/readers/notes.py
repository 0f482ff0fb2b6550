"""The notes that annotate puts under a line of a log: what they begin with, and whether a line is one. Pure."""

from __future__ import annotations

MARK = "  ↳ "
INDENT = " " * 6
LONGEST_NOTE = 200  # lines


def has_notes(block: bytes) -> bool:
    """Whether a block may have notes. Most logs lack a byte of the arrow, which is found many times as fast as all of the mark."""
    return MARK.strip().encode()[:1] in block and MARK.encode() in block


def is_note(block: bytes, start: int, *, before: bool) -> bool:
    """Whether the line that begins there is one of a note, in a log that was annotated already. `before`: what ends before the block is."""
    for _ in range(LONGEST_NOTE):
        if block.startswith(MARK.encode(), start):
            return True
        if not block.startswith(INDENT.encode(), start):
            return False
        if not start:
            return before
        start = block.rfind(b"\n", 0, start - 1) + 1
    return False
