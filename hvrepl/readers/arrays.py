"""Lists and arrays of numbers, as languages and debuggers print them → bytes, and a phrase for how they were read. Pure."""

from __future__ import annotations

import re

from hvrepl.digits import to_int
from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.limits import MOST_REPEATED
from hvrepl.readers.literals import line_of
from hvrepl.readers.number import read_number
from hvrepl.record import record
from hvrepl.wording import shorten

GDB_NO_HEX = regex(r"0x[0-9a-f]+(?:\s+<[^>\n]*>)?:\t", re.IGNORECASE)
COMMENT = regex(r"/\*.*?(?:\*/|\Z)|//[^\n]*", re.DOTALL)
BLOCK = regex(r"([^{}\[\]]*(?:\[[^{}\[\]]*\][^{}\[\]]*)*)\{([^{}]*)\}")
ELEMENT = regex(r"[^\s,]+")
DRESSED = regex(r"[<='(n]|\.\.")  # signs of elements that are not plain numbers
# [5] = (byte) 0x10 <repeats 19 times>, '0x10', 16n
DRESSED_ELEMENT = regex(
    r"""(?:\[(?P<index>(?:0x)?[0-9a-f]+)\]\s*=\s*)?(?:\((?:unsigned\s+|signed\s+)?\w+\)\s*)?
        (?P<quote>['"]?)(?P<value>-?\w+)(?P=quote)(?:\s*<repeats\s(?P<count>\d{1,9})\stimes>)?(?:[\s,]+|\Z)""",
    re.VERBOSE | re.IGNORECASE,
)
CUT = regex(r"<?\.\.\.>?|\u2026")
HEX_ELEMENT = regex(r"0x([0-9a-f]+)(?:u|l|ul|ll|ull|u8|u16|u32|u64|i8)?", re.IGNORECASE)
BARE_HEX = regex(r"[0-9a-f]+", re.IGNORECASE)
# The words of a declaration → bytes of an element. A plain long is 4 bytes on Windows and 8 on Linux, so it is not here.
TYPES = {
    1: regex(r"\b(?:char|[Bb]yte|BYTE|UCHAR|(?:__)?u8|i8|[UuSs]?[Ii]nt8(?:_t|Array|ClampedArray)?)\b|'[bB]'"),
    2: regex(r"\b(?:short|WORD|USHORT|(?:__)?[ul]e?16|[Uu]?[Ii]nt16(?:_t|Array)?)\b|'[hH]'"),
    4: regex(r"\b(?:int|DWORD|ULONG|UINT32|(?:__)?[ul]e?32|[Uu]?[Ii]nt32(?:_t|Array)?)\b|'[iI]'"),
    8: regex(r"\b(?:long long|QWORD|ULONG64|ULONGLONG|UINT64|(?:__)?[ul]e?64|(?:Big)?[Uu]?[Ii]nt64(?:_t|Array)?)\b|'[qQ]'"),
}


@record
class Wrap:
    """The text around a list or bytes in some language; its pattern has `inner`, and optionally `type` and the `count` of elements."""

    pattern: re.Pattern[str]
    is_decimal: bool = False  # whether digits in it are certainly decimal


def wrap(pattern: str, *, is_decimal: bool = False) -> Wrap:
    return Wrap(re.compile(rf"\s*{pattern}\s*(?:;\s*)?", re.DOTALL), is_decimal=is_decimal)


WRAPS = (
    wrap(r"(?:(?:let|const|var|auto)\s+)?[$\w.]{1,80}(?:\[\d*\])?\s*:?=\s(?P<inner>[^\s{].*)"),
    wrap(r"\((?:const )?(?P<type>[\w ]+) ?\[(?P<count>\d*)\]\)\s*(?:\$?\w+\s*=\s*)?(?P<inner>[({].*[)}])"),  # lldb
    wrap(r"(?:bytes|bytearray|memoryview|tuple|list)\((?P<inner>.*)\)", is_decimal=True),
    wrap(r"(?:\w+\.)?(?:fromhex|unhexlify|hexlify|Buffer\.from)\((?P<inner>['\"].*?['\"])(?:, 'hex')?\)"),
    wrap(r"array(?:\.array)?\((?P<type>'\w'), (?P<inner>.*)\)", is_decimal=True),  # Python
    wrap(r"array\((?P<inner>\[.*\])(?:,\s*dtype=(?:np\.|')?(?P<type>\w+)'?)?\)", is_decimal=True),  # numpy
    wrap(r"(?P<type>(?:Big)?U?[Ii]nt\d+(?:Clamped)?Array)\((?P<count>\d+)\)\s*(?P<inner>\[.*\])", is_decimal=True),  # JavaScript
    wrap(r'\{\s*"type"\s*:\s*"Buffer"\s*,\s*"data"\s*:\s*(?P<inner>\[.*\])\s*\}', is_decimal=True),
    wrap(r"<Buffer (?P<inner>[^<>]*)>"),
    wrap(r"ArrayBuffer \{\s*\[Uint8Contents\]:\s*<(?P<inner>[^<>]*)>\s*,\s*byteLength: (?P<count>\d+)\s*\}"),
    wrap(r"&?(?:vec!)?\[(?P<inner>[^\[\]{}]*)\]"),
    wrap(r"\((?P<inner>.*)\)"),
)

