"""QEMU's options and the flags in them. Command lines, libvirt's domains and Proxmox's configurations have such options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hvrepl.patterns import regex
from hvrepl.readers.guests.guest import ELSEWHERE, NESTED, Given, Guest, Remark
from hvrepl.record import replace
from hvrepl.wording import shorten

ON = frozenset({"on", "yes", "true", "y"})
OFF = frozenset({"off", "no", "false", "n"})
SIGNS = {"+": "on", "-": "off"}  # before the name of a flag
FLAG = regex(r"hv[-_]")
WITH_WORD = frozenset({"cpu", "name", "accel", "machine", "M", "global", "readconfig"})  # options that take a word and are read here
VARIABLE = regex(r"\$\{?\w+\}?|\$\(")


def split_shell(text: str) -> list[str]:
    """The words of a command with a shell's quotes; ps prints none, so a single quote in it is a character like any other."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def options_in(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(option without its dashes, the word that it takes) of a command line; the word is "" for options not in WITH_WORD."""
    waiting = iter(words)
    for word in waiting:
        if word.startswith("-"):
            option = word.removeprefix("-").removeprefix("-")
            yield option, next(waiting, "") if option in WITH_WORD else ""


def read_keys(text: str, first: str) -> dict[str, str]:
    """`pc-q35-7.2,accel=kvm` as a table; `first` is the key of a first value without one. Two commas are one in a value."""
    found = {}
    for place, part in enumerate(split_commas(text)):
        key, equals, value = part.partition("=")
        if equals:
            found[key] = value
        elif part and place == 0:
            found[first] = part
    return found


def split_commas(text: str) -> list[str]:
    return [part.replace("\0", ",") for part in text.replace(",,", "\0").split(",")]


def to_switch(text: str) -> str:
    """on or off for any of QEMU's words for them; any other text as it is."""
    return "on" if text.lower() in ON else "off" if text.lower() in OFF else text


def read_options(guest: Guest, options: Sequence[tuple[str, str]], model: str = "") -> Guest:
    """The guest with the flags of -global and -cpu, and a remark about each -readconfig.

    The last -cpu counts; `model` is the CPU model if there is none.
    """
    elsewhere = "-readconfig {} can turn on flags, and is not read here"
    configs = [Remark(ELSEWHERE, "", elsewhere.format(shorten(text))) for option, text in options if option == "readconfig"]
    guest = replace(guest, remarks=(*guest.remarks, *configs))
    if cpus := [text for option, text in options if option == "cpu"]:
        guest = read_cpu(guest, cpus[-1])
        model = cpus[-1].split(",")[0]
    general = read_globals((text for option, text in options if option == "global"), model, guest.arch)
    return replace(guest, flags=(*general, *guest.flags))


def read_cpu(guest: Guest, text: str) -> Guest:
    """The guest with the flags of -cpu MODEL,NAME=VALUE,+NAME,-NAME in place of its own.

    If a flag is given twice, the last one counts; + and - count after all others.
    """
    given: dict[str, str] = {}
    signed: dict[str, dict[str, str]] = {sign: {} for sign in SIGNS}
    remarks = []
    seen: dict[str, list[str]] = {}
    for part in filter(None, text.split(",")[1:]):  # here QEMU has no way to write a comma in a value
        sign = part[:1] if part[:1] in SIGNS else ""
        name, equals, value = part.removeprefix(sign).partition("=")
        name = name.strip().replace("_", "-")
        value = SIGNS[sign] if sign else to_switch(value) if equals else "on"
        if VARIABLE.search(part):
            remarks.append(Remark(ELSEWHERE, "", f"{shorten(part)} is a variable of the shell, whose value is not here"))
            continue
        seen.setdefault(name, []).append(value)
        (signed[sign] if sign else given)[name] = value
    counts = given | signed["+"] | signed["-"]
    remarks += [
        Remark("flag_twice", name, f"{name} is given as {' and '.join(dict.fromkeys(values))}; QEMU takes {counts[name]}")
        for name, values in seen.items()
        if len(set(values)) > 1 and FLAG.match(name)
    ]
    flags = tuple(Given(name, value) for name, value in counts.items() if FLAG.match(name))
    nested = next((name for name in NESTED if counts.get(name) == "on"), guest.nested)
    hides = guest.hides_kvm or counts.get("kvm") == "off"
    return replace(guest, flags=flags, nested=nested, hides_kvm=hides, remarks=(*guest.remarks, *remarks))


def read_globals(texts: Iterable[str], model: str, arch: str) -> Iterator[Given]:
    """The flags of -global x86_64-cpu.hv-time=on, for all CPUs or for this model; the flags of -cpu override them."""
    for text in texts:
        keys = read_keys(text, "")
        if "driver" in keys:
            driver, name, value = (keys.get(key, "") for key in ("driver", "property", "value"))
        else:
            path, _, value = text.partition("=")
            driver, _, name = path.rpartition(".")
        if driver in (f"{arch}-cpu", f"{model}-{arch}-cpu") and name.startswith("hv-"):
            yield Given(name, to_switch(value))
