"""Bytes without addresses: plain hex, C arrays and escapes → bytes, and the words that say how they were read."""

from __future__ import annotations

import re

from hvrepl.errors import UsageError
from hvrepl.readers.dump_forms import Row, read_bare, strip_prefix
from hvrepl.readers.number import read_number
from hvrepl.wording import shorten

EXAMPLES = "hex bytes, a C array, or what xxd, hexdump, od, objdump -s, gdb, crash or WinDbg prints"
ESCAPES = re.compile(r"""(?:\s|b?["']|;|\\\n|(?:\\x[0-9a-f]{2})+)+""", re.IGNORECASE)
# A bytes literal as Python prints it, with text in it; perhaps behind `data =` or in `bytearray()`.
LITERAL = re.compile(
    r"""(?:\w{1,80}\s?=\s?)?(?:bytearray\()?(?:b'((?:[^'\\\n]|\\.)*)'|b"((?:[^"\\\n]|\\.)*)")\)?;?""",
    re.DOTALL,
)
ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))|([ -~])", re.IGNORECASE | re.DOTALL)
LETTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "\\": 0x5C, "'": 0x27, '"': 0x22}
GDB_NO_HEX = re.compile(r"0x[0-9a-f]+(?:\s+<[^>\n]*>)?:\t", re.IGNORECASE)
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*", re.DOTALL)
BLOCK = re.compile(r"([^{}\[\]]*(?:\[[^{}\[\]]*\][^{}\[\]]*)*)\{([^{}]*)\}")
ELEMENT = re.compile(r"[^\s,]+")
HEX_ELEMENT = re.compile(r"0x([0-9a-f]+)(?:u|l|ul|ll|ull)?", re.IGNORECASE)
# The words of a C declaration → bytes of an element. A plain long is 4 bytes on Windows and 8 on Linux, so it is not here.
TYPES = {
    1: re.compile(r"\b(?:char|BYTE|UCHAR|(?:__)?u8|u?int8_t)\b"),
    2: re.compile(r"\b(?:short|WORD|USHORT|(?:__)?[ul]e?16|u?int16_t)\b"),
    4: re.compile(r"\b(?:int|DWORD|ULONG|UINT32|(?:__)?[ul]e?32|u?int32_t)\b"),
    8: re.compile(r"\b(?:long long|QWORD|ULONG64|ULONGLONG|UINT64|(?:__)?[ul]e?64|u?int64_t)\b"),
}


def read_plain(text: str, word_size: int | None) -> list[tuple[bytes, str]]:
    """The bytes of each array, or of the whole text. Raises UsageError with the line and what is wrong."""
    if not text.strip():
        raise UsageError(f"an empty dump: expected {EXAMPLES}")
    if rows := bare_rows(text):
        return [join_bare(rows, word_size)]
    if literal := LITERAL.fullmatch(text.strip()):
        return [read_literal(literal[1] or literal[2] or "", word_size)]
    if "\\x" in text:
        return [read_escapes(text, word_size)]
    if "{" in text:
        return read_arrays(COMMENT.sub(blank, text), word_size)
    if re.search("0x", text, re.IGNORECASE) or re.fullmatch(r"\s*\[[\d\s,]+\]\s*;?\s*", text):
        return [read_list(COMMENT.sub(blank, text), word_size)]
    return [read_hex(text, word_size)]


def blank(match: re.Match[str]) -> str:
    """White space as long as the match, so that lines keep their numbers."""
    return re.sub(r"[^\n]", " ", match[0])


def line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def read_escapes(text: str, word_size: int | None) -> tuple[bytes, str]:
    match = ESCAPES.match(text)
    end = match.end() if match else 0
    if end != len(text):
        raise UsageError(f"line {line_of(text, end)}: '{shorten(text[end:])}' is not an escape of the form \\x10, as all others are")
    data = bytes.fromhex("".join(re.findall(r"\\x(..)", text)))
    return force(data, word_size, 1), forced("escaped bytes", word_size)


