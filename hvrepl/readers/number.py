"""Text → number, in any notation people paste, saying how it was read; ambiguous text is refused, never guessed."""

from __future__ import annotations

import re

from hvrepl.catalog.guids import guid_to_number
from hvrepl.catalog.parse_specs import CPUID_REGISTERS, REGISTER_BITS, join_registers
from hvrepl.digits import LONGEST_DECIMAL, to_int
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING
from hvrepl.patterns import regex
from hvrepl.readers.limits import LONGEST, MOST_BITS
from hvrepl.record import record
from hvrepl.wording import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASES = {"0x": 16, "0n": 10, "0o": 8, "0t": 8, "0b": 2, "0y": 2}
BASE_NAMES = {"0n": "WinDbg decimal", "0o": "octal", "0t": "WinDbg octal", "0b": "binary", "0y": "WinDbg binary"}
DIGITS = {16: "0-9a-f", 10: "0-9", 8: "0-7", 2: "01"}
SUFFIX = r"(?:_?(?:u?(?:l|ll|z|i64)|(?:l|ll|z)u|u|[ui](?:8|16|32|64|128|size)))?"  # C, C++, MSVC and Rust
RUN = {base: rf"([{digits}]+(?:_[{digits}]+)*)" for base, digits in DIGITS.items()}
# Patterns, compiled on first use; most runs need few. 0O17 could be a typed 0017, so octal only has the small letter.
PREFIXED = {prefix: rf"{'0o' if prefix == '0o' else f'(?i:{prefix})'}_?(?i:{RUN[base]}{SUFFIX})" for prefix, base in BASES.items()}
WINDBG = r"(?:0x)?([0-9a-f]{1,8})`([0-9a-f]{8})"
DECIMAL = rf"(0|[1-9][0-9]*(?:_[0-9]+)*|0+){SUFFIX}"
MASM = rf"{RUN[16]}h"
PADDED = r"0(?:[0-9]{7}|[0-9]{15})"
BARE = rf"(?=[0-9_]*[a-f]){RUN[16]}"
BARE_DIGITS = r"[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*"
AMBIGUOUS = r"[1-9][0-9]{7}(?:[0-9]{8})?"  # the digits of a whole word of 32 or 64 bits
GUID = regex(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)

# Characters that people copy along with a number; \uff0c is the full-width comma of Chinese logs.
SPACE = " \t\r\n\f\v\u00a0"
PASTED_BEFORE = "=\"'`" + SPACE
PASTED_AFTER = ",;\"'`\uff0c" + SPACE


@record(eq=True)
class Reading:
    """A number, and how its text was read: "" if that was obvious."""

    value: int
    how: str = ""


def read_number(text: str) -> Reading:
    """One number. Raises UsageError for text that is not a number, or is ambiguous."""
    if len(text) > LONGEST:
        raise UsageError(f"'{shorten(text)}' is {len(text)} characters long; a number has at most {MOST_BITS} bits")
    number, around = unwrap(text)
    reading = read_signed(number)
    if reading is None:
        from hvrepl.readers.explain_number import explain

        raise UsageError(explain(number))
    if reading.value.bit_length() > MOST_BITS:
        raise UsageError(f"'{shorten(number)}' is {reading.value.bit_length()} bits wide; a number has at most {MOST_BITS}")
    return Reading(reading.value, ", ".join(how for how in (reading.how, around) if how))


def read_given(text: str, *, is_hex: bool = False) -> Reading:
    """A number of a thing or a value: bare digits that tools also print in hex are refused, or read as hex with `is_hex`."""
    number, around = unwrap(text)
    if is_hex and len(number) <= LONGEST and re.fullmatch(BARE_DIGITS, number):
        return Reading(int(number, 16), ", ".join(how for how in ("read as hex", around) if how))
    if re.fullmatch(AMBIGUOUS, number):
        raise UsageError(f"'{number}' can be hex or decimal; write 0x{number} or 0n{number}, or use --hex")
    return read_number(text)


def is_number(text: str) -> bool:
    try:
        read_number(text)
    except UsageError:
        return False
    return True


def is_given(text: str, *, is_hex: bool = False) -> bool:
    """Whether read_given accepts it."""
    try:
        read_given(text, is_hex=is_hex)
    except UsageError:
        return False
    return True


def unwrap(text: str) -> tuple[str, str]:
    """The number without surrounding quotes, commas and =, and a phrase that says so."""
    tail = text.lstrip(PASTED_BEFORE)
    number = tail.rstrip(PASTED_AFTER)
    dropped = "".join((text[: len(text) - len(tail)] + tail[len(number) :]).split())
    return number, f"read without the surrounding {shorten(dropped)}" if dropped else ""


def read_signed(number: str) -> Reading | None:
    """Any notation, with or without a sign before it."""
    for read in READERS.values():
        reading = read(number)
        if reading is not None:
            return reading
    if number[:1] in ("-", "+") and number[1:2] not in ("-", "+"):
        reading = read_signed(number[1:])
        return reading and Reading(-reading.value if number[0] == "-" else reading.value, reading.how)
    return None


