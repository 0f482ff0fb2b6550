"""Text → number, in any notation people paste, saying how it was read; what can be read in two ways is refused, never guessed."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

from hvrepl.catalog.guids import guid_to_number
from hvrepl.errors import UsageError
from hvrepl.record import record
from hvrepl.text.style import printable

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Sequence

MOST_BITS = 4096
LONGEST = 6000  # 4096 binary digits, in groups of four
LONGEST_DECIMAL = 1234  # digits of 2**4096; int() is slow, and raises, on far longer ones
LONGEST_ARITHMETIC = 1000
OPERATORS = "there are + - * / // % << >> | & ^ ~ and parentheses"

BASES = {"0x": 16, "0n": 10, "0o": 8, "0t": 8, "0b": 2, "0y": 2}
BASE_NAMES = {"0n": "WinDbg decimal", "0o": "octal", "0t": "WinDbg octal", "0b": "binary", "0y": "WinDbg binary"}
DIGITS = {16: "0-9a-f", 10: "0-9", 8: "0-7", 2: "01"}
SUFFIX = r"(?:_?(?:u?(?:l|ll|z|i64)|(?:l|ll|z)u|u|[ui](?:8|16|32|64|128|size)))?"  # C, C++, MSVC and Rust
RUN = {base: rf"([{digits}]+(?:_[{digits}]+)*)" for base, digits in DIGITS.items()}
# 0O17 could be a typed 0017, so octal has the small letter alone.
PREFIXED = {prefix: rf"{'0o' if prefix == '0o' else f'(?i:{prefix})'}_?(?i:{RUN[base]}{SUFFIX})" for prefix, base in BASES.items()}
WINDBG = re.compile(r"(?:0x)?([0-9a-f]{1,8})`([0-9a-f]{8})", re.IGNORECASE)
DECIMAL = re.compile(rf"(0|[1-9][0-9]*(?:_[0-9]+)*|0+){SUFFIX}", re.IGNORECASE)
MASM = re.compile(rf"{RUN[16]}h", re.IGNORECASE)
PADDED = re.compile(r"0(?:[0-9]{7}|[0-9]{15})")
BARE = re.compile(rf"(?=[0-9_]*[a-f]){RUN[16]}", re.IGNORECASE)
GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)
OPERAND = re.compile(r"[0-9A-Za-z_`]+")

# What people copy along with a number; \uff0c is the full-width comma of Chinese logs.
SPACE = " \t\r\n\f\v\u00a0"
PASTED_BEFORE = "=\"'`" + SPACE
PASTED_AFTER = ",;\"'`\uff0c" + SPACE


@record(eq=True)
class Reading:
    """A number, and how its text was read: empty when that was plain."""

    value: int
    how: str = ""


def shorten(text: str, limit: int = 40) -> str:
    """What an error quotes of its input: one line, at most about `limit` characters, control characters escaped."""
    return printable(text[:limit]) + ("..." if len(text) > limit else "")


def read_number(text: str) -> Reading:
    """One number. Raises UsageError for text that is none, or that could be two."""
    if len(text) > LONGEST:
        raise UsageError(f"'{shorten(text)}' is {len(text)} characters long; a number has at most {MOST_BITS} bits")
    number, around = unwrap(text)
    reading = read_signed(number)
    if reading is None:
        raise UsageError(explain(number))
    if reading.value.bit_length() > MOST_BITS:
        raise UsageError(f"'{shorten(number)}' is {reading.value.bit_length()} bits wide; a number has at most {MOST_BITS}")
    return Reading(reading.value, ", ".join(how for how in (reading.how, around) if how))


def unwrap(text: str) -> tuple[str, str]:
    """The number without the quotes, commas and = around it, and the words that say so."""
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
    match = re.fullmatch(PREFIXED[prefix], number) if prefix in PREFIXED else None  # compiled when it is first needed, which most are not
    if match is None or (prefix == "0n" and len(match[1]) > LONGEST_DECIMAL):
        return None
    how = f"read as {BASE_NAMES[prefix]}" if prefix in BASE_NAMES else ""
    return Reading(int(match[1], BASES[prefix]), how)


def read_windbg(number: str) -> Reading | None:
    match = WINDBG.fullmatch(number)
    return match and Reading(int(match[1] + match[2], 16), "read as WinDbg hex")


def read_decimal(number: str) -> Reading | None:
    match = DECIMAL.fullmatch(number)
    if match is None or len(match[1]) > LONGEST_DECIMAL or PADDED.fullmatch(number):
        return None
    # 8100_0006 is grouped as hex is, so it is said.
    return Reading(int(match[1]), "read as decimal" if "_" in match[1] else "")


def read_masm(number: str) -> Reading | None:
    match = MASM.fullmatch(number)
    return match and Reading(int(match[1], 16), "read as hex with a trailing h")


def read_bare(number: str) -> Reading | None:
    """Hex without a prefix, as rdmsr prints it: with a letter, or padded with zeros to 8 or 16 digits."""
    if number[:2] in ("0b", "0B") or not (BARE.fullmatch(number) or PADDED.fullmatch(number)):
        return None
    return Reading(int(number, 16), "read as hex")


def read_guid(number: str) -> Reading | None:
    """A GUID's text as the number that its bytes in memory are: the first three parts are little-endian."""
    match = GUID.fullmatch(number)
    if match is None:
        return None
    return Reading(guid_to_number(match[1]))