def bare_rows(text: str) -> list[Row]:
    """Rows with groups and text but no address, or words that the kernel printed; none if the text begins otherwise."""
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        source, prompted = strip_prefix(line)
        row = read_bare(number, line) if source else None
        if row and (rows or row.is_logged or row.text in ("proved", "|", ">")):
            rows.append(row)
        elif rows and source and not prompted:
            raise UsageError(f"line {number}: '{shorten(source)}' is not a row of a dump that can be read")
        elif source and not prompted:
            return []
    return rows


def join_bare(rows: list[Row], word_size: int | None) -> tuple[bytes, str]:
    """Words are little-endian, as the kernel prints them, unless the text beside them says otherwise."""
    order = "big" if {row.order for row in rows if row.order} == {"big"} else "little"
    name = f"{'kernel ' * rows[0].is_logged}hex dump {'bytes' if rows[0].digits == 2 or order == 'big' else 'words'}"
    if word_size:
        return b"".join(reverse_words(b"".join(row.groups), word_size, row.line) for row in rows), forced(name, word_size)
    return b"".join(group if order == "big" else group[::-1] for row in rows for group in row.groups), name


def read_literal(text: str, word_size: int | None) -> tuple[bytes, str]:
    """What stands between the quotes of a bytes literal of Python."""
    data = bytearray()
    at = 0
    while at < len(text):
        match = ESCAPED.match(text, at)
        value = value_of(match) if match else None
        if match is None or value is None:
            raise UsageError(f"line {line_of(text, at)}: '{shorten(text[at:])}' is not part of a bytes literal")
        data.append(value)
        at = match.end()
    return force(bytes(data), word_size, 1), forced("bytes literal", word_size)


def value_of(match: re.Match[str]) -> int | None:
    """The byte of a character or an escape; None for an escape that there is none of."""
    in_hex, in_octal, letter, plain = match.groups()
    if plain:
        return ord(plain)
    if letter:
        return LETTERS.get(letter)
    value = int(in_hex, 16) if in_hex else int(in_octal, 8)
    return value if value < 0x100 else None


def force(data: bytes, word_size: int | None, line: int) -> bytes:
    return reverse_words(data, word_size, line) if word_size else data


def forced(name: str, word_size: int | None) -> str:
    """The name with the word size that was given, where it says more than the name."""
    if not word_size or (word_size == 1 and name.endswith("bytes")):
        return name
    return f"{name} in {word_size}-byte words"


def reverse_words(data: bytes, size: int, line: int) -> bytes:
    """Words as printed → as they lie in little-endian memory."""
    if len(data) % size:
        raise UsageError(f"line {line}: {len(data)} bytes are not a whole number of {size}-byte words")
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size)) if size > 1 else data


def read_arrays(text: str, word_size: int | None) -> list[tuple[bytes, str]]:
    """Each `{…}`, with what stands before it as its declaration."""
    arrays = []
    at = 0
    while match := BLOCK.match(text, at):
        arrays.append(read_elements(match[2], line_of(text, match.start(2)), match[1], word_size))
        at = match.end()
    left = re.search(r"[{}\\]", text[at:])
    if left:
        raise UsageError(f"line {line_of(text, at + left.start())}: '{left[0]}' is unmatched, or braces are nested")
    if not arrays:
        raise UsageError(f"a dump without bytes: expected {EXAMPLES}")
    check_length(text[at:], arrays, line_of(text, at))
    return arrays


def check_length(rest: str, arrays: list[tuple[bytes, str]], line: int) -> None:
    """What xxd -i writes after its array tells a paste that was cut."""
    stated = re.search(r"_len\s*=\s*(\d{1,18})\s*;", rest)
    if stated and int(stated[1]) != len(arrays[-1][0]):
        raise UsageError(f"line {line}: {stated[0]} is declared for an array of {len(arrays[-1][0])} bytes")


