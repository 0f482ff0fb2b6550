"""A match in a line of a log → its meaning: things with their values, and sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hvrepl.analysis.crash import Crash, tell_crash
from hvrepl.analysis.identify import name_only, narrow
from hvrepl.analysis.partial import decode_partial
from hvrepl.catalog.catalog import Found, Named
from hvrepl.catalog.log_forms import BLANK, REFERENCE, LogForm, Saying, groups_needed
from hvrepl.catalog.model import When, to_key
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.codec.phrases import holds
from hvrepl.digits import to_int
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.hints import Any
from hvrepl.patterns import regex
from hvrepl.readers.explain_number import explain_letter
from hvrepl.readers.find_forms import Match
from hvrepl.record import field, mutable, record, replace

HUMP = regex("(?<=[a-z0-9])(?=[A-Z])")  # where a word begins in a name that is written like InvalidVpState


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
    """What one log has shown so far: the arch of the machine that writes it, how far its start has come, the last value of each thing."""

    arch: str
    stage: int = 0
    last: dict[str, Decoded] = field(default_factory=dict)


class Teller:
    """Explains matches in the context of their log. `decoders` gives the decoder of an arch.

    `arch` holds until the log names another, or always (`is_fixed`).
    """

    def __init__(self, decoders: Callable[[str], Decoder], arch: str, *, is_fixed: bool = False) -> None:
        self.decoders = decoders
        self.arch = arch
        self.is_fixed = is_fixed
        self.log = Log(arch)

    def tell(self, match: Match) -> list[Claim]:
        """The claims of a match; none where their meaning is unknown."""
        form = match.form
        if form.begins:
            if form.begins <= self.log.stage:  # already passed: this is another machine, or it starts again
                self.log = Log(self.arch)
            self.log.stage = form.begins
        if form.tells and not self.is_fixed:
            self.log.arch = form.tells
        return [*self._tell_things(match), *self._tell_crash(match), *self._tell_text(form)]

    def _counts(self, form: LogForm) -> bool:
        """Whether the log's last values, the newest line included, meet the form's conditions."""
        return (form.when is None or self._has_shown(form.when)) and (form.unless is None or not self._has_shown(form.unless))

    def _has_shown(self, when: When) -> bool:
        """Whether the log's last values meet conditions; each path begins with the name of a thing."""
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
        except UsageError:  # the value does not fit, so the line means something else
            return
        if node is None or (match.form.perhaps and node.findings):  # a strange value more likely belongs to something else
            return
        before = dict(self.log.last)
        self.log.last[node.name] = node
        if self._counts(match.form):
            yield Claim(match.form, node, perhaps=match.form.perhaps)
        elif node.name not in asked_for(match.form):  # what does not count is kept only if a condition asks for it
            self.log.last = before

    def _decode(self, decoder: Decoder, one: Saying, match: Match) -> Decoded | None:
        """The thing with its value as far as known; None if the form does not allow that value."""
        found = find(decoder, one, match)
        node = decode_groups(decoder, found, one, match)
        if one.lone and not (found.spec.lone and any(holds(when, node) for when in found.spec.lone.when)):
            return None
        if (one.sound and node.findings) or is_own_number(found, match.numbers.get(one.value)):
            return None
        return replace(node, findings=(*node.findings, *damages(one, match)))

    def _tell_crash(self, match: Match) -> Iterator[Claim]:
        """The crash whose parameters are in a match; none if one of them cannot be read."""
        crash = crash_in(self.decoders(self.log.arch), match)
        if crash and is_told(crash, match.form) and self._counts(match.form):
            yield Claim(match.form, crash=crash, perhaps=match.form.perhaps)

    def _tell_text(self, form: LogForm) -> Iterator[Claim]:
        """The form's own sentence."""
        if form.text and self._counts(form):
            yield Claim(form, text=form.text, perhaps=form.perhaps)


def is_own_number(found: Found, value: int | None) -> bool:
    """Whether the number after a name is not a value but the one that a header defines the name by."""
    return any(address.number(found.element) == value for address in found.spec.addresses)


