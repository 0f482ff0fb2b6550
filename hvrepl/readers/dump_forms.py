"""One line of a dump → its address and its groups, whichever tool printed it; what the lines make together is not its business."""

from __future__ import annotations

import re

from hvrepl.errors import UsageError
from hvrepl.record import record
from hvrepl.wording import shorten

H = "[0-9a-f]"
MOST_TEXT_GROUPS = 1024  # no tool prints a text column beside more; looking for one takes time that grows with their square

# What logs, mails and consoles put before a line.
PREFIX = re.compile(
    r"""(?: <\d{1,3}>
          | \[\s*\d+\.\d+\]:?                                   # [    0.000000]
          | \[\w{3}\s\w{3}\s+\d+\s\d\d:\d\d:\d\d\s\d{4}\]           # [Sun Nov 22 10:00:00 2026]
          | \[\s*[TC]\d+\]                                      # [    T1]
          | \[\d\d:\d\d:\d\d[^\]]*\] (?: \[[^\]]*\])*           # [07:50:35.023][Moby           ][Info   ]
          | \w{3}\s+\d+\s\d\d:\d\d:\d\d\s.{0,80}?\bkernel:
          | \d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d\S*(?=\s) (?: .{0,80}?\bkernel: )?
          | \(XEN\)
          | (?:>|//)(?=\s)
          | (?!0x)(?=[\w.-]*[g-z_])[\w.-]+:(?=\s+(?:[0-9a-f]{2,16}(?:\s|$)|\*$)) # print_hex_dump's name for it
        )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
PROMPT = re.compile(r"(?:crash>|\((?:gdb|lldb|qemu)\)|(?:\d+: )?l?kd>|\d+:\d{3}>|[\w@~:./-]*[$#](?=\s|$)|PS [^>]*>)\s*")
PHYSICAL = re.compile(
    rf"#\s*{H}{{1,16}}\s+(?:{H}{{8}}`{H}{{8}}|{H}{{8}}|{H}{{4}}|{H}{{2}})(?=[\s-]|$)", re.IGNORECASE
)  # !dq; no root's prompt
LOGGED = re.compile(r"(?:<\d{1,3}>)?\[\s*\d+\.\d+\]|\[\w{3} \w{3} |.{0,120}?\bkernel: ")  # what the kernel itself says
NAME = re.compile(
    rf"(?:[^:]{{0,60}}[g-z_][^:]{{0,60}}:|[\w.-]{{0,60}}[g-z_][\w.-]{{0,60}})\s{{1,9}}(?={H}{{2}})", re.IGNORECASE
)  # print_hex_dump's, of any form
HEADER = re.compile(r".*:\s+file format \S+|Contents of section .*|```\w*")


@record
class Form:
    """How a tool writes a line: `head` is the address with all up to the first group, `group` one group."""

    head: re.Pattern[str]
    group: re.Pattern[str]


def form(head: str, group: str = f"{H}+") -> Form:
    scan = rf"(?:^|\s+|-)({group})(?=[\s-]|$)"
    return Form(re.compile(head, re.IGNORECASE), re.compile(scan, re.IGNORECASE))


# Tried in this order.
FORMS: dict[str, Form] = {
    "gdb": form(rf"0x(?P<address>{H}{{1,16}})(?:\s+<.*?>)?:\s+(?=0x)", f"0x{H}+"),
    "qemu": form(rf"(?P<address>{H}{{8,16}}):\s+(?=0x)", f"0x{H}+"),
    "windbg": form(rf"(?P<address>{H}{{8}}`{H}{{8}})\s+(?=[0-9a-f?])", f"{H}{{8}}`{H}{{8}}|{H}+"),
    "physical": form(rf"#\s*(?P<address>{H}{{1,16}})\s+(?={H})", f"{H}{{8}}`{H}{{8}}|{H}+"),
    "crash": form(rf"(?P<address>{H}{{8,16}}):[ ]{{2}}(?={H})"),  # xxd -e puts more spaces before a short word
    "colon": form(rf"(?:0x)?(?P<address>{H}{{4,16}}):[ ](?=\s*{H}{{2}})"),
    "kernel": form(rf"\S.*?[\s:](?P<address>{H}{{8,16}}):[ ](?={H}{{2}})"),  # after the name that print_hex_dump is given
    "columns": form(rf"(?P<address>{H}{{4,16}})\s+(?={H})", f"{H}{{8}}`{H}{{8}}|{H}+"),  # !dq of WinDbg has no back-tick in the address
}
# Digits of a group that od prints in octal → its bytes.
OCTAL = {3: 1, 6: 2, 11: 4, 22: 8}
WORDS = (1, 2, 4, 8)
LEAST_ROW = 8  # bytes of a row that is one beyond doubt
PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else ord(".") for byte in range(256))


@record
class Row:
    """A line: its form is one of FORMS, or `fold` (a lone *), `end` (a lone address) or `other`."""

    line: int
    form: str
    source: str  # the line without what a log puts before it
    address: str = ""  # digits as printed
    groups: tuple[bytes, ...] = ()  # as printed: the first digits first
    digits: int = 0  # of the first group
    octal: bool = False
    text: str = ""  # the text column: "" without one, | or > for one in such bars, else "proved" by the bytes, or "unproved"
    order: str = ""  # the byte order that the text column or the alignment proves, "big" or "little"
    wide_gap: bool = False  # two spaces or more after the address
    lone_gap: bool = False  # and nowhere between the groups
    is_logged: bool = False  # the kernel's log stands before it

    @property
    def size(self) -> int:
        return sum(map(len, self.groups))

    @property
    def sure(self) -> bool:
        """Whether the first digits are an address beyond doubt: without a colon they could be a group."""
        odd_one = len(self.address) != self.digits
        shaped = odd_one and (self.wide_gap or len(self.address) > 5 or self.text != "")
        return self.form != "columns" or self.order != "" or self.lone_gap or shaped


def read_line(number: int, line: str) -> Row | None:
    """A line as a Row; None for one that is blank, a prompt or a tool's heading. Raises UsageError for half a row."""
    source, prompted = strip_prefix(line)
    if not source or HEADER.fullmatch(source):
        return None
    if source == "*":
        return Row(number, "fold", source)
    for name, shape in FORMS.items():
        if match := shape.head.match(source):
            return read_row(number, source, name, match, is_logged=LOGGED.match(line.strip()) is not None)
    if re.fullmatch(f"{H}{{6,16}}", source, re.IGNORECASE):
        return Row(number, "end", source, source)
    return None if prompted else Row(number, "other", source)


def is_row(line: str) -> bool:
    """Whether a line is beyond doubt a row of a dump as tools print it."""
    try:
        row = read_line(1, line)
    except UsageError:
        return False
    return row is not None and row.form in FORMS and row.size >= LEAST_ROW and row.sure


def strip_prefix(line: str) -> tuple[str, bool]:
    """The line without log prefixes and prompt, and whether there was a prompt."""
    source, prompted, at = line.strip(), False, 0
    while not PHYSICAL.match(source, at) and (match := PREFIX.match(source, at) or PROMPT.match(source, at)):
        prompted = prompted or match.re is PROMPT
        at = match.end()
    return source[at:], prompted


def read_row(number: int, source: str, name: str, match: re.Match[str], *, is_logged: bool) -> Row:
    body, address = source[match.end() :], match["address"].replace("`", "")
    try:
        digits, ends = read_digits(body, name)
        octal = name == "columns" and len(address) > 5 and all(map(is_octal, digits))
        groups = [read_octal(group) if octal else read_hex(group) for group in digits]
        count, order, text = split_text(body, groups, ends, gap=1 if name == "physical" else 2)
    except UsageError as error:
        if name == "columns":  # or it is plain hex, or no dump at all
            return Row(number, "other", source)
        raise UsageError(f"line {number}: {error}") from None
    wide_gap = re.match(r":?\s\s", source[match.end("address") :]) is not None
    lone_gap = wide_gap and count > 1 and "  " not in body[: ends[count - 1]].strip()
    if name == "colon" and not order:
        order = align(groups[:count], wide_gap, body[ends[count - 2] : ends[count - 1]] if count > 1 else "")
        if not order and not text and len(groups[0]) > 1 and is_logged:
            order = "little"
    return Row(number, name, source, address, tuple(groups[:count]), len(digits[0]), octal, text, order, wide_gap, lone_gap)


def read_bare(number: int, line: str) -> Row | None:
    """A row without an address, as print_hex_dump and `od -A n` print it: groups, and perhaps text. None if the line is none."""
    source, _ = strip_prefix(line)
    name = NAME.match(source)
    for body in (source, source[name.end() :] if name else ""):
        try:
            digits, ends = read_digits(body, "columns")
            groups = [read_hex(group) for group in digits]
            count, order, text = split_text(body, groups, ends)
        except UsageError:
            continue
        is_logged = LOGGED.match(line.strip()) is not None
        return Row(number, "bare", source, "", tuple(groups[:count]), len(digits[0]), text=text, order=order, is_logged=is_logged)
    return None


def read_digits(body: str, name: str) -> tuple[list[str], list[int]]:
    """The groups from the left, as long as they are of one width (the last can be shorter), and where each ends."""
    groups: list[str] = []
    ends: list[int] = []
    at = 0
    while match := FORMS[name].group.match(body, at):
        digits = match[1].lower().removeprefix("0x").replace("`", "")
        if groups and not fits(digits, groups, name):
            break
        at = match.end()
        groups.append(digits)
        ends.append(at)
    if not groups:
        raise UsageError(f"'{shorten(body)}' is memory that was not read" if body.startswith("??") else f"'{shorten(body)}' is not hex")
    if name != "colon" and len(groups[0]) // 2 not in WORDS and len(groups[0]) not in OCTAL:
        raise UsageError(f"'{shorten(groups[0])}' is not a word of 1, 2, 4 or 8 bytes")
    return groups, ends


def fits(digits: str, groups: list[str], name: str) -> bool:
    """Whether all groups are of one width; xxd and objdump can have a shorter one at the end."""
    short = name in ("colon", "columns") and len(digits) < len(groups[0]) and len(digits) % 2 == 0
    return len(groups[-1]) == len(groups[0]) and (short or len(digits) == len(groups[0]))


def is_octal(digits: str) -> bool:
    size = OCTAL.get(len(digits), 0)
    return size > 0 and re.fullmatch("[0-7]+", digits) is not None and int(digits, 8) >> 8 * size == 0


def read_octal(digits: str) -> bytes:
    return int(digits, 8).to_bytes(OCTAL[len(digits)], "big")


def read_hex(digits: str) -> bytes:
    if len(digits) % 2:
        raise UsageError(f"'{shorten(digits)}' has an odd number of hex digits")
    return bytes.fromhex(digits)


def split_text(body: str, groups: list[bytes], ends: list[int], gap: int = 2) -> tuple[int, str, str]:
    """How many groups stand before the text column, the byte order that it proves, and its kind.

    Text can look like hex (`dead beef`), so the column is where the text says what the groups before it say. `gap`: blanks before it.
    """
    if len(groups) <= MOST_TEXT_GROUPS:
        for count in range(len(groups), 0, -1):
            order = prove(body, groups[:count], ends[count - 1], gap)
            if order is not None:
                return count, order, "proved"
    rest = body[ends[-1] :]
    text = rest.strip()
    if not text or (text[0], text[-1]) in (("|", "|"), (">", "<")):
        return len(groups), "", text[:1]
    # Text in another character set proves nothing, but is as long as its bytes, spaces aside, and has nothing like a group.
    size, width = sum(map(len, groups)), len(groups[0]) * 2
    group = re.search(rf"(?<!\S){H}{{{width}}}(?!\S)", text, re.IGNORECASE)
    if rest[:gap].isspace() and size <= 2 * len(text) <= 2 * size and not group:
        return len(groups), "", "unproved"
    odd = re.match(rf"(?:{H}{H})*{H}(?!\S)", text, re.IGNORECASE)
    wrong = "has an odd number of hex digits" if odd else "is not hex of that width"
    raise UsageError(f"'{shorten(odd[0] if odd else text)}' after {shorten(body[: ends[-1]].strip(), 60)} {wrong}")


def align(groups: list[bytes], wide_gap: bool, last: str) -> str:
    """The byte order that the place of a short last group proves: xxd -e puts words to the right, xxd puts bytes to the left."""
    if len(groups) == 1:
        return "little" if wide_gap else ""
    if len(groups[-1]) == len(groups[0]):
        return ""
    return "little" if last.startswith("  ") else "big"


def prove(body: str, groups: list[bytes], end: int, gap: int) -> str | None:
    """The byte order in which the groups make the text after them: "" for either, None for neither."""
    text = body[end:].strip()
    if not body[end : end + gap].isspace() or not text:
        return None
    big = as_text(b"".join(groups)) == text
    little = as_text(b"".join(group[::-1] for group in groups)) == text
    return {(True, True): "", (True, False): "big", (False, True): "little"}.get((big, little))


def as_text(data: bytes) -> str:
    return data.translate(PRINTABLE).decode("ascii").strip()
