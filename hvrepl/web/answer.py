"""What is pasted on the page → its answer as text and HTML, by the grammar of the shell. Runs no process, opens no file by its name."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from typing import Any
from urllib.parse import quote

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.model import ARCHES
from hvrepl.codec.decoded import dump
from hvrepl.commands.inputs.file_kind import BYTES, IMAGE, kind_of_file
from hvrepl.commands.inputs.files import is_file
from hvrepl.commands.session import ARCH_WORDS, Session, Streams, Ways, say_error
from hvrepl.commands.table import COMMANDS, ENTRIES
from hvrepl.commands.values_in_hand import InHand
from hvrepl.errors import HvreplError, UsageError
from hvrepl.readers.plain_text import clean
from hvrepl.record import field, mutable, replace
from hvrepl.render.formats import Item, render_fields
from hvrepl.render.html import render_html
from hvrepl.render.html_bits import bit_buttons
from hvrepl.render.html_lines import escape_lines
from hvrepl.render.style import Style, align, wrap
from hvrepl.script.argv import read_argv
from hvrepl.script.lines import parse_line
from hvrepl.script.paste import split_text
from hvrepl.script.runner import Runner
from hvrepl.script.shell_words import SHELL_WORDS, spelled
from hvrepl.script.shortcuts import expand
from hvrepl.script.words import Leave
from hvrepl.web.links import name_of_page, to_path
from hvrepl.wording import printable, shorten

MOST_TEXT = 8 << 20  # characters of what is pasted, far above any page in any form
MOST_LINES = 2000  # of a paste that are run one by one
MOST_OUT = 200_000  # characters of an answer: a browser shows more, but nobody reads it
MOST_HTML = 1 << 20
MOST_CLICKED = 4  # numbers of an answer whose bits are buttons
MOST_ROWS = 4 << 20  # bytes of a file that is one dump in text, or one of CPUID leaves
SHORT_LOG = 1 << 20  # bytes of a log that is shown whole; of a longer one only the lines in which something was found
COLUMNS = 100
# Commands that only compute. What else there is reads files or the machine, or serves pages.
COMPUTES = ("decode", "encode", "show", "list", "find", "diff", "check", "eom", "crash")
READ_FILES = ("annotate", "cpuid", "scan")  # commands whose words are files
# Words of lines that have to do with files, or with a session of its own.
ELSEWHERE = spelled("source", "save", "history", "clear", "quit")
OWN_OPTIONS = ("specs", "output", "lines", "allow_shell", "vi", "install", "show", "root")
PATH = re.compile(r"@.+|~.*|\.{1,2}[/\\].*|[/\\].*|[A-Za-z]:[/\\].*|[^\s()]*[/\\][^()]*", re.DOTALL)
PLAIN_LINE = re.compile(r"[A-Za-z0-9][\w .,:=+-]*", re.ASCII)  # means the same to a shell of the system
GIVEN = re.compile(r"\s*([^\s=:()'\"#|>!@]+)(?:\s*=\s*|\s+)([0-9][\w`]*)\s*", re.ASCII)  # WHAT VALUE, or WHAT=VALUE


class Enough(BrokenPipeError):  # noqa: N818  it is no error
    """The answer is longer than anybody reads."""


class Bounded(io.StringIO):
    """Keeps the first MOST_OUT characters. Raises Enough at what comes then."""

    def write(self, text: str) -> int:
        room = MOST_OUT - self.tell()
        super().write(text[:room])
        if len(text) > room:
            raise Enough
        return len(text)


@mutable
class Shown:
    """What an answer comes to: text as the command line prints it, and HTML, of which `out` holds lines that are not yet in it."""

    out: Bounded = field(default_factory=Bounded)
    err: io.StringIO = field(default_factory=io.StringIO)
    parts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    status: int = 0
    taken: int = 0  # characters of `out` that are in `parts`
    size: int = 0
    clicked: int = 0
    page_of: Callable[[str], str] | None = None  # name → path of its page, "" if it has none
    trees: list[str] = field(default_factory=list)  # as text, for what takes too long to be done twice
    has_trees: bool = False

    def lines(self) -> None:
        """Takes the lines that were written since the last time."""
        text = self.out.getvalue()[self.taken :]
        self.taken += len(text)
        if text.strip():
            self.parts.append(f'<pre class="hv-lines">{escape_lines(text.strip(chr(10)), self.link)}</pre>')

    def link(self, name: str) -> str:
        """A name as HTML that leads to its page, where it has one. The path is from the root of the site."""
        path = self.page_of(name) if self.page_of else ""
        return f'<a href="{escape(path)}">{name}</a>' if path else name

    def node(self, item: Item) -> None:
        """A tree, with its bits to click where it is one number. Raises Enough."""
        self.lines()
        if item.node is None:
            return
        if self.has_trees:
            self.trees += render_fields([item], Style(width=0))
        where = f'<p class="hv-where">{escape_lines(printable(item.where))}</p>' if item.where else ""
        buttons = bit_buttons(item.node) if self.clicked < MOST_CLICKED else ""
        self.clicked += bool(buttons)
        self.parts.append(f"{where}{buttons}{render_html(item.node, self.page_of(item.node.name) if self.page_of else '')}")
        self.size += len(self.parts[-1])
        if self.size > MOST_HTML:
            raise Enough

    def error(self, text: str, status: int = 2) -> None:
        self.lines()
        self.errors.append(text)
        self.status = self.status or status
        self.parts.append(f'<p class="hv-error">{escape_lines(printable(text))}</p>')

    def note(self, text: str) -> None:
        self.lines()
        self.parts.append(f'<p class="hv-note">{escape_lines(printable(text))}</p>')


class Opened(threading.local):
    """The session whose catalogue all answers of a thread share."""

    def __init__(self) -> None:
        self.session = Session(streams(Shown(), columns=0))

    @contextmanager
    def using(self, session: Session | None) -> Iterator[None]:
        """Meanwhile another's, such as one with specs of its own."""
        before = self.session
        self.session = session or before
        try:
            yield
        finally:
            self.session = before


