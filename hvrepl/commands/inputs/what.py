"""WHAT and FIELD=VALUE words → the thing, and the assignments."""

from __future__ import annotations

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.index import other_arch
from hvrepl.catalog.model import Field, to_key
from hvrepl.codec.encode.assignment import Assignment
from hvrepl.commands.session import Session
from hvrepl.digits import to_int
from hvrepl.errors import NotFoundError, UsageError
from hvrepl.patterns import regex
from hvrepl.readers.number import GUID, read_given, read_number
from hvrepl.record import record, replace
from hvrepl.wording import shorten

NUMBER = regex(rf"0[xX][0-9a-fA-F_]+|[0-9]+|(?i:{GUID.pattern})")
HEX = regex("[0-9a-fA-F]+")
SLOT = regex("[0-9]{1,4}")
LONGEST_NAME = 200


@record
class Target:
    """WHAT as it was asked for: a thing, its output instead of its input, or one of its slots."""

    found: Found
    output: bool = False
    slot: int | None = None

    @property
    def is_part(self) -> bool:
        return self.output or self.slot is not None


def find_target(session: Session, what: str) -> Target:
    """The meaning of a name, number or space:number on the current arch; `page.2` and `NAME.output` are parts of it."""
    base, _, part = what.partition(".")
    found = find_thing(session, base)
    if not part:
        return Target(found)
    if part in ("input", "output") and found.spec.kind == "hypercall":
        return Target(found, output=part == "output")
    if SLOT.fullmatch(part) and found.spec.kind == "page":
        return Target(found, slot=to_int(part))
    if fields_called(session, found, part):
        raise NotFoundError(f"{part} is a field of {base}: `encode {base} {part}=VALUE`; `show {base}` explains it")
    raise NotFoundError(f"{base} has no part {shorten(part)}; a page has slots (page.2), a hypercall .input and .output")


def fields_called(session: Session, found: Found, name: str) -> list[Field]:
    """The fields of a thing with the name, in any of its variants; if there are none, one for a field within its structs."""
    key = to_key(name.rpartition(".")[2])
    fields = [field for layout in found.spec.layouts for field in layout.fields if key in map(to_key, field.names) and not field.switch]
    if fields or not found.spec.layout:
        return fields
    from hvrepl.codec.encode.cases import names_below  # only needed after a mistake

    return [Field(key)] if key in map(to_key, names_below(found.spec, session.catalog, set())) else []


def find_thing(session: Session, what: str) -> Found:
    space, colon, rest = what.rpartition(":")
    if not rest.strip():
        raise UsageError("an empty name; `list` shows all names")
    if len(what) > LONGEST_NAME or not what.isprintable():
        raise NotFoundError(f"no such name: {shorten(what)}")
    if colon:
        session.catalog.space(space)
    if is_number_word(session, rest):
        number = read_given(rest, is_hex=session.options.hex).value
        return replace(session.catalog.find_number(number, space.lower() or None), asked=what)
    return session.catalog.find_name(rest, space.lower() or None)


def is_number_word(session: Session, word: str) -> bool:
    """Whether a word in place of a name is a number: with --hex also digits without 0x, unless they are a name."""
    if NUMBER.fullmatch(word):
        return True
    return session.options.hex and HEX.fullmatch(word) is not None and not session.catalog.has_name(word)


def thing_in(session: Session, target: Target, data: bytes | None) -> tuple[Found, bytes]:
    """The thing and its bytes; for `page.2` the message in slot 2, with offsets from the slot."""
    if target.slot is None:
        return target.found, data or b""
    page = session.decoder.decode(target.found, bytes(session.decoder.schemas.size(target.found.spec) or 0) if data is None else data)
    if target.slot >= len(page.slots):
        raise UsageError(f"{target.found.called} has slots 0 to {len(page.slots) - 1}; there is no slot {target.slot}")
    slot = page.slots[target.slot]
    start = slot.offset or 0
    return session.catalog.find_name(slot.type), (data or b"")[start : start + (slot.size or 0)]


def find_anywhere(session: Session, what: str) -> Found:
    """The target on the current arch, or else on the other: `show` answers on any arch."""
    try:
        return find_target(session, what).found
    except NotFoundError as error:
        other = session.child()
        other.set(arch=other_arch(session.options.arch))
        try:
            return find_target(other, what).found
        except NotFoundError:
            raise error from None


def to_assignment(word: str) -> Assignment:
    path, _, text = word.partition("=")
    if not path:
        raise UsageError(f"{word[:40]!r} does not name a field; write FIELD=VALUE")
    if not text:
        raise UsageError(f"{path}: an empty value")
    return Assignment(path, text, number_or_none(text))


def number_or_none(text: str) -> int | None:
    try:
        return read_number(text).value
    except UsageError:
        return None
