"""[[form]] of a log file → LogForm: what log lines with numbers of the interface look like. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hvrepl.catalog.model import When
from hvrepl.catalog.parse_specs import parse_when
from hvrepl.record import record

# What <name:KIND> in a pattern stands for; <name> alone is hex. An O typed for a zero belongs to a number, so that it can be reported.
# `int` is what C's %d makes of 32 bits; `name` is a word and no number.
DIGITS_END = r"(?![0-9a-z_]|`[0-9a-f]{8})"  # nor does a number end at the mark in the middle of one of WinDbg's
NUMBER_KINDS: Mapping[str, str] = {
    "hex": rf"(?:0x)?[0-9a-fo]{{1,32}}{DIGITS_END}",
    "0x": rf"0x[0-9a-fo]{{1,32}}{DIGITS_END}",
    "dec": rf"[0-9]{{1,20}}{DIGITS_END}",
    "int": rf"-?[0-9]{{1,10}}{DIGITS_END}",
    "name": rf"[a-z_][0-9a-z_]*{DIGITS_END}",
    "windbg": rf"(?:0x)?(?:[0-9a-f]{{1,8}}`[0-9a-f]{{8}}|[0-9a-f]{{1,32}})(?!`){DIGITS_END}",
    "guid": rf"[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{DIGITS_END}",
}
# What a form may be read with in place of a pattern, and the groups that gives with their kinds; hvrepl.readers.log_lines has the readers.
READERS: Mapping[str, Mapping[str, str]] = {
    "cpuid": dict.fromkeys(("leaf", "eax", "ebx", "ecx", "edx"), "hex"),
    "names": {"name": "name", "value": "hex"},
}
BLANKS = r"(?:\s++)"  # all of them: to try with fewer would only take time
TOKEN = re.compile(r"<(\w+)(?::(\w+))?>| ")
REFERENCE = re.compile(r"(\w+):<(\w+)>")  # what has a number of a space
BLANK = re.compile(r"<(\w+)>")  # in a name


@record
class Saying:
    """What a line says of one thing. `what` is a name, or space:<group>; the texts are names of groups of the pattern.

    `value` is its whole value; `sets` some of its bits (registers, "63:32") or fields, by a group or a number. Nothing is said where
    a group of `what` or `value` has no part in the match. `optional`: nor of what has no name. `lone`: nor of a value that could not
    stand alone for this. `sound`: nor of one that has a finding.
    """

    what: str
    arch: str = ""
    value: str = ""
    sets: Mapping[str, str] | None = None
    optional: bool = False
    lone: bool = False
    sound: bool = False


@record
class LogForm:
    """One form of line.

    `words`: lower-case text of which one must be there, in a log of Hyper-V also one of `later`; `crash`, `control`: the groups of crash
    parameters. It is found by a pattern or a reader, which takes no name for that of a thing that is `excepted`. `tells`: the arch of
    the machine that wrote it. `begins`: a machine starts with it, at this stage of its start, 1 the first (0: it does not). `text` is
    said as it is. `when`: it counts only if the last that the log has shown meets this, the line itself included, `unless`: if it
    does not. `needs`: it counts only in a log that has said something of Hyper-V before. `perhaps`: what it says is no more than likely.
    `back`: how many lines it may have begun before the one with the word. `struct`: the crash is told only if as this. `elsewhere`:
    other systems have such lines too, so it is no sign of Hyper-V. `sign`: it is one, though it says nothing. `own`: it is not one of the
    built-in ones, and is looked for only where a line begins.
    """

    name: str
    words: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    pattern: str = ""
    reader: str = ""
    title: str = ""
    says: tuple[Saying, ...] = ()
    crash: tuple[str, ...] = ()
    control: str = ""
    tells: str = ""
    begins: int = 0
    text: str = ""
    when: When | None = None
    unless: When | None = None
    needs: bool = False
    perhaps: bool = False
    excepted: tuple[str, ...] = ()
    back: int = 0
    struct: str = ""
    elsewhere: bool = False
    sign: bool = False
    seen: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    file: str = ""
    own: bool = False

    @property
    def is_hint(self) -> bool:
        """Whether it says something of the machine alone."""
        return not (self.says or self.crash or self.text or self.sign)


OWN = "own"  # of a file's tables, not written in it: that it is not one of the built-in ones

PLAIN_KEYS = (
    "name",
    "pattern",
    "reader",
    "title",
    "control",
    "tells",
    "begins",
    "text",
    "needs",
    "perhaps",
    "back",
    "struct",
    "elsewhere",
    "sign",
)


def parse_forms(table: Mapping[str, Any], file: str = "") -> Iterator[LogForm]:
    """The forms of a file whose keys are known and of the right types."""
    for form in table.get("form", ()):
        says = tuple(
            Saying(
                one["what"],
                one.get("arch", ""),
                one.get("value", ""),
                one.get("set"),
                one.get("optional", False),
                one.get("lone", False),
                one.get("sound", False),
            )
            for one in form.get("says", ())
        )
        texts: dict[str, Any] = {key: tuple(form[key]) for key in ("words", "later", "crash", "seen") if key in form}
        plain = {key: form[key] for key in PLAIN_KEYS if key in form}
        texts["excepted"] = tuple(form.get("except", ()))
        plain |= {key: parse_when(form[key]) for key in ("when", "unless") if key in form}
        yield LogForm(
            says=says, source=tuple(form.get("source", table.get("source", ()))), file=file, own=table.get(OWN, False), **texts, **plain
        )


def groups_in(form: LogForm) -> dict[str, str]:
    """Group → its kind."""
    if form.reader:
        return dict(READERS.get(form.reader, {}))
    return {match[1]: match[2] or "hex" for match in TOKEN.finditer(form.pattern) if match[1]}


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression: a blank is a whole run of blanks, and it begins with no word cut in two.

    Raises re.error, and KeyError for a kind of number that does not exist.
    """

    def expand(match: re.Match[str]) -> str:
        return f"(?P<{match[1]}>{NUMBER_KINDS[match[2] or 'hex']})" if match[1] else BLANKS

    return re.compile(rf"(?<![0-9a-z_])(?:{TOKEN.sub(expand, pattern)})", re.IGNORECASE)


def groups_needed(one: Saying) -> set[str]:
    """The groups without which a saying says nothing."""
    return {*BLANK.findall(one.what), *filter(None, (one.value,))}


def groups_used(form: LogForm) -> Iterable[str]:
    """The groups of its pattern that a form refers to."""
    yield from form.crash
    yield from filter(None, (form.control,))
    for one in form.says:
        yield from groups_needed(one)
        yield from (group for group in (one.sets or {}).values() if not group[:1].isdigit())
