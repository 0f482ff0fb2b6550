"""scan: message pages in memory images, each with its address, the evidence for it, and its decoding; or facts about the images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial

from hvrepl.analysis.find_pages import Page, PageFinder
from hvrepl.catalog.model import PAGE_SIZE
from hvrepl.commands.inputs.file_kind import say_command
from hvrepl.commands.output import emit, failure
from hvrepl.commands.progress import progress
from hvrepl.commands.session import Session
from hvrepl.errors import HvreplError, UsageError
from hvrepl.hints import TYPE_CHECKING
from hvrepl.readers.images.formats import open_memory
from hvrepl.readers.images.memory import NO_END, Memory
from hvrepl.readers.number import read_given
from hvrepl.record import field, mutable, replace
from hvrepl.render.formats import Item
from hvrepl.wording import printable, shorten

if TYPE_CHECKING:
    from hvrepl.render.image import Image


def scan(session: Session, words: Sequence[str], *, info: bool = False, base: str = "") -> None:
    """scan FILE..."""
    if not words:
        raise UsageError("scan what? `scan FILE...`: memory images, cores, crash dumps")
    if "-" in words:
        raise UsageError("- cannot be scanned: an image is read out of order; save it as a file first")
    begin = read_base(session, base) if base else None
    if info:
        show_images(session, words, begin)
        return
    finder = PageFinder(session.decoder)
    seen = Seen()
    items = (item for word in words for item in scan_file(session, finder, word, begin, seen))
    emit(session, say_nothing(session, words, items, seen))


def read_base(session: Session, text: str) -> int:
    """The first address of raw images: it must be that of a page, as pages are aligned in the guest's memory."""
    base = read_given(text, is_hex=session.options.hex).value
    if base < 0:
        raise UsageError(f"--base {shorten(text)}: an address is not negative")
    if base >= NO_END:
        raise UsageError(f"--base {shorten(text)}: an address has at most 64 bits")
    if base % PAGE_SIZE:
        as_hex = f"; did you mean 0x{text}?" if text.isdecimal() and not int(text, 16) % PAGE_SIZE else ""
        raise UsageError(f"--base {shorten(text)} is not the address of a page, a multiple of {PAGE_SIZE:#x}{as_hex}")
    return base


@mutable
class Seen:
    """The results of a scan so far: whether any page was found, and the memory that images without a page had left out."""

    has_any: bool = False
    missing: dict[str, str] = field(default_factory=dict)


def say_nothing(session: Session, words: Sequence[str], items: Iterator[Item], seen: Seen) -> Iterator[Item]:
    """The items; then on stderr, also in a script, images without a page from which memory was left out, as a page may have been in it.

    If all memory was searched without errors, a line on a terminal says that nothing was found.
    """
    yield from items
    for path, missing in seen.missing.items():
        session.warn(printable(f"no message page found in {path}, which lacks {missing}"))
    whole = [word for word in words if word not in seen.missing]
    if whole and not seen.has_any and session.streams.stdout_is_terminal and not session.outcome.status:
        session.warn(printable(f"no message page found in {', '.join(whole)}"))


def scan_file(session: Session, finder: PageFinder, path: str, base: int | None, seen: Seen) -> Iterator[Item]:
    """The pages of one file. With --keep-going, an unreadable file is reported and the next one follows."""
    try:
        with opened(session, path, base) as memory:
            if memory.facts.remark:
                session.warn(printable(f"{path}: {memory.facts.remark}"))
            unplaced, missing = memory.facts.unplaced, memory.facts.missing
            found = False
            all_placed = True
            with progress(session, "scan", memory.size, shows=True) as advance:
                for address, page in find_pages(finder, memory, advance):
                    found = seen.has_any = True
                    is_placed = unplaced is None or address < unplaced
                    if all_placed and not is_placed:
                        all_placed = False
                        session.warn(printable(f"{path}: lacks {missing}"))
                    yield to_item(session, path, address, page, is_placed=is_placed)
                    if not session.streams.stdout_is_terminal:
                        session.streams.stdout.flush()  # a reader sees each page as soon as it is found
            if not found and missing and unplaced is None:  # memory that only lacks addresses was searched
                seen.missing[path] = missing
    except HvreplError as error:
        if not session.options.keep_going:
            raise
        yield from failure(session, error, path)


@contextmanager
def opened(session: Session, path: str, base: int | None) -> Iterator[Memory]:
    """An image; UsageError for a file of another kind, with the command that reads it."""
    other = say_command(session, path, "a memory image")
    if other:
        raise UsageError(f"{path}: not a memory image; {other}")
    with closing(open_memory(path, base)) as memory:
        yield memory


def show_images(session: Session, words: Sequence[str], base: int | None) -> None:
    from hvrepl.render.image import render_images

    images = (image for word in words for image in describe(session, word, base))
    for text in render_images(images, session.options.format, session.style, several=len(words) > 1):
        session.write(text)


def describe(session: Session, path: str, base: int | None) -> Iterator[Image | Item]:
    """The images, each open until the next is asked for; with --keep-going, those that cannot be opened are reported."""
    from hvrepl.commands.saved_state import state_items
    from hvrepl.render.image import Image

    numbered = session.options.keep_going and session.options.format == "ndjson"
    try:
        with opened(session, path, base) as memory:
            state = partial(state_items, session, path, memory) if memory.facts.state else None
            image = Image(path, memory, state, line=session.line if numbered else None)
            yield image
            session.note_findings(image.findings())
    except HvreplError as error:
        if not session.options.keep_going:
            raise
        yield from failure(session, error, path)


def to_item(session: Session, path: str, address: int, page: Page, *, is_placed: bool) -> Item:
    """A page with its place: an address, or only an offset in the file."""
    session.note_findings(page.node.findings)
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