def read_list(text: str, word_size: int | None) -> tuple[bytes, str]:
    """Elements without braces, perhaps in the brackets of Rust and Python."""
    line = line_of(text, len(text) - len(text.lstrip()))
    if GDB_NO_HEX.match(text.lstrip()):
        raise UsageError(f"line {line}: gdb did not print hex; use x/gx, x/wx, x/hx or x/bx")
    inner = text.strip().rstrip(";")
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    return read_elements(inner, line, None, word_size)


def read_elements(text: str, line: int, declaration: str | None, word_size: int | None) -> tuple[bytes, str]:
    """Numbers between commas or spaces; the declaration is what stands before the brace, None without one."""
    elements = [(element, number) for number, row in enumerate(text.split("\n"), line) for element in ELEMENT.findall(row)]
    if not elements:
        raise UsageError(f"line {line}: an empty array")
    lone = HEX_ELEMENT.fullmatch(elements[0][0])
    if len(elements) == 1 and lone and len(lone[1]) > 16:
        return force(hex_bytes(lone[1], line), word_size, line), forced("hex bytes", word_size)
    values = [read_element(*element) for element in elements]
    size = word_size or find_size(elements, declaration or "", line)
    data = b"".join(to_bytes(value, size, *element) for value, element in zip(values, elements, strict=True))
    name = "bytes" if size == 1 else f"{size}-byte words"
    return data, name if declaration is None else f"C array of {name}"


def read_element(element: str, line: int) -> int:
    match = HEX_ELEMENT.fullmatch(element)
    try:
        return int(match[1], 16) if match else read_number(element).value
    except UsageError as error:
        raise UsageError(f"line {line}: {error}") from None


def to_bytes(value: int, size: int, element: str, line: int) -> bytes:
    try:
        return value.to_bytes(size, "little", signed=value < 0)
    except OverflowError:
        raise UsageError(f"line {line}: {shorten(element)} does not fit into {size} byte{'s'[: size != 1]}") from None


def find_size(elements: list[tuple[str, int]], declaration: str, line: int) -> int:
    """Bytes of an element: what the declaration says, or else their digits, if all have as many."""
    for size, pattern in TYPES.items():
        if pattern.search(declaration):
            return size
    matches = [HEX_ELEMENT.fullmatch(element) for element, _ in elements]
    widths = {len(match[1]) for match in matches if match}
    if max(widths, default=2) <= 2:
        return 1
    width = max(widths)
    if len(widths) > 1 or None in matches or width not in (4, 8, 16, 32):
        raise UsageError(
            f"line {line}: elements of different or odd widths, such as {shorten(elements[0][0])}; give the word size (--words)"
        )
    return width // 2


def read_hex(text: str, word_size: int | None) -> tuple[bytes, str]:
    """Lines of nothing but hex, in groups of any even width: bytes as they stand."""
    parts = []
    for number, line in enumerate(text.split("\n"), 1):
        source, prompted = strip_prefix(line)
        words = re.split(r"[\s,:;-]+", source)
        if prompted and not all(re.fullmatch("[0-9a-f]*", word, re.IGNORECASE) for word in words):
            continue
        data = b"".join(hex_bytes(word, number) for word in words)
        parts.append(force(data, word_size, number))
    data = b"".join(parts)
    if not data:
        raise UsageError(f"a dump without bytes: expected {EXAMPLES}")
    return data, forced("hex bytes", word_size)


def hex_bytes(word: str, line: int) -> bytes:
    if word == "*":
        raise UsageError(f"line {line}: * repeats the line before it, but without addresses nothing says how often")
    if not re.fullmatch("[0-9a-f]*", word, re.IGNORECASE):
        raise UsageError(f"line {line}: '{shorten(word)}' is not hex; expected {EXAMPLES}")
    if len(word) % 2:
        raise UsageError(f"line {line}: '{shorten(word)}' has an odd number of hex digits")
    return bytes.fromhex(word)