def streams(shown: Shown, *, columns: int) -> Streams:
    """`columns` of the reader's screen, 0 for what a pipe would be given."""
    return Streams(io.BytesIO(), shown.out, shown.err, {}, stdout_is_terminal=columns > 0, columns=columns)


def show_help(session: Session, command: str) -> None:
    """What a command is, from the table of them: the command line's own help needs a library that pages do without."""
    entry = ENTRIES[command]
    style = session.style
    text = [line for part in entry.text.split("\n\n") for line in ("", *wrap(" ".join(part.split()), style.width, "  ", "  "))]
    options = [(", ".join(option.names) + (f" {option.metavar}" if option.metavar else ""), option.help) for option in entry.options]
    lines = [
        style.paint("name", f"{command} {entry.usage}"),
        *text,
        *([""] if options else []),
        *align(options, style, ("number", "meaning")),
    ]
    session.write("".join(f"{line}\n" for line in lines))


def nothing(*_: Any) -> None:
    """Takes the place of a way that leads out of the page."""


WAYS = Ways(**dict.fromkeys(Ways.__annotations__, nothing) | {"show_help": show_help})
OPENED = Opened()


def answer(text: str, arch: str = ARCHES[0], *, columns: int = COLUMNS, session: Session | None = None) -> dict[str, Any]:
    """`kind` of what was pasted, `text` as the command line prints it, `html`, `errors` (one line; "" where there is none), `status`.

    `link` is what after # asks the same, `command` the command line that answers the same. Links in `html` are from the root of the site.
    `session` has the specs, if not hvrepl's own alone; one answer at a time may use it. Raises nothing, whatever the text.
    """
    with OPENED.using(session):
        return make_answer(text, arch, columns)


