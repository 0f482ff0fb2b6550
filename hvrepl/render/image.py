"""`scan --info` for an image: its format, its memory, what was left out, and its faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from hvrepl.codec.decoded import Finding, dump, quote_json
from hvrepl.errors import FileError, HvreplError
from hvrepl.hints import Any
from hvrepl.readers.images.memory import NO_END, Memory
from hvrepl.readers.images.ranges import Range, join_neighbours
from hvrepl.record import mutable, record
from hvrepl.render.formats import RENDERERS, Item
from hvrepl.render.listing import Listing, render_listing
from hvrepl.render.style import Style, align, loud_lines, paint_text, titled, wrap
from hvrepl.wording import count_of, printable

SHOWN = 8  # ranges that are shown to people; an image can have millions
UNKNOWN = "unknown until unpacked"
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
HEADERS = ("file", "format", "arch", "size", "ranges", "missing", "kernel", "findings")


@mutable
class Image:
    """An open image. Its ranges are read once, which may show further faults; `line` is the line of the script.

    `state` yields what was saved of its guest in addition to memory.
    """

    path: str
    memory: Memory
    state: Callable[[], Iterator[Item]] | None = None
    line: int | None = None
    fault: str = ""  # of its ranges

    def ranges(self) -> Iterator[Range]:
        """In ascending order, neighbours as one."""
        try:
            yield from join_neighbours(self.memory.ranges())
        except FileError as error:
            self.fault = str(error).removeprefix(f"{self.path}: ")

    def findings(self) -> list[Finding]:
        """The faults that opening it and reading its ranges have shown so far."""
        return [Finding("damaged", "", text) for text in dict.fromkeys((self.memory.fault, self.fault)) if text]


@record
class Survey:
    """Facts about an image after reading its ranges: the first of them, their number, and the end of the last.

    `size` is the sum of all, None if their end is still unknown.
    """

    image: Image
    first: list[Range]
    count: int
    end: int
    size: int | None
    findings: list[Finding]


def render_images(images: Iterable[Image | Item], form: str, style: Style, *, several: bool) -> Iterator[str]:
    """The images in a format; an Item among them is an ndjson object. `several`: a JSON array, even if only one is left."""
    if form == "json":
        yield from json_document((image for image in images if isinstance(image, Image)), style, several=several)
    elif form == "ndjson":
        for one in images:
            yield from (dump(one.to_dict()),) if isinstance(one, Item) else write_object(to_table(one))
            yield "\n"
    elif form in ("fields", "bits"):
        between = ""
        for image in images:
            if isinstance(image, Image):
                yield between + "".join(f"{line}\n" for line in screen(survey(image), style))
                between = "\n"
                if image.state:
                    yield between
                    yield from RENDERERS[form](image.state(), style)
    else:
        yield from rows(images, form, style)


def rows(images: Iterable[Image | Item], form: str, style: Style) -> Iterator[str]:
    """A row per image, or for tabulate a row per fact; an error comes after everything before it."""
    surveys: list[Survey] = []
    failed = None
    try:
        surveys += (survey(image) for image in images if isinstance(image, Image))
    except HvreplError as error:
        failed = error
    if form == "csv":
        yield from render_listing(Listing(HEADERS, [csv_cells(one) for one in surveys], []), form, style) if surveys else ()
    elif form == "table":
        found = [(printable(one.image.path), *row) for one in surveys for row in table_rows(one)]
        yield from render_listing(Listing(("file", "name", "value"), found, []), form, style) if found else ()
    else:
        yield from (f"{one_line(one)}\n" for one in surveys)
    if failed:
        raise failed


def to_table(image: Image) -> dict[str, Any]:
    """The JSON object. Its ranges and then its findings are iterators, evaluated as they are written."""
    said = image.memory.facts
    table = {
        "format": said.format,
        "arch": said.arch,
        "size": image.memory.size,
        "ranges": ({"address": f"{one.address:#x}", "size": None if one.end == NO_END else one.size} for one in image.ranges()),
        "missing": said.missing,
        "kernel": said.kernel,
        "findings": (finding.to_dict() for finding in later(image.findings)),
        "file": image.path,
    }
    if image.state:
        table["state"] = (item.to_dict() for item in image.state())
    return table if image.line is None else {"line": image.line} | table


def later(make: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    yield from make()


def json_document(images: Iterable[Image], style: Style, *, several: bool) -> Iterator[str]:
    """An object, or an array of several, which is complete even if an error ends it."""
    started, failed = False, None
    try:
        for image in images:
            yield ",\n" if started else "[" if several else ""
            started = True
            yield from write_object(to_table(image), "\n" if style.is_terminal else "")
    except HvreplError as error:
        failed = error
    if started:
        yield "]\n" if several else "\n"
    if failed:
        raise failed


def write_object(table: Mapping[str, Any], newline: str = "") -> Iterator[str]:
    """A JSON object in pieces: a value that is an iterator becomes an array, written element by element.

    With a newline, each key and each element of such an array is on its own line.
    """
    indent, gap = ("  ", " ") if newline else ("", "")
    before = "{" + newline
    for key, value in table.items():
        yield f"{before}{indent}{quote_json(key)}:{gap}"
        before = "," + newline
        if isinstance(value, Iterator):
            yield from write_array(value, newline, indent)
        else:
            yield dump(value)
    yield f"{newline}}}"


def write_array(values: Iterator[Any], newline: str, indent: str) -> Iterator[str]:
    before, end = "[" + newline, ""
    for value in values:
        yield f"{before}{indent * 2}{dump(value)}"
        before, end = "," + newline, f"{newline}{indent}]"
    yield end or "[]"


def survey(image: Image) -> Survey:
    """An image and all its ranges, of which only the first are kept."""
    ranges = image.ranges()
    first = list(islice(ranges, SHOWN))
    count, end, size = len(first), first[-1].end if first else 0, sum(one.size for one in first)
    for one in ranges:
        count, end, size = count + 1, one.end, size + one.size
    known = size if image.memory.size is None and end != NO_END else image.memory.size
    return Survey(image, first, count, end, known, image.findings())


def screen(one: Survey, style: Style) -> Iterator[str]:
    """The report for people."""
    *before, name = wrap(printable(one.image.path), style.width)
    yield from (style.paint("name", line) for line in before)
    yield from titled(name, one.image.memory.facts.format, style)
    yield from align(facts(one)[1:], style, ("dim", "meaning"))
    yield from align(list(range_rows(one)), style, ("number", "meaning"), indent=" " * 4)
    if one.count > len(one.first):
        yield from (paint_text(line, style, "dim") for line in wrap(f"and {say_more(one)}", style.width, " " * 4, " " * 6))
    for finding in one.findings:
        yield from loud_lines(finding.text, style)


def facts(one: Survey) -> list[tuple[str, str]]:
    said = one.image.memory.facts
    found = [("format", said.format), ("arch", said.arch), ("kernel", said.kernel), ("lacks", said.missing), ("note", said.remark)]
    found.append(("memory", say_memory(one)))
    return [(name, printable(text)) for name, text in found if text]


def say_memory(one: Survey) -> str:
    size = one.size
    where = f" in {count_of(one.count, 'range')}" if one.count else ""
    return (UNKNOWN if size is None else say_size(size, exact=True)) + where


def range_rows(one: Survey) -> Iterator[tuple[str, str]]:
    """(first and last address, size) of each range in the report."""
    for held in one.first:
        if held.end == NO_END:
            yield f"{held.address:#x}-", "to its end"
        else:
            yield f"{held.address:#x}-{held.end - 1:#x}", say_size(held.size)


def table_rows(one: Survey) -> Iterator[tuple[str, str]]:
    yield from facts(one)
    yield from (("range", f"{where}  {size}") for where, size in range_rows(one))
    if one.count > len(one.first):
        yield "range", say_more(one)
    yield from (("!", finding.text) for finding in one.findings)


def say_more(one: Survey) -> str:
    return f"{one.count - len(one.first):,} more, the last up to {one.end - 1:#x}"


def say_size(size: int, *, exact: bool = False) -> str:
    """640 KiB, 3.9 GiB; `exact` also in bytes."""
    unit, value = 0, float(size)
    while value >= 1024 and unit < len(UNITS) - 1:
        unit, value = unit + 1, value / 1024
    rounded = f"{value:.1f}".removesuffix(".0")
    whole = f"{size:,} bytes"
    if not unit:
        return whole
    return f"{whole} ({rounded} {UNITS[unit]})" if exact else f"{rounded} {UNITS[unit]}"


def one_line(one: Survey) -> str:
    said = one.image.memory.facts
    kernel, missing = (f"{name} {printable(text)}" if text else "" for name, text in (("kernel", said.kernel), ("lacks", said.missing)))
    words = ", ".join(text for text in (said.format, said.arch, kernel, say_memory(one), missing) if text)
    return "  ".join([printable(one.image.path), words, *(f"! {finding.text}" for finding in one.findings)])


def csv_cells(one: Survey) -> list[str]:
    said, size = one.image.memory.facts, one.image.memory.size
    faults = "; ".join(finding.text for finding in one.findings)
    return [
        one.image.path,
        said.format,
        said.arch,
        "" if size is None else str(size),
        str(one.count),
        said.missing,
        said.kernel,
        faults,
    ]
