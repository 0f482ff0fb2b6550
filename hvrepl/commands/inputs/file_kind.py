"""Suggests the right command for a file that was given to another one."""

from __future__ import annotations

from hvrepl.commands.inputs.files import is_file
from hvrepl.commands.session import Session

IMAGE, BYTES = BINARY = ("a memory image", "raw bytes")
# The content of a file → the command that reads it.
COMMANDS = {
    IMAGE: "scan {}",
    BYTES: "decode page @{}",
    "a dump in text": "decode page @{}",
    "a CPUID dump": "cpuid {}",
    "a guest's configuration": "cpuid {}",
    "a log": "annotate {}",
    "a Windows event log": "annotate {}",
    "values": "decode WHAT @{}",
    "text": "annotate {}",
}
UNSURE = (BYTES, "values", "text")  # not enough evidence for a correction


def kind_of_file(session: Session, path: str) -> str:
    """The content of a file in words, as far as its beginning shows it; "" if it cannot be read. An image can be packed."""
    from hvrepl.readers.images.formats import unpacked_start
    from hvrepl.readers.kinds import SNIFFED, kind_of

    try:
        with open(path, "rb") as file:
            start = file.read(SNIFFED + 1)
    except OSError:
        return ""
    space = session.catalog.spaces["cpuid"]
    inside = kind_of(unpacked_start(path, start, SNIFFED + 1), space)
    return IMAGE if inside in BINARY else kind_of(start, space)


def command_for(session: Session, path: str) -> str:
    """The command that reads a file."""
    return COMMANDS.get(kind_of_file(session, path), "decode WHAT @{}").format(path)


def say_command(session: Session, path: str, *but: str) -> str:
    """`it looks like a log: `annotate FILE``; "" if that is unsure, or if it is one of the wanted kinds.

    For a packed file, or one that is not memory, its description; `scan` gives it itself.
    """
    kind = kind_of_file(session, path) if is_file(path) else ""
    if kind in BINARY and IMAGE not in but:
        from hvrepl.readers.images.refused import say_refused

        if refused := say_refused(path):
            return f"it is {refused}"
    return "" if kind in ("", *UNSURE, *but) else f"it looks like {kind}: `{COMMANDS[kind].format(path)}`"