def make_answer(text: str, arch: str, columns: int) -> dict[str, Any]:
    if len(text) > MOST_TEXT:
        return refusal(f"{len(text):,} characters are more than one dump or a log of a day; drop the file on the page instead")
    text = "\n".join(printable(line, "\t") for line in clean(text).split("\n"))
    if not text.strip():
        return refusal("Paste a number, a name, a dump or a log.", "empty")
    if arch.lower() not in ARCH_WORDS:
        return refusal(f"no such arch: {shorten(arch)}; choose {' or '.join(ARCHES)}")
    kind = kind_of_text(text)
    if kind == "text":
        kind = "script" if try_line(first_line(text), arch) or not has_claims(text, arch) else "log"
    made = respond(kind, partial(RUNS.get(kind, run_pieces), text), arch, columns)
    if kind == "line" and made["errors"] and has_claims(text, arch):
        kind = "log"
        made = respond(kind, partial(run_log, text), arch, columns)
    return made | {"link": link_of(text) if kind == "line" else text.strip("\n"), "command": command_of(kind, text, arch)}


def answer_file(path: str, name: str, arch: str = ARCHES[0], *, columns: int = COLUMNS) -> dict[str, Any]:
    """The same for a file that was dropped on the page: `path` is where it is, `name` how the reader knows it."""
    if kind_of_file(OPENED.session, path) == IMAGE:
        made = respond_once("file", partial(run_file, path), arch, columns)
    else:
        made = respond("file", partial(run_file, path), arch, columns)
    name = printable(name)
    return {key: called(one, path, name) for key, one in made.items()} | {
        "html": called(made["html"], escape(path), escape(name)),
        "link": "",
        "command": "",
    }


def called(one: Any, path: str, name: str) -> Any:
    """A text with the reader's name for a file in place of where it is."""
    return one.replace(path, name) if isinstance(one, str) else one


def answer_json(text: str, arch: str, columns: int) -> str:
    return dump(answer(text, arch, columns=columns))


def answer_file_json(path: str, name: str, arch: str, columns: int) -> str:
    return dump(answer_file(path, name, arch, columns=columns))


def refusal(said: str, kind: str = "refused") -> dict[str, Any]:
    shown = Shown()
    shown.error(said)
    return {"kind": kind, "text": "", "html": "".join(shown.parts), "errors": said, "status": 2, "link": "", "command": ""}


def respond(kind: str, run: Callable[[Runner, Shown], None], arch: str, columns: int) -> dict[str, Any]:
    """Runs it twice: for the text as scripts are given it, and as a person reads it on a screen so wide."""
    plain = collect(run, arch, 0)
    return to_answer(kind, plain.out.getvalue(), plain, collect(run, arch, max(20, min(columns, 400))))


def respond_once(kind: str, run: Callable[[Runner, Shown], None], arch: str, columns: int) -> dict[str, Any]:
    """The same of what gives trees alone, such as a scan, which is as long as an image."""
    seen = collect(run, arch, max(20, min(columns, 400)), has_trees=True)
    return to_answer(kind, "\n".join(seen.trees), seen, seen)


def to_answer(kind: str, text: str, plain: Shown, seen: Shown) -> dict[str, Any]:
    return {
        "kind": kind,
        "text": text,
        "html": "".join(seen.parts),
        "errors": "; ".join(plain.errors[:1]) + (f" (and {len(plain.errors) - 1} more)" if plain.errors[1:] else ""),
        "status": plain.status,
    }


def collect(run: Callable[[Runner, Shown], None], arch: str, columns: int, *, has_trees: bool = False) -> Shown:
    shown = Shown(has_trees=has_trees)
    session = session_for(arch, shown, columns)
    try:
        guard(partial(run, Runner(session, may_shell=False), shown), shown)
    except Enough:
        shown.note("The answer continues; hvrepl in a terminal prints all of it.")
    shown.status = shown.status or session.outcome.status
    shown.lines()
    for line in shown.err.getvalue().splitlines():
        shown.note(line)
    return shown


def session_for(arch: str, shown: Shown, columns: int) -> Session:
    """A session of its own that shares the catalogue."""
    shared = OPENED.session
    session = replace(
        Session(streams(shown, columns=columns), WAYS),
        is_script=True,
        may_write=False,
        values=InHand(),
        _indexes=shared._indexes,
        _catalogs=shared._catalogs,
        _decoders=shared._decoders,
    )
    if columns:
        session.shows = shown.node
    session.set(specs=shared.options.specs, arch=arch, color="always" if columns else "never")
    session.options = replace(session.options, arch_is_given=False)
    if columns:
        shown.page_of = partial(page_of, session.catalog)
    return session


