"""What a Linux kernel records about itself in a dump: VMCOREINFO, lines of NAME=VALUE for dump tools, and its utsname."""

from __future__ import annotations

MOST_INFO = 1 << 16  # bytes: the kernel keeps it in one page
LONGEST = 64  # characters of a release (__NEW_UTS_LEN in Linux' uapi/linux/utsname.h)
# utsname's machine → our name of the arch.
ARCH_OF_MACHINE = {"x86_64": "x64", "aarch64": "arm64"}


def kernel_of(text: bytes) -> str:
    """The release of the kernel, as `uname -r` prints it, or "" if VMCOREINFO has none that is printable."""
    for line in text[:MOST_INFO].split(b"\n"):
        name, _, value = line.partition(b"=")
        if name == b"OSRELEASE":
            return plain(value)
    return ""


def arch_of(machine: bytes) -> str:
    """The arch of utsname's machine, or "" for another one."""
    return ARCH_OF_MACHINE.get(plain(machine), "")


def plain(field: bytes) -> str:
    """The text of a field padded with NULs, or "" if it is longer than a name of utsname or cannot be printed."""
    text = field.split(b"\0", 1)[0].decode("ascii", "replace").strip()
    return text if text.isascii() and text.isprintable() and len(text) <= LONGEST else ""