def read_arithmetic(number: str) -> Reading | None:
    """Operands in any notation but bare hex, with the operators that C and Python share; there must be parentheses."""
    if "(" not in number:
        return None
    if len(number) > LONGEST_ARITHMETIC:
        raise UsageError(f"'{shorten(number)}' is {len(number)} characters long; arithmetic has at most {LONGEST_ARITHMETIC}")
    import ast

    unread = re.search(r"[^-+*/%<>|&^~()\s]", OPERAND.sub("", number))
    if unread:
        raise UsageError(f"'{shorten(unread[0])}' in '{shorten(number)}' is no operator; {OPERATORS}")
    try:
        # Only digits and operators reach the parser, on one line: no name, no call, no string.
        tree = ast.parse(" ".join(OPERAND.sub(read_operand, number).split()), mode="eval")
        return Reading(evaluate(tree.body), "read as arithmetic")
    # What is nested too deeply is a SyntaxError, RecursionError or MemoryError, by the version of Python.
    except (SyntaxError, RecursionError, MemoryError):
        raise UsageError(f"'{shorten(number)}' is no arithmetic; write it as (0x8100 << 48)") from None


def read_operand(match: re.Match[str]) -> str:
    for name in ("prefixed", "windbg", "decimal", "masm"):
        reading = READERS[name](match[0])
        if reading is not None and reading.value.bit_length() <= MOST_BITS:
            return f" {reading.value} "
    hint = f"; write 0x{match[0]}" if BARE.fullmatch(match[0]) else ""
    raise UsageError(f"'{shorten(match[0])}' in arithmetic is no number{hint}" if hint else explain(match[0]))


def evaluate(node: ast.AST) -> int:
    """The value of arithmetic; the fields are those of the standard library's ast, by name, so that it is imported only when needed."""
    kind = type(node).__name__
    if kind == "Constant":
        return int(node.value)  # type: ignore[attr-defined]
    name = type(getattr(node, "op", None)).__name__
    if kind == "UnaryOp" and name in UNARY:
        return UNARY[name](evaluate(node.operand))  # type: ignore[attr-defined]
    if kind == "BinOp" and name in BINARY:
        value = BINARY[name](evaluate(node.left), evaluate(node.right))  # type: ignore[attr-defined]
        return bounded(value, value.bit_length())
    raise UsageError(f"arithmetic is no more than numbers and operators; {OPERATORS}")


def bounded(value: int, bits: int) -> int:
    if bits > MOST_BITS:
        raise UsageError(f"the arithmetic makes a number of over {MOST_BITS} bits")
    return value


def multiply(a: int, b: int) -> int:
    bounded(0, a.bit_length() + b.bit_length())
    return a * b


def shift_left(a: int, b: int) -> int:
    check_shift(b)
    bounded(0, a.bit_length() + b)
    return a << b


def shift_right(a: int, b: int) -> int:
    check_shift(b)
    return a >> min(b, MOST_BITS)


def check_shift(count: int) -> None:
    if count < 0:
        raise UsageError(f"a shift by {shorten(str(count))}: a shift count is not negative")


def divide(a: int, b: int) -> int:
    """Exact division only: C rounds to zero and Python down, so a remainder is refused."""
    if remainder(a, b):
        raise UsageError(f"{shorten(hex(a))} / {shorten(hex(b))} leaves a remainder; // rounds down")
    return a // b


def floor_divide(a: int, b: int) -> int:
    return (a - remainder(a, b)) // b


def remainder(a: int, b: int) -> int:
    if b == 0:
        raise UsageError("the arithmetic divides by zero")
    return a % b


UNARY: dict[str, Callable[[int], int]] = {"UAdd": operator.pos, "USub": operator.neg, "Invert": operator.invert}
BINARY: dict[str, Callable[[int, int], int]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": multiply,
    "Div": divide,
    "FloorDiv": floor_divide,
    "Mod": remainder,
    "LShift": shift_left,
    "RShift": shift_right,
    "BitOr": operator.or_,
    "BitAnd": operator.and_,
    "BitXor": operator.xor,
}

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

