"""Rows of dumps → the radix in which their addresses are consecutive: hex, octal or decimal. Tools do not print it."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.digits import to_int
from hvrepl.readers.dump_forms import FORMS, Row

RADICES = {16: "hex", 8: "octal", 10: "decimal"}


def find_radices(lines: list[Row]) -> dict[int, tuple[int, str]]:
    """Line of each row → (radix of its address, a phrase if another fits as well); empty if there are no addresses."""
    radices: dict[int, tuple[int, str]] = {}
    found = 0
    for rows in sections(lines):
        best, steps, words = find_radix(rows)
        found += steps
        radices |= {row.line: (best, words) for row in rows}
    # Groups of plain hex can be consecutive by chance.
    dumped = [row for row in lines if row.form in FORMS]
    return radices if any(row.sure for row in dumped) or (found and found * 2 >= len(dumped) - 1) else {}


def sections(lines: list[Row]) -> Iterator[list[Row]]:
    """Rows of one form whose addresses ascend: two dumps in one paste can have addresses of different radices."""
    rows: list[Row] = []
    last = None
    for row in lines:
        if row.form == "other":
            continue
        starts = row.form in FORMS and last is not None and (row.form != last.form or order_of(row) <= order_of(last))
        if rows and (starts or rows[-1].form == "end"):
            yield rows
            rows = []
        rows.append(row)
        last = row if row.form in FORMS else last
    if rows:
        yield rows


def order_of(row: Row) -> tuple[int, str]:
    """A key that ascends with the address in any radix."""
    return len(row.address), row.address


def find_radix(rows: list[Row]) -> tuple[int, int, str]:
    """(radix in which most rows are consecutive, their number, a phrase if another radix fits as well).

    After rows omitted with *, `0001000` can be the end in any radix.
    """
    first = next((row for row in rows if row.form in FORMS), rows[0])
    if first.form not in ("columns", "colon"):
        return 16, sum(follows(rows, 16)), ""
    # od prints 7 octal digits, or 6 hex ones; hexdump prints hex ones, with words of 2 bytes or two spaces.
    od = len(first.address) == 7 and not first.wide_gap and (first.octal or first.digits != 4)
    tried = (16, 10) if first.form == "colon" else (8, 16, 10) if od else (16, 8, 10)  # xxd -d has decimal ones
    steps = {radix: sum(follows(rows, radix)) for radix in tried}
    best = max(steps, key=lambda radix: steps[radix])
    ends = {place(rows[-1], radix) for radix in steps if steps[radix] == steps[best]}
    return best, steps[best], f" with {RADICES[best]} addresses" if steps[best] and len(ends) > 1 else ""


def follows(rows: list[Row], radix: int) -> Iterator[bool]:
    """For each row but the first, whether its address is the end of the row before it."""
    before, width, folded = None, 1, False
    for row in rows:
        if row.form == "fold":
            folded = True
            continue
        address = place(row, radix)
        if before is not None and address is not None:
            ahead = address - before
            yield (ahead > 0 and ahead % width == 0) if folded else ahead == 0 or (row.form == "end" and -8 < ahead < 0)
        before = None if address is None or row.form == "end" else address + row.size
        width, folded = row.size, False


def place(row: Row, radix: int) -> int | None:
    try:
        return to_int(row.address, radix)
    except ValueError:
        return None
