"""The screen for the flags of a guest: those that are on, what they leave to the host, and those that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hvrepl.analysis.flags_to_leaves import Config, Open
from hvrepl.analysis.judge_flags import MISSING
from hvrepl.codec.decoded import Finding
from hvrepl.render.flag_forms import say_flag
from hvrepl.render.style import Style, loud_lines, spread, wrap
from hvrepl.wording import count_of

INDENT = " " * 4


def flag_lines(config: Config, style: Style) -> Iterator[str]:
    """The guest, and its flags."""
    first, *more = wrap(title_of(config), style.width, "", INDENT)
    yield style.paint("name", first)
    yield from more
    if config.values:
        yield from wrap(", ".join(say_flag(name, value) for name, value in config.values.items()), style.width, INDENT, INDENT)


def title_of(config: Config) -> str:
    """libvirt domain windows11, 14 flags, machine pc-q35-7.2"""
    guest = config.guest
    none = "" if guest.left else "no Hyper-V flag"
    count = count_of(len(config.values), "flag") if config.values else none
    parts = [f"{guest.kind} {guest.name}".strip(), count, f"machine {guest.machine}" if guest.machine else ""]
    return ", ".join(part for part in parts if part)


def open_lines(config: Config, style: Style) -> Iterator[str]:
    """What the flags leave to the host, with the reason."""
    if not config.open or config.leaves_everything:
        return
    yield style.paint("name", "left to the host")
    yield from spread(list(join_fields(config.open)), style, ("name", "meaning"), indent=INDENT)


def join_fields(opened: Sequence[Open]) -> Iterator[tuple[str, str]]:
    """(`LEAF.field, field` or leaf, reason): fields with the same leaf and reason together."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in opened:
        leaf, _, field = one.name.partition(".")
        reasons.setdefault((leaf, one.why), []).append(field)
    for (leaf, why), fields in reasons.items():
        yield leaf + (f".{', '.join(fields)}" if any(fields) else ""), why


def missing_lines(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    """The advised flags that are missing, as one list with the benefit of each."""
    missing = [one for one in findings if one.code == MISSING]
    if not missing:
        return
    # QEMU refuses to start with a flag that the host's KVM does not have.
    ask = "is missing; add it if the host's KVM has it:" if len(missing) == 1 else "are missing; add those that the host's KVM has:"
    yield from loud_lines(f"{count_of(len(missing), 'flag')} that QEMU advises for Windows {ask}", style)
    yield from spread([(one.field, one.text.partition(": ")[2]) for one in missing], style, ("name", "meaning"), indent=INDENT)
