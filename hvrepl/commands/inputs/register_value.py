"""The text of a word's value → its bytes in memory order, and how it was read unless that is obvious."""

from __future__ import annotations

import re
from functools import cache

from hvrepl.catalog.alike import alike
from hvrepl.catalog.catalog import Found
from hvrepl.catalog.model import Field, Layout, Spec, to_key
from hvrepl.codec.variants import enumerator_value
from hvrepl.commands.session import Session
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.number import AMBIGUOUS, fit, read_cpuid, read_given
from hvrepl.wording import shorten

HEX_BYTES = regex(r"\s*[0-9a-fA-F]{2}(?:[\s:-]+[0-9a-fA-F]{2})+\s*")
NAME = regex(r"[a-z_][\w-]{1,80}", re.IGNORECASE)
CPUID_WIDTH = 128
# Numbers with only one reading, which need no remark. Lines of them are read many at a time.
REGISTER_LINE = rb"eax=0x(%s) ebx=0x(%s) ecx=0x(%s) edx=0x(%s)\r?\n" % ((rb"[0-9a-fA-F]{1,8}",) * 4)
REGISTERS = regex(REGISTER_LINE)
REGISTER_LINES = regex(rb"(?:%s)+" % REGISTER_LINE)


def read_word(session: Session, found: Found, text: str) -> tuple[bytes, str]:
    """A number, registers as `eax=… edx=…`, bytes, or an enumerator of the word's lowest field. UsageError for other or too wide values."""
    width = session.decoder.width(found.spec)
    if "=" in text:
        value, how = read_registers(text, width, found.called)
    elif HEX_BYTES.fullmatch(text):
        return read_bytes(text, width, found.called)
    else:
        value, how = read_value(session, found, text, width)
    return fit(value, width, found.called).to_bytes(width // 8, "little"), how


@cache
def number_lines(width: int) -> re.Pattern[bytes]:
    """Lines of only 0x and hex digits, or of decimal digits that cannot be hex, with numbers that fit into a word."""
    decimals = len(str(1 << width)) - 1
    ambiguous = rb"(?!%s\r?\n)" % AMBIGUOUS.encode()
    return re.compile(rb"(?:(?:0x[0-9a-fA-F]{1,%d}|%s[1-9][0-9]{0,%d}|0)\r?\n)+" % (width // 4, ambiguous, decimals - 1))


def read_plain_lines(lines: bytes, width: int) -> list[int] | None:
    """The values of whole lines, each as read_word would read it; None if one is not of the plainest kind."""
    if number_lines(width).fullmatch(lines):
        return [int(line, 0) for line in lines.split()]
    if width == CPUID_WIDTH and REGISTER_LINES.fullmatch(lines):
        return [
            int(edx, 16) << 96 | int(ecx, 16) << 64 | int(ebx, 16) << 32 | int(eax, 16) for eax, ebx, ecx, edx in REGISTERS.findall(lines)
        ]
    return None


def read_hex_lines(lines: bytes, size: int) -> list[bytes] | None:
    """The structs from whole lines of exactly `size` bytes of hex each; None for any other line."""
    if b"\r" in lines:  # to look for a single byte is a tenth of the work
        lines = lines.replace(b"\r\n", b"\n")
    step = 2 * size + 1
    count = len(lines) // step
    if len(lines) != count * step or lines[step - 1 :: step] != b"\n" * count:
        return None
    try:
        data = bytes.fromhex(lines.decode("latin-1"))
    except ValueError:
        return None
    # fromhex skips blanks, so a line with blanks has fewer bytes.
    return [data[at : at + size] for at in range(0, len(data), size)] if len(data) == count * size else None


def read_registers(text: str, width: int, name: str) -> tuple[int, str]:
    """All four registers of a CPUID leaf, or EDX:EAX as for rdmsr and wrmsr."""
    reading = read_cpuid(text.split())
    if reading is None:
        raise UsageError(f"{name} takes a value here, not {text[:40]!r}; FIELD=VALUE is for encode, check and set")
    if width == CPUID_WIDTH:
        return reading.value, ""
    eax, middle, edx = reading.value & 0xFFFF_FFFF, reading.value >> 32 & (1 << 64) - 1, reading.value >> 96
    if middle:
        raise UsageError(f"{name} has {width} bits, given in edx:eax; it takes no ebx and ecx")
    return edx << 32 | eax, "read as edx:eax"


def read_bytes(text: str, width: int, name: str) -> tuple[bytes, str]:
    data = bytes.fromhex(re.sub(r"[\s:-]+", "", text))
    if 8 * len(data) != width:
        raise UsageError(f"{name} takes {width // 8} bytes; {text.strip()[:40]!r} has {len(data)}")
    return data, f"read as {len(data)} bytes, lowest first"


def read_value(session: Session, found: Found, text: str, width: int) -> tuple[int, str]:
    try:
        reading = read_given(text, is_hex=session.options.hex)
    except UsageError:
        value = read_enumerator(session, found, text)
        if value is None:
            hint = say_meant(session, found, text.strip())
            if hint:
                raise UsageError(hint) from None
            raise
        return value, ""
    if width < reading.value.bit_length() <= 64:
        from hvrepl.analysis.identify import narrow

        value, sign = narrow(reading.value, width)
        if value is not None:
            return value, ", ".join(how for how in (reading.how, sign) if how)
    return reading.value, reading.how


def read_enumerator(session: Session, found: Found, text: str) -> int | None:
    """HV_STATUS_ACCESS_DENIED as the value of a status: the name of a value of the lowest field."""
    if not text.strip():
        return None
    values = (enumerator_value(text.strip(), field, session.catalog) for field in lowest_fields(found.spec, found.spec.layout))
    return next((value for value in values if value is not None), None)


def lowest_fields(spec: Spec, layout: Layout | None) -> list[Field]:
    """The fields whose enumerators can be the whole value."""
    layouts = (layout, *spec.cases.values()) if layout else ()
    return [field for layout in layouts for field in layout.fields if field.lsb == 0 and not field.switch]


def say_meant(session: Session, found: Found, text: str) -> str:
    """What a text that is not a value may mean instead: a field, part of an enumerator's name, words of a shorthand; otherwise ""."""
    from hvrepl.commands.inputs.shorthands import say_shorthand
    from hvrepl.commands.inputs.what import fields_called

    shown = f"'{shorten(text)}'"
    shorthand = say_shorthand(session, found, [text])
    if shorthand:
        return f"{shown} is not a value of {found.called}{shorthand}"
    if not NAME.fullmatch(text):
        return ""
    if fields_called(session, found, text):
        return f"{shown} is a field of {found.called}: `encode {found.called} {text}=VALUE`"
    names = dict.fromkeys(one.name for field in lowest_fields(found.spec, found.spec.layout) for one in session.catalog.enumerators(field))
    key = to_key(text)
    close = [name for name in names if to_key(name).endswith(f"_{key}")] or alike(key, {to_key(name): name for name in names}, 2)
    if not close:
        return ""
    spelled = {to_key(name): name for name in names}
    meant = " or ".join(spelled.get(to_key(name), name) for name in close[:2])
    return f"{shown} is not a value of {found.called}; did you mean {meant}?"
