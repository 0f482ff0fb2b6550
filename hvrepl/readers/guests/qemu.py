"""QEMU command lines (ps, /proc/PID/cmdline, scripts, libvirt's logs) → guests."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hvrepl.patterns import regex
from hvrepl.readers.guests.guest import QEMU, Guest
from hvrepl.readers.guests.options import options_in, read_keys, read_options, split_shell
from hvrepl.record import replace

PROGRAM = regex(r"""(?:^|(?<=[\s/'"]))(?P<program>qemu-system-(?P<arch>[a-z0-9_]+)|qemu-kvm|kvm)(?:\.exe)?(?=['"]?(?:\s|$))""")
OPTION = regex(r"(?:^|\s)['\"]?--?(?:cpu|machine|M|accel|enable-kvm|name|m|smp|drive|device|nodefaults)(?=['\"]?[\s=]|['\"]?$)")
STARTED_BY = regex(r"\bqemu version: ?(\d+\.\d+)")
CUT = regex(r"--?cpu\s+['\"]?\S+,\s*$")


def is_argv(raw: bytes) -> bool:
    """Whether these are the words of a QEMU command line as in /proc, each followed by a NUL."""
    words = raw[: 1 << 20].split(b"\0")
    return raw[:1] != b"\0" and bool(PROGRAM.search(words[0].decode("utf-8", "replace"))) and any(one.startswith(b"-") for one in words[1:])


def read_nul(raw: bytes) -> Guest:
    """The guest of a command line for which is_argv holds."""
    return read_argv(raw.decode("utf-8", "replace").rstrip("\0").split("\0"))


def has_command(text: str) -> bool:
    return any(True for _ in commands_in(text))


def commands_in(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, command, QEMU's version if a log had it before that line) of each command line.

    A line that ends with \\ continues on the next, and so does a -cpu that ends with a comma, as in a text that was wrapped.
    """
    version, held, first = "", "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not held and line.lstrip().startswith("#"):
            continue
        if said := STARTED_BY.search(line):
            version = said[1]
        first = first if held else number
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            continue
        whole, held = held + (line.lstrip() if held.endswith(",") else line), ""
        if CUT.search(whole):
            held = whole.rstrip()
            continue
        if command := command_in(whole):
            yield first, command, version
    if held and (command := command_in(held)):
        yield first, command, version


def command_in(line: str) -> str:
    """The part of a line that starts QEMU, or a line that begins with -cpu; otherwise "".

    It begins with the last word that can be QEMU before the first of its options: another program may start it.
    """
    programs = [match.start() for match in PROGRAM.finditer(line)]
    option = OPTION.search(line, programs[0]) if programs else None
    if option:
        return line[programs[bisect_left(programs, option.start()) - 1] :]
    return line.strip() if re.match(r"\s*--?cpu\s+\S", line) else ""


def read_commands(text: str) -> list[Guest]:
    """The guests that a text starts, each with its last command line."""
    return last_of_each(
        replace(read_argv(split_shell(command)), line=line, version=version) for line, command, version in commands_in(text)
    )


def last_of_each(guests: Iterable[Guest]) -> list[Guest]:
    """A log has every start of a guest; the last one is how it runs now."""
    found: dict[str, Guest] = {}
    for one in guests:
        key = one.name or f"line {one.line}"
        found.pop(key, None)
        found[key] = one
    return list(found.values())


def read_argv(words: Sequence[str]) -> Guest:
    """The guest of one command line. As in QEMU the last -name counts, and every -machine."""
    program = PROGRAM.search(words[0]) if words else None
    options = list(options_in(words[1:] if program else words))
    machine = {key: value for option, text in options if option in ("machine", "M") for key, value in read_keys(text, "type").items()}
    name = next((text for option, text in reversed(options) if option == "name"), "")
    guest = Guest(
        QEMU,
        read_keys(name, "guest").get("guest", ""),
        machine=machine.get("type", ""),
        arch=(program["arch"] or "x86_64") if program else "x86_64",
        accelerator=accelerator_of(options, machine, program["program"] if program else ""),
    )
    return read_options(guest, options)


def accelerator_of(options: Iterable[tuple[str, str]], machine: Mapping[str, str], program: str) -> str:
    """The first that the options name, or that of -machine; without one, the program's name decides."""
    named = [
        "kvm" if option == "enable-kvm" else read_keys(text, "accel").get("accel", "")
        for option, text in options
        if option in ("enable-kvm", "accel")
    ]
    named += [machine["accel"]] if "accel" in machine else []
    if named:
        return named[0].split(":")[0]
    return "kvm" if program.endswith("kvm") or not program else ""
