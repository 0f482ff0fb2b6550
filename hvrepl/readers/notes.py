"""The notes that annotate puts under a line of a log: how they begin, and whether a line is one. Pure."""

from __future__ import annotations

MARK = "  ↳ "
INDENT = " " * 6
LONGEST_NOTE = 200  # lines


def has_notes(block: bytes) -> bool:
    """Whether a block may have notes. Most logs lack a byte of the arrow, which is found many times as fast as all of the mark."""
    return MARK.strip().encode()[:1] in block and MARK.encode() in block


def is_note(block: bytes, start: int, *, before: bool) -> bool:
    """Whether the line at a place belongs to a note of an earlier annotate. `before`: whether the line before the block did."""
    for _ in range(LONGEST_NOTE):
        if block.startswith(MARK.encode(), start):
            return True
        if not block.startswith(INDENT.encode(), start):
            return False
        if not start:
            return before
        start = block.rfind(b"\n", 0, start - 1) + 1
    return False
