"""The state that commands share: the current arch and format, the streams, the catalogue, and the exit status so far."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from stat import S_ISFIFO

from hvrepl.catalog.alike import alike
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.index import Index
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.commands.values_in_hand import InHand
from hvrepl.digits import to_int
from hvrepl.errors import HvreplError, SpecError, UsageError
from hvrepl.hints import IO, TYPE_CHECKING, Any, BinaryIO, cast
from hvrepl.record import field, mutable, record, replace
from hvrepl.render.style import Style, only_text, table_styles
from hvrepl.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    from hvrepl.render.formats import Item

FORMATS = ("fields", "table", "bits", "line", "json", "ndjson", "csv")
ARCH_WORDS = {"x64": "x64", "x86_64": "x64", "amd64": "x64", "x86-64": "x64", "arm64": "arm64", "aarch64": "arm64"}  # systems' names
COLORS = ("auto", "always", "never")
WORD_SIZES = ("1", "2", "4", "8", "16")  # bytes of a word that read_dump accepts
LONGEST_ERROR = 600
WRITTEN = 1 << 16  # bytes that stdout holds: an interrupt could cut a larger write within a line
FINDINGS = ',"findings":['  # within a JSON string its quotes would be escaped


@mutable
class Streams:
    """Where words come from and output goes, so that tests can pass their own."""

    stdin: BinaryIO
    stdout: IO[str]
    stderr: IO[str]
    environ: Mapping[str, str]
    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False
    columns: int = 80
    rows: int = 0  # of the terminal; 0 without one: nothing is too tall
    is_in_pipeline: bool = False  # with other programs, whose errors mix with this one's

    @classmethod
    def of_process(cls) -> Streams:
        """The streams of the process; if one is missing, a file that refuses everything (for stderr: accepts it)."""
        stdin = sys.stdin.buffer if sys.stdin else os.fdopen(os.open(os.devnull, os.O_WRONLY), "rb")
        own = sys.__stdout__
        if own and own is sys.stdout and not own.isatty() and isinstance(own.buffer, io.BufferedWriter):
            buffer = cast(io.BufferedWriter, own.detach())
            sys.stdout = io.TextIOWrapper(io.BufferedWriter(buffer.detach(), WRITTEN))
        stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
        stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
        for stream in (stdout, stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        made = cls(stdin, stdout, stderr, os.environ, stdin.isatty(), stdout.isatty(), stderr.isatty(), 0, 0, is_piped(0) or is_piped(1))
        made.measure()
        return made

    def measure(self) -> None:
        """Updates the size of the terminal, which may have changed."""
        if self.stdout_is_terminal:
            self.columns, self.rows = os.get_terminal_size(self.stdout.fileno())


def is_piped(number: int) -> bool:
    """Whether a pipe connects this program to another one; not if a program reads the errors too, as it knows their origin."""
    try:
        return S_ISFIFO(os.fstat(number).st_mode) and not S_ISFIFO(os.fstat(2).st_mode)
    except OSError:  # the stream is closed
        return False


@record
class Options:
    """The options that are the same everywhere."""

    arch: str = "x64"
    arch_is_given: bool = False  # by the user for the current command: then the arch in a log does not count
    format: str = "fields"
    style: str = "simple"
    color: str = "auto"
    strict: bool = False
    keep_going: bool = False
    word_size: int | None = None
    hex: bool = False
    specs: str = ""


def choose(what: str, text: str, known: Iterable[str], refusal: type[HvreplError] = UsageError) -> str:
    """The text if it is one of the known words; otherwise an error with a suggestion."""
    if text in known:
        return text
    close = alike(text, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(known)}"
    raise refusal(f"no such {what}: {text[:40]!r}; {hint}")


def choose_word_size(text: str) -> int:
    """The bytes of a word of a dump."""
    if text not in WORD_SIZES:
        raise UsageError(f"--words {text[:40]!r}: a word has {', '.join(WORD_SIZES[:-1])} or {WORD_SIZES[-1]} bytes")
    return to_int(text)


# Option → the check of its text.
CHECKS: Mapping[str, Callable[[str], Any]] = {
    "arch": lambda text: choose("arch", ARCH_WORDS.get(text.lower(), text), ARCHES),
    "format": lambda text: choose("format", text, FORMATS),
    "color": lambda text: choose("colour", text, COLORS),
    "style": lambda text: choose("table style", text, table_styles()),
    "word_size": choose_word_size,
}


@mutable
class Outcome:
    """The result of a run: the first failure's status, or 1 if something did not hold."""

    status: int = 0

    def note(self, status: int) -> None:
        if self.status in (0, 1):
            self.status = status or self.status


@record
class Typed:
    """A line of the shell or a pasted dump with the words before it, and whether it failed."""

    text: str
    words: tuple[str, ...] = ()
    is_dump: bool = False
    has_failed: bool = False


@record
class Ways:
    """Functions that only the top of the program can supply, as shell and command line do not know each other."""

    open_shell: Callable[[Session, bool], None]  # on this session's terminal, with vi keys or without
    show_help: Callable[[Session, str], None]  # of a command, "" of the program
    install_completion: Callable[[Sequence[str]], None]  # an option of table.INSTALL and its words
    serve_pages: Callable[[Session, Sequence[str], str | None, bool], None]  # at WHAT, on a port (None: any), with a browser or without