def page_of(catalog: Catalog, name: str) -> str:
    """The path of the page of a name, from the root of the site; "" if it has none."""
    if not catalog.has_name(name):
        return ""
    found = catalog.find_name(name)
    return quote(to_path(name_of_page({arch: Catalog(catalog.index, arch) for arch in ARCHES}, found.spec, found.element)))


def guard(run: Callable[[], Any], shown: Shown) -> None:
    """Runs, and says what went wrong on one line. Raises Enough."""
    try:
        run()
    except Enough:
        raise
    except HvreplError as error:
        shown.error(say_error(error), error.status)
    except Leave:
        pass
    except MemoryError:
        shown.error("there is not enough memory for this input", 4)
    except RecursionError:
        shown.error("this is nested too deeply")
    except OSError as error:
        shown.error(f"cannot read: {error.strerror}", 4)


def kind_of_text(text: str) -> str:
    """line, or of several lines log, cpuid, dump or text."""
    from hvrepl.readers import kinds

    spaces = OPENED.session.catalog.spaces
    start = text.encode("utf-8", "replace")[: kinds.SNIFFED + 1]
    kind = {kinds.LOG: "log", kinds.LEAVES: "cpuid", kinds.ROWS: "dump"}.get(kinds.kind_of(start, spaces["cpuid"]), "")
    if "\n" in text.strip("\n"):
        return kind or "text"
    return "log" if kind == "log" else "line"


