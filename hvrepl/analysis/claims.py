"""What was found in a line of a log → what it means: the things with their values, and sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hvrepl.analysis.crash import Crash, tell_crash
from hvrepl.analysis.identify import name_only, narrow
from hvrepl.analysis.partial import decode_partial
from hvrepl.catalog.catalog import Found, Named
from hvrepl.catalog.log_forms import BLANK, REFERENCE, LogForm, Saying, groups_needed
from hvrepl.catalog.model import When
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.codec.phrases import holds
from hvrepl.digits import to_int
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.readers.log_lines import Match
from hvrepl.record import field, mutable, record, replace


@record
class Claim:
    """One thing that a line says: a node, a crash, or only a sentence. `perhaps`: it is only likely."""

    form: LogForm
    node: Decoded | None = None
    crash: Crash | None = None
    text: str = ""
    perhaps: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        told = self.node or self.crash
        return told.findings if told else ()

    def to_dict(self) -> dict[str, Any]:
        told = self.node or self.crash
        return (told.to_dict() if told else {"summary": self.text}) | ({"perhaps": True} if self.perhaps else {})


@mutable
class Log:
    """What one log has said so far: the arch and the stage of the start of the machine that writes, and the last value of each thing."""

    arch: str
    stage: int = 0
    last: dict[str, Decoded] = field(default_factory=dict)


class Teller:
    """Tells what matches mean, in the log that they come from. `decoders` gives the decoder of an arch.

    `arch` is that of a machine of which the log says nothing else, or (`is_fixed`) whatever it says.
    """

    def __init__(self, decoders: Callable[[str], Decoder], arch: str, *, is_fixed: bool = False) -> None:
        self.decoders = decoders
        self.arch = arch
        self.is_fixed = is_fixed
        self.log = Log(arch)

    def tell(self, match: Match) -> list[Claim]:
        """What a match says; nothing where what it would say is not known."""
        form = match.form
        if form.begins:
            if form.begins <= self.log.stage:  # the stage that a machine has passed already: it is another one, or starts again
                self.log = Log(self.arch)
            self.log.stage = form.begins
        if form.tells and not self.is_fixed:
            self.log.arch = form.tells
        return [*self._tell_things(match), *self._tell_crash(match), *self._tell_text(form)]

    def _counts(self, form: LogForm) -> bool:
        """Whether what the log has shown last, its newest line included, meets the form's conditions."""
        return (form.when is None or self._has_shown(form.when)) and (form.unless is None or not self._has_shown(form.unless))

    def _has_shown(self, when: When) -> bool:
        """Whether the last values of this log meet conditions, whose paths begin with the thing's name."""
        return holds(when, Decoded(name="", fields=tuple(self.log.last.values())))

    def _tell_things(self, match: Match) -> Iterator[Claim]:
        for one in match.form.says:
            if one.arch in ("", self.log.arch) and groups_needed(one) <= {*match.texts, *match.numbers}:
                yield from self._tell_thing(one, match)

    def _tell_thing(self, one: Saying, match: Match) -> Iterator[Claim]:
        decoder = self.decoders(self.log.arch)
        try:
            node = self._decode(decoder, one, match)
        except NotFoundError:
            text = "" if one.optional else say_nameless(decoder, one, match)
            yield from (Claim(match.form, text=text),) if text else ()
            return
        except UsageError:  # it cannot have the value, so it is something else
            return
        if node is None or (match.form.perhaps and node.findings):  # a value that is strange for it is rather that of something else
            return
        before = dict(self.log.last)
        self.log.last[node.name] = node
        if self._counts(match.form):
            yield Claim(match.form, node, perhaps=match.form.perhaps)
        elif node.name not in asked_for(match.form):  # what does not count shows nothing either, but that it does not
            self.log.last = before

    def _decode(self, decoder: Decoder, one: Saying, match: Match) -> Decoded | None:
        """The thing with what is known of its value; None for a value that it cannot have as the form is meant."""
        found = find(decoder, one, match)
        node = decode_groups(decoder, found, one, match)
        if one.lone and not (found.spec.lone and any(holds(when, node) for when in found.spec.lone.when)):
            return None
        if (one.sound and node.findings) or is_own_number(found, match.numbers.get(one.value)):
            return None
        return replace(node, findings=(*node.findings, *damages(one, match)))

    def _tell_crash(self, match: Match) -> Iterator[Claim]:
        """The crash whose parameters a match has; nothing if one of them cannot be read."""
        crash = crash_in(self.decoders(self.log.arch), match)
        if crash and is_told(crash, match.form) and self._counts(match.form):
            yield Claim(match.form, crash=crash, perhaps=match.form.perhaps)

    def _tell_text(self, form: LogForm) -> Iterator[Claim]:
        """The form's own sentence."""
        if form.text and self._counts(form):
            yield Claim(form, text=form.text, perhaps=form.perhaps)


