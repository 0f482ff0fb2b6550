"""FIELD=VALUE as people write it → the number or bytes for the field."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hvrepl.catalog.alike import alike
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.guids import GUID_SIZE
from hvrepl.catalog.model import Field, Remark
from hvrepl.codec.decoded import Finding
from hvrepl.codec.meanings import MEANINGS
from hvrepl.codec.variants import enumerator_value
from hvrepl.errors import UsageError
from hvrepl.record import record

GUID_HYPHENS = 4
FLAGS = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}  # words for a single bit


@record
class Assignment:
    """FIELD=VALUE as it was written; `number` is the value if the text is a number."""

    path: str
    text: str
    number: int | None = None


def read_field(one: Assignment, field: Field, width: int, catalog: Catalog) -> int:
    """The number for a field of `width` bits: from an enumerator, a number, or words that its formatter reads."""
    show = "guid" if width == 8 * GUID_SIZE and one.text.count("-") == GUID_HYPHENS else field.show
    value = enumerator_value(one.text, field, catalog)
    if value is None:
        value = one.number
    if value is None and show in MEANINGS and MEANINGS[show].read:
        value = read_words(show, one.text)
    if value is None and width == 1:
        value = FLAGS.get(one.text.lower())
    if value is None:
        raise UsageError(no_value(one, field, catalog))
    return fit(one.path, value, width)


def fit(path: str, value: int, width: int) -> int:
    """The value in `width` bits, a negative one as two's complement. UsageError if it does not fit."""
    if not -(1 << width - 1) <= value < 1 << width:
        raise UsageError(f"{path} is {width} bits wide; {value:#x} needs {value.bit_length() + (value < 0)}")
    return value & (1 << width) - 1


def no_value(one: Assignment, field: Field, catalog: Catalog) -> str:
    text, names = one.text[:40], [name for e in catalog.enumerators(field) for name in (e.name, *e.also)]
    if not names:
        return f"{one.path}: {text!r} is not a number"
    close = alike(text, names, 1, 0.5)
    hint = f"did you mean {close[0]}?" if close else f"it can be {', '.join(names[:6])}{' …' if len(names) > 6 else ''}"
    return f"{one.path}: {text!r} is neither a number nor an enumerator; {hint}"


def read_bytes(one: Assignment) -> bytes:
    """Bytes from hex text in memory order, a GUID's text, or a number (little-endian)."""
    text = one.text.replace(" ", "")
    if text.count("-") == GUID_HYPHENS:
        return read_words("guid", text).to_bytes(GUID_SIZE, "little")
    if one.number is not None and one.number >= 0 and (text[:2].lower() == "0x" or len(text) % 2):
        return one.number.to_bytes(max(1, (one.number.bit_length() + 7) // 8), "little")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UsageError(f"{one.path}: {one.text[:40]!r} is neither hex bytes nor a number") from None


def remarks_on(one: Assignment, show: str) -> list[Finding]:
    """Parts of an assignment's words that its value does not contain."""
    remark = MEANINGS[show].remark if show in MEANINGS else None
    return [Finding(code, one.path, text) for code, text in remark(one.text)] if remark else []


def first_remark(one: Assignment, remarks: Iterable[Remark]) -> list[Finding]:
    """The first remark that matches the words."""
    for remark in remarks:
        match = re.match(remark.pattern, one.text, re.ASCII)
        if match:
            text = remark.text
            for name, taken in match.groupdict("").items():
                text = text.replace(f"{{{name}}}", taken)
            return [Finding(remark.code, one.path, text)]
    return []


def read_words(show: str, text: str) -> int:
    """The value that a formatter reads from words; UsageError says what would be right."""
    read = MEANINGS[show].read
    if read is None:
        raise UsageError(f"{text[:40]!r} is not a number")
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
