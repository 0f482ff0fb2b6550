"""Bytes without addresses: plain hex, arrays, strings, records and base64 → bytes, and a phrase for how they were read."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.arrays import Inner, read_arrays, read_list, unwrap, without_comments
from hvrepl.readers.dump_forms import Row, explain_no_hex, read_bare, strip_prefix
from hvrepl.readers.literals import START, read_escapes, read_literal, split_strings
from hvrepl.readers.records import read_records
from hvrepl.record import record, replace
from hvrepl.wording import shorten

EXAMPLES = "hex bytes, a C array, or what xxd, hexdump, od, objdump -s, gdb, crash or WinDbg prints"
ARMOUR = regex(r"\s*-----BEGIN [^\n]*-----\n(.*?)\n-----END [^\n]*-----\s*", re.DOTALL)
BASE64 = regex(r"[A-Za-z0-9+/\s]+={0,2}\s*")
NUMBERS = regex(r"[-+\w\s,'\"<>\[\]=().\u2026]*")
HEX = regex("[0-9a-f]*", re.IGNORECASE)
RECORD = regex(":(?:[0-9a-f]{2}){5}", re.IGNORECASE)
AMBIGUOUS = (4, 8, 16)  # digits of groups that can be bytes as printed, or words


@record
class Given:
    """Options for a dump: the bytes per word, whether bare digits are hex, and the number of bytes that is expected."""

    word_size: int | None = None
    is_hex: bool = False
    size: int | None = None


def read_plain(text: str, given: Given) -> list[tuple[bytes, str, int | None]]:
    """(bytes, how they were read, their address if there is one) for each array, or for the whole text.

    Raises UsageError with the line and the fault.
    """
    if not text.strip():
        raise UsageError(f"an empty dump: expected {EXAMPLES}")
    word_size = given.word_size
    text = without_frames(text)
    if records := read_records(text):
        return [(force(data, word_size, 1), forced(name, word_size), address) for data, name, address in records]
    if rows := bare_rows(text):
        return [(*join_bare(rows, word_size), None)]
    inner = unwrap(without_comments(text) if "{" in text or "[" in text else text)
    if START.match(inner.text) and (strings := split_strings(inner.text)) is not None:
        return [(*read_strings(strings, inner, given), None)]
    if "\\x" in text:
        return [(force(read_escapes(text), word_size, 1), forced("escaped bytes", word_size), None)]
    if "{" in inner.text:
        arrays = read_arrays(without_comments(inner.text), word_size, is_hex=given.is_hex)
        if not arrays:
            raise UsageError(f"a dump without bytes: expected {EXAMPLES}")
        return [(*array, None) for array in arrays]
    if re.search("0x", inner.text, re.IGNORECASE) or (inner.is_list and NUMBERS.fullmatch(inner.text)):
        return [(*read_numbers(inner, given), None)]
    return [(*(read_base64(inner.text, given) or read_hex(inner.text, word_size)), None)]


def without_frames(text: str) -> str:
    """The text with empty lines for prompts without bytes, so that the other lines keep their numbers."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        source, prompted = strip_prefix(line)
        if prompted and not all(map(HEX.fullmatch, split_words(source))):
            lines[at] = ""
    return "\n".join(lines)


def read_numbers(inner: Inner, given: Given) -> tuple[bytes, str]:
    data, name = read_list(replace(inner, text=without_comments(inner.text)), given.word_size, is_hex=given.is_hex)
    if name == "hex bytes":
        return force(data, given.word_size, 1), forced(name, given.word_size)
    return data, name


def read_strings(strings: list[str], inner: Inner, given: Given) -> tuple[bytes, str]:
    """Strings of numbers are a list of them, and strings of only hex digits are hexlify's and JSON's; others are bytes."""
    if all(re.fullmatch("-?0x[0-9a-f]+", string, re.IGNORECASE) for string in strings):
        return read_numbers(replace(inner, text=", ".join(strings)), given)
    joined = "".join(strings) if not inner.is_list else " ".join(strings)
    if re.fullmatch(r"[0-9a-f]{2}(?:[\s:-]?[0-9a-f]{2})*", joined, re.IGNORECASE):
        word_size = given.word_size or (1 if not inner.is_list else None)
        data, _ = read_hex(joined, word_size)
        return data, forced("hex bytes in quotes", given.word_size)
    if found := read_base64(joined, given):
        return found
    data = read_literal(strings, 1 + len(inner.text[: len(inner.text) - len(inner.text.lstrip())].splitlines()[1:]))
    return force(data, given.word_size, 1), forced("bytes literal", given.word_size)


