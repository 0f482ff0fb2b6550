"""[[form]] of a log file → LogForm: the form of log lines with numbers of the interface. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hvrepl.catalog.model import When
from hvrepl.catalog.parse_specs import parse_when
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.record import record

# Replacements for <name:KIND> in a pattern; <name> alone is hex. An O typed for a zero belongs to a number, so that it can be reported.
# `int` is 32 bits as C's %d prints them; `name` is a word, not a number.
DIGITS_END = r"(?![0-9a-z_]|`[0-9a-f]{8})"  # nor does a number end at the backtick within WinDbg's
NUMBER_KINDS: Mapping[str, str] = {
    "hex": rf"(?:0x)?[0-9a-fo]{{1,32}}{DIGITS_END}",
    "0x": rf"0x[0-9a-fo]{{1,32}}{DIGITS_END}",
    "dec": rf"[0-9]{{1,20}}{DIGITS_END}",
    "int": rf"-?[0-9]{{1,10}}{DIGITS_END}",
    "name": rf"[a-z_][0-9a-z_]*{DIGITS_END}",
    "windbg": rf"(?:0x)?(?:[0-9a-f]{{1,8}}`[0-9a-f]{{8}}|[0-9a-f]{{1,32}})(?!`){DIGITS_END}",
    "guid": rf"[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{DIGITS_END}",
}
# Readers that a form can have instead of a pattern, and their groups with their kinds; they are in hvrepl.readers.find_forms.
READERS: Mapping[str, Mapping[str, str]] = {
    "cpuid": dict.fromkeys(("leaf", "eax", "ebx", "ecx", "edx"), "hex"),
    "names": {"name": "name", "value": "hex"},
}
BLANKS = r"(?:\s++)"  # all of them: trying with fewer would only take time
TOKEN = regex(r"<(\w+)(?::(\w+))?>| ")
REFERENCE = regex(r"(\w+):<(\w+)>")  # the thing with a number of a space
BLANK = regex(r"<(\w+)>")  # in a name


@record
class Saying:
    """One thing that a line is about. `what` is a name, or space:<group>; the texts are names of groups of the pattern.

    `value` is its whole value; `sets` are some of its bits (registers, "63:32") or fields, from a group or a number. The saying is skipped
    if a group of `what` or `value` is not in the match; with `optional`, also if the thing has no name; with `lone`, also if the value
    does not meet the thing's `lone` conditions; with `sound`, also if the value has a finding.
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

    `words`: lower-case texts, one of which a line must have; in a log of Hyper-V, `later` counts too. `crash`, `control`: the groups of
    crash parameters. The line is found by a pattern or a reader, which ignores the names in `excepted`. `tells`: the arch of the machine
    that wrote it. `begins`: the stage of a machine's start that it marks, 1 the first, 0 none. `text` is a sentence to print. `when`: it
    counts only if the latest values in the log, this line included, meet these conditions; `unless`: only if they do not. `needs`: it
    counts only in a log that was Hyper-V's before. `perhaps`: its claims are only likely. `back`: how many lines before the one with the
    word it may begin. `struct`: the crash counts only as this struct. `elsewhere`: other systems have such lines too, so it is not a sign
    of Hyper-V. `sign`: it is a sign without a claim. `own`: it is not built in, and only the beginning of a line is searched.
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
        """Whether it only identifies the machine."""
        return not (self.says or self.crash or self.text or self.sign)


OWN = "own"  # a key added to a file's tables that are not built in

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
    """The forms of a file with valid keys."""
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
    """The pattern as a regular expression: a blank is a whole run of blanks, and a match does not begin within a word.

    Raises re.error, and KeyError for a kind of number that does not exist.
    """

    def expand(match: re.Match[str]) -> str:
        return f"(?P<{match[1]}>{NUMBER_KINDS[match[2] or 'hex']})" if match[1] else BLANKS

    return re.compile(rf"(?<![0-9a-z_])(?:{TOKEN.sub(expand, pattern)})", re.IGNORECASE)


def groups_needed(one: Saying) -> set[str]:
    """The groups that a saying requires."""
    return {*BLANK.findall(one.what), *filter(None, (one.value,))}


def groups_used(form: LogForm) -> Iterable[str]:
    """The groups of its pattern that a form uses."""
    yield from form.crash
    yield from filter(None, (form.control,))
    for one in form.says:
        yield from groups_needed(one)
        yield from (group for group in (one.sets or {}).values() if not group[:1].isdigit())
