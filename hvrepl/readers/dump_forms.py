"""One line of a dump → its address and its groups, whichever tool printed it. Lines are not combined here."""

from __future__ import annotations

import re
from itertools import pairwise, takewhile

from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.text_column import shows, split_ruled, split_text
from hvrepl.record import record
from hvrepl.wording import shorten

H = "[0-9a-f]"

# Prefixes of logs, mails and consoles.
PREFIX = regex(
    r"""(?: <\d{1,3}>
          | \[\s*\d+\.\d+\]:?                                   # [    0.000000]
          | \[\w{3}\s\w{3}\s+\d+\s\d\d:\d\d:\d\d\s\d{4}\]           # [Sun Nov 22 10:00:00 2026]
          | \[\s*[TC]\d+\]                                      # [    T1]
          | \[\d\d:\d\d:\d\d[^\]]*\] (?: \[[^\]]*\])*           # [07:50:35.023][Moby           ][Info   ]
          | \w{3}\s+\d+\s\d\d:\d\d:\d\d\s.{0,80}?\bkernel:
          | \d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d\S*(?=\s) (?: .{0,80}?\bkernel: )?
          | \(XEN\)
          | (?:>|//)(?=\s)
          # print_hex_dump's name for it, which is neither an address nor a damaged one
          | (?!0x|[0-9a-f]+h:|[0-9a-f]*[g-z][0-9a-f]*:(?<=\w{8}:))(?=[\w.-]*[g-z_])[\w.-]+:(?=\s+(?:[0-9a-f]{2,16}(?:\s|$)|\*$))
        )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
PROMPT = regex(r"(?:crash>|\((?:gdb|lldb|qemu)\)|(?:\d+: )?l?kd>|\d+:\d{3}>|[\w@~:./-]*[$#](?=\s|$)|PS [^>]*>)\s*")
PHYSICAL = regex(rf"#\s*{H}{{1,16}}\s+(?:{H}{{8}}`{H}{{8}}|{H}{{8}}|{H}{{4}}|{H}{{2}})(?=[\s-]|$)", re.IGNORECASE)  # !dq, not a root prompt
LOGGED = regex(r"(?:<\d{1,3}>)?\[\s*\d+\.\d+\]|\[\w{3} \w{3} |.{0,120}?\bkernel: ")  # the kernel's own messages
NAME = regex(
    rf"(?:[^:]{{0,60}}[g-z_][^:]{{0,60}}:|[\w.-]{{0,60}}[g-z_][\w.-]{{0,60}})\s{{1,9}}(?={H}{{2}})", re.IGNORECASE
)  # a name given to print_hex_dump, in any form
HEADER = regex(r".*:\s+file format \S+|Contents of section .*|```\w*|(?=.*[-\u2500\u2550]{4})[-+=|\s\u2500-\u257f]+")
FOLD = regex(r"\*|\.\.\. \u2193.*")  # an arrow comes with the number of omitted rows
BOX = str.maketrans("\u2502\u2503\u2551\u250a\u2506\u00a0", "||||| ")
SYMBOL = r"\s+(?:\S*!.+|[a-z_][\w.]*\+0x[0-9a-f]+)"  # a debugger's name for an address
ARROW = r"\s+[\u2190\u2192\u25c2].*"


@record
class Form:
    """A tool's form of a line: `head` is everything before the first group, with the address; `group` a group; `tail` can follow the last.

    `note` can follow a lone group. `gap`: blanks before the text column. `certain`: what distinguishes the address from a group: "form" if
    no other line looks like this, "mark" if a mark before the address does, provided more follows it, or "" if only its digits can.
    """

    head: re.Pattern[str]
    group: re.Pattern[str]
    tail: re.Pattern[str] | None = None
    note: re.Pattern[str] | None = None
    gap: int = 2
    certain: str = "form"


def form(head: str, group: str = f"{H}+", tail: str = "", note: str = "", *, gap: int = 2, certain: str = "form") -> Form:
    scan = rf"(?:^|\s+|-)({group})(?=[\s}}-]|$)"
    after, said = (regex(pattern, re.IGNORECASE) if pattern else None for pattern in (tail, note))
    return Form(regex(head, re.IGNORECASE), regex(scan, re.IGNORECASE), after, said, gap, certain)


# Tried in this order.
FORMS: dict[str, Form] = {
    "gdb": form(rf"0x(?P<address>{H}{{1,16}})(?:\s+<.*?>)?:\s+\{{?(?=0x)", f"0x{H}+", r"\s*\}"),
    "qemu": form(rf"(?P<address>{H}{{8,16}}):\s+(?=0x)", f"0x{H}+"),
    "gef": form(rf"0x(?P<address>{H}{{8,16}})\|\+0x{H}{{4,16}}:?\s+(?:<.*?>\s+)?(?=0x)", f"0x{H}+", note=ARROW),
    "windbg": form(rf"(?P<address>{H}{{8}}`{H}{{8}})\s+(?=[0-9a-f?])", f"{H}{{8}}`{H}{{8}}|{H}+", note=SYMBOL),
    "physical": form(rf"#\s*(?P<address>{H}{{1,16}})\s+(?={H})", f"{H}{{8}}`{H}{{8}}|{H}+", gap=1),
    "crash": form(rf"(?P<address>{H}{{8,16}}):[ ]{{2}}(?={H})"),  # xxd -e puts more spaces in front of a short word
    # VirtualBox puts % in front, 010 Editor h after it, J-Link =.
    "colon": form(rf"%{{0,2}}(?:0x)?(?P<address>{H}{{4,16}})(?:h?:[ \t]|[ ]=[ ])(?=\s*{H}{{2}})"),
    # pwndbg puts an offset in front; kdb, volshell, radare2, GEF and Visual Studio have no colon.
    "prefixed": form(rf"(?:\+{H}{{4,16}}\s+)?0x(?P<address>{H}{{4,16}})\s+(?:<.*?>\s+)?(?={H}{{2}})", certain="mark"),
    "worded": form(rf"0x(?P<address>{H}{{8,16}})\s\s+(?=0x)", f"0x{H}+", certain=""),  # radare2's pxw and pxq
    "boxed": form(rf"(?P<address>{H}{{4,16}})\|\s+(?={H})"),
    "kernel": form(  # after the prefix given to print_hex_dump, which does not contain groups
        rf"\S(?:(?!(?<!\w){H}{{2,16}}[\s-]+{H}{{2,16}}(?!\S)).)*?[\s:](?P<address>{H}{{8,16}}):[ ](?={H}{{2}})"
    ),
    # The segment or space in IDA, DOS and TRACE32.
    "segment": form(rf"(?:[\w.$@?-]{{1,80}}:){{1,3}}(?P<address>{H}{{4,16}})(?:\s*\|[\s>]?|\s)\s*(?={H}{{2}})", gap=1, certain="mark"),
    # WinDbg's !dq has no backtick in the address.
    "columns": form(rf"(?P<address>{H}{{4,16}})\s+(?={H})", f"{H}{{8}}`{H}{{8}}|{H}+", note=SYMBOL, certain=""),
}
# Digits of a group in od's octal output → its bytes.
OCTAL = {3: 1, 6: 2, 11: 4, 22: 8}
WORDS = (1, 2, 4, 8)
LONGEST_EXPLAINED = 200  # characters of a line
LEAST_RULER = 4  # columns
LEAST_ROW = 8  # bytes of a row that is certainly one


@record
class Row:
    """A line: its form is one of FORMS, or `fold` (a lone *), `end` (a lone address), `ruler` or `other`."""

    line: int
    form: str
    source: str  # the line without a log's prefix
    address: str = ""  # its digits as printed
    groups: tuple[bytes, ...] = ()  # as printed, the first digits first
    digits: int = 0  # of the first group
    octal: bool = False
    text: str = ""  # the text column: "" without one, its first bar if it has bars, otherwise "proved" by the bytes or "unproved"
    text_gap: int = 0  # blanks before it
    order: str = ""  # the byte order that the text column or the alignment proves, "big" or "little"
    wide_gap: bool = False  # two spaces or more after the address
    lone_gap: bool = False  # only there, and not between the groups
    is_logged: bool = False  # it has the prefix of a kernel log

    @property
    def size(self) -> int:
        return sum(map(len, self.groups))

    @property
    def sure(self) -> bool:
        """Whether the first digits are certainly an address: without a colon they could be a group."""
        odd_one = len(self.address) != self.digits
        shaped = odd_one and (self.wide_gap or len(self.address) > 5 or self.text != "")
        certain = FORMS[self.form].certain
        marked = certain == "mark" and (self.text != "" or len(self.groups) > 1)
        return certain == "form" or marked or self.order != "" or self.lone_gap or shaped


def read_line(number: int, line: str, width: int = 0) -> Row | None:
    """A line as a Row; None if it is blank, a prompt or a tool's heading. Raises UsageError for a damaged row.

    `width`: bytes per row, if a ruler above it gives them, otherwise 0.
    """
    source, prompted = strip_prefix(line)
    if not source or HEADER.fullmatch(source):
        return None
    if source[0] == "|":
        source = unbox(source)
    if FOLD.fullmatch(source):
        return Row(number, "fold", source)
    for name, shape in FORMS.items():
        if match := shape.head.match(source):
            return read_row(number, source, name, match, width, is_logged=LOGGED.match(line.strip()) is not None)
    if re.fullmatch(f"{H}{{6,16}}", source, re.IGNORECASE):
        return Row(number, "end", source, source)
    if width := read_ruler(source):
        return Row(number, "ruler", source, digits=width)
    return None if prompted else Row(number, "other", source)


def unbox(source: str) -> str:
    """The row in a box, `|00000000| 10 00 | 00 80 |..|..|`: cells as wide as the first contain groups, the others text."""
    _, *cells = source.rstrip().removesuffix("|").split("|")
    if len(cells) < 2:
        return source
    address, *cells = cells
    width = next((at for at, cell in enumerate(cells) if len(cell) != len(cells[0])), len(cells))
    hexes = " ".join(cells[:width])
    return f"{address.strip()}|{hexes.rstrip()}  |{'|'.join(cells[width:])}|" if hexes.strip() else address.strip()


def read_ruler(source: str) -> int:
    """The bytes per row by the offsets above its columns, `00 01 02 ...`, `0 4 8 C` or `0001 0203`; 0 if the line is not a ruler."""
    words = re.split(r"[^\w()]+|_+", source)
    start = next((at for at, word in enumerate(words) if re.fullmatch(f"{H}{{1,4}}", word, re.IGNORECASE)), len(words))
    if start == len(words) or any(map(re.compile("[0-9]").search, words[:start])):
        return 0
    width = len(words[start])
    column = f"{H}{{{width}}}" if width > 1 else f"{H}{{1,2}}"
    run = list(takewhile(lambda word: re.fullmatch(column, word, re.IGNORECASE), words[start:]))
    joined = "".join(run)
    places = [int(joined[at : at + 2], 16) for at in range(0, len(joined), 2)] if width == 4 else [int(word, 16) for word in run]
    if len(places) < LEAST_RULER:
        return 0
    step = (places[1] - places[0]) % 16
    follows = all((after - before) % 16 == step for before, after in pairwise(places))
    return step * len(places) if step in WORDS and follows and (step == 1 or places[0] == 0) else 0


def is_row(line: str) -> bool:
    """Whether a line is certainly a row of a tool's dump."""
    try:
        row = read_line(1, line)
    except UsageError:
        return False
    return row is not None and row.form in FORMS and row.size >= LEAST_ROW and row.sure


def is_above(line: str) -> bool:
    """Whether a line is one that tools print above a dump: a box, a ruler, or a heading of known form."""
    source, prompted = strip_prefix(line)
    return not prompted and bool(HEADER.fullmatch(source) or read_ruler(source))


def strip_prefix(line: str) -> tuple[str, bool]:
    """The line without log prefixes and prompt, and whether there was a prompt."""
    source, prompted, at = (line if line.isascii() else line.translate(BOX)).strip(), False, 0
    while not PHYSICAL.match(source, at):
        prefix = PREFIX.match(source, at)
        match = prefix or PROMPT.match(source, at)
        if match is None:
            break
        prompted = prompted or prefix is None
        at = match.end()
    return source[at:], prompted


def read_row(number: int, source: str, name: str, match: re.Match[str], width: int, *, is_logged: bool) -> Row:
    body, address = source[match.end() :], match["address"].replace("`", "")
    shape = FORMS[name]
    try:
        digits, ends = read_digits(body, name)
        octal = name == "columns" and len(address) > 5 and all(map(is_octal, digits))
        groups = [read_octal(group) if octal else read_hex(group) for group in digits]
        if bits := read_bits(body, digits, ends):
            groups, count, order, text = bits, len(bits), "", "proved"
        elif is_note(shape, body[ends[-1] :], len(groups)):
            count, order, text = len(groups), "", ""
        elif width:
            count, order, text = split_ruled(body, groups, ends, width)
        else:
            count, order, text = split_text(body, groups, ends, shape.gap)
    except UsageError as error:
        if shape.certain != "form":  # it may be plain hex, or not a dump at all
            return Row(number, "other", source)
        raise UsageError(f"line {number}: {explain_no_hex(source) or error}") from None
    rest = body[ends[count - 1] :]
    wide_gap = re.match(r":?\s\s", source[match.end("address") :]) is not None
    lone_gap = wide_gap and count > 1 and "  " not in body[: ends[count - 1]].strip()
    if name == "colon" and not order:
        if text or len(groups[0]) <= 2:  # xxd always prints text; without it, words are truncated
            order = align(groups[:count], wide_gap, body[ends[count - 2] : ends[count - 1]] if count > 1 else "")
        if not order and not text and len(groups[0]) > 1 and is_logged:
            order = "little"
    return Row(
        number,
        name,
        source,
        address,
        tuple(groups[:count]),
        digits=len(digits[0]),
        octal=octal,
        text=text,
        text_gap=len(rest) - len(rest.lstrip()),
        order=order,
        wide_gap=wide_gap,
        lone_gap=lone_gap,
    )


def is_note(shape: Form, rest: str, count: int) -> bool:
    """Whether the text after the groups is neither a group nor a text column, but the tool's remark."""
    return (shape.tail is not None and shape.tail.fullmatch(rest) is not None) or (
        shape.note is not None and count == 1 and shape.note.fullmatch(rest) is not None
    )


def read_bits(body: str, digits: list[str], ends: list[int]) -> list[bytes]:
    """The bytes of binary groups, as xxd -b and WinDbg's dyb print them; empty unless text or hex after them confirms it."""
    bits = list(takewhile(lambda group: len(group) == 8 and not group.strip("01"), digits))
    if not bits:
        return []
    groups = [int(group, 2).to_bytes(1, "big") for group in bits]
    data, rest = b"".join(groups), body[ends[len(bits) - 1] :].strip()
    return groups if rest.replace(" ", "").lower() == data.hex() or shows(data, rest) else []


def read_bare(number: int, line: str) -> Row | None:
    """A row without an address, as print_hex_dump and `od -A n` print it: groups, possibly with text. None for another line."""
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


# Why it is not hex → how such lines look.
NO_HEX = {
    "are characters, as od -c and hexdump -c print them; print the bytes in hex, such as with od -t x1": regex(
        r"(?:\S+\s+)?(?:(?:\S|[0-3][0-7]{2}|\\[0abefnrtv])\s+){0,40}\\[0abefnrtv](?:\s.*)?"
    ),
    "are names of characters, as od -a prints them; print the bytes in hex, such as with od -t x1": regex(
        r"(?:\S+\s+)?(?:(?:\S|[a-z][a-z0-9]{1,2})\s+){0,40}(?:nul|soh|stx|etx|dle|dc1|sp)(?:\s.*)?"
    ),
    "are decimal numbers; print them in hex, such as with od -t x8, crash rd -64 or gdb x/gx": regex(
        r"(?:\S+\s+)?(?=(?:-?\d+[\s,]+)*(?:-|\d[\s,]|\d{3}[\s,]|\d{5}[\s,]|\d{9,15}[\s,]))-?\d+(?:[\s,]+-?\d+)+(?:\s\s.*)?,?"
    ),
}


def explain_no_hex(source: str) -> str:
    """The content of a line that is not a row instead of hex; "" if unknown."""
    words = next((words for words, pattern in NO_HEX.items() if pattern.fullmatch(source[:LONGEST_EXPLAINED] + " ")), "")
    return f"'{shorten(source)}' {words}" if words else ""


def read_digits(body: str, name: str) -> tuple[list[str], list[int]]:
    """The groups from the left while they have the same width (the last can be shorter), and the end of each."""
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
    """Whether a group has the same width as those before it; the last one of xxd and objdump can be shorter."""
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


def align(groups: list[bytes], wide_gap: bool, last: str) -> str:
    """The byte order that the position of a short last group proves: xxd -e aligns words right, xxd aligns bytes left."""
    if len(groups) == 1:
        return "little" if wide_gap else ""
    if len(groups[-1]) == len(groups[0]):
        return ""
    return "little" if last.startswith("  ") else "big"
