"""Strings of programming languages and gdb → bytes: `b'\\x10UD3'`, `"\\020\\000", '\\000' <repeats 19 times>`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.limits import MOST_REPEATED
from hvrepl.wording import shorten

ESCAPES = regex(r"""(?:\s|b?["']|;|\\\n|(?:\\x[0-9a-f]{2})+)+""", re.IGNORECASE)
STRING = regex(r"""b?(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")(?:\s*<repeats (\d{1,9}) times>)?[\s,+]*(?:\\\n\s*)?""", re.DOTALL)
START = regex(r"""\s*b?["']""")
# Octal as gdb and Python write it, or NUL if no digit follows: \01 is one byte in C, and two in Rust.
ESCAPED = regex(r"\\(?:x([0-9a-f]{2})|([0-3][0-7]{2}|0(?![0-9]))|(.))|([ -~])", re.IGNORECASE | re.DOTALL)
DOUBLED = regex(r"(?:\\\\(?:x[0-9a-f]{2}|[0-7]{1,3}))+", re.IGNORECASE)
LETTERS = {"a": 7, "b": 8, "e": 27, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "\\": 0x5C, "'": 0x27, '"': 0x22}


def line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def read_escapes(text: str) -> bytes:
    """Only \\x10 and the like, optionally in quotes."""
    match = ESCAPES.match(text)
    end = match.end() if match else 0
    if end != len(text):
        raise UsageError(f"line {line_of(text, end)}: '{shorten(text[end:])}' is not an escape of the form \\x10, as all others are")
    return bytes.fromhex("".join(re.findall(r"\\x(..)", text)))


def split_strings(text: str) -> list[str] | None:
    """The text between the quotes of each string, repeated as declared; None if there is anything but strings.

    Raises UsageError if gdb left out the rest.
    """
    strings: list[str] = []
    at = len(text) - len(text.lstrip())
    size = 0
    while at < len(text):
        match = STRING.match(text, at)
        if match is None:
            if strings and text[at:].startswith("..."):
                raise UsageError(f"line {line_of(text, at)}: '...' stands for more that gdb did not print; use `set print elements 0`")
            return None if text[at:].strip() not in (";", "") else strings
        inner = match[1] if match[1] is not None else match[2]
        count = to_int(match[3] or "1")
        size += len(inner) * count
        if size > MOST_REPEATED:
            raise UsageError(f"line {line_of(text, at)}: '{shorten(match[0])}' repeats too much")
        strings += [inner] * count
        at = match.end()
    return strings


def read_literal(strings: list[str], line: int) -> bytes:
    """The bytes of the characters and escapes between the quotes. Raises UsageError for escapes that were escaped again."""
    if any(map(DOUBLED.fullmatch, strings)):
        raise UsageError(f"line {line}: each backslash of '{shorten(strings[0])}' is doubled; write \\x10 for a byte")
    data = bytes(byte for string in strings for byte in bytes_of(string, line))
    if not data:
        raise UsageError(f"line {line}: there is nothing between the quotes")
    return data


def bytes_of(text: str, line: int) -> Iterator[int]:
    at = 0
    while at < len(text):
        match = ESCAPED.match(text, at)
        value = value_of(match) if match else None
        if match is None or value is None:
            raise UsageError(f"line {line}: '{shorten(text[at:])}' is not part of a bytes literal")
        yield value
        at = match.end()


def value_of(match: re.Match[str]) -> int | None:
    """The byte of a character or an escape; None for an unknown escape."""
    in_hex, in_octal, letter, plain = match.groups()
    if plain:
        return ord(plain)
    if letter:
        return LETTERS.get(letter)
    return int(in_hex, 16) if in_hex else int(in_octal, 8)