def first_line(text: str) -> str:
    """The first line that is neither empty nor a comment."""
    return next((line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")), "")


def try_line(line: str, arch: str) -> bool:
    """Whether the shell would take a line."""
    return not collect(partial(run_pieces, line), arch, 0).errors


def has_claims(text: str, arch: str) -> bool:
    """Whether annotate finds anything in a text."""
    return bool(collect(partial(run_log, text, only=True), arch, 0).out.getvalue())


def run_log(text: str, runner: Runner, _: Shown, *, only: bool = False) -> None:
    dispatch(runner, ["annotate", *["--only"] * only], text)


def run_cpuid(text: str, runner: Runner, _: Shown) -> None:
    dispatch(runner, ["cpuid", "-"], text)


def dispatch(runner: Runner, words: Sequence[str], text: str) -> None:
    """Words of the command line with a text on stdin."""
    session = replace(runner.session, is_script=False)
    session.streams = replace(session.streams, stdin=io.BytesIO(text.encode("utf-8", "replace")))
    Runner(session, may_shell=False).dispatch(words)


def run_pieces(text: str, runner: Runner, shown: Shown) -> None:
    """Dumps and lines, as the shell takes them from a paste: one that fails does not stop those after it."""
    for count, piece in enumerate(split_text(text, partial(is_struct, runner.session))):
        if count >= MOST_LINES:
            raise UsageError(f"over {MOST_LINES:,} lines; drop the file on the page, or run hvrepl in a terminal")
        guard(partial(runner.run_dump, piece.text, piece.words) if piece.is_dump else partial(run_line, runner, piece.text, shown), shown)


def is_struct(session: Session, name: str) -> bool:
    """Whether a name is that of a thing whose values are dumps."""
    catalog, base = session.catalog, name.partition(".")[0]
    if not catalog.has_name(base):
        return False
    spec = catalog.find_name(base).spec
    return spec.layout is not None and not spec.width


def run_line(runner: Runner, text: str, shown: Shown) -> None:
    """One line. UsageError where it asks for what a page in a browser does not do."""
    refuse(text)
    before, has_html = runner.session.values.count, len(shown.parts)
    runner.run_line(text)
    kept = runner.session.values.last
    is_made = kept is not None and kept.found is not None and runner.session.values.count > before
    if is_made and runner.session.shows and len(shown.parts) == has_html:  # an encoded value: what it means, too
        runner.run_line("decode _")


def refuse(text: str) -> None:
    """UsageError for a line that would run a program, or read or write a file."""
    line = parse_line(expand(text))
    if line.shell or line.pipe or line.file:
        raise UsageError("!CMD, | CMD and > FILE work in a terminal, not on this page")
    if not line.words:
        return
    given = read_argv(line.words)
    first = given.command or next(iter(given.words), "")
    words = given.words if given.command else given.words[1:]
    options = {**given.shared, **given.own}
    is_leaf = first == "cpuid" and words[:1] and words[0][:1].isdigit()
    is_elsewhere = bool(given.command) and first not in (*COMPUTES, *READ_FILES)
    if first in ELSEWHERE or is_elsewhere or any(key in options for key in OWN_OPTIONS):
        raise UsageError(f"{shorten(text.strip())} works in a terminal, not on this page")
    if first in READ_FILES and not is_leaf:
        raise UsageError(f"{first} takes a file: drop it on this page, or paste what it holds")
    for word in given.words:
        if PATH.fullmatch(word) or (first not in ("find", "help", "?", ".help") and is_file(word)):
            raise UsageError(f"{shorten(word)}: a page reads no files by their names; drop the file on it, or paste what it holds")


def run_file(path: str, runner: Runner, shown: Shown) -> None:
    """A file by what it holds: an image is scanned, a log annotated, a dump decoded."""
    kind = kind_of_file(runner.session, path)
    if not kind:
        raise UsageError(f"{path} is empty, or cannot be read")
    choose(kind, path, runner, shown)


def choose(kind: str, path: str, runner: Runner, shown: Shown) -> None:
    """Runs the command for a file."""
    import os

    from hvrepl.commands.inputs.files import read_file
    from hvrepl.readers import kinds

    size = os.stat(path).st_size
    if kind == IMAGE:
        runner.dispatch(["scan", path])
    elif kind == kinds.EVENTS:
        raise UsageError(f"{path} is a Windows event log: hvrepl in a terminal reads it, a page does not")
    elif kind in (kinds.ROWS, kinds.LEAVES, BYTES, kinds.VALUES):
        if size > MOST_ROWS:
            raise UsageError(f"{path}: {size:,} bytes of {kind}; a page in a browser takes {MOST_ROWS >> 20} MiB of these")
        raw = read_file(path)
        if kind == kinds.LEAVES:
            runner.dispatch(["cpuid", path])
        elif kind == BYTES:
            runner.dispatch(["decode", name_bytes(runner, size), f"@{path}"])
        elif kind == kinds.ROWS:
            runner.run_dump(raw.decode("utf-8", "replace"))
        else:
            run_pieces(raw.decode("utf-8", "replace"), runner, shown)
    else:
        runner.dispatch(["annotate", *["--only"] * (size > SHORT_LOG), path])


def name_bytes(runner: Runner, size: int) -> str:
    """What raw bytes are, by how many there are: a message, else a page."""
    session = runner.session
    message = session.decoder.schemas.size(session.catalog.find_name("message").spec)
    return "message" if size <= message else "page"


def link_of(text: str) -> str:
    """`sint2=0x200f3` for a thing and one value; any other line as it is."""
    given = GIVEN.fullmatch(text)
    names = [command.name for command in COMMANDS]
    return f"{given[1]}={given[2]}" if given and given[1] not in (*names, *SHELL_WORDS) else text.strip()


def command_of(kind: str, text: str, arch: str) -> str:
    """The command line that answers the same."""
    import shlex

    program = "hvrepl" if arch == ARCHES[0] else f"hvrepl --arch {arch}"
    if kind != "line":
        return f"{program}{COMMAND_LINES[kind]} < FILE"
    line = text.strip()
    return f"{program} {line}" if PLAIN_LINE.fullmatch(line) else f"{program} -c {shlex.quote(line)}"


RUNS: Mapping[str, Callable[[str, Runner, Shown], None]] = {"log": run_log, "cpuid": run_cpuid}
COMMAND_LINES = {"log": " annotate", "cpuid": " cpuid -", "dump": "", "script": " -k"}