def is_own_number(found: Found, value: int | None) -> bool:
    """Whether what follows a name is not a value of the thing, but the number that a header defines it by."""
    return any(address.number(found.element) == value for address in found.spec.addresses)


def asked_for(form: LogForm) -> set[str]:
    """The things that a form's conditions are about."""
    return {path.partition(".")[0] for path in (*(form.when or ()), *(form.unless or ()))}


def is_told(crash: Crash, form: LogForm) -> bool:
    """Whether a crash is what the form says that it is, and not too strange for what is only perhaps one."""
    return form.struct in ("", crash.node.name) and not (form.perhaps and crash.findings)


def crash_in(decoder: Decoder, match: Match) -> Crash | None:
    """The crash that a match has the parameters of."""
    form = match.form
    if not form.crash or not set(form.crash) <= set(match.numbers):
        return None
    try:
        return tell_crash(decoder, [match.numbers[group] for group in form.crash], match.numbers.get(form.control))
    except UsageError:  # a number that no register could hold
        return None


def find(decoder: Decoder, one: Saying, match: Match) -> Found:
    """What a saying is about. NotFoundError if nothing on the arch has the name or number."""
    reference = REFERENCE.fullmatch(one.what)
    if not reference:
        name = BLANK.sub(lambda blank: match.texts[blank[1]], one.what)
        if not decoder.catalog.has_name(name):  # to look for what is spelled alike costs more than a whole log
            raise NotFoundError(f"no such name: {name}")
        return decoder.catalog.find_name(name)
    space, group = reference.groups()
    if group not in match.numbers:
        raise NotFoundError(f"no number in {match.texts[group]}")
    found = decoder.catalog.find_number(narrowed(match.numbers[group], 4 * decoder.catalog.space(space).digits), space)
    address = found.address
    if address is None or (found.element is None and address.low != address.high):
        raise NotFoundError(f"only a range of {space} has {match.numbers[group]:#x}")
    return found


def say_nameless(decoder: Decoder, one: Saying, match: Match) -> str:
    """What is said of a number without a name that lies among those of its space."""
    reference = REFERENCE.fullmatch(one.what)
    number = match.numbers.get(reference[2]) if reference else None
    if reference is None or number is None or decoder.catalog.arch not in decoder.catalog.spaces[reference[1]].arches:
        return ""
    rows = decoder.catalog.index.all_numbers(reference[1])
    is_among = bool(rows) and rows[0].low <= number <= max(row.high for row in rows)
    return f"{reference[1]} {decoder.catalog.spaces[reference[1]].write(number)} has no known name" if is_among else ""


def narrowed(number: int, width: int) -> int:
    """The number without its sign extension."""
    value, _ = narrow(number, width)
    return number if value is None else value


def decode_groups(decoder: Decoder, found: Found, one: Saying, match: Match) -> Decoded:
    """The thing with the value or parts that the groups hold; with neither it is only named."""
    numbers = {path: to_int(group, 0) if group[:1].isdigit() else match.numbers.get(group) for path, group in (one.sets or {}).items()}
    parts = {path: number for path, number in numbers.items() if number is not None}
    if parts:
        return decode_partial(decoder, found, parts)
    if one.value in match.numbers:
        width = decoder.width(found.spec)
        number = narrowed(match.numbers[one.value], width)
        if number < 0 or number.bit_length() > width:
            raise UsageError(f"{found.name} has {width} bits")
        return decoder.decode(found, number.to_bytes(width // 8, "little"))
    if found.address is None:
        return Decoded(name=found.name, kind=found.spec.kind, arch=found.arch, source=found.spec.source)
    space = decoder.catalog.spaces[found.address.space]
    return name_only(decoder.catalog, found, Named(space, found.number or 0, found.name))


def damages(one: Saying, match: Match) -> Iterator[Finding]:
    """A finding for each number that has a letter O among its digits."""
    for group in {one.value, *(one.sets or {}).values(), *BLANK.findall(one.what)} & set(match.damaged):
        yield Finding("letter_for_digit", "", f"letter O in {match.texts[group]}: did you mean zero? The number is not read")