def read_prefixed(number: str) -> Reading | None:
    prefix = number[:2].lower()
    match = re.fullmatch(PREFIXED[prefix], number) if prefix in PREFIXED else None
    if match is None or (prefix == "0n" and len(match[1]) > LONGEST_DECIMAL):
        return None
    how = f"read as {BASE_NAMES[prefix]}" if prefix in BASE_NAMES else ""
    return Reading(to_int(match[1], BASES[prefix]), how)


def read_windbg(number: str) -> Reading | None:
    match = re.fullmatch(WINDBG, number, re.IGNORECASE)
    return match and Reading(int(match[1] + match[2], 16), "read as WinDbg hex")


def read_decimal(number: str) -> Reading | None:
    match = re.fullmatch(DECIMAL, number, re.IGNORECASE)
    if match is None or len(match[1]) > LONGEST_DECIMAL or re.fullmatch(PADDED, number):
        return None
    # 8100_0006 is grouped like hex, so the reading is mentioned.
    return Reading(to_int(match[1]), "read as decimal" if "_" in match[1] else "")


def read_masm(number: str) -> Reading | None:
    match = re.fullmatch(MASM, number, re.IGNORECASE)
    return match and Reading(int(match[1], 16), "read as hex with a trailing h")


def read_bare(number: str) -> Reading | None:
    """Hex without a prefix, as rdmsr prints it: with a letter, or padded with zeros to 8 or 16 digits."""
    if number[:2] in ("0b", "0B") or not (re.fullmatch(BARE, number, re.IGNORECASE) or re.fullmatch(PADDED, number)):
        return None
    return Reading(int(number, 16), "read as hex")


def read_guid(number: str) -> Reading | None:
    """A GUID as the number of its bytes in memory: the first three parts are little-endian."""
    match = GUID.fullmatch(number)
    if match is None:
        return None
    return Reading(guid_to_number(match[1]))


def read_arithmetic(number: str) -> Reading | None:
    """Operands in any notation except bare hex, with the operators that C and Python share; parentheses are required."""
    if not is_arithmetic(number):
        return None
    from hvrepl.readers.arithmetic import calculate

    return Reading(calculate(number, read_operand), "read as arithmetic")


def is_arithmetic(text: str) -> bool:
    return "(" in text


def read_operand(text: str) -> int:
    for name in ("prefixed", "windbg", "decimal", "masm"):
        reading = READERS[name](text)
        if reading is not None and reading.value.bit_length() <= MOST_BITS:
            return reading.value
    if re.fullmatch(BARE, text, re.IGNORECASE):
        raise UsageError(f"'{shorten(text)}' in arithmetic is not a number; write 0x{text}")
    from hvrepl.readers.explain_number import explain

    raise UsageError(explain(text))


# Tried in this order. A new notation is one function.
READERS: dict[str, Callable[[str], Reading | None]] = {
    "prefixed": read_prefixed,
    "windbg": read_windbg,
    "decimal": read_decimal,
    "masm": read_masm,
    "bare": read_bare,
    "guid": read_guid,
    "arithmetic": read_arithmetic,
}

ASSIGNMENT = regex(r"(e[a-d]x)=(.*)", re.IGNORECASE | re.DOTALL)


def read_cpuid(words: Sequence[str]) -> Reading | None:
    """`eax=… ebx=… ecx=… edx=…` as EDX:ECX:EBX:EAX; None if no word has this form. Missing registers are zero."""
    parts = [part for word in words for part in word.split()]
    if not any(ASSIGNMENT.fullmatch(part) for part in parts):
        return None
    values: dict[str, int] = {}
    for part in parts:
        match = ASSIGNMENT.fullmatch(part)
        if match is None:
            raise UsageError(f"'{shorten(part)}' is not eax=, ebx=, ecx= or edx=")
        register = match[1].lower()
        if register in values:
            raise UsageError(f"{register} is given twice")
        values[register] = read_register(register, match[2])
    return Reading(join_registers(dict.fromkeys(CPUID_REGISTERS, 0) | values) or 0, "read as edx:ecx:ebx:eax")


def read_register(register: str, text: str) -> int:
    try:
        return fit(read_number(text).value, REGISTER_BITS, register)
    except UsageError as error:
        message = str(error)
        raise UsageError(message if message.endswith(f"; {register} has {REGISTER_BITS}") else f"{register}: {message}") from None


def fit(value: int, width: int, what: str) -> int:
    """The value as `width` bits, a negative one as two's complement. Raises UsageError if it is wider."""
    bits = value.bit_length() if value >= 0 else (~value).bit_length() + 1
    if bits > width:
        raise UsageError(f"{shorten(hex(value))} is {bits} bits wide; {what} has {width}")
    return value & ((1 << width) - 1)