def read_base64(text: str, given: Given) -> tuple[bytes, str] | None:
    """Decoded base64 if it is marked as such, or if it has exactly the expected size and is not hex; otherwise None."""
    armour = ARMOUR.fullmatch(text)
    digits = "".join((armour[1] if armour else text).split())
    if not BASE64.fullmatch(digits) or len(digits) % 4 or (not armour and HEX.fullmatch(digits)):
        return None
    try:
        data = b64decode(digits, validate=True)
    except Error:
        return None
    if not armour and len(data) != given.size:
        return None
    return force(data, given.word_size, 1), forced("base64 bytes", given.word_size)


def bare_rows(text: str) -> list[Row]:
    """Rows with groups and text but without addresses, or words that the kernel printed; empty if the text begins otherwise."""
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        source, prompted = strip_prefix(line)
        row = read_bare(number, line) if source else None
        if row and (rows or row.is_logged or row.text not in ("", "unproved")):
            rows.append(row)
        elif rows and source and not prompted:
            raise UsageError(f"line {number}: '{shorten(source)}' is not a row of a dump that can be read")
        elif source and not prompted:
            return []
    return rows


def join_bare(rows: list[Row], word_size: int | None) -> tuple[bytes, str]:
    """Words are little-endian, as the kernel prints them, unless the text next to them proves otherwise."""
    order = "big" if {row.order for row in rows if row.order} == {"big"} else "little"
    name = f"{'kernel ' * rows[0].is_logged}hex dump {'bytes' if rows[0].digits == 2 or order == 'big' else 'words'}"
    if word_size:
        return b"".join(reverse_words(b"".join(row.groups), word_size, row.line) for row in rows), forced(name, word_size)
    return b"".join(group if order == "big" else group[::-1] for row in rows for group in row.groups), name


def force(data: bytes, word_size: int | None, line: int) -> bytes:
    return reverse_words(data, word_size, line) if word_size else data


def forced(name: str, word_size: int | None) -> str:
    """The name, with the given word size unless the name already says it."""
    if not word_size or (word_size == 1 and name.endswith("bytes")):
        return name
    return f"{name} in {word_size}-byte words"


def reverse_words(data: bytes, size: int, line: int) -> bytes:
    """Words as printed → their bytes in little-endian memory."""
    if len(data) % size:
        raise UsageError(f"line {line}: {len(data)} bytes are not a whole number of {size}-byte words")
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size)) if size > 1 else data


def split_words(source: str) -> list[str]:
    return re.split(r"[\s,:;-]+", source)


def read_hex(text: str, word_size: int | None) -> tuple[bytes, str]:
    """Lines of only hex digits, in groups of any even width: bytes as they are. Groups that can be words are refused."""
    parts = []
    groups: list[tuple[str, int]] = []
    for number, line in enumerate(text.split("\n"), 1):
        source, _ = strip_prefix(line)
        words = split_words(source)
        if RECORD.match(source):
            raise UsageError(f"line {number}: '{shorten(source)}' is a record of Intel HEX, but the lines before it are not")
        try:
            data = b"".join(hex_bytes(word, number) for word in words)
        except UsageError:
            if known := explain_no_hex(source):
                raise UsageError(f"line {number}: {known}") from None
            raise
        groups += [(word, number) for word in words if word]
        parts.append(force(data, word_size, number))
    data = b"".join(parts)
    if not data:
        raise UsageError(f"a dump without bytes: expected {EXAMPLES}")
    if not word_size:
        check_groups(groups)
    return data, forced("hex bytes", word_size)


def check_groups(groups: list[tuple[str, int]]) -> None:
    """Raise UsageError if all groups are as wide as words: they can be bytes as printed (xxd), or lowest byte last (od, hexdump).

    Groups of several widths were typed field by field.
    """
    widths = {len(word) for word, _ in groups}
    if len(groups) == 1 or len(widths) > 1 or not widths <= set(AMBIGUOUS):
        return
    for word, number in groups:
        if bytes.fromhex(word) != bytes.fromhex(word)[::-1]:
            raise UsageError(
                f"line {number}: '{word}' can be {len(word) // 2} bytes as printed or a word; "
                f"use --words 1 for bytes, or --words {len(word) // 2} for little-endian words"
            )


def hex_bytes(word: str, line: int) -> bytes:
    if word == "*":
        raise UsageError(f"line {line}: * repeats the line before it, but without addresses nothing says how often")
    if word in ("...", "\u2026"):
        raise UsageError(f"line {line}: '{word}' stands for bytes that were not printed; print them all")
    if not re.fullmatch("[0-9a-f]*", word, re.IGNORECASE):
        raise UsageError(f"line {line}: '{shorten(word)}' is not hex; expected {EXAMPLES}")
    if len(word) % 2:
        raise UsageError(f"line {line}: '{shorten(word)}' has an odd number of hex digits")
    return bytes.fromhex(word)