@mutable
class Session:
    """One run of the program, or one line of a script with its own options."""

    streams: Streams
    ways: Ways | None = None
    options: Options = field(default_factory=Options)
    outcome: Outcome = field(default_factory=Outcome)
    line: int | None = None
    place: str = ""
    is_script: bool = False
    is_shell: bool = False
    may_write: bool = True
    values: InHand = field(default_factory=InHand)
    typed: list[Typed] = field(default_factory=list)
    shows: Callable[[Item], None] | None = None  # shows trees instead of the default format, as pages have their own
    started: Options = field(default_factory=Options)  # the options at the first of these lines
    _indexes: dict[str, Index] = field(default_factory=dict)
    _catalogs: dict[tuple[str, str], Catalog] = field(default_factory=dict)
    _decoders: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def start(cls, streams: Streams) -> Session:
        """A session with the settings from the environment."""
        session = cls(streams)
        session.read_environ()
        return session

    def read_environ(self) -> None:
        for option in ("arch", "specs"):
            variable = f"HVREPL_{option.upper()}"
            value = self.streams.environ.get(variable)
            try:
                self.set(**{option: value} if value else {})
            except UsageError as error:
                raise UsageError(f"{variable}: {error}") from None
        self.options = replace(self.options, arch_is_given=False)

    def set(self, **options: Any) -> None:
        """Sets options. UsageError for a value that an option does not accept."""
        checked: dict[str, Any] = {key: CHECKS[key](value) if key in CHECKS else value for key, value in options.items()}
        checked |= {"arch_is_given": True} if "arch" in options else {}
        self.options = replace(self.options, **checked)
        self.__dict__.pop("style", None)

    @property
    def takes_stdin(self) -> bool:
        """Whether a missing value can come from stdin: it is neither a terminal nor a script."""
        return not (self.is_script or self.is_shell or self.streams.stdin_is_terminal)

    def child(self, line: int | None = None, place: str = "") -> Session:
        """A session for one line, whose options end with it; catalogue, streams and outcome are shared."""
        return replace(self, line=line, place=place)

    @contextmanager
    def writing_to(self, target: IO[str]) -> Iterator[None]:
        """Redirects output to a file or command for a while."""
        before = self.streams
        self.streams = replace(before, stdout=target, stdout_is_terminal=False, columns=0)
        self.__dict__.pop("style", None)
        try:
            yield
        finally:
            self.streams = before
            self.__dict__.pop("style", None)

    @property
    def catalog(self) -> Catalog:
        """The catalogue for the current arch and specs."""
        specs, arch = self.options.specs, self.options.arch
        if (specs, arch) not in self._catalogs:
            self._catalogs[specs, arch] = Catalog(self._index(), arch)
        return self._catalogs[specs, arch]

    @property
    def decoder(self) -> Any:
        """The Decoder for the current arch and specs."""
        key = (self.options.specs, self.options.arch)
        if key not in self._decoders:
            from hvrepl.codec.decode import Decoder

            self._decoders[key] = Decoder(self.catalog)
        return self._decoders[key]

    def _index(self) -> Index:
        specs = self.options.specs
        if specs not in self._indexes:
            self._indexes[specs] = open_index(to_folder(specs) if specs else None)
        return self._indexes[specs]

    @cached_property
    def style(self) -> Style:
        return Style(self.has_color, self.streams.columns, self.options.style, self.streams.stdout_is_terminal)

    @property
    def has_color(self) -> bool:
        environ, color = self.streams.environ, self.options.color
        if color != "auto" or self.is_script:
            return color == "always"
        if environ.get("NO_COLOR"):
            return False
        forced = environ.get("FORCE_COLOR", "") not in ("", "0")
        return forced or (self.streams.stdout_is_terminal and environ.get("TERM") != "dumb")

    def write(self, text: str) -> None:
        """Writes whole lines, or parts of one. On a terminal they have no effect but this program's colours."""
        self.streams.stdout.write(only_text(text, has_color=self.style.color) if self.streams.stdout_is_terminal else text)

    def warn(self, text: str, *, start: str = "") -> None:
        """Writes one line on stderr, after pending output; if that is impossible, the status is enough.

        `start` moves the terminal's cursor to the beginning of the line.
        """
        line, streams = start + only_text(text.replace("\n", "; "), has_color=self.has_color) + "\n", self.streams
        if streams.stderr is streams.stdout:  # a pager may show both in order
            streams.stdout.write(line)
            return
        try:
            streams.stdout.flush()
        finally:
            try:
                streams.stderr.write(line)
                streams.stderr.flush()
            except OSError:
                drop(streams.stderr)

    def report(self, error: HvreplError, where: str = "") -> None:
        """The error's one line on stderr."""
        self.warn(where + say_error(error))

    def note_findings(self, *found: object) -> None:
        """Applies findings to the exit status."""
        if self.options.strict and any(found):
            self.outcome.note(1)

    def fail(self, error: HvreplError) -> None:
        self.outcome.note(error.status)


def drop(stream: IO[str]) -> None:
    """Discards pending output; otherwise Python would complain again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_error(error: HvreplError) -> str:
    """The error as one line: control characters escaped, a very long one without its middle, and the first of several faults in specs."""
    first, *more = str(error).splitlines() if isinstance(error, SpecError) else [str(error)]
    text = printable(first)
    if len(text) > LONGEST_ERROR:
        text = f"{text[: LONGEST_ERROR // 2]} ... {text[-LONGEST_ERROR // 2 :]}"
    return text + (f" (and {len(more)} more)" if more else "")


def finish_lines(session: Session, lines: list[str], first: int | None) -> str:
    """Writes lines of ndjson, and applies their findings to the exit status; with --keep-going they are numbered."""
    if session.options.strict and any(FINDINGS in line for line in lines):
        session.outcome.note(1)
    if session.options.keep_going and first is not None:
        lines = [f'{{"line":{number},{line[1:]}' for number, line in enumerate(lines, first)]
    return "\n".join(lines) + "\n"


def to_folder(path: str) -> Path:
    from pathlib import Path  # 6 ms that a run without own specs saves

    return Path(path)
