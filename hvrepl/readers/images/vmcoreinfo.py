"""What a kernel says of itself in the note VMCOREINFO of a dump, lines of KEY=VALUE."""

from __future__ import annotations

NOTE_NAME = b"VMCOREINFO"
MOST_TEXT = 1 << 16  # bytes of it: a kernel writes it into one page
LONGEST_RELEASE = 64  # utsname's, see __NEW_UTS_LEN of Linux' include/uapi/linux/utsname.h


def kernel_of(text: bytes) -> str:
    """The release of the kernel, as OSRELEASE says it. Empty if it says none or one that no kernel has."""
    for line in text[:MOST_TEXT].split(b"\n"):
        key, _, value = line.partition(b"=")
        if key == b"OSRELEASE":
            release = value.rstrip(b"\0\r").decode("ascii", "replace")
            return release if release.isprintable() and release.isascii() and len(release) <= LONGEST_RELEASE else ""
    return ""
