"""Claims → the notes under a line of a log: a sentence and the few fields that matter, or all fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hvrepl.analysis.claims import Claim
from hvrepl.analysis.crash import Crash, label_of, say_parameter
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.readers.notes import INDENT, MARK
from hvrepl.record import replace
from hvrepl.render.parts import flags_of, say_finding, summary_beside, value_of
from hvrepl.render.screen import render_screen
from hvrepl.render.style import Style, align, loud_lines, wrap

LONGEST_VALUE = 18  # characters of a number in a note: 64 bits
MANY_FLAGS = 8  # single bits: too many for a summary


def annotate(claims: Iterable[Claim], style: Style, *, full: bool = False) -> Iterator[str]:
    """The notes for the claims of one line of a log, without line ends; repeated claims are explained once."""
    notes = dict.fromkeys(tuple(note_of(claim, style, full=full)) for claim in claims)
    return (line for note in notes for line in note)


def note_of(claim: Claim, style: Style, *, full: bool) -> Iterator[str]:
    if claim.node and full:
        inside = replace(style, width=max(style.width - len(INDENT), 1)) if style.width else style
        yield from (f"{MARK if not at else INDENT}{line}" for at, line in enumerate(render_screen(claim.node, inside)))
    elif claim.node:
        yield from say_node(claim, claim.node, style)
    elif claim.crash:
        yield from say_crash(claim, claim.crash, style, full=full)
    else:
        yield from wrap(claim.text, style.width, MARK, INDENT)


def say_node(claim: Claim, node: Decoded, style: Style) -> Iterator[str]:
    before = MARK + ("perhaps " if claim.perhaps else "")
    place = f" ({node.space} {node.number})" if node.number else ""
    value = f" {int(node.raw, 16):#x}" if node.is_number and len(node.raw) <= LONGEST_VALUE else ""
    start, summary = before + node.name + place + value, say_summary(node)
    first, *more = wrap(summary, style.width, f"{start}: ", INDENT) if summary else [start]
    yield before + style.paint("name", node.name) + first[len(before + node.name) :]
    yield from more
    flags = [(label, ", ".join(names)) for label, names in flags_of(node)] if has_flags(node) else []
    if flags and not flags[0][0]:
        yield from wrap(flags[0][1], style.width, INDENT, f"{INDENT}  ")
    else:
        yield from align(flags, style, ("number", "meaning"), indent=INDENT)
    yield from say_findings(node.findings, style)


def say_crash(claim: Claim, crash: Crash, style: Style, *, full: bool) -> Iterator[str]:
    before = MARK + ("perhaps " if claim.perhaps else "")
    yield from wrap(crash.summary.replace("  ", ": ", 1), style.width, f"{before}crash: ", INDENT)
    rows = [(label_of(place), one.name, value_of(one), say_parameter(one)) for place, one in enumerate(crash.parameters)]
    yield from align(rows, style, ("dim", "name", "number", "meaning"), indent=INDENT) if full else ()
    yield from say_findings(crash.findings, style)


def say_findings(findings: Iterable[Finding], style: Style) -> Iterator[str]:
    for finding in findings:
        yield from loud_lines(say_finding(finding), style, INDENT)


def say_summary(node: Decoded) -> str:
    """The summary, unless it only repeats the flags listed below it; if all parts are zero, that nothing is set."""
    if node.fields and not node.is_set and not any(part.is_set for part in node.fields) and (has_flags(node) or not node.raw):
        return node.summary or "nothing set"
    return summary_beside(node, [name for _, names in flags_of(node) for name in names] if has_flags(node) else ())


def has_flags(node: Decoded) -> bool:
    """Whether it has so many flags that they are listed by name."""
    return sum(part.is_bit and not part.reserved for part in node.fields) >= MANY_FLAGS