# What text that no reader takes looks like → what would be right.
REFUSALS = (
    (r"", "an empty value: a number is expected, such as 0x8100_0006 or 42"),
    (rf"[-+]?(?:0n)?[0-9_]{{{LONGEST_DECIMAL + 1},}}", f"'{{0}}' is wider than {MOST_BITS} bits, which no number is"),
    (r"[-+]?0[xnoyt]_*", "'{0}' has no digits after the prefix"),
    (r"[-+]?0[0-7][0-7_]*", "'{0}' is octal or decimal; write 0o{1}, {1} or 0x{1}"),
    (r"[-+]?0[0-9][0-9_]*", "'{0}' starts with a zero; write {1} or 0x{1}"),
    (r"[-+]?0b.*", "'{0}' is neither binary, which has the digits 0 and 1, nor hex without its 0x"),
    (r"[-+]?[0-9]{1,3}(,[0-9]{3})+", "'{0}' has commas; write it without them"),
    (r"[-+]?[0-9_]*\.[0-9_]*", "'{0}' is no whole number"),
    (r"[0-9a-fx]+`[0-9a-f]*", "'{0}' has not eight hex digits after the back-tick"),
    (r"[^()]*\w\s*(?:[-+*/%|&^]|<<|>>)\s*[\w~].*", "'{0}' is no number; arithmetic stands in parentheses, such as (0x8100 << 48)"),
    (r"[0-9a-fx_]+\s.*", "'{0}' is more than one word; one number is expected"),
)
TYPED_FOR_DIGITS = {"o": ("O", "zero", "0"), "O": ("O", "zero", "0"), "l": ("l", "one", "1"), "I": ("I", "one", "1")}


def explain(number: str) -> str:
    """Why no reader takes the text, and what would be right."""
    shown = shorten(number)
    for at, character in enumerate(number):
        if not character.isascii():
            return f"'{shorten(character)}' (U+{ord(character):04X}) at character {at + 1} of '{shown}' is no ASCII digit"
    return explain_letter(number) or explain_shape(number) or explain_digit(number)


def explain_letter(number: str) -> str:
    """Letters O, l and I typed from a screenshot: named if digits in their place would make it a number."""
    fixed = number[:2] + "".join(TYPED_FOR_DIGITS[c][2] if c in TYPED_FOR_DIGITS else c for c in number[2:])
    fixed = "0" + fixed[1:] if fixed[:1] in ("o", "O") else fixed
    fixed = fixed[:1] + "0" + fixed[2:] if fixed[1:2] == "O" else fixed
    at = next((i for i, (a, b) in enumerate(zip(number, fixed, strict=True)) if a != b), None)
    if at is None or not re.fullmatch(r"[-+]?(?:0x)?[0-9a-f_`]+", fixed, re.IGNORECASE):
        return ""
    letter, digit, _ = TYPED_FOR_DIGITS[number[at]]
    return f"letter {letter} at character {at + 1} of '{shorten(number)}': a {digit}?"


def explain_shape(number: str) -> str:
    for pattern, message in REFUSALS:
        if re.fullmatch(pattern, number, re.IGNORECASE | re.DOTALL):
            return message.format(shorten(number), shorten(number.lstrip("-+0").replace("_", "")) or "0")
    return ""


def explain_digit(number: str) -> str:
    shown = shorten(number)
    prefix = re.match(r"[-+]?0[xX]", number)
    bad = re.compile(r"[^0-9a-fA-F_]").search(number, prefix.end()) if prefix else None
    if bad:
        return f"'{shorten(bad[0])}' at character {bad.start() + 1} of '{shown}' is no hex digit"
    return f"'{shown}' is no number; write it as 0x1f, 31, 1fh, 0b11111 or (1 << 5)"


REGISTERS = ("eax", "ebx", "ecx", "edx")
ASSIGNMENT = re.compile(r"(e[a-d]x)=(.*)", re.IGNORECASE | re.DOTALL)


def read_cpuid(words: Sequence[str]) -> Reading | None:
    """`eax=… ebx=… ecx=… edx=…` as EDX:ECX:EBX:EAX; None if no word is of that kind. Registers that are not named are zero."""
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
    return Reading(sum(value << 32 * REGISTERS.index(register) for register, value in values.items()), "read as edx:ecx:ebx:eax")


def read_register(register: str, text: str) -> int:
    try:
        return fit(read_number(text).value, 32, register)
    except UsageError as error:
        message = str(error)
        raise UsageError(message if message.endswith(f"; {register} has 32") else f"{register}: {message}") from None


def fit(value: int, width: int, what: str) -> int:
    """The value as `width` bits, a negative one as two's complement. Raises UsageError if it is wider."""
    bits = value.bit_length() if value >= 0 else (~value).bit_length() + 1
    if bits > width:
        raise UsageError(f"{shorten(hex(value))} is {bits} bits wide; {what} has {width}")
    return value & ((1 << width) - 1)
