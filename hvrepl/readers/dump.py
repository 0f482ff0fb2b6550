"""Dump text or raw bytes → bytes, saying how they were read; an unreadable line is an error, and nothing is dropped silently."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hvrepl.errors import UsageError
from hvrepl.patterns import regex
from hvrepl.readers.dump_forms import Row, explain_no_hex, is_row, read_line
from hvrepl.readers.find_radix import find_radices, place
from hvrepl.readers.plain import Given, forced, read_plain, reverse_words
from hvrepl.readers.plain_text import clean, decode, is_nearly_ascii
from hvrepl.record import mutable, record
from hvrepl.wording import shorten

MOST_TEXT = 16 << 20  # characters of a dump in text: its lines take many times their size while they are read
MOST_FOLDED = 64 << 20  # bytes that lines of * may stand for
NO_TEXT = regex(rb"[\x00-\x08\x0e-\x1f\x7f]")
BARE_ROW = regex(r"\s*(?:[0-9a-f]{2}[\s,]+){7}", re.IGNORECASE)
WIDTH = 16  # bytes of a row of objdump
FIRST_LINES = 8  # a dump in text has a row among these
WORD_SIZES = (1, 2, 4, 8, 16)
SHORT = regex(r"\s*[0-9a-fA-F]{1,7}:")
LETTERS = {1: "b", 2: "h", 4: "w", 8: "g"}
WINDBG_LETTERS = {1: "b", 2: "w", 4: "d", 8: "q"}


@record(eq=True)
class Dump:
    """Bytes, how they were read, and the address of the first byte if the dump has one."""

    data: bytes
    how: str
    address: int | None


@mutable
class Run:
    """Consecutive rows of one form without a gap, each with its number of repetitions."""

    start: int
    rows: list[tuple[Row, int]]
    end: int
    trim: int = 0
    others: int = 0
    finished: bool = False

    @property
    def last(self) -> Row:
        return self.rows[-1][0]


def read_bytes(
    raw: bytes, word_size: int | None = None, most: int = MOST_TEXT, *, is_hex: bool = False, size: int | None = None
) -> list[Dump]:
    """The content of a file: a dump in text, or raw bytes if some of them cannot be text. Raises UsageError. Word sizes are for text."""
    text = decode(raw)
    if text is None:
        refuse_damaged(raw)
        return [Dump(raw, describe("raw binary", len(raw)), None)]
    if len(text) > most:
        raise UsageError(f"{len(text)} characters are too many for a dump in text; give raw bytes, or @FILE:ADDRESS of an image")
    return read_dump(text, word_size, is_hex=is_hex, size=size)


def refuse_damaged(raw: bytes) -> None:
    """Raise UsageError for a dump in text with bytes that are not text: read as raw binary, it would be misunderstood."""
    lines = raw.split(b"\n") if is_nearly_ascii(raw) else []
    first = (NO_TEXT.sub(b"", line).decode("latin-1") for line in lines[:FIRST_LINES])
    if not any(is_row(line) or BARE_ROW.match(line) for line in first):
        return
    for number, line in enumerate(lines, 1):
        if found := NO_TEXT.search(line):
            raise UsageError(f"line {number}: byte 0x{found[0].hex()} in a dump that is otherwise text")


def read_dump(text: str, word_size: int | None = None, *, is_hex: bool = False, size: int | None = None) -> list[Dump]:
    """The dumps in the text: a new one starts where the address jumps or restarts. Raises UsageError with the line and the fault.

    word_size: read each row as little-endian words of this many bytes, whatever its form; 1 takes bytes as they are.
    is_hex: read elements of lists without 0x as hex. size: the number of bytes that is expected; base64 must have exactly as many.
    """
    if word_size is not None and word_size not in WORD_SIZES:
        raise UsageError(f"a word has 1, 2, 4, 8 or 16 bytes, not {word_size}")
    text = clean(text)
    lines = list(read_rows(text))
    radices = find_radices(lines)
    if not radices:
        given = Given(word_size, is_hex=is_hex, size=size)
        return [Dump(data, describe(how, len(data), start=address or 0), address) for data, how, address in read_plain(text, given)]
    return [join(run, word_size, *radices[run.last.line]) for run in split(lines, radices)]


def read_rows(text: str) -> Iterator[Row]:
    """Each line that is not blank, a prompt or a heading."""
    width = 0
    for number, line in enumerate(text.split("\n"), 1):
        row = read_line(number, line, width)
        if row and row.form == "ruler":
            width = row.digits
        elif row:
            yield row


def describe(name: str, size: int, others: int = 0, start: int = 0) -> str:
    at = f" at {start:#x}" if start else ""
    around = f", {others} other line{'s'[: others != 1]} left out" if others else ""
    return f"read as {name}, {size} byte{'s'[: size != 1]}{at}{around}"


def split(lines: list[Row], radices: dict[int, tuple[int, str]]) -> list[Run]:
    """The rows as runs, with * filled in. Raises UsageError at the first line that does not fit."""
    runs: list[Run] = []
    fold: Row | None = None
    others: list[Row] = []
    filled = 0
    for row in lines:
        if row.form == "other" or (row.form == "end" and not (runs and runs[-1].last.form in ("columns", "boxed"))):
            others.append(check_other(row))
        elif row.form == "fold":
            if not runs or runs[-1].finished or fold is not None:
                raise UsageError(f"line {row.line}: * repeats the line before it, but there is none")
            fold = row
        else:
            radix, _ = radices[row.line]
            start = place(row, radix)
            if start is None:
                raise UsageError(f"line {row.line}: address {shorten(row.address)} is not in base {radix}, as the others are")
            if fold is not None:
                filled += unfold(runs[-1], row, start, fold)
                if filled > MOST_FOLDED:
                    repeated = f"* would repeat the line before it for {filled} bytes"
                    raise UsageError(f"line {fold.line}: {repeated}; at most {MOST_FOLDED} are filled in")
            add(runs, row, start, others)
            fold, others = None, []
    if fold is not None:
        raise UsageError(f"line {fold.line}: no line with an address follows the *, so nothing says how far it repeats")
    runs[-1].others += len(others)
    return runs


def check_other(row: Row) -> Row:
    """Accepts a line that is not a row, unless it looks like a damaged one."""
    words = row.source.split()
    hexes = sum(bool(re.fullmatch(r"(?:0x)?[0-9a-f]{2,64}[,:]?", word, re.IGNORECASE)) for word in words)
    if row.form == "other" and hexes > 1 and hexes * 2 >= len(words):
        raise UsageError(f"line {row.line}: {explain_no_hex(row.source) or no_row(row.source)}")
    return row


def no_row(source: str) -> str:
    return f"'{shorten(source)}' is not a row of a dump that can be read"


def unfold(run: Run, row: Row, start: int, fold: Row) -> int:
    """Repeat the last row up to the address of this one; returns the number of bytes."""
    missing, width = start - run.end, run.last.size
    if missing < 0 or missing % width or row.form not in ("end", run.last.form):
        raise UsageError(f"line {fold.line}: * cannot repeat {width} bytes from 0x{run.end:x} to 0x{start:x}, where line {row.line} starts")
    if missing <= MOST_FOLDED:
        run.rows.append((run.last, missing // width))
        run.end = start
    return missing


def add(runs: list[Run], row: Row, start: int, others: list[Row]) -> None:
    """Append the row if it continues the run, or begin a new run if its address jumps."""
    run = runs[-1] if runs else None
    if row.form == "end":
        finish(runs[-1], row, start)
    elif run is None or run.finished or run.last.form != row.form:
        runs.append(Run(start, [(row, 1)], start + row.size, others=len(others)))
    elif start == run.end:
        if others:
            raise UsageError(f"line {others[0].line}: '{shorten(others[0].source)}' is in the middle of a dump but is not a row of it")
        check_width(run, row)
        run.rows.append((row, 1))
        run.end += row.size
    else:
        check_jump(run, row, start, others)
        runs.append(Run(start, [(row, 1)], start + row.size, others=len(others)))


def finish(run: Run, row: Row, start: int) -> None:
    """Handles the address after the last byte: cuts off the padding of the last word."""
    excess = run.end - start
    if run.finished or not 0 <= excess < len(run.last.groups[0]):
        raise UsageError(f"line {row.line}: the dump ends at 0x{run.end:x}, but this line says 0x{start:x}")
    run.trim, run.finished = excess, True


def check_width(run: Run, row: Row) -> None:
    """Refuses rows that are too long: hex-like text would pass for groups if the text column proves nothing."""
    first = run.rows[0][0]
    if row.digits != first.digits and row.size >= first.size:
        raise UsageError(f"line {row.line}: has groups of {row.digits} digits; the lines before it have groups of {first.digits}")
    if row.digits == first.digits and len(row.groups[0]) != len(first.groups[0]):
        raise UsageError(f"line {row.line}: its groups are in a different base from those of the lines before it")
    if row.size > first.size and (row.text == "unproved" or (first.text and not row.text)):
        raise UsageError(f"line {row.line}: has {row.size} bytes; the lines before it have {first.size}")


def check_jump(run: Run, row: Row, start: int, others: list[Row]) -> None:
    """A jump begins another dump, unless a short, long or lost row explains it: then the dump is damaged."""
    begin = run.end - run.last.size
    width = max(run.rows[0][0].size, row.size)
    if begin < start < run.end or (start == begin + width and run.last.size < width):
        line = run.last.line
        raise UsageError(f"line {line}: has {run.last.size} bytes, but line {row.line} starts {start - begin} after it")
    if others and run.end < start <= run.end + width * len(others):
        raise UsageError(f"line {others[0].line}: '{shorten(others[0].source)}' is in the middle of a dump but is not a row of it")


def join(run: Run, word_size: int | None, radix: int, taken: str) -> Dump:
    first = run.rows[0][0]
    order = find_order(run, is_given=word_size is not None)
    if order == "little" and not word_size:
        check_cut(run)
    data = b"".join(row_bytes(row, order, word_size) * times for row, times in run.rows)
    data = data[: len(data) - run.trim]
    name = find_name(first, order, radix) + taken
    return Dump(data, describe(forced(name, word_size), len(data), run.others, run.start), run.start)


def check_cut(run: Run) -> None:
    """Raise UsageError for a word with fewer digits than others: it lacks its lowest bytes, unless a text column shows them.

    Only the kernel's dumps end in single bytes.
    """
    first = run.rows[0][0]
    for row, _ in run.rows:
        if not row.text and (len(row.groups[-1]) < len(row.groups[0]) or (row.digits != first.digits and not ends_in_bytes(row))):
            raise UsageError(f"line {row.line}: '{shorten(row.source[-20:])}' at its end is a truncated word")


def ends_in_bytes(row: Row) -> bool:
    return row.digits == 2 and row.form in ("kernel", "colon")


def row_bytes(row: Row, order: str, word_size: int | None) -> bytes:
    if word_size:
        return reverse_words(b"".join(row.groups), word_size, row.line)
    return b"".join(row.groups if order == "big" else [group[::-1] for group in row.groups])


def find_order(run: Run, *, is_given: bool) -> str:
    """Memory words are little-endian, as on x64 and arm64, unless the text column proves another order.

    Raises UsageError if the order is unknown, unless the word size is given.
    """
    first = run.rows[0][0]
    proved = {row.order for row, _ in run.rows if row.order}
    if len(proved) == 2 and not is_given:
        other = next(row for row, _ in run.rows if row.order not in ("", first.order or "big"))
        raise UsageError(f"line {other.line}: the text after the words shows a different byte order from the other lines")
    if proved:
        return proved.pop()
    size = len(first.groups[0])
    if size == 1:
        return "big"
    if first.form == "colon":
        return find_colon_order(run, first, size, is_given=is_given)
    if first.form == "prefixed":  # radare2's px has pairs of bytes after two blanks
        return "big" if first.text and first.wide_gap and size == 2 else "little"
    if first.form == "columns":
        is_near = first.text_gap <= 2 or first.size < WIDTH  # objdump pads a short row with blanks
        return "big" if first.text in ("proved", "unproved") and not first.wide_gap and is_near else "little"
    return "big" if first.form == "boxed" else "little"


def find_colon_order(run: Run, first: Row, size: int, *, is_given: bool) -> str:
    """Pairs of bytes are xxd's; words without text are the kernel's; words far from their text are U-Boot's or xxd -e's.

    In a file, other words are xxd -g's; in memory they may also be U-Boot's: UsageError.
    """
    if size == 2:
        return "big"
    if not first.text or (first.text_gap > 2 and len(run.rows) > 1):
        return "little"
    if run.start and not is_given and any(group != group[::-1] for row, _ in run.rows for group in row.groups):
        raise UsageError(
            f"line {first.line}: nothing shows the byte order of these words of {size} bytes; "
            f"use --words 1 for bytes as printed (xxd -g), or --words {size} for little-endian words (U-Boot)"
        )
    return "big"


def find_name(row: Row, order: str, radix: int) -> str:
    """The tool and its option, by the names that people know."""
    size = len(row.groups[0])
    unit = "bytes" if size == 1 or order == "big" else "words"
    names = {
        "gdb": f"gdb x/{LETTERS.get(size, '')}x",
        "qemu": f"QEMU xp/{LETTERS.get(size, '')}x",
        "windbg": f"WinDbg d{WINDBG_LETTERS.get(size, 'p')}",
        "physical": f"WinDbg !d{WINDBG_LETTERS.get(size, 'p')}",
        "crash": "crash rd" if size == 8 else f"crash rd -{8 * size}",
        "gef": "GEF hexdump",
        "colon": name_colon(row, order, size),
        "prefixed": "hex dump",
        "worded": "radare2 px",
        "boxed": "hexyl",
        "segment": "hex dump",
        "kernel": "kernel hex dump",
        "columns": name_columns(row, order, radix, size),
    }
    return f"{names[row.form]} {unit}"


def name_colon(row: Row, order: str, size: int) -> str:
    if size == 1:
        return "hex dump"
    if order == "big":
        return "xxd"
    if row.text and SHORT.match(row.source):
        return "crash rd"  # at a low address; with eight digits or more it has another form
    return "xxd -e" if row.text else "kernel hex dump"


def name_columns(row: Row, order: str, radix: int, size: int) -> str:
    if row.octal:
        return "od octal"
    if "`" in row.source:
        return f"WinDbg !d{WINDBG_LETTERS.get(size, 'p')}"
    if row.text == "|":
        return "hexdump -C"
    if order == "big" and size > 1:
        return "objdump -s"
    if row.wide_gap:
        return "hex dump"
    return "hexdump" if size == 2 and radix == 16 else f"od -t x{size}"
