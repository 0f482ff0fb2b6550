"""The text of one value of a word → its bytes in memory order, and how it was read when that was not plain."""

from __future__ import annotations

import re

from hvrepl.catalog.catalog import Found
from hvrepl.codec.variants import enumerator_value
from hvrepl.errors import UsageError
from hvrepl.frontends.session import Session
from hvrepl.text.read_value import fit, read_cpuid, read_number

HEX_BYTES = re.compile(r"\s*[0-9a-fA-F]{2}(?:[\s:-]+[0-9a-fA-F]{2})+\s*")
CPUID_WIDTH = 128


def read_word(session: Session, found: Found, text: str) -> tuple[bytes, str]:
    """A number, registers as `eax=… edx=…`, bytes, or an enumerator of the word's lowest field. UsageError if it is none or too wide."""
    width = session.decoder.width(found.spec)
    if "=" in text:
        value, how = read_registers(text, width, found.called)
    elif HEX_BYTES.fullmatch(text):
        return read_bytes(text, width, found.called)
    else:
        value, how = read_value(session, found, text, width)
    return fit(value, width, found.called).to_bytes(width // 8, "little"), how


def read_registers(text: str, width: int, name: str) -> tuple[int, str]:
    """All four registers of a CPUID leaf, or EDX:EAX as rdmsr and wrmsr have them."""
    reading = read_cpuid(text.split())
    if reading is None:
        raise UsageError(f"{name} takes a value here, not {text[:40]!r}; FIELD=VALUE is for encode, check and set")
    if width == CPUID_WIDTH:
        return reading.value, ""
    eax, middle, edx = reading.value & 0xFFFF_FFFF, reading.value >> 32 & (1 << 64) - 1, reading.value >> 96
    if middle:
        raise UsageError(f"{name} has {width} bits, which stand in edx:eax; ebx and ecx have no place in it")
    return edx << 32 | eax, "read as edx:eax"


def read_bytes(text: str, width: int, name: str) -> tuple[bytes, str]:
    data = bytes.fromhex(re.sub(r"[\s:-]+", "", text))
    if 8 * len(data) != width:
        raise UsageError(f"{name} has {width // 8} bytes; {text.strip()[:40]!r} are {len(data)}")
    return data, f"read as {len(data)} bytes, lowest first"


def read_value(session: Session, found: Found, text: str, width: int) -> tuple[int, str]:
    try:
        reading = read_number(text)
    except UsageError:
        value = read_enumerator(session, found, text)
        if value is None:
            raise
        return value, ""
    if width < reading.value.bit_length() <= 64:
        from hvrepl.codec.lone import narrow

        value, sign = narrow(reading.value, width)
        if value is not None:
            return value, ", ".join(how for how in (reading.how, sign) if how)
    return reading.value, reading.how


def read_enumerator(session: Session, found: Found, text: str) -> int | None:
    """HV_STATUS_ACCESS_DENIED as the value of a status: the name of a value of the lowest field."""
    if not text.strip() or found.spec.layout is None:
        return None
    layouts = (found.spec.layout, *(found.spec.cases or {}).values())
    lowest = [field for layout in layouts for field in layout.fields if field.lsb == 0 and not field.switch]
    values = (enumerator_value(text.strip(), field, session.catalog) for field in lowest)
    return next((value for value in values if value is not None), None)