MOST_WRAPS = 16  # within one another; each costs a look at the whole text


@record
class Inner:
    """The text inside all wraps, which are blanked out so that lines keep their numbers, and what the wraps declare."""

    text: str
    type: str = ""
    count: int | None = None
    is_list: bool = False
    is_decimal: bool = False


def unwrap(text: str) -> Inner:
    inner = Inner(text)
    for _ in range(MOST_WRAPS):
        found = next(((one, match) for one in WRAPS if (match := one.pattern.fullmatch(inner.text))), None)
        if not found:
            break
        one, match = found
        said = match.groupdict()
        inner = Inner(
            blank(inner.text[: match.start("inner")]) + match["inner"],
            said.get("type") or inner.type,
            to_int(said["count"]) if said.get("count") else inner.count,
            inner.is_list or match[0].lstrip()[0] in "[(&v",
            inner.is_decimal or one.is_decimal,
        )
    return inner


def blank(text: str) -> str:
    """White space as long as the text, with the same lines."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text: str) -> str:
    return COMMENT.sub(lambda match: blank(match[0]), text)


def read_arrays(text: str, word_size: int | None, *, is_hex: bool) -> list[tuple[bytes, str]]:
    """Reads each `{...}`, with the text before it as its declaration. Raises UsageError with the line and the fault."""
    arrays = []
    at, counted, line = 0, 0, 1
    while match := BLOCK.match(text, at):
        inner = Inner(match[2], match[1], is_list=True, is_decimal=True)
        line += text.count("\n", counted, match.start(2))
        counted = match.start(2)
        size, data = read_elements(inner, line, word_size, is_hex=is_hex)
        arrays.append((data, f"C array of {name_elements(size)}"))
        at = match.end()
    left = re.search(r"[{}\\]", text[at:])
    if left:
        raise UsageError(f"line {line_of(text, at + left.start())}: '{left[0]}' is unmatched, or braces are nested")
    if arrays:
        check_length(text[at:], arrays, line_of(text, at))
    return arrays


def check_length(rest: str, arrays: list[tuple[bytes, str]], line: int) -> None:
    """Raises UsageError for a truncated paste: xxd -i writes the length after its array."""
    stated = re.search(r"_len\s*=\s*(\d{1,18})\s*;", rest)
    if stated and to_int(stated[1]) != len(arrays[-1][0]):
        raise UsageError(f"line {line}: {stated[0]} is declared for an array of {len(arrays[-1][0])} bytes")


def read_list(inner: Inner, word_size: int | None, *, is_hex: bool) -> tuple[bytes, str]:
    """Elements without braces, possibly in the brackets of Rust and Python. Raises UsageError with the line and the fault."""
    line = line_of(inner.text, len(inner.text) - len(inner.text.lstrip()))
    if GDB_NO_HEX.match(inner.text.lstrip()):
        raise UsageError(f"line {line}: gdb did not print hex; use x/gx, x/wx, x/hx or x/bx")
    lone = HEX_ELEMENT.fullmatch(inner.text.strip())
    if lone and len(lone[1]) > 16 and len(lone[1]) % 2 == 0:
        data = bytes.fromhex(lone[1])
        return data, "hex bytes"
    size, data = read_elements(inner, 1, word_size, is_hex=is_hex)
    return data, name_elements(size)


def name_elements(size: int) -> str:
    return "bytes" if size == 1 else f"{size}-byte words"


def read_elements(inner: Inner, line: int, word_size: int | None, *, is_hex: bool) -> tuple[int, bytes]:
    """Numbers between commas or spaces → (bytes per element, all of them in memory order)."""
    elements = split_elements(inner.text, line)
    if not elements:
        raise UsageError(f"line {line}: an empty array")
    if inner.count is not None and inner.count != len(elements):
        raise UsageError(f"line {line}: {inner.count} elements are announced, but there are {len(elements)}")
    if is_hex or is_bare_hex(elements, inner):
        elements = [(f"0x{element}" if BARE_HEX.fullmatch(element) else element, number) for element, number in elements]
    read: dict[tuple[str, int], int] = {}
    for one in elements:
        if one not in read:
            read[one] = read_element(*one)
    values = [read[one] for one in elements]
    size = word_size or find_size(elements, values, inner, line)
    data = b"".join(to_bytes(value, size, *element) for value, element in zip(values, elements, strict=True))
    return size, data


def split_elements(text: str, line: int) -> list[tuple[str, int]]:
    """Each element and its line."""
    if cut := CUT.search(text):
        number = line + text.count("\n", 0, cut.start())
        raise UsageError(f"line {number}: '{cut[0]}' stands for elements that were not printed; print them all")
    if not DRESSED.search(text):
        return [(element, number) for number, row in enumerate(text.split("\n"), line) for element in ELEMENT.findall(row)]
    elements: list[tuple[str, int]] = []
    at, number = len(text) - len(text.lstrip()), line
    seen = 0
    while at < len(text):
        match = DRESSED_ELEMENT.match(text, at)
        number, seen = number + text.count("\n", seen, at), at
        if match is None:
            raise UsageError(f"line {number}: '{shorten(text[at:])}' is not an element that can be read")
        if match["index"] and to_int(match["index"].removeprefix("0x"), 16 if match["index"][:2] == "0x" else 10) != len(elements):
            raise UsageError(f"line {number}: element {match['index']} is not the next one, which is {len(elements)}")
        count = to_int(match["count"] or "1")
        if len(elements) + count > MOST_REPEATED:
            raise UsageError(f"line {number}: '{shorten(match[0])}' repeats too much")
        value = match["value"]
        elements += [(value.removesuffix("n") if value[:-1].lstrip("-").isdecimal() else value, number)] * count
        at = match.end()
    return elements


def is_bare_hex(elements: list[tuple[str, int]], inner: Inner) -> bool:
    """Whether digits without 0x are hex, as Rust's {:x?} and Go's %x print them. Raises UsageError if they can be hex or decimal."""
    texts = {element for element, _ in elements}
    if inner.is_decimal or not all(map(BARE_HEX.fullmatch, texts)):
        return False
    if any(not text.isdecimal() or (len(text) > 1 and text[0] == "0") for text in texts):
        return True
    if any(len(text) == 3 for text in texts) and all(len(text) <= 3 for text in texts):
        return False
    if any(len(text) > 1 for text in texts):
        first, line = next(one for one in elements if len(one[0]) > 1)
        right = "use --hex, or put decimal ones in { }"
        raise UsageError(f"line {line}: '{first}' and the other elements can be hex or decimal; {right}")
    return False


def read_element(element: str, line: int) -> int:
    match = HEX_ELEMENT.fullmatch(element)
    try:
        return to_int(match[1], 16) if match else read_number(element).value
    except UsageError as error:
        raise UsageError(f"line {line}: {error}") from None


def to_bytes(value: int, size: int, element: str, line: int) -> bytes:
    try:
        return value.to_bytes(size, "little", signed=value < 0)
    except OverflowError:
        raise UsageError(f"line {line}: {shorten(element)} does not fit into {size} byte{'s'[: size != 1]}") from None


def find_size(elements: list[tuple[str, int]], values: list[int], inner: Inner, line: int) -> int:
    """Bytes per element: as declared, or by the digits if all elements have as many; 8 in brackets if one does not fit into 4."""
    for size, pattern in TYPES.items():
        if pattern.search(inner.type):
            return size
    texts = {element for element, _ in elements}
    matches = [HEX_ELEMENT.fullmatch(text) for text in texts]
    widths = {len(match[1]) for match in matches if match}
    if max(widths, default=2) <= 2 and max(values) < 1 << 8 and min(values) >= -1 << 7:
        return 1
    width = max(widths, default=0)
    if len(widths) == 1 and None not in matches and width in (4, 8, 16, 32):
        return width // 2
    if inner.is_list and (max(values) >> 32 or min(values) < -1 << 31) and not max(values) >> 64:
        return 8
    raise UsageError(f"line {line}: elements of different or odd widths, such as {shorten(elements[0][0])}; give the word size (--words)")