def asked_for(form: LogForm) -> set[str]:
    """The things that a form's conditions refer to."""
    return {path.partition(".")[0] for path in (*(form.when or ()), *(form.unless or ()))}


def is_told(crash: Crash, form: LogForm) -> bool:
    """Whether a crash is the one that the form declares; where the form is only likely, findings rule it out."""
    return form.struct in ("", crash.node.name) and not (form.perhaps and crash.findings)


def crash_in(decoder: Decoder, match: Match) -> Crash | None:
    """The crash from the parameters in a match."""
    form = match.form
    if not form.crash or not set(form.crash) <= set(match.numbers):
        return None
    try:
        return tell_crash(decoder, [match.numbers[group] for group in form.crash], match.numbers.get(form.control))
    except UsageError:  # a number that is too wide for a register
        return None


def find(decoder: Decoder, one: Saying, match: Match) -> Found:
    """The thing that a saying refers to. NotFoundError if nothing on the arch has the name or number."""
    reference = REFERENCE.fullmatch(one.what)
    if not reference:
        name = BLANK.sub(lambda blank: match.texts[blank[1]], one.what)
        spellings = (name, HUMP.sub("_", name))  # Rust programs print AccessDenied
        known = next(filter(decoder.catalog.has_name, spellings), "")
        if not known:  # a search for similar names costs more than a whole log
            raise NotFoundError(f"no such name: {name}")
        return decoder.catalog.find_name(known)
    space, group = reference.groups()
    if group not in match.numbers:
        raise NotFoundError(f"no number in {match.texts[group]}")
    found = decoder.catalog.find_number(narrowed(match.numbers[group], 4 * decoder.catalog.space(space).digits), space)
    address = found.address
    if address is None or (found.element is None and address.low != address.high):
        raise NotFoundError(f"only a range of {space} has {match.numbers[group]:#x}")
    return found


def say_nameless(decoder: Decoder, one: Saying, match: Match) -> str:
    """The sentence about a number without a name, if it lies within the numbers of its space."""
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
    """The thing with the value or parts in the groups; without either, only its name."""
    numbers = {path: to_int(group, 0) if group[:1].isdigit() else match.numbers.get(group) for path, group in (one.sets or {}).items()}
    parts = {path: number for path, number in numbers.items() if number is not None}
    if parts:
        return decode_partial(decoder, found, parts)
    if found.spec.values and one.value in match.texts and not {one.value} & ({*match.numbers} | {*match.damaged}):
        return decode_named(decoder, found, match.texts[one.value])
    if one.value in match.numbers:
        width = decoder.width(found.spec)
        number = narrowed(match.numbers[one.value], width)
        if number < 0 or number.bit_length() > width:
            raise UsageError(f"{found.name} has {width} bits")
        return decoder.decode(found, number.to_bytes(width // 8, "little"))
    if found.address is None:
        title = found.spec.title if found.spec.layout is None else ""  # of what can have no value, such as a CPU flag
        return Decoded(name=found.name, kind=found.spec.kind, arch=found.arch, summary=title, source=found.spec.source)
    space = decoder.catalog.spaces[found.address.space]
    return name_only(decoder.catalog, found, Named(space, found.number or 0, found.name))


def decode_named(decoder: Decoder, found: Found, name: str) -> Decoded:
    """The value of an enumeration that has a name, with what it means: the line has the name. NotFoundError if no value has it."""
    key = to_key(name)
    value = next((value for value in found.spec.values if key in map(to_key, (value.name, *value.also))), None)
    if value is None:
        raise NotFoundError(f"{found.name} has no {name}")
    node = decoder.decode(found, value.low.to_bytes(decoder.width(found.spec) // 8, "little"))
    return replace(node, summary=value.doc or node.summary)


def damages(one: Saying, match: Match) -> Iterator[Finding]:
    """A finding for each number that has a letter among its digits: an O, in a CPUID leaf also another."""
    for group in {one.value, *(one.sets or {}).values(), *BLANK.findall(one.what)} & set(match.damaged):
        text = match.texts[group]
        letter = f"letter O in {text}: did you mean zero?" if "o" in text.lower() else explain_letter(text)
        yield Finding("letter_for_digit", "", f"{letter} The number is not read")
