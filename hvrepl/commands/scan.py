"""scan: message pages in memory images and vmcores, each with its address, why it is one, and its decode."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TextIO, cast

from hvrepl.analysis.find_pages import Page, PageFinder
from hvrepl.commands.inputs.file_kind import say_command
from hvrepl.commands.output import emit, failure
from hvrepl.commands.session import Session
from hvrepl.errors import HvreplError, UsageError
from hvrepl.readers.images.formats import open_memory
from hvrepl.readers.images.memory import Memory
from hvrepl.record import replace
from hvrepl.render.formats import Item
from hvrepl.wording import printable

CLEAR_LINE = "\r\x1b[K"


def scan(session: Session, words: Sequence[str]) -> None:
    """scan FILE..."""
    if not words:
        raise UsageError("scan what? `scan FILE...`: memory images, ELF cores, vmcores")
    if "-" in words:
        raise UsageError("- cannot be scanned: an image is read out of order; save it as a file first")
    finder = PageFinder(session.decoder)
    emit(session, say_nothing(session, words, (item for word in words for item in scan_file(session, finder, word))))


def say_nothing(session: Session, words: Sequence[str], items: Iterator[Item]) -> Iterator[Item]:
    """The items; on a terminal a line that says so where there are none and nothing has failed."""
    has_any = False
    for item in items:
        has_any = True
        yield item
    if not has_any and session.streams.stdout_is_terminal and not session.outcome.status:
        session.warn(printable(f"no message page found in {', '.join(words)}"))


def scan_file(session: Session, finder: PageFinder, path: str) -> Iterator[Item]:
    """The pages of one file. With --keep-going a file that cannot be read is reported, and the next one is read."""
    try:
        other = say_command(session, path, "a memory image")
        if other:
            raise UsageError(f"{path}: not a memory image; {other}")
        with closing(open_memory(path)) as memory:
            if memory.facts.remark:
                session.warn(printable(f"{path}: {memory.facts.remark}"))
            all_placed = True
            with progress(session, memory.size) as advance:
                for address, page in find_pages(finder, memory, advance):
                    is_placed = memory.facts.unplaced is None or address < memory.facts.unplaced
                    if all_placed and not is_placed:
                        all_placed = False
                        session.warn(printable(f"{path}: lacks {memory.facts.missing}"))
                    yield to_item(session, path, address, page, is_placed=is_placed)
    except HvreplError as error:
        if not session.options.keep_going:
            raise
        yield from failure(session, error, path)


def to_item(session: Session, path: str, address: int, page: Page, *, is_placed: bool) -> Item:
    """A page with where it is: at an address, or only at an offset in the file."""
    if page.node.findings and session.options.strict:
        session.outcome.note(1)
    where = {"file": path, "address" if is_placed else "offset": f"{address:#x}", "score": page.score}
    numbered = session.options.keep_going and session.options.format in ("ndjson", "csv")
    place = f"{address:#x}" if is_placed else f"offset {address:#x}"
    node = replace(page.node, read=say_where(session, path, place, page))
    return Item(node, line=session.line if numbered else None, extra=where, where=f"{path}:{place}")


def say_where(session: Session, path: str, place: str, page: Page) -> str:
    name = path if path.isprintable() else ascii(path)
    arch = f" on {page.node.arch}" if page.node.arch != session.options.arch else ""
    return f"at {place} of {name}: {page.score} of {page.used} messages fit their type{arch}"


def find_pages(finder: PageFinder, memory: Memory, advance: Callable[[int], None]) -> Iterator[tuple[int, Page]]:
    """(guest physical address, page) of each message page."""
    for address, data, hole in memory.chunks():
        for page in finder.find(data):
            advance(0)
            yield address + page.at, page
        advance(hole + len(data))


@contextmanager
def progress(session: Session, size: int | None) -> Iterator[Callable[[int], None]]:
    """What is called with the bytes that were passed, 0 before something is written: a bar on stderr where that is a terminal.

    What cannot say how large it is has no bar.
    """
    if size is None or session.is_script or not session.streams.stderr_is_terminal:
        yield lambda _: None
        return
    session.streams.stdout.flush()  # as the bar moves, pages are shown when they are found, not through a pager
    import typer

    stderr = cast("TextIO", sys.stderr)
    with typer.progressbar(length=size, label="scan", file=stderr, update_min_steps=size // 200 + 1) as bar:

        def advance(count: int) -> None:
            bar.update(count)
            if not count:
                sys.stderr.write(CLEAR_LINE)
                sys.stderr.flush()

        yield advance
